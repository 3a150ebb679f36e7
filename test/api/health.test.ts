import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { health } from '../../src/api/health/routes.ts';
import { ask, delivered, forgetCron, inject, reset, uniqueResponse } from '../webhooks.ts';

const MINUTE_MS = 60_000;

beforeEach(async () => reset());

/** Asks for the health, which must be as it is said to be. */
async function askHealth() {
  const { status, answer } = await ask('/api/health');
  return { code: status, ...health.parse(answer) };
}

describe('GET /api/health', () => {
  it('is ok once the cron has run, and says what it looked at', async () => {
    const beforeMs = Date.now();
    await env.PROBE.runCron();
    const { code, status, reasons, checks } = await askHealth();

    expect({ code, status, reasons }).toEqual({ code: 200, status: 'ok', reasons: [] });
    expect(Object.values(checks).map((check) => check.status)).toEqual(Array(9).fill('ok'));
    expect(checks.d1.maxDatabaseBytes).toBe(8e9);
    expect(checks.d1.databaseBytes).toBeGreaterThan(10_000);
    expect(Date.parse(checks.sweep.lastRunAt ?? '')).toBeGreaterThanOrEqual(beforeMs);
    expect(Date.parse(checks.rollUp.lastRunAt ?? '')).toBeGreaterThanOrEqual(beforeMs);
    expect(checks.outbox).toMatchObject({ events: 0, oldestAgeMs: null });
    expect(checks.deadLetters.messages).toBe(0);
    expect(checks.queues.events).toMatchObject({ messages: expect.any(Number) });
  });

  it('is degraded while the cron has never run', async () => {
    await forgetCron();
    await inject({ d1: { kind: 'reject', on: "'stand-in'" } }); // nor does a request do its work
    const { code, status, reasons, checks } = await askHealth();

    expect({ code, status }).toEqual({ code: 200, status: 'degraded' });
    expect(checks.cron).toEqual({ status: 'degraded', lastRunAt: null });
    expect(reasons.join()).toContain('The cron has never run.');
    expect(reasons.join()).toContain('sweep has never run');
    expect(reasons.join()).toContain('roll-up of the counters has never run');
    expect(checks.sweep).toEqual({ status: 'degraded', lastRunAt: null });
  });

  it('is degraded when the cron has not run for three minutes', async () => {
    await forgetCron();
    await env.PROBE.runCron();
    await inject({ d1: { kind: 'reject', on: "'stand-in'" } });
    await env.PROBE.setClock(2.8 * MINUTE_MS);
    expect((await askHealth()).status).toBe('ok');

    await env.PROBE.setClock(3.1 * MINUTE_MS);
    const { code, status, reasons } = await askHealth();
    expect({ code, status }).toEqual({ code: 200, status: 'degraded' });
    expect(reasons).toContain('The sweep last ran 3 minutes ago. The cron runs it every minute.');
    expect(reasons).toContain('The cron last ran 3 minutes ago. Requests do its work.');
    expect(reasons).toHaveLength(3);
  });

  it('names the task of the cron that fails while others run', async () => {
    await inject({ d1: { kind: 'reject', on: 'FROM outbox AS o' } });
    expect(await env.PROBE.runCron()).toContain('sweep');
    const { status, reasons, checks } = await askHealth();

    expect(status).toBe('degraded');
    expect(reasons).toEqual([expect.stringContaining('sweep has never run')]);
    expect(checks.rollUp.status).toBe('ok');
  });

  it('is degraded when an event has waited more than five minutes to be forwarded', async () => {
    await inject({ events: { kind: 'reject' } });
    await delivered(uniqueResponse());
    await env.PROBE.setClock(4.8 * MINUTE_MS);
    await env.PROBE.runCron();
    expect((await askHealth()).status).toBe('ok');

    await env.PROBE.setClock(5.1 * MINUTE_MS);
    const { code, status, reasons, checks } = await askHealth();
    expect({ code, status }).toEqual({ code: 200, status: 'degraded' });
    expect(reasons).toEqual([expect.stringContaining('has waited 5 minutes to be forwarded')]);
    expect(checks.outbox).toMatchObject({ status: 'degraded', events: 1 });

    await inject({});
    await env.PROBE.runCron();
    expect((await askHealth()).status).toBe('ok');
  });

  it.each([
    [0.89, 'ok'],
    [0.92, 'degraded'],
  ])('of a database that is %f full is %s', async (share, expected) => {
    const { meta } = await env.DB.prepare('SELECT 1').run();
    await reset({ MAX_DATABASE_GB: String(meta.size_after / share / 1e9) });
    await env.DB.prepare("INSERT INTO progress VALUES ('sweep', 0, ?1), ('counters', 0, ?1)")
      .bind(Date.now())
      .run();
    const { code, status, reasons, checks } = await askHealth();

    expect({ code, status }).toEqual({ code: 200, status: expected });
    expect(checks.d1.status).toBe(expected);
    if (expected === 'degraded')
      expect(reasons).toEqual([expect.stringContaining('92 % of its MAX_DATABASE_GB')]);
  });

  it.each(['hang', 'reject'] as const)('answers 503 within 3 s while D1 does not (%s)', async (kind) => {
    await env.PROBE.runCron();
    await inject({ d1: { kind } });
    const startMs = Date.now();
    const { code, status, reasons, checks } = await askHealth();

    expect(Date.now() - startMs).toBeLessThan(3_000);
    expect({ code, status }).toEqual({ code: 503, status: 'degraded' });
    expect(reasons).toEqual([expect.stringContaining('D1 does not answer')]);
    expect(checks.d1).toMatchObject({ status: 'degraded', answeredInMs: null, databaseBytes: null });
    expect(checks.queues.status).toBe('ok');

    await inject({});
    expect((await askHealth()).status).toBe('ok');
  });

  it('asks for a token, and /healthz for none and for nothing else', async () => {
    await inject({ d1: { kind: 'reject' } });
    expect((await env.RECEIVER.fetch('https://receiver.example/api/health')).status).toBe(401);
    const shallow = await env.RECEIVER.fetch('https://receiver.example/healthz');
    expect([shallow.status, await shallow.json()]).toEqual([200, { status: 'ok' }]);
  });
});
