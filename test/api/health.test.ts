import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { health } from '../../src/api/health/routes.ts';
import {
  addFurtherRoutes,
  addRoute,
  api,
  ask,
  delivered,
  forgetCron,
  inject,
  reset,
  uniqueResponse,
} from '../webhooks.ts';

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
    expect(checks.routes).toEqual({
      status: 'ok',
      data: [
        {
          name: 'events',
          status: 'ok',
          bound: true,
          state: 'active',
          stateSince: expect.any(String),
          waiting: 0,
          oldestAgeMs: null,
        },
      ],
      unrouted: [],
    });
    expect(checks.deadLetters.messages).toBe(0);
    expect(checks.queues.routes.events).toMatchObject({ messages: expect.any(Number) });
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
    await inject({ d1: { kind: 'reject', on: 'WITH log AS MATERIALIZED' } });
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
    expect(reasons).toEqual([
      'An event has waited 5 minutes to be forwarded on the route events. Its queue may be failing; see the log.',
    ]);
    expect(checks.routes).toMatchObject({
      status: 'degraded',
      data: [{ name: 'events', status: 'degraded', waiting: 1 }],
    });

    await inject({});
    await env.PROBE.runCron();
    expect((await askHealth()).status).toBe('ok');
  });

  it('does not count as waiting what waited while the route was paused', async () => {
    await api('POST', '/api/routes/events/pause');
    await env.PROBE.restart();
    await delivered(uniqueResponse());
    await env.PROBE.setClock(50 * MINUTE_MS);
    await env.PROBE.runCron();
    expect((await askHealth()).status).toBe('ok');
    await api('POST', '/api/routes/events/resume');
    expect((await askHealth()).checks.routes).toMatchObject({
      status: 'ok',
      data: [{ waiting: 1, oldestAgeMs: expect.any(Number) }],
    });
    await inject({ events: { kind: 'reject' } });
    await env.PROBE.setClock(56 * MINUTE_MS);
    await env.PROBE.runCron();
    expect((await askHealth()).reasons).toEqual([
      expect.stringContaining('An event has waited 6 minutes to be forwarded on the route events.'),
    ]);
  });

  it('is degraded once a route is paused for more than an hour', async () => {
    await addFurtherRoutes({ crm: {} });
    await env.PROBE.runCron();
    await api('POST', '/api/routes/crm/pause');
    await env.PROBE.setClock(59 * MINUTE_MS);
    await env.PROBE.runCron();
    expect((await askHealth()).status).toBe('ok');
    await env.PROBE.setClock(122 * MINUTE_MS);
    await env.PROBE.runCron();
    const { reasons, checks } = await askHealth();
    expect(reasons).toEqual([
      'The route crm has been paused for 2 hours. Its events wait, for as long as events are kept.',
    ]);
    expect(checks.routes).toMatchObject({
      status: 'degraded',
      data: [
        { name: 'crm', status: 'degraded', state: 'paused' },
        { name: 'events', status: 'ok' },
      ],
    });
  });

  it('is degraded while a route has no queue', async () => {
    await addRoute('crm');
    await env.PROBE.runCron();
    const { code, status, reasons, checks } = await askHealth();
    expect({ code, status }).toEqual({ code: 200, status: 'degraded' });
    expect(reasons).toEqual([
      'The route crm has no queue: the receiver is deployed without EVENTS_CRM. Its events wait.',
    ]);
    expect(checks.routes).toMatchObject({
      status: 'degraded',
      data: [
        { name: 'crm', status: 'degraded', bound: false },
        { name: 'events', status: 'ok' },
      ],
      unrouted: [],
    });
  });

  it('is degraded while a queue has no route', async () => {
    await env.PROBE.bindRoutes(['crm', 'desk']);
    await env.PROBE.runCron();
    const { reasons, checks } = await askHealth();
    expect(reasons).toEqual([
      'Nothing is sent to the queues of these bindings, as they have no route: EVENTS_CRM, EVENTS_DESK.',
    ]);
    expect(checks.routes).toMatchObject({ status: 'degraded', unrouted: ['EVENTS_CRM', 'EVENTS_DESK'] });
    expect(checks.queues.routes).toMatchObject({ crm: { messages: 0 }, desk: { messages: 0 } });
  });

  it('is degraded by one route that is behind, whatever the others do', async () => {
    await addFurtherRoutes({ crm: {}, desk: { types: ['status'] } });
    await inject({ crm: { kind: 'reject' }, desk: { kind: 'reject' } });
    await delivered(uniqueResponse());
    await env.PROBE.setClock(6 * MINUTE_MS);
    await env.PROBE.runCron();
    const { reasons, checks } = await askHealth();
    expect(reasons).toEqual([
      'An event has waited 6 minutes to be forwarded on the route crm. Its queue may be failing; see the log.',
    ]);
    expect(checks.routes.data?.map(({ name, status }) => [name, status])).toEqual([
      ['crm', 'degraded'],
      ['desk', 'ok'],
      ['events', 'ok'],
    ]);
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
    expect(checks.routes).toEqual({ status: 'degraded', data: null, unrouted: null });

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
