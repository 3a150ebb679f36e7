import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  allForwarded,
  countRows,
  delivered,
  eventually,
  forwardedEvents,
  reset,
  seen,
  uniqueResponse,
  utf8Bytes,
} from '../webhooks.ts';

const MAX_BODY_BYTES = 1_048_576;
const MAX_BOUND_BYTES = 2_000_000;
const MAX_MESSAGE_BYTES = 128_000;
const MAX_BATCH_BYTES = 256_000;

beforeEach(async () => reset());

/** Largest value that was bound to any statement. */
async function largestBoundBytes(): Promise<number> {
  const { statements } = await seen();
  return Math.max(...statements.flatMap(({ boundBytes }) => boundBytes));
}

describe('webhooks that arrive at the same time', () => {
  it('are answered each, stored as one row and forwarded as one message where they are 200 deliveries of one event', async () => {
    const body = uniqueResponse();
    const answers = await Promise.all(Array.from({ length: 200 }, () => delivered(body)));

    expect(answers.map(({ status }) => status)).toEqual(Array(200).fill(200));
    const outcomes = Object.groupBy(answers, ({ answer }) => answer.outcome ?? 'none');
    expect(outcomes.stored).toHaveLength(1);
    expect(outcomes.duplicate).toHaveLength(199);
    expect(await countRows('events')).toBe(1);
    expect(await env.DB.prepare('SELECT deliveries FROM events').first('deliveries')).toBe(200);
    await allForwarded();
    await eventually('it was consumed', async () =>
      (await seen()).consumed.some(({ data }) => JSON.stringify(data) === JSON.stringify(body)),
    );
    const { id } = answers[0]?.answer ?? {};
    expect((await forwardedEvents()).filter((event) => event.id === id)).toHaveLength(1);
    expect((await seen()).consumed.filter((event) => event.id === id)).toHaveLength(1);
  });

  it('are recorded in at most 6 statements where they are 100, with the look-up of a cold isolate', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => delivered(uniqueResponse())));

    expect(answers.map(({ answer }) => answer.outcome)).toEqual(Array(100).fill('stored'));
    const recording = (await seen()).statements.filter(({ sql }) => sql.includes('INSERT INTO events'));
    expect(recording.length).toBeLessThanOrEqual(6);
    expect(recording.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0)).toBe(300);
  });

  it('are stored and forwarded within every limit where they are 300 of 100 KB', async () => {
    const bodies = Array.from({ length: 300 }, () => uniqueResponse(100_000));
    const answers: Awaited<ReturnType<typeof delivered>>[] = [];
    // Not all at once: what an isolate holds of large bodies is bounded.
    for (let first = 0; first < bodies.length; first += 50) {
      const some = bodies.slice(first, first + 50);
      answers.push(...(await Promise.all(some.map((body) => delivered(body)))));
    }

    expect(answers.map(({ status }) => status)).toEqual(Array(300).fill(200));
    await eventually('all are stored', async () => (await countRows('events')) === 300);
    await allForwarded();
    const sent = new Set(answers.map(({ answer }) => answer.id));
    const own = (await forwardedEvents()).filter(({ id }) => sent.has(id));
    expect(new Set(own.map(({ id }) => id))).toEqual(sent);
    expect(own.every(({ data }) => data !== undefined)).toBe(true);
    for (const batch of (await seen()).batches) {
      const sizes = batch.map(({ bytes }) => bytes);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(MAX_BATCH_BYTES);
    }
    expect(await largestBoundBytes()).toBeLessThanOrEqual(MAX_BOUND_BYTES);
  });

  it('are forwarded in batches of at most 100', async () => {
    const answers = await Promise.all(Array.from({ length: 350 }, () => delivered(uniqueResponse())));

    await allForwarded();
    const sent = new Set(answers.map(({ answer }) => answer.id));
    expect((await forwardedEvents()).filter(({ id }) => sent.has(id))).toHaveLength(350);
    expect(Math.max(...(await seen()).batches.map((batch) => batch.length))).toBeLessThanOrEqual(100);
  });
});

describe('a large webhook', () => {
  it('of 900 KB is stored whole and forwarded by reference', async () => {
    const body = uniqueResponse(900_000);
    const { answer } = await delivered(body);

    expect(answer.outcome).toBe('stored');
    await allForwarded();
    const event = (await forwardedEvents()).find(({ id }) => id === answer.id);
    expect(event).toMatchObject({ id: answer.id, source: '/webhooks/shop' });
    expect(event).not.toHaveProperty('data');
    expect(event?.dataref).toBe(`/api/events/shop/${encodeURIComponent(answer.id)}/payload`);
    const payload = await env.DB.prepare('SELECT payload FROM events').first<string>('payload');
    expect(payload).toBe(JSON.stringify(body));
  });

  it('of 1 MiB that doubles when it is escaped keeps within what D1 takes', async () => {
    const text = JSON.stringify(uniqueResponse());
    const body = text + '\n'.repeat(MAX_BODY_BYTES - utf8Bytes(text));
    const { status, answer } = await delivered(body);

    expect({ status, outcome: answer.outcome }).toEqual({ status: 200, outcome: 'stored' });
    expect(await largestBoundBytes()).toBeLessThanOrEqual(MAX_BOUND_BYTES);
    const stored = await env.DB.prepare('SELECT payload FROM events').first<string>('payload');
    expect(stored).toBe(body);
  });

  it.each([61, 4_000, 20_000])(
    'nested %i levels deep is forwarded by reference and holds back no other',
    async (depth) => {
      const text = JSON.stringify(uniqueResponse());
      const deep = `${text.slice(0, -1)},"deep":${'['.repeat(depth)}${']'.repeat(depth)}}`;
      const [first, second] = await Promise.all([delivered(deep), delivered(uniqueResponse())]);

      expect([first.answer.outcome, second.answer.outcome]).toEqual(['stored', 'stored']);
      await allForwarded();
      expect((await forwardedEvents()).find(({ id }) => id === first.answer.id)?.dataref).toBeDefined();
      expect((await forwardedEvents()).find(({ id }) => id === second.answer.id)?.data).toBeDefined();
      await eventually('both are consumed', async () => {
        const ids = (await seen()).consumed.map(({ id }) => id);
        return ids.includes(first.answer.id) && ids.includes(second.answer.id);
      });
    },
  );
});
