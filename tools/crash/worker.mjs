// The receiver with addresses for its cron and its tables, which its socket does not lead to otherwise.
import receiver from '../../src/index.ts';

/**
 * The counters, and the counts that they should have, by `<integration> <kind>`. Refusals are left out: isolates count them in
 * memory, which a kill destroys, and no table holds them.
 */
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
  SELECT integration || ' forwarded', count(*) FROM events WHERE seq NOT IN (SELECT seq FROM outbox) GROUP BY 1`;

export default {
  ...receiver,

  async fetch(request, env, lifetime) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case '/crash/cron':
        await receiver.scheduled({}, env, lifetime);
        return Response.json({});
      case '/crash/outbox':
        return Response.json(
          await env.DB.prepare('SELECT count(*) AS pending, max(seq) AS lastSeq FROM outbox WHERE seq > ?1')
            .bind(Number(url.searchParams.get('after')))
            .first(),
        );
      case '/crash/counters': {
        const [counted, full] = await env.DB.batch([env.DB.prepare(COUNTED), env.DB.prepare(FULL_COUNT)]);
        return Response.json({ counted: counted.results, full: full.results });
      }
      default:
        return receiver.fetch(request, env, lifetime);
    }
  },
};
