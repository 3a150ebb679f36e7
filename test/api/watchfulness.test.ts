// What the health check says of webhooks that are refused more than usual, and of integrations that have gone silent.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { health } from '../../src/api/health/routes.ts';
import { textOf } from '../dashboard/page-text.ts';
import { signedIn } from '../dashboard/signed-in.ts';
import { ask, register, reset, seen } from '../webhooks.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NOW_MS = Date.parse('2026-03-20T12:30:30Z');
const THIS_MINUTE_MS = NOW_MS - 30_000;

beforeEach(async () => {
  await reset();
  await env.PROBE.stopClock(NOW_MS);
  await env.DB.prepare("INSERT INTO progress VALUES ('sweep', 0, ?1), ('counters', 0, ?1)")
    .bind(NOW_MS)
    .run();
});

type Row = [step: 60 | 3600, startMs: number, integration: string, kind: string, count: number];

async function count(...rows: Row[]): Promise<void> {
  const values = rows.map(([step, start, integration, kind, count]) => ({
    step,
    start,
    integration,
    kind,
    count,
  }));
  await env.DB.prepare(
    `INSERT INTO counters SELECT value ->> 'step', value ->> 'start', value ->> 'integration', value ->> 'kind', value ->> 'count'
     FROM json_each(?1)`,
  )
    .bind(JSON.stringify(values))
    .run();
}

/** Asks for the health, and tells how many rows D1 read for it. */
async function askHealth() {
  const before = (await seen()).statements.length;
  const { answer } = await ask('/api/health');
  const statements = (await seen()).statements.slice(before);
  const rowsRead = statements.reduce((sum, statement) => sum + statement.rowsRead, 0);
  return { ...health.parse(answer), rowsRead, statements: statements.length };
}

describe('the share of refused webhooks', () => {
  it.each<[string, number, number, boolean]>([
    ['20 refused of 40', 20, 20, true],
    ['19 refused of 19, which is few', 19, 0, false],
    ['20 refused of 200, which is a tenth', 20, 180, false],
    ['24 refused of 200', 24, 176, true],
  ])('of %s', async (_, refused, taken, isUnusual) => {
    await count(
      [60, THIS_MINUTE_MS - 9 * MINUTE_MS, 'shop', 'refused:wrong-token', refused],
      [60, THIS_MINUTE_MS - 3 * MINUTE_MS, 'shop', 'status:sent', taken],
    );
    const { status, reasons, checks } = await askHealth();

    expect(status).toBe(isUnusual ? 'degraded' : 'ok');
    const share = { integration: 'shop', refused, webhooks: refused + taken, usualShare: 0 };
    expect(checks.refusals.unusual).toEqual(isUnusual ? [share] : []);
    expect(reasons.join()).toBe(
      isUnusual
        ? `More webhooks than usual were refused within 10 minutes: ${refused} of ${refused + taken} of shop. ` +
            '/api/refusals tells why.'
        : '',
    );
  });

  it('is judged for each integration, even when another has many webhooks', async () => {
    await count(
      [60, THIS_MINUTE_MS, 'shop', 'refused:encoded', 30],
      [60, THIS_MINUTE_MS, 'mail', 'response', 5_000],
      [60, THIS_MINUTE_MS, 'mail', 'duplicate', 5_000],
    );
    expect((await askHealth()).checks.refusals.unusual?.map(({ integration }) => integration)).toEqual([
      'shop',
    ]);
  });

  it('is that of all together, where it is of no integration', async () => {
    await count(
      [60, THIS_MINUTE_MS, '', 'refused:unknown-integration', 30],
      [60, THIS_MINUTE_MS, 'shop', 'response', 10],
    );
    const { checks, reasons } = await askHealth();
    expect(checks.refusals.unusual).toEqual([
      { integration: null, refused: 30, webhooks: 40, usualShare: 0 },
    ]);
    expect(reasons).toEqual([expect.stringContaining('30 of 40 in all.')]);
  });

  it('counts no longer after ten minutes', async () => {
    await count([60, THIS_MINUTE_MS - 10 * MINUTE_MS, 'shop', 'refused:wrong-token', 100]);
    expect((await askHealth()).status).toBe('ok');
  });

  it('is judged by what was usual in the last days', async () => {
    const hour = Math.floor(NOW_MS / HOUR_MS) * HOUR_MS;
    const now = (refused: number): Row[] => [
      [60, THIS_MINUTE_MS, 'shop', 'refused:contract-broken', refused],
      [60, THIS_MINUTE_MS, 'shop', 'response', 100 - refused],
    ];
    await count(
      ...now(45),
      [3600, hour - 50 * HOUR_MS, 'shop', 'refused:contract-broken', 400],
      [3600, hour - 60 * HOUR_MS, 'shop', 'response', 600],
    );
    expect((await askHealth()).status).toBe('ok');

    await env.DB.prepare('DELETE FROM counters WHERE step = 60').run();
    await count(...now(55));
    const { checks } = await askHealth();
    expect(checks.refusals.unusual?.[0]).toEqual({
      integration: 'shop',
      refused: 55,
      webhooks: 100,
      usualShare: 0.4,
    });
  });

  it('is told on the overview, with a link to why, and "all is well" is not', async () => {
    await count([60, THIS_MINUTE_MS, 'shop', 'refused:old-token', 25]);
    const page = await (await signedIn()).page('/');
    expect(textOf(page)).toContain(
      'More webhooks of shop than usual were refused in the last 10 minutes: 25 of 25.',
    );
    expect(textOf(page)).not.toContain('All is well');
    expect(page).toContain('href="/refusals?period=hour"');
    const portuguese = textOf(await (await signedIn(undefined, 'pt')).page('/'));
    expect(portuguese).toContain('Mais webhooks de shop que o normal foram recusados');
  });

  it('says nothing while events are not counted', async () => {
    await env.DB.prepare("UPDATE progress SET at = ?1 WHERE task = 'counters'")
      .bind(NOW_MS - HOUR_MS)
      .run();
    await count([60, THIS_MINUTE_MS, 'shop', 'refused:old-token', 25]);
    const { checks, reasons } = await askHealth();
    expect(checks.refusals.unusual).toEqual([]);
    expect(reasons).toEqual([expect.stringContaining('roll-up')]);
  });
});

