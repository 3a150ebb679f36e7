// The bounds of what an isolate holds in memory, in bytes as it counts them: of bodies that are received, and of those that
// come out of the intake queue.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BODY_LIMITS } from '../../src/receive/read-body.ts';
import { compressed, deferredMessage, responseOfBytes, utf8Bytes } from '../webhooks.ts';
import { beginVirtualTime, passTime, settle, virtualHotPath, virtualIntake } from './virtual-time.ts';

const MAX_BODY_BYTES = 1_048_576;
const HELD_PER_BYTE = 3;

beforeEach(() => {
  beginVirtualTime();
  for (const level of ['warn', 'error'] as const) vi.spyOn(console, level).mockReturnValue();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A body that tells how much of it was read. */
function watched(text: string, chunkBytes = 65_536) {
  const bytes = new TextEncoder().encode(text);
  let offset = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (offset >= bytes.length) return controller.close();
        controller.enqueue(bytes.subarray(offset, offset + chunkBytes));
        offset += chunkBytes;
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, readBytes: () => offset };
}

function withLength(text: string) {
  return { headers: { 'content-length': String(utf8Bytes(text)) } };
}

describe('bodies that are received', () => {
  it.each([
    ['by their said length', true],
    ['by what has come, where their length is not said', false],
  ])(
    'of 1 MiB, 64 at once, are held within the share of their integration; the others are 503 (%s)',
    async (_, isSaid) => {
      const hotPath = virtualHotPath();
      hotPath.behaviour.record = 'hangs';
      const text = responseOfBytes(MAX_BODY_BYTES);
      const uploads = Array.from({ length: 64 }, () => watched(text));
      const answers = Promise.all(
        uploads.map(async ({ stream }) => hotPath.deliver(stream, isSaid ? withLength(text) : {})),
      );
      await passTime(5_000, 250);
      const statuses = (await answers).map(({ response }) => response.status);
      const refused = (await answers).filter(({ response }) => response.status === 503);

      expect(new Set(statuses)).toEqual(new Set([200, 503]));
      for (const { response, answer } of refused) {
        expect(answer.type).toBe('/problems/unavailable');
        expect(response.headers.get('retry-after')).toBe('10');
      }
      expect(hotPath.bodies.peakBytes).toBeGreaterThan(HELD_PER_BYTE * MAX_BODY_BYTES);
      expect(hotPath.bodies.peakBytes).toBeLessThanOrEqual(BODY_LIMITS.maxBytesEach ?? 0);
      expect(hotPath.bodies.heldBytes).toBe(0);
      if (!isSaid) return;
      const read = uploads.filter(({ readBytes }) => readBytes() > 0);
      expect(read).toHaveLength(statuses.filter((status) => status === 200).length); // the others were not even begun
      expect(read).toHaveLength(
        Math.floor((BODY_LIMITS.maxBytesEach ?? 0) / (HELD_PER_BYTE * MAX_BODY_BYTES)),
      );
    },
  );

  it('that are large leave room for the small ones, of others and of the same integration', async () => {
    const hotPath = virtualHotPath();
    const text = responseOfBytes(MAX_BODY_BYTES);
    const never = () => new ReadableStream<Uint8Array>(); // its bytes do not come
    const uploads = ['shop', 'mail'].flatMap((slug) =>
      Array.from({ length: 20 }, async () => hotPath.deliver(never(), { slug, ...withLength(text) })),
    );
    await settle();
    expect(hotPath.bodies.heldBytes).toBeGreaterThan(2 * HELD_PER_BYTE * MAX_BODY_BYTES);
    const small = Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const one = responseOfBytes(2_000);
        return hotPath.deliver(one, { slug: index % 2 === 0 ? 'shop' : 'mail', ...withLength(one) });
      }),
    );
    await passTime(500);
    expect(new Set((await small).map(({ answer }) => answer.outcome))).toEqual(new Set(['stored']));
    await passTime(31_000, 500);
    expect(new Set((await Promise.all(uploads)).map(({ response }) => response.status))).toEqual(
      new Set([408, 503]),
    );
    expect(hotPath.bodies.heldBytes).toBe(0);
  });

  it.each([
    ['stored', {}, 'x'],
    ['deferred', { record: 'rejects' }, 'x'],
    ['refused by everything', { record: 'rejects', intake: 'rejects' }, 'x'],
    ['no JSON', {}, '{'],
    ['of a sender that is not let in', {}, 'x'],
  ])('are not held any more once they are answered: %s', async (what, behaviour, end) => {
    const hotPath = virtualHotPath();
    Object.assign(hotPath.behaviour, behaviour);
    const text = responseOfBytes(100_000).slice(0, end === 'x' ? undefined : -10) + (end === 'x' ? '' : end);
    const answered = hotPath.deliver(text, {
      token: what.endsWith('let in') ? '0' : '1',
      ...withLength(text),
    });
    await passTime(3_000);
    await answered;
    expect(hotPath.bodies.heldBytes).toBe(0);
  });

  it('are not held any more when the sender hangs up', async () => {
    const hotPath = virtualHotPath();
    const sources: ReadableStreamDefaultController<Uint8Array>[] = [];
    const uploads = [{}, { 'content-length': '1000' }, { 'content-length': '500000' }].map(async (headers) =>
      hotPath.deliver(new ReadableStream({ start: (source) => void sources.push(source) }), { headers }),
    );
    await settle();
    expect(hotPath.bodies.heldBytes).toBeGreaterThan(0);
    for (const source of sources) source.error(new Error('Network connection lost.'));
    await passTime(100);
    await Promise.all(uploads);
    expect(hotPath.bodies.heldBytes).toBe(0);
  });
});

