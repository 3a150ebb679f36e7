// The receiver with addresses for its cron and its tables, which its socket does not lead to otherwise.
import receiver from '../../src/index.ts';

/**
 * The counters, and the counts that they should have, by `<integration> <kind>`. Refusals are left out: isolates count them in
 * memory, which a kill destroys, and no table holds them.
 */
/** Whether a route wants an event: the filters of this run name types and nothing else. */
const IS_WANTED =
  "(r.filter -> 'types' IS NULL OR e.type IN (SELECT value FROM json_each(r.filter, '$.types')))";

const COUNTED = `
  SELECT integration || ' ' || kind AS name, sum(count) AS count FROM counters
  WHERE kind NOT LIKE 'refused:%' AND (
    step = 0 OR step = 60 AND start >= coalesce((SELECT seq FROM progress WHERE task = 'hours'), 0) / 1000)
  GROUP BY 1`;
const FULL_COUNT = `
  SELECT integration || ' ' || iif(type = 'response', type, 'status:' || status) AS name, count(*) AS count
  FROM events GROUP BY 1
  UNION ALL
  SELECT integration || ' deferred', count(*) FROM events WHERE deferred = 1 GROUP BY 1
  UNION ALL
  SELECT integration || ' duplicate', sum(deliveries - 1) FROM events GROUP BY 1 HAVING sum(deliveries) > count(*)
  UNION ALL
  SELECT integration || ' rejected', sum(deliveries) FROM rejections GROUP BY 1
  UNION ALL
  SELECT e.integration || ' forwarded:' || r.name, count(*) FROM routes AS r CROSS JOIN events AS e
  WHERE e.seq > r.began AND e.seq <= r.position AND ${IS_WANTED} GROUP BY 1`;
/** What the routes have yet to forward of what was stored behind ?1. */
const WAITING = `
  SELECT count(*) AS waiting, max(e.seq) AS lastSeq FROM routes AS r CROSS JOIN events AS e
  WHERE e.seq > max(r.position, ?1) AND ${IS_WANTED} AND NOT EXISTS (
    SELECT 1 FROM forwarded AS f WHERE f.route = r.name AND f.after < e.seq AND f.last >= e.seq
  )`;

export default {
  ...receiver,

  async fetch(request, env, lifetime) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case '/crash/cron':
        await receiver.scheduled({}, env, lifetime);
        return Response.json({});
      case '/crash/gaps': {
        const after = Number(url.searchParams.get('after'));
        return Response.json(await env.DB.prepare(WAITING).bind(after).first());
      }
      case '/crash/counters': {
        const [counted, full] = await env.DB.batch([env.DB.prepare(COUNTED), env.DB.prepare(FULL_COUNT)]);
        return Response.json({ counted: counted.results, full: full.results });
      }
      default:
        return receiver.fetch(request, env, lifetime);
    }
  },
};
