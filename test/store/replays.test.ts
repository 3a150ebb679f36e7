import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  advanceReplay,
  claimReplays,
  endReplay,
  findReplayPage,
  nextReplay,
  type ReplayInTurn,
  releaseReplays,
} from '../../src/store/replay-pages.ts';
import {
  cancelReplay,
  createReplays,
  endReplaysOfContact,
  findReplay,
  type Replay,
  setReplayPaused,
} from '../../src/store/replays.ts';
import { addRoute, onlyOne, reset } from '../webhooks.ts';
import { counted } from './full-count.ts';
import { storeEvents } from './stored-events.ts';

const AUDIT = { actor: 'admin-token', object: 'replays', detail: {}, atMs: 1_700_000_000_000 } as const;
const EVERYWHERE = [0, Number.MAX_SAFE_INTEGER] as const;
const PAGE = { maxEvents: 30, maxPayloadBytes: 1_000 };

beforeEach(async () => {
  await reset();
  await storeEvents({ count: 100 });
});

async function create(filter = {}): Promise<Replay> {
  const replays = await createReplays(
    env.DB,
    { filter, places: EVERYWHERE, route: 'events' },
    { ...AUDIT, action: 'replay.create' },
  );
  return onlyOne(replays);
}

async function inTurn(): Promise<ReplayInTurn> {
  const turn = await nextReplay(env.DB, 'events');
  if (turn === null) throw new Error('there is no replay');
  return turn;
}

describe('a new replay', () => {
  it('is of one route, or there is one for each', async () => {
    await addRoute('crm');
    await addRoute('desk');
    const many = { filter: {}, places: EVERYWHERE, route: null };
    const replays = await createReplays(env.DB, many, { ...AUDIT, action: 'replay.create' });
    expect(replays.map(({ route }) => route)).toEqual(['crm', 'desk', 'events']);
    expect(new Set(replays.map(({ id }) => id)).size).toBe(3);
    const nowhere = { ...many, route: 'nowhere' };
    expect(await createReplays(env.DB, nowhere, { ...AUDIT, action: 'replay.create' })).toEqual([]);
  });

  it('ends with the newest event that there is', async () => {
    const { fromSeq, untilSeq } = await create();
    expect([fromSeq, untilSeq]).toEqual([1_000_000, 1_099_001]);
  });
});

describe('a page', () => {
  it('is noted as sent only once from the same place', async () => {
    const { id } = await create();
    const turn = await inTurn();
    const { found, nextSeq } = await findReplayPage(env.DB, turn, PAGE);
    expect([found.length, nextSeq]).toEqual([30, (found.at(-1)?.seq ?? 0) + 1]);
    const page = { nextSeq, sent: { shop: 30 } };
    await Promise.all([1, 2, 3].map(async () => advanceReplay(env.DB, turn, page, 0)));
    expect(await findReplay(env.DB, id)).toMatchObject({ sent: 30, nextSeq });
    const next = await findReplayPage(env.DB, await inTurn(), PAGE);
    expect(next.found[0]?.seq).toBe(1_030_000);
  });

  it('is not noted where its replay was cancelled since it was read', async () => {
    const replay = await create();
    const turn = await inTurn();
    const audit = { ...AUDIT, action: 'replay.cancel' } as const;
    expect(await cancelReplay(env.DB, replay.id, audit)).toBe(true);
    await advanceReplay(env.DB, turn, { nextSeq: 1_050_000, sent: { shop: 50 } }, 0);
    expect(await findReplay(env.DB, replay.id)).toMatchObject({ state: 'cancelled', sent: 0 });
    expect(await cancelReplay(env.DB, replay.id, audit)).toBe(false);
  });

  it('holds what the filters of the replay and of its route let through', async () => {
    await storeEvents({ count: 50, integration: 'other', firstSeq: 2_000_000 });
    await create({ integration: 'other' });
    await env.DB.prepare(`UPDATE routes SET filter = '{"types":["response"]}'`).run();
    const { found } = await findReplayPage(env.DB, await inTurn(), PAGE);
    expect(found.map(({ seq }) => seq)).toEqual([2_000_000, 2_010_000, 2_020_000, 2_030_000, 2_040_000]);
  });
});

