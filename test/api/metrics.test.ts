import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { storeEvents } from '../store/stored-events.ts';
import {
  addFurtherRoutes,
  addRoute,
  allForwarded,
  api,
  countRows,
  deliver,
  eventually,
  idle,
  inject,
  ORIGIN,
  reset,
  statusBody,
  uniqueResponse,
  waitingOn,
} from '../webhooks.ts';
import { scrape } from './scrape.ts';

const DAY_MS = 86_400_000;

beforeEach(async () => reset());

function step(status: string, atMs: number) {
  return statusBody((body) => {
    body.event.status = status;
    body.message.updatedAt = new Date(Date.UTC(2026, 0, 1) + atMs).toISOString();
  });
}

describe('GET /api/metrics', () => {
  it('gives running totals, gauges and the times between steps in the text format', async () => {
    const body = uniqueResponse();
    await deliver(body);
    await deliver(body);
    await deliver('{');
    await deliver(step('sent', 0));
    await deliver(step('delivered', 3_000));
    await allForwarded();
    await env.PROBE.runCron();
    const { types, samples } = await scrape();

    expect(Object.fromEntries(samples)).toMatchObject({
      'instant_message_events_total{integration="shop",type="response",status=""}': 1,
      'instant_message_events_total{integration="shop",type="status",status="sent"}': 1,
      'instant_message_events_total{integration="shop",type="status",status="delivered"}': 1,
      'instant_message_duplicates_total{integration="shop"}': 1,
      'instant_message_rejected_total{integration="shop"}': 1,
      'instant_message_forwarded_total{integration="shop",route="events"}': 3,
      'instant_message_waiting_events{route="events"}': 0,
      'instant_message_oldest_waiting_age_seconds{route="events"}': 0,
      'instant_message_paused_seconds{route="events"}': 0,
      'instant_message_route_bound{route="events"}': 1,
      'instant_message_route_dead_letters{route="events"}': 0,
      instant_message_unrouted_queues: 0,
      instant_message_open_replays: 0,
      instant_message_dead_letters: 0,
      instant_message_database_size_bytes: expect.any(Number),
      'instant_message_queue_backlog_messages{route="events"}': expect.any(Number),
      instant_message_intake_backlog_messages: expect.any(Number),
    });
    expect(types.get('instant_message_events_total')).toBe('counter');
    expect(types.get('instant_message_oldest_waiting_age_seconds')).toBe('gauge');
    expect(types.get('instant_message_step_seconds')).toBe('histogram');
  });

  it('gives a histogram whose buckets are cumulative', async () => {
    for (const [message, ms] of [100, 3_000, 3_000, 500_000, 10 * DAY_MS].entries()) {
      for (const [status, atMs] of [
        ['sent', 0],
        ['delivered', ms],
      ] as const) {
        const body = step(status, atMs);
        body.message.messageId = `m${message}`;
        await deliver(body);
      }
    }
    await env.PROBE.runCron();
    const { samples, labels } = await scrape();
    const buckets = [...samples].flatMap(([name, value]) => {
      const le = labels.get(name)?.le;
      return le === undefined ? [] : [[le, value]];
    });

    expect(buckets).toEqual([
      ['0.064', 0],
      ['0.256', 1],
      ['1.024', 1],
      ['4.096', 3],
      ['16.384', 3],
      ['65.536', 3],
      ['262.144', 3],
      ['1048.576', 4],
      ['4194.304', 4],
      ['16777.216', 4],
      ['67108.864', 4],
      ['268435.456', 4],
      ['+Inf', 5],
    ]);
    const of = '{integration="shop",steps="sent-delivered"}';
    expect(samples.get(`instant_message_step_seconds_count${of}`)).toBe(5);
    const sum = samples.get(`instant_message_step_seconds_sum${of}`) ?? 0;
    expect(Math.abs(sum / (864_000 + 500 + 6.1) - 1)).toBeLessThan(0.045);
  });

  it('never counts back, whatever is summed up, purged or deleted', async () => {
    await storeEvents({ count: 500, firstSeq: (Date.now() - 2 * DAY_MS) * 1000 });
    await deliver(uniqueResponse());
    const counters = async () => {
      const { samples, types } = await scrape();
      return [...samples].filter(([name]) => types.get(name.replace(/\{.*/, '')) === 'counter');
    };
    let before = await counters();
    for (const aheadMs of [0, 0, 7_500_000, 9 * DAY_MS, 9 * DAY_MS, 50 * DAY_MS, 500 * DAY_MS]) {
      await env.PROBE.setClock(aheadMs);
      await env.PROBE.runCron();
      const after = new Map(await counters());
      for (const [name, value] of before) expect(after.get(name)).toBeGreaterThanOrEqual(value);
      before = [...after];
      expect(after.get('instant_message_events_total{integration="shop",type="response",status=""}')).toBe(
        51,
      );
    }

    expect(await countRows('events')).toBe(0);
    expect(Object.fromEntries(before)).toMatchObject({
      'instant_message_events_total{integration="shop",type="response",status=""}': 51,
      'instant_message_events_total{integration="shop",type="status",status="delivered"}': 450,
    });
  });

  it('escapes what labels hold', async () => {
    const name = 'a"b\\c\nd';
    await env.DB.prepare("INSERT INTO counters VALUES (60, ?1, ?2, 'duplicate', 7)")
      .bind(Date.now(), name)
      .run();
    const { samples, labels } = await scrape();

    expect(samples.get('instant_message_duplicates_total{integration="a\\"b\\\\c\\nd"}')).toBe(7);
    expect([...labels.values()].map(({ integration }) => integration)).toContain(name);
  });

  it('gives the age of what waits in seconds', async () => {
    await inject({ events: { kind: 'reject' } });
    await deliver(uniqueResponse());
    await env.PROBE.setClock(90_000);
    const { samples } = await scrape();

    const age = samples.get('instant_message_oldest_waiting_age_seconds{route="events"}') ?? 0;
    expect(age).toBeGreaterThanOrEqual(90);
    expect(age).toBeLessThan(120);
    expect(samples.get('instant_message_waiting_events{route="events"}')).toBe(1);
  });

  it('tells the routes apart', async () => {
    await addFurtherRoutes({ crm: { types: ['response'] } });
    await addRoute('to_come');
    await deliver(uniqueResponse());
    await deliver(step('sent', 0));
    await allForwarded();
    await eventually('it is forwarded', async () => (await waitingOn('crm')) === 0);
    await api('POST', '/api/replay', { all: true, route: 'crm' });
    await idle();
    await api('POST', '/api/routes/crm/pause');
    await env.PROBE.consumeDeadLetters(['none of ours'], 1, 'instant-message-crm-dead');
    await env.PROBE.bindRoutes(['crm', 'desk']);
    await env.PROBE.setClock(90_000);
    await env.PROBE.runCron();
    const { samples } = await scrape();

    expect(Object.fromEntries(samples)).toMatchObject({
      'instant_message_forwarded_total{integration="shop",route="crm"}': 1,
      'instant_message_forwarded_total{integration="shop",route="events"}': 2,
      'instant_message_replayed_total{integration="shop",route="crm"}': 1,
      'instant_message_waiting_events{route="crm"}': 0,
      'instant_message_waiting_events{route="to_come"}': 2,
      'instant_message_paused_seconds{route="events"}': 0,
      'instant_message_route_bound{route="crm"}': 1,
      'instant_message_route_bound{route="to_come"}': 0,
      'instant_message_route_dead_letters{route="crm"}': 1,
      'instant_message_route_dead_letters{route="events"}': 0,
      'instant_message_queue_backlog_bytes{route="crm"}': expect.any(Number),
      instant_message_unrouted_queues: 1,
    });
    const pausedSeconds = samples.get('instant_message_paused_seconds{route="crm"}') ?? 0;
    expect(pausedSeconds).toBeGreaterThanOrEqual(90);
    expect(pausedSeconds).toBeLessThan(120);
    expect(samples.has('instant_message_replayed_total{integration="shop",route="events"}')).toBe(false);
    expect(samples.has('instant_message_queue_backlog_bytes{route="to_come"}')).toBe(false);
  });

  it('asks for a token', async () => {
    expect((await env.RECEIVER.fetch(`${ORIGIN}/api/metrics`)).status).toBe(401);
  });
});