describe('an integration', () => {
  const LAST_MS = NOW_MS - 5 * HOUR_MS;

  /** Events in hours before the last one, of `shop`: so many hours back. */
  async function heard(
    hoursBack: number[],
    { slug = 'shop', lastMs = LAST_MS, enabled = 1 } = {},
  ): Promise<void> {
    await register(slug, { enabled });
    await env.DB.prepare('UPDATE integrations SET last_event_at = ?2 WHERE slug = ?1')
      .bind(slug, lastMs)
      .run();
    const hour = Math.floor(lastMs / HOUR_MS) * HOUR_MS;
    await count(
      ...hoursBack.map((back, index): Row => {
        return [3600, hour - back * HOUR_MS, slug, index % 2 === 0 ? 'response' : 'status:read', 3];
      }),
    );
  }

  const everyHour = Array.from({ length: 48 }, (_, index) => index);

  it('that had events every hour and has none for five is told, in both languages', async () => {
    await heard(everyHour);
    const { status, reasons, checks } = await askHealth();

    expect(status).toBe('degraded');
    expect(checks.silence).toEqual({
      status: 'degraded',
      silent: [{ integration: 'shop', lastEventAt: new Date(LAST_MS).toISOString(), longestMs: 2 * HOUR_MS }],
    });
    expect(reasons).toEqual([
      expect.stringContaining('Nothing has come for longer than ever before: shop for 5 hours.'),
    ]);
    const english = textOf(await (await signedIn()).page('/'));
    expect(english).toContain('Nothing has come to shop for 5h');
    expect(english).not.toContain('All is well');
    expect(textOf(await (await signedIn(undefined, 'pt')).page('/'))).toContain('Nada chega a shop há 5');
  });

  it.each<[string, number[], Parameters<typeof heard>[1]]>([
    ['was silent for as long before', [...everyHour.slice(0, 30), 40], {}],
    ['is known for a few hours only', everyHour.slice(0, 23), {}],
    ['has been silent for less than three hours', everyHour, { lastMs: NOW_MS - 2.9 * HOUR_MS }],
    ['is disabled', everyHour, { enabled: 0 }],
    ['has been silent for more than a month', everyHour, { lastMs: NOW_MS - 31 * 24 * HOUR_MS }],
    ['only has what is older than eight days', everyHour.map((back) => back + 200), {}],
  ])('that %s is not told', async (_, hoursBack, settings) => {
    await heard(hoursBack, settings);
    expect((await askHealth()).checks.silence).toEqual({ status: 'ok', silent: [] });
  });

  it('that has had no event yet is not told', async () => {
    expect((await askHealth()).checks.silence.silent).toEqual([]);
  });

  it('costs a bounded number of rows, however many there are and however much came', async () => {
    const hours = Array.from({ length: 200 }, (_, index) => index);
    for (let index = 0; index < 40; index++)
      await heard(hours, { slug: `silent-${index}`, lastMs: LAST_MS - index });
    const { rowsRead, statements, checks } = await askHealth();

    expect(checks.silence.silent).toHaveLength(5);
    expect(statements).toBeLessThanOrEqual(5); // two of them for the routes
    expect(rowsRead).toBeLessThan(300 + 5 * 193 * 10);

    await reset();
    await env.PROBE.stopClock(NOW_MS);
    for (let index = 0; index < 40; index++)
      await heard(hours, { slug: `loud-${index}`, lastMs: NOW_MS - MINUTE_MS });
    expect((await askHealth()).rowsRead).toBeLessThan(300);
  });
});