describe('replays', () => {
  it('take turns', async () => {
    const [first, second] = [await create(), await create()];
    const turns: number[] = [];
    for (let turn = 1; turn <= 4; turn++) {
      const next = await inTurn();
      turns.push(next.replay.id);
      await advanceReplay(env.DB, next, { nextSeq: 1_000_000 + turn * 1_000, sent: {} }, AUDIT.atMs + turn);
    }
    expect(turns.toSorted((a, b) => a - b)).toEqual(
      [first.id, first.id, second.id, second.id].toSorted((a, b) => a - b),
    );
    expect(turns[0]).not.toBe(turns[1]);
  });

  it('that are paused have none, until they go on', async () => {
    const { id } = await create();
    const audit = { ...AUDIT, action: 'replay.pause' } as const;
    expect(await setReplayPaused(env.DB, id, true, audit)).toBe(true);
    expect(await setReplayPaused(env.DB, id, true, audit)).toBe(false);
    expect(await nextReplay(env.DB, 'events')).toBeNull();
    expect(await claimReplays(env.DB, 'events', 1_000, 60_000)).toBeNull();
    expect(await findReplay(env.DB, id)).toMatchObject({ state: 'paused' });
    expect(await setReplayPaused(env.DB, id, false, audit)).toBe(true);
    expect((await inTurn()).replay).toMatchObject({ id, state: 'running' });
  });

  it('of a route that is paused have none', async () => {
    await create();
    await env.DB.prepare("UPDATE routes SET state = 'paused'").run();
    expect(await nextReplay(env.DB, 'events')).toBeNull();
    expect(await claimReplays(env.DB, 'events', 1_000, 60_000)).toBeNull();
  });

  it('are counted when they end or are cancelled, what they sent once', async () => {
    const [first, second] = [await create(), await create()];
    for (let turn = 1; turn <= 2; turn++) {
      const next = await inTurn();
      await advanceReplay(
        env.DB,
        next,
        { nextSeq: next.replay.untilSeq, sent: { shop: 7, mail: 2 } },
        AUDIT.atMs + turn,
      );
    }
    await endReplay(env.DB, first.id, 60_000);
    await endReplay(env.DB, first.id, 60_000);
    await cancelReplay(env.DB, second.id, { ...AUDIT, action: 'replay.cancel' });
    expect(await findReplay(env.DB, first.id)).toMatchObject({ state: 'done', sent: 9 });
    expect(await counted()).toEqual({ 'shop replayed:events': 14, 'mail replayed:events': 4 });
  });
});

describe('the right to work off replays', () => {
  it('is given to nobody where there is nothing to do', async () => {
    expect(await claimReplays(env.DB, 'events', 1_000, 60_000)).toBeNull();
  });

  it('is given to one for each route, until it is given back or has ended', async () => {
    await addRoute('crm');
    await createReplays(
      env.DB,
      { filter: {}, places: EVERYWHERE, route: null },
      { ...AUDIT, action: 'replay.create' },
    );
    const first = await claimReplays(env.DB, 'events', 1_000, 60_000);
    expect(first).not.toBeNull();
    expect(await claimReplays(env.DB, 'crm', 1_000, 60_000)).not.toBeNull();
    expect(await claimReplays(env.DB, 'events', 2_000, 60_000)).toBeNull();
    const second = await claimReplays(env.DB, 'events', 61_000, 60_000);
    expect(second).not.toBeNull();
    await releaseReplays(env.DB, 'events', first ?? 0); // of one that had ended: changes nothing
    expect(await claimReplays(env.DB, 'events', 62_000, 60_000)).toBeNull();
    await releaseReplays(env.DB, 'events', second ?? 0);
    expect(await claimReplays(env.DB, 'events', 63_000, 60_000)).not.toBeNull();
  });
});

describe('replays of a contact', () => {
  it('end with its erasure, and keep nothing of it', async () => {
    const own = await create({ contact: '+5541910000007' });
    const other = await create({ contact: '+5541910000008' });
    await env.DB.batch(endReplaysOfContact(env.DB, '+5541910000007', 0));
    expect(await findReplay(env.DB, own.id)).toMatchObject({
      state: 'cancelled',
      filter: { contact: '***' },
    });
    expect(await findReplay(env.DB, other.id)).toMatchObject({ state: 'running', filter: other.filter });
  });
});
