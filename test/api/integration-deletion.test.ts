import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { problemAt } from '../../src/contract/problems.ts';
import type { ProblemExtensions } from '../../src/http/problem-details.ts';
import { isWaitingSql } from '../../src/store/stretches.ts';
import { storeDeadLetters } from '../store/stored-dead-letters.ts';
import { forwardAllBut, storeEvents } from '../store/stored-events.ts';
import {
  allForwarded,
  api,
  ask,
  countRows,
  deliver,
  delivered,
  type Fields,
  forwardedEvents,
  heldBack,
  inject,
  register,
  reset,
  tokenOf,
  uniqueResponse,
  waitingOn,
} from '../webhooks.ts';

const GONE = { status: 404, answer: expect.objectContaining({ type: '/problems/not-found' }) };
const FORCED = '/api/integrations/shop?force=true';

beforeEach(async () => {
  await reset();
  await register('mail');
});

/** Events of both integrations, taking turns in the order of time. */
async function storeBoth(count: number): Promise<void> {
  await storeEvents({ count });
  await storeEvents({ count, integration: 'mail', firstSeq: 1_000_500 });
}

async function storeRejections(count: number, integration: string): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 WHERE ?1 > 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
     INSERT INTO rejections (
       seq, integration, generation, body_hash, reason, problems, request_id, received_at, last_received_at, body,
       body_encoding
     )
     SELECT coalesce((SELECT max(seq) FROM rejections), 0) + i, ?2, 1, 'hash ' || i, 'contract', '[]', 'r', 0, 0, '{}',
       'utf-8'
     FROM n`,
  )
    .bind(count, integration)
    .run();
}

/** What an integration has left. `waiting`: of its events, those that are not forwarded. */
interface Left {
  events: number;
  waiting: number;
  rejections: number;
  deadLetters: number;
}

async function left(integration: string): Promise<Left> {
  const row = await env.DB.prepare(
    `SELECT
       (SELECT count(*) FROM events WHERE integration = ?1) AS events,
       (SELECT count(*) FROM events AS e WHERE integration = ?1 AND ${isWaitingSql()}) AS waiting,
       (SELECT count(*) FROM rejections WHERE integration = ?1) AS rejections,
       (SELECT count(*) FROM dead_letters WHERE integration = ?1) AS deadLetters`,
  )
    .bind(integration)
    .first<Left>();
  if (row === null) throw new Error('no row');
  return row;
}

async function audited() {
  const { results } = await env.DB.prepare(
    'SELECT actor, action, object, detail FROM audit ORDER BY seq',
  ).run<{ detail: string }>();
  return results.map((row) => ({ ...row, detail: JSON.parse(row.detail) }));
}

function deletion(detail: Fields) {
  return { actor: 'admin-token', action: 'integration.delete', object: 'shop', detail };
}

function conflict(detail: string, extensions: ProblemExtensions) {
  return {
    status: 409,
    answer: {
      type: '/problems/conflict',
      title: 'In conflict with what is there',
      status: 409,
      detail,
      ...extensions,
    },
  };
}

function complete(events: number, unforwarded: number, rejections: number, deadLetters = 0) {
  return {
    status: 200,
    answer: { complete: true, deleted: { events, unforwarded, rejections, deadLetters } },
  };
}

async function deliverTo(slug: string, generation: number): Promise<number> {
  await env.PROBE.restart();
  return (await deliver(uniqueResponse(), { slug, generation })).status;
}

describe('deleting an integration', () => {
  it('deletes one to which nothing came, and closes its address', async () => {
    await storeEvents({ count: 10, integration: 'mail' });
    await storeRejections(3, 'mail');

    expect(await api('DELETE', '/api/integrations/shop')).toEqual(complete(0, 0, 0));
    expect(await ask('/api/integrations/shop')).toEqual(GONE);
    expect((await ask('/api/integrations')).answer.data).toMatchObject([{ slug: 'mail' }]);
    expect(await api('DELETE', '/api/integrations/shop')).toEqual(GONE);
    expect(await deliverTo('shop', 1)).toBe(401);
    expect(await audited()).toEqual([
      deletion({ stage: 'finished', events: 0, unforwarded: 0, rejections: 0, deadLetters: 0 }),
    ]);
  });

  it.each([
    [1, 0, 0, 'It has 1 event, 0 rejections and 0 dead letters.'],
    [0, 1, 0, 'It has 0 events, 1 rejection and 0 dead letters.'],
    [0, 0, 1, 'It has 0 events, 0 rejections and 1 dead letter.'],
    [3_000, 250, 30, 'It has 3000 events, 250 rejections and 30 dead letters.'],
    [26_000, 0, 0, 'It has at least 24995 events, 0 rejections and 0 dead letters.'],
  ])(
    'is refused while it has %i events, %i rejections and %i dead letters',
    async (events, rejections, deadLetters, sentence) => {
      await storeEvents({ count: events });
      await storeEvents({ count: 5, integration: 'mail', firstSeq: 1_000_500 });
      await storeRejections(rejections, 'shop');
      await storeRejections(5, 'mail');
      await storeDeadLetters({ shop: deadLetters, mail: 5 });
      const before = await ask('/api/integrations/shop');
      for (const query of ['', '?force=false']) {
        expect(await api('DELETE', `/api/integrations/shop${query}`)).toEqual(
          conflict(`${sentence} With ?force=true it is deleted, and they with it.`, {
            reason: 'holds-data',
            holdings: {
              events: Math.min(events, 24_995),
              rejections,
              deadLetters,
              complete: events < 25_000,
            },
          }),
        );
      }
      expect(await ask('/api/integrations/shop')).toEqual(before);
      expect(await left('shop')).toEqual({ events, waiting: 0, rejections, deadLetters });
      expect(await countRows('audit')).toBe(0);
    },
  );

  it('by force deletes its events, those that wait to be forwarded too, its rejections and its dead letters, and nobody else’s', async () => {
    await storeBoth(3_300);
    await forwardAllBut('seq % 3 = 0');
    await storeRejections(230, 'shop');
    await storeRejections(20, 'mail');
    await storeDeadLetters({ shop: 1_100, mail: 30 });
    const shop = await left('shop');
    const mail = await left('mail');
    expect(shop.waiting).toBeGreaterThan(1_000);

    expect(await api('DELETE', FORCED)).toEqual(complete(3_300, shop.waiting, 230, 1_100));
    expect(await left('shop')).toEqual({ events: 0, waiting: 0, rejections: 0, deadLetters: 0 });
    expect(await left('mail')).toEqual(mail);
    expect(await waitingOn()).toBe(mail.waiting);
    expect(await ask('/api/integrations/shop')).toEqual(GONE);
    expect((await ask('/api/integrations/mail')).answer.enabled).toBe(true);
    expect(await deliverTo('shop', 1)).toBe(401);
    expect(await deliverTo('mail', 1)).toBe(200);
    expect(await audited()).toEqual([
      deletion({ stage: 'begun' }),
      deletion({
        stage: 'finished',
        events: 3_300,
        unforwarded: shop.waiting,
        rejections: 230,
        deadLetters: 1_100,
      }),
    ]);
  });

  it('by force leaves nothing of it to be forwarded', async () => {
    await inject({ events: { kind: 'reject' } });
    await delivered(uniqueResponse());
    await delivered(uniqueResponse(), { slug: 'mail' });
    expect(await api('DELETE', FORCED)).toEqual(complete(1, 1, 0));
    await inject({});
    await env.PROBE.setClock(60_000);
    await env.PROBE.runCron();
    expect((await forwardedEvents()).map(({ source }) => source)).toEqual(['/webhooks/mail']);
  });

  it.each([
    ['an event chunk fails', { kind: 'reject', on: 'DELETE FROM events', after: 2 }, 2_000, 0],
    ['the answer to one is lost', { kind: 'lost-answer', on: 'DELETE FROM events', after: 1 }, 2_000, 0],
    ['rejections fail', { kind: 'reject', on: 'DELETE FROM rejections', after: 2 }, 4_300, 200],
    ['the end fails', { kind: 'reject', on: 'retired_integrations' }, 4_300, 230],
  ] as const)(
    'by force and interrupted as %s is finished by a repeat',
    async (_, fault, events, rejections) => {
      await storeBoth(4_300);
      await forwardAllBut("integration = 'shop' AND seq % 2 = 0");
      await storeRejections(230, 'shop');
      const before = await left('shop');
      await inject({ d1: fault });
      expect((await api('DELETE', FORCED)).status).toBe(503);

      await inject({});
      const between = await left('shop');
      expect(between).toMatchObject({ events: 4_300 - events, rejections: 230 - rejections });
      const { answer } = await ask('/api/integrations/shop');
      expect([answer.enabled, answer.generation]).toEqual([false, 1]);
      expect(await audited()).toEqual([deletion({ stage: 'begun' })]);

      expect(await api('DELETE', FORCED)).toEqual(
        complete(between.events, between.waiting, between.rejections),
      );
      expect(before.waiting).toBeGreaterThan(between.waiting);
      expect(await left('shop')).toEqual({ events: 0, waiting: 0, rejections: 0, deadLetters: 0 });
      expect((await left('mail')).events).toBe(4_300);
      expect(await ask('/api/integrations/shop')).toEqual(GONE);
    },
  );

  it('can be repeated when the last answer was lost', async () => {
    await storeBoth(10);
    await inject({ d1: { kind: 'lost-answer', on: 'retired_integrations' } });
    expect((await api('DELETE', FORCED)).status).toBe(503);
    await inject({});
    expect(await api('DELETE', FORCED)).toEqual(GONE);
    expect(await audited()).toHaveLength(2);
  });

  it.each(['', '&cursor='])(
    'by force that takes too long says how far it came, and goes on when repeated%s',
    async (cursor) => {
      await storeBoth(5_000);
      await inject({ d1: { kind: 'late', on: 'DELETE FROM events', after: 1 } });
      const first = api('DELETE', FORCED);
      await heldBack();
      await env.PROBE.setClock(21_000);
      await inject({});
      const { status, answer } = await first;

      expect([status, answer.complete]).toEqual([202, false]);
      const { events } = answer.deleted;
      expect(events).toBeGreaterThanOrEqual(1_000);
      expect(events).toBeLessThan(5_000);
      expect(await left('shop')).toMatchObject({ events: 5_000 - events });
      expect(answer.detail).toBe(
        `One request does not delete it all. Repeat it with ?force=true&cursor=${answer.next}.`,
      );
      expect((await ask('/api/integrations/shop')).answer.enabled).toBe(false);
      expect((await audited()).at(-1)).toEqual(
        deletion({ stage: 'unfinished', events, unforwarded: 0, rejections: 0, deadLetters: 0 }),
      );

      const repeated = await api('DELETE', `${FORCED}${cursor && cursor + answer.next}`);
      expect(repeated).toEqual(complete(5_000 - events, 0, 0));
      expect(await left('mail')).toMatchObject({ events: 5_000 });
    },
  );

  it('by force lets the webhooks of others in meanwhile', async () => {
    await storeBoth(5_000);
    const outcomes: (string | undefined)[] = [];
    const come = async () => {
      outcomes.push((await delivered(uniqueResponse(), { slug: 'mail' })).answer.outcome);
      await new Promise((resolve) => setTimeout(resolve, 1)); // else no timer of this process would ever fire
    };
    await inject({ d1: { kind: 'late', on: 'DELETE FROM events', after: 1 } });
    let isDeleting = true;
    const deleting = api('DELETE', FORCED).finally(() => {
      isDeleting = false;
    });
    await heldBack();
    for (let n = 0; n < 2; n++) await come();
    await inject({});
    while (isDeleting) await come();
    expect(await deleting).toEqual(complete(5_000, 0, 0));
    expect(outcomes.length).toBeGreaterThan(1);
    expect(new Set(outcomes)).toEqual(new Set(['stored']));
    expect(await left('mail')).toMatchObject({ events: 5_000 + outcomes.length });
  });

  it.each([
    ['by force', FORCED, complete(12, 0, 0)],
    [
      'that nothing had come to',
      '/api/integrations/shop',
      conflict(
        'It has 1 event, 0 rejections and 0 dead letters. With ?force=true it is deleted, and they with it.',
        { reason: 'holds-data', holdings: { events: 1, rejections: 0, deadLetters: 0, complete: true } },
      ),
    ],
  ])('%s takes note of what comes at the last moment', async (_, path, expected) => {
    if (path === FORCED) await storeEvents({ count: 10 });
    await delivered(uniqueResponse()); // this isolate knows the registration from now on, and takes webhooks for 30 s
    await allForwarded();
    if (path !== FORCED) await env.DB.prepare('DELETE FROM events').run();
    await inject({ d1: { kind: 'late', on: 'retired_integrations', times: 1 } });
    const deleting = api('DELETE', path);
    await heldBack();
    expect(await countRows('events')).toBe(0);
    expect((await delivered(uniqueResponse())).answer.outcome).toBe('stored');
    await allForwarded();
    await inject({});

    expect(await deleting).toEqual(expected);
    const isGone = path === FORCED;
    expect(await countRows('events')).toBe(isGone ? 0 : 1);
    expect((await ask('/api/integrations/shop')).status).toBe(isGone ? 404 : 200);
  });

  it.each([
    ['an event from an isolate whose clock is behind', 1, 0, 0],
    ['a rejection', 0, 1, 0],
    ['a dead letter', 0, 0, 1],
  ])('by force takes %s that comes at the last moment', async (_, events, rejections, deadLetters) => {
    const nowSeq = Date.now() * 1000;
    await storeEvents({ count: 1, integration: 'mail', firstSeq: nowSeq + 20_000_000 }); // the walk comes up to here
    await inject({ d1: { kind: 'late', on: 'retired_integrations', times: 1 } });
    const deleting = api('DELETE', FORCED);
    await heldBack();
    expect((await ask('/api/integrations/shop')).answer.enabled).toBe(false);
    await storeEvents({ count: events, firstSeq: nowSeq });
    await storeRejections(rejections, 'shop');
    await storeDeadLetters({ shop: deadLetters });
    await inject({});

    expect(await deleting).toEqual(complete(events, 0, rejections, deadLetters));
    expect(await left('shop')).toEqual({ events: 0, waiting: 0, rejections: 0, deadLetters: 0 });
  });

  it('by force stops where somebody enables it again', async () => {
    await storeBoth(10);
    await inject({ d1: { kind: 'late', on: 'retired_integrations', times: 1 } });
    const deleting = api('DELETE', FORCED);
    await heldBack();
    expect((await left('shop')).events).toBe(0);
    await api('POST', '/api/integrations/shop/enable');
    await inject({});

    expect(await deleting).toEqual(
      conflict(
        'It was enabled while it was being deleted, and stays. 10 events, 0 rejections and 0 dead letters are gone.',
        { reason: 'enabled-meanwhile', deleted: { events: 10, rejections: 0, deadLetters: 0 } },
      ),
    );
    expect((await ask('/api/integrations/shop')).answer.enabled).toBe(true);
    expect((await audited()).at(-1)).toEqual(
      deletion({ stage: 'unfinished', events: 10, unforwarded: 0, rejections: 0, deadLetters: 0 }),
    );
  });

  it('by force three times at once happens once', async () => {
    await storeBoth(3_000);
    await forwardAllBut('seq % 2 = 0');
    const { waiting } = await left('shop');
    const answers = await Promise.all([0, 1, 2].map(async () => api('DELETE', FORCED)));
    const deleted = answers.flatMap(({ answer }) => (answer.complete ? [answer.deleted] : []));
    expect(deleted.length).toBeGreaterThan(0);
    expect(deleted.reduce((sum, { events }) => sum + events, 0)).toBe(3_000);
    expect(deleted.reduce((sum, { unforwarded }) => sum + unforwarded, 0)).toBe(waiting);
    const finished = (await audited()).filter(({ detail }) => detail.stage === 'finished');
    expect(finished).toHaveLength(1);
    expect(await left('mail')).toMatchObject({ events: 3_000 });
  });

  it.each([
    ['force=yes', problemAt('force', 'not-one-of', { values: ['true', 'false'] })],
    ['force=', problemAt('force', 'not-one-of', { values: ['true', 'false'] })],
    ['Force=true', problemAt('Force', 'unknown')],
    ['cursor=7', problemAt('cursor', 'goes-with', { parameter: 'force' })],
    ['force=true&cursor=x', problemAt('cursor', 'not-a-cursor')],
  ])('is refused with ?%s', async (query, error) => {
    const { status, answer } = await api('DELETE', `/api/integrations/shop?${query}`);
    expect(status).toBe(400);
    expect(answer.errors).toEqual([error]);
    expect((await ask('/api/integrations/shop')).answer.enabled).toBe(true);
  });
});

describe('a slug registered again', () => {
  it('is not opened by any earlier URL', async () => {
    await api('POST', '/api/integrations/shop/rotate', { overlapHours: 720 });
    await api('DELETE', '/api/integrations/shop');
    const { status, answer } = await api('POST', '/api/integrations', { slug: 'shop' });

    expect(status).toBe(201);
    expect(answer).toMatchObject({ generation: 3, previous: [] });
    expect(answer.url).toContain(await tokenOf('shop', 3));
    expect(await deliverTo('shop', 1)).toBe(401);
    expect(await deliverTo('shop', 2)).toBe(401);
    expect(await deliverTo('shop', 3)).toBe(200);

    await api('DELETE', FORCED);
    expect((await api('POST', '/api/integrations', { slug: 'shop' })).answer.generation).toBe(4);
    await api('DELETE', '/api/integrations/shop');
    expect((await api('POST', '/api/integrations', { slug: 'shop' })).answer.generation).toBe(5);
    expect((await api('POST', '/api/integrations', { slug: 'other' })).answer.generation).toBe(1);
  });
});
