import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  claimReplaying,
  findEventsToReplay,
  putEventsBack,
  releaseReplaying,
} from '../../src/store/replay-steps.ts';
import {
  cancelReplay,
  createReplay,
  endReplaysOfContact,
  findReplay,
  type Replay,
} from '../../src/store/replays.ts';
import { countRows, reset } from '../webhooks.ts';
import { storeEvents } from './stored-events.ts';

const AUDIT = { actor: 'admin-token', detail: {}, atMs: 1_700_000_000_000 } as const;

beforeEach(async () => {
  await reset();
  await storeEvents({ count: 100 });
});

async function create(filter = {}): Promise<Replay> {
  return createReplay(env.DB, filter, { ...AUDIT, action: 'replay.create' });
}

async function timesPutBack(): Promise<number> {
  return (await env.DB.prepare('SELECT sum(replays) AS n FROM events').first<number>('n')) ?? 0;
}

describe('a chunk', () => {
  it('is put back only once from the same place', async () => {
    const replay = await create();
    const chunk = await findEventsToReplay(env.DB, replay);
    await Promise.all([1, 2, 3].map(async () => putEventsBack(env.DB, replay, chunk, 0)));
    expect([await countRows('replaying'), await timesPutBack()]).toEqual([100, 100]);
    expect(await findReplay(env.DB, replay.id)).toMatchObject({ putBack: 100, nextSeq: chunk.nextSeq });
  });

  it('is not put back when its job was cancelled since it was read', async () => {
    const replay = await create();
    const chunk = await findEventsToReplay(env.DB, replay);
    const audit = { ...AUDIT, action: 'replay.cancel', object: String(replay.id) } as const;
    expect(await cancelReplay(env.DB, replay.id, audit)).toBe(true);
    await putEventsBack(env.DB, replay, chunk, 0);
    expect([await countRows('replaying'), await timesPutBack()]).toEqual([0, 0]);
  });

  it('leaves out events that were deleted since it was read', async () => {
    const replay = await create();
    const chunk = await findEventsToReplay(env.DB, replay);
    await env.DB.prepare('DELETE FROM events WHERE seq IN (SELECT seq FROM events LIMIT 40)').run();
    await putEventsBack(env.DB, replay, chunk, 0);
    expect(await countRows('replaying')).toBe(60);
    expect(await findReplay(env.DB, replay.id)).toMatchObject({ putBack: 60 });
  });
});

describe('the right to put back and forward', () => {
  it('is given to nobody where there is nothing to do', async () => {
    expect(await claimReplaying(env.DB, 1_000, 60_000)).toBeNull();
  });

  it('is given to one, until it is given back or has ended', async () => {
    await create();
    const first = await claimReplaying(env.DB, 1_000, 60_000);
    expect(first).not.toBeNull();
    expect(await claimReplaying(env.DB, 2_000, 60_000)).toBeNull();
    const second = await claimReplaying(env.DB, 61_000, 60_000);
    expect(second).not.toBeNull();
    await releaseReplaying(env.DB, first ?? 0); // of one that had ended: changes nothing
    expect(await claimReplaying(env.DB, 62_000, 60_000)).toBeNull();
    await releaseReplaying(env.DB, second ?? 0);
    expect(await claimReplaying(env.DB, 63_000, 60_000)).not.toBeNull();
  });
});

describe('jobs of a contact', () => {
  it('end with its erasure, and keep nothing of it', async () => {
    const own = await create({ contact: '+5541910000007' });
    const other = await create({ contact: '+5541910000008' });
    await endReplaysOfContact(env.DB, '+5541910000007', 0).run();
    expect(await findReplay(env.DB, own.id)).toMatchObject({
      state: 'cancelled',
      filter: { contact: '***' },
    });
    expect(await findReplay(env.DB, other.id)).toMatchObject({ state: 'running', filter: other.filter });
  });
});