async function gzipBase64(text: string): Promise<string> {
  return Buffer.from(await compressed(text)).toString('base64');
}

/** A message of the intake queue with a compressed body. */
function deferred(gzip: string) {
  return deferredMessage({}, { payload: undefined, gzip });
}

describe('bodies that come out of the intake queue', () => {
  it('of 1 MiB each, a hundred in a batch, are unpacked within the bound', async () => {
    const intake = virtualIntake();
    const gzips = await Promise.all(
      Array.from({ length: 100 }, async () => gzipBase64(responseOfBytes(MAX_BODY_BYTES))),
    );
    const { outcomes } = await intake.consume(gzips.map(deferred));

    expect(outcomes).toEqual(Array(100).fill('ack'));
    expect(intake.calls).toMatchObject({ lookUp: 1, record: 100 });
    expect(intake.unpacked.peakBytes).toBeGreaterThanOrEqual(HELD_PER_BYTE * MAX_BODY_BYTES);
    expect(intake.unpacked.peakBytes).toBeLessThanOrEqual(HELD_PER_BYTE * 4_000_000);
    expect(intake.unpacked.heldBytes).toBe(0);
    expect(intake.waiting.size).toBe(0);
  });

  it('are unpacked within the bound by several batches at once, and what finds no room comes again', async () => {
    const intake = virtualIntake();
    intake.behaviour.record = 1_000;
    const gzip = await gzipBase64(responseOfBytes(MAX_BODY_BYTES));
    const batches = Promise.all(
      Array.from({ length: 4 }, async () => intake.consume(Array.from({ length: 3 }, () => deferred(gzip)))),
    );
    await passTime(20_000, 250);
    const outcomes = (await batches).flatMap((batch) => batch.outcomes);

    expect(outcomes.filter((outcome) => outcome === 'ack')).toHaveLength(6);
    expect(outcomes.filter((outcome) => outcome === 'retry')).toHaveLength(6);
    expect(intake.unpacked.peakBytes).toBeLessThanOrEqual(HELD_PER_BYTE * 8_000_000);
  });

  it.each([
    ['unpacks to more than a body may have', async () => gzipBase64(' '.repeat(MAX_BODY_BYTES + 1))],
    [
      'says that it has fewer bytes than it has',
      async () => {
        const bytes = Buffer.from(await gzipBase64(' '.repeat(5_000_000)), 'base64');
        bytes.writeUInt32LE(10, bytes.length - 4);
        return bytes.toString('base64');
      },
    ],
    ['has no end', async () => (await gzipBase64(responseOfBytes(10_000))).slice(0, 100)],
    ['is empty', async () => ''],
  ])('are not taken from a message that %s', async (_, pack) => {
    const intake = virtualIntake();
    const good = deferred(await gzipBase64(responseOfBytes(200_000)));
    const { outcomes } = await intake.consume([deferred(await pack()), good]);

    expect(outcomes).toEqual(['retry', 'ack']);
    expect(intake.calls.record).toBe(1);
    expect(intake.unpacked.heldBytes).toBe(0);
  });
});

describe('a batch of the intake queue', () => {
  const MAX_MS = 25_000;
  const batch = async (size: number, bytes: number) =>
    Promise.all(Array.from({ length: size }, async () => deferred(await gzipBase64(responseOfBytes(bytes)))));

  it.each([
    ['the events queue hangs', { events: 'hangs' } as const, 'ack'],
    ['the events queue rejects', { events: 'rejects' } as const, 'ack'],
    ['D1 hangs once it has recorded', { forward: 'hangs' } as const, 'ack'],
    ['D1 hangs', { lookUp: 'hangs', record: 'hangs' } as const, 'retry'],
    ['D1 hangs when it is to record', { record: 'hangs' } as const, 'retry'],
    ['D1 rejects', { lookUp: 'rejects' } as const, 'retry'],
  ])('ends within 25 s with an outcome for every message where %s', async (_, behaviour, outcome) => {
    const intake = virtualIntake();
    Object.assign(intake.behaviour, behaviour);
    for (const bytes of [2_000, 100_000, MAX_BODY_BYTES]) {
      const messages = await batch(20, bytes);
      const consumed = intake.consume(messages);
      await passTime(80_000, 250);
      const { outcomes, tookMs } = await consumed;
      expect(outcomes).toEqual(Array(20).fill(outcome));
      expect(tookMs).toBeLessThanOrEqual(MAX_MS);
    }
    expect(intake.waiting.size).toBe(outcome === 'ack' ? 60 : 0); // what was recorded is left to the sweep
  });

  it('ends within 25 s where D1 is slow, and what there is no time for comes again', async () => {
    const intake = virtualIntake();
    intake.behaviour.record = 3_000;
    const consumed = intake.consume(await batch(40, MAX_BODY_BYTES));
    await passTime(60_000, 250);
    const { outcomes, tookMs } = await consumed;

    expect(outcomes.filter((outcome) => outcome === 'ack').length).toBeGreaterThan(0);
    expect(outcomes.filter((outcome) => outcome === 'retry').length).toBeGreaterThan(0);
    expect(outcomes).not.toContain('none');
    expect(tookMs).toBeLessThanOrEqual(MAX_MS);
  });
});
