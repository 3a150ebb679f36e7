// What the counters should say, computed the long way: from every row that is stored.

import { env } from 'cloudflare:workers';
import { wantsSql } from '../../src/store/stretches.ts';
import { FULL_USAGE, NOTED_USAGE } from '../../tools/faults/full-usage.ts';

/** Counts by integration and kind, as `shop response`. */
export type Counts = Record<string, number>;

/** All that was ever counted of what is stored, by the counters' own rows. Refusals are only counted. */
export async function counted(): Promise<Counts> {
  return countsOf(`
    SELECT integration, kind, sum(count) AS n FROM counters
    WHERE (step = 0 OR step = 60 AND start >= coalesce((SELECT seq FROM progress WHERE task = 'hours'), 0) / 1000)
      AND kind NOT LIKE 'refused:%'
    GROUP BY 1, 2`);
}

/** The same from the tables that hold what is counted. */
export async function fullCount(): Promise<Counts> {
  const odd = await countsOf(`
    SELECT integration, 'odd' AS kind, count(oddities) AS n FROM events GROUP BY 1 HAVING count(oddities) > 0
    UNION ALL
    SELECT integration, 'odd:' || (odd.value ->> 'path') || ':' || (odd.value ->> 'code'), count(*)
    FROM events JOIN json_each(oddities) AS odd GROUP BY 1, 2`);
  const others = await countsOf(`
    SELECT
      integration,
      iif(
        type = 'response', 'response',
        'status:' || iif(status IN ('sent', 'delivered', 'read', 'failed'), status, 'other')
      ) AS kind,
      count(*) AS n
    FROM events GROUP BY 1, 2
    UNION ALL
    SELECT integration, 'deferred', count(*) FROM events WHERE deferred = 1 GROUP BY 1
    UNION ALL
    SELECT integration, 'duplicate', sum(deliveries - 1) FROM events GROUP BY 1 HAVING sum(deliveries) > count(*)
    UNION ALL
    SELECT integration, 'rejected', sum(deliveries) FROM rejections GROUP BY 1
    UNION ALL
    SELECT e.integration, 'forwarded:' || r.name, count(*)
    FROM routes AS r JOIN events AS e ON e.seq > r.began AND e.seq <= r.position
    WHERE ${wantsSql('r.filter')} GROUP BY 1, 2`);
  return { ...others, ...odd };
}

async function countsOf(sql: string): Promise<Counts> {
  const { results } = await env.DB.prepare(sql).run<{ integration: string; kind: string; n: number }>();
  return Object.fromEntries(
    results.map(({ integration, kind, n }) => [`${integration} ${kind}`, n] as const).sort(),
  );
}

/** Times between steps by integration, steps and bucket, by the rows of the lags. */
export async function countedLags(): Promise<Counts> {
  const { results } = await env.DB.prepare(
    `SELECT integration || ' ' || steps || ' ' || bucket AS name, sum(count) AS n FROM lags
     WHERE step = 0 OR step = 3600 AND start >= coalesce((SELECT seq FROM progress WHERE task = 'hours'), 0) / 1000
     GROUP BY 1`,
  ).run<{ name: string; n: number }>();
  return Object.fromEntries(results.map(({ name, n }) => [name, n] as const).sort());
}

const PAIRS = [
  ['sent', 'delivered'],
  ['delivered', 'read'],
  ['read', 'response'],
] as const;

/** The same from the events: the first of each step, by message. */
export async function fullLags(): Promise<Counts> {
  const { results } = await env.DB.prepare(
    'SELECT id, integration, type, status, occurred_at FROM events ORDER BY seq',
  ).run<{ id: string; integration: string; type: string; status: string | null; occurred_at: number }>();
  const firsts = new Map<string, Map<string, number>>();
  for (const { id, integration, type, status, occurred_at } of results) {
    const message = `${integration} ${id.split(':', 1)[0]}`;
    const steps = firsts.get(message) ?? new Map<string, number>();
    firsts.set(message, steps);
    const step = status ?? type;
    if (!steps.has(step)) steps.set(step, occurred_at);
  }
  const counts = new Map<string, number>();
  for (const [message, steps] of firsts) {
    for (const [earlier, later] of PAIRS) {
      const [from, to] = [steps.get(earlier), steps.get(later)];
      if (from === undefined || to === undefined) continue;
      const bucket = Math.floor(8 * Math.log2(Math.max(to - from, 1)));
      const name = `${message.split(' ', 1)[0]} ${earlier}-${later} ${bucket}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return Object.fromEntries([...counts].sort());
}

/** What the usage table says, as `event shop` with items and bytes. */
export async function notedUsage(): Promise<Record<string, [items: number, bytes: number]>> {
  return usageOf(NOTED_USAGE);
}

/** The same from the rows that it sums; of events, those that its reader has come to. */
export async function fullUsage(): Promise<Record<string, [items: number, bytes: number]>> {
  return usageOf(FULL_USAGE);
}

async function usageOf(sql: string): Promise<Record<string, [number, number]>> {
  const { results } = await env.DB.prepare(sql).run<{
    kind: string;
    integration: string;
    items: number;
    bytes: number;
  }>();
  return Object.fromEntries(
    results
      .map(({ kind, integration, items, bytes }) => [`${kind} ${integration}`, [items, bytes]] as const)
      .sort(),
  ) as Record<string, [number, number]>;
}
