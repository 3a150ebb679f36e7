/** The sums that the table `usage` should hold. Of events it sums those that its reader has reached. */
export const FULL_USAGE = `
  SELECT 'event' AS kind, integration, count(*) AS items, sum(octet_length(payload)) AS bytes FROM events
  WHERE seq <= coalesce((SELECT seq FROM progress WHERE task = 'usage'), 0) GROUP BY 2
  UNION ALL
  SELECT iif(deferred, 'deferred-rejection', 'rejection'), integration, count(*), sum(octet_length(body))
  FROM rejections GROUP BY 1, 2
  UNION ALL
  SELECT iif(kind = 'intake', 'unstored-webhook', 'dead-letter'), coalesce(integration, ''), count(*),
    sum(octet_length(body))
  FROM dead_letters GROUP BY 1, 2`;

/** The sums that the table holds. */
export const NOTED_USAGE = 'SELECT kind, integration, items, bytes FROM usage WHERE items <> 0 OR bytes <> 0';
