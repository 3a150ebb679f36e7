import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { messageTimeline } from '../../src/api/messages/routes.ts';
import { MAX_MESSAGE_EVENTS } from '../../src/store/messages.ts';
import {
  api,
  ask,
  type Body,
  deliver,
  register,
  reset,
  responseBody,
  seen,
  statusBody,
} from '../webhooks.ts';

beforeEach(async () => reset());

/** A step of the documented message, at a second of a day. */
function step(status: string, second: number, change: (body: Body) => void = () => undefined): Body {
  return statusBody((body) => {
    body.event.status = status;
    body.message.updatedAt = at(second);
    change(body);
  });
}

function at(second: number): string {
  return new Date(Date.UTC(2026, 2, 1) + second * 1000).toISOString();
}

const MESSAGE = '5e178088a88ad9001b6e1914';
const TIMELINE = `/api/messages/${MESSAGE}`;

/** The timeline, which must be as it is documented. */
async function timeline(path: `/api/messages/${string}` = TIMELINE) {
  const { status, answer } = await ask(path);
  expect(status).toBe(200);
  expect(messageTimeline.parse(answer)).toEqual(answer);
  return answer;
}

describe('the timeline of a message', () => {
  it('tells what became of it, step by step', async () => {
    await deliver(step('sent', 10));
    await deliver(step('delivered', 12));
    await deliver(step('delivered', 12));
    await deliver(step('read', 60));

    expect(await timeline()).toMatchObject({
      messageId: MESSAGE,
      contact: '+5544999027914',
      status: 'read',
      steps: [
        { status: 'sent', at: at(10) },
        { status: 'delivered', at: at(12) },
        { status: 'read', at: at(60) },
      ],
      implied: [],
      lags: [
        { from: 'sent', to: 'delivered', ms: 2_000 },
        { from: 'delivered', to: 'read', ms: 48_000 },
      ],
      events: [
        { status: 'sent', occurredAt: at(10), deliveries: 1, disorder: [] },
        { status: 'delivered', occurredAt: at(12), deliveries: 2, disorder: [] },
        { status: 'read', occurredAt: at(60), deliveries: 1, disorder: [] },
      ],
      content: {
        text: 'Mensagem de teste',
        media: { kind: 'document', link: 'http://linkteste.com/doc.pdf', filename: 'nome-arquivo.pdf' },
      },
      replies: [],
      complete: true,
    });
  });

  it('is not moved back by late reports, and says which reports came late and which never came', async () => {
    await deliver(step('read', 60));
    await deliver(step('sent', 10));

    expect(await timeline()).toMatchObject({
      status: 'read',
      implied: ['delivered'],
      steps: [
        { status: 'sent', at: at(10) },
        { status: 'delivered', at: null },
        { status: 'read', at: at(60) },
      ],
      lags: [
        { from: 'sent', to: 'delivered', ms: null },
        { from: 'delivered', to: 'read', ms: null },
      ],
      events: [
        { status: 'sent', disorder: ['stored'] },
        { status: 'read', disorder: [] },
      ],
    });
  });

  it('shows why it failed', async () => {
    await deliver(
      step('failed', 20, (body) => {
        body.message.failCode = 470;
        body.message.failMessage = 'more than 24 hours have passed';
      }),
    );

    const { status, content } = await timeline();
    expect(status).toBe('failed');
    expect(content?.failure).toEqual({ code: '470', message: 'more than 24 hours have passed' });
  });

  it('shows the replies', async () => {
    await deliver(step('read', 60));
    await deliver(
      responseBody((body) => {
        body.clientData.timeLastMessage = at(90);
        body.message.message = 'Obrigada!';
      }),
    );

    const { status, replies, events } = await timeline();
    expect(status).toBe('read');
    expect(replies).toMatchObject([
      { id: `${MESSAGE}:i3i4321d:response`, occurredAt: at(90), content: { text: 'Obrigada!' } },
    ]);
    expect(events.map((event) => event.type)).toEqual(['status', 'response']);
  });

  it('of replies alone has neither status nor content', async () => {
    await deliver(responseBody());

    expect(await timeline()).toMatchObject({ status: null, steps: [], content: null, replies: [{}] });
  });

  it('can be limited to one integration', async () => {
    await register('mail');
    await env.PROBE.restart();
    await deliver(step('sent', 1), { slug: 'mail' });
    await deliver(step('read', 2), { slug: 'shop' });

    expect(await timeline()).toMatchObject({ status: 'read', events: [{}, {}] });
    expect(await timeline(`${TIMELINE}?integration=mail`)).toMatchObject({ status: 'sent', events: [{}] });
    expect((await ask(`${TIMELINE}?integration=nobody`)).status).toBe(404);
  });

  it('holds nothing of a message whose id begins with the same letters', async () => {
    await deliver(step('sent', 1));
    for (const id of [`${MESSAGE}x`, `${MESSAGE}:x`, `${MESSAGE};`, MESSAGE.slice(0, -1)]) {
      await deliver(
        step('read', 2, (body) => {
          body.message.messageId = id;
        }),
      );
    }

    expect(await timeline()).toMatchObject({ status: 'sent', events: [{}] });
    const strange = await timeline(`/api/messages/${encodeURIComponent(`${MESSAGE}:x`)}`);
    expect(strange).toMatchObject({ messageId: `${MESSAGE}:x`, status: 'read', events: [{}] });
  });

  it('is not found for an unknown message', async () => {
    await deliver(step('sent', 1));

    expect(await ask('/api/messages/unknown')).toMatchObject({
      status: 404,
      answer: { type: '/problems/not-found' },
    });
  });

  it('takes no parameters but its own', async () => {
    expect(await ask(`${TIMELINE}?integratoin=shop`)).toMatchObject({
      status: 400,
      answer: { errors: [{ path: 'integratoin', code: 'unknown' }] },
    });
    expect((await ask(`${TIMELINE}?integration=`)).status).toBe(400);
    expect((await api('POST', TIMELINE)).status).toBe(404);
  });

  it('omits a content that is too large for a list', async () => {
    await deliver(
      step('sent', 1, (body) => {
        body.message.message = 'x'.repeat(70_000);
      }),
    );

    const { content, events } = await timeline();
    expect(content).toMatchObject({ text: null, omitted: true });
    expect((await ask(`/api/events/shop/${encodeURIComponent(events[0]?.id ?? '')}/payload`)).status).toBe(
      200,
    );
  });

  it('reads a dozen rows for the usual message', async () => {
    for (const [second, status] of ['sent', 'delivered', 'read'].entries())
      await deliver(step(status, second));
    const before = (await seen()).statements.length;
    await timeline();

    const read = (await seen()).statements.slice(before).reduce((sum, { rowsRead }) => sum + rowsRead, 0);
    expect(read).toBeLessThanOrEqual(9);
  });
});

describe('a message with large replies', () => {
  /** Replies to one message, straight into D1, each with a text of so many letters and a time like the one before. */
  async function storeReplies(count: number, letters: number): Promise<void> {
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
       INSERT INTO events (
         seq, id, integration, type, status, contact, app_id, request_id, received_at, occurred_at, payload, replays
       )
       SELECT 1000 + i, 'long:e' || i || ':response', 'shop', 'response', NULL, '+5541988956674', 'app', 'r', i,
         -50000 + i / 7 * 1000, json_object('message', json_object('message', i || ' ' || hex(zeroblob(?2 / 2)))), -1
       FROM n`,
    )
      .bind(count, letters)
      .run();
  }

  it('is answered in pages of bounded size, each going on where the one before ended', async () => {
    await storeReplies(MAX_MESSAGE_EVENTS - 1, 60_000);
    await deliver(
      step('read', 1, (body) => {
        body.message.messageId = 'long';
        body.message.message = 'x'.repeat(60_000);
      }),
    );
    const replies: string[] = [];
    let answers = 0;
    for (let next: string | null = ''; next !== null; answers++) {
      const answer = await timeline(`/api/messages/long${next && `?cursor=${next}`}`);
      expect(JSON.stringify(answer).length).toBeLessThan(4_500_000);
      expect(answer).toMatchObject({ status: 'read', complete: true });
      expect(answer.events).toHaveLength(MAX_MESSAGE_EVENTS);
      expect(answer.content?.text).toHaveLength(60_000);
      for (const { content } of answer.replies) replies.push(content.text?.split(' ')[0] ?? '');
      next = answer.next;
    }
    expect(answers).toBe(7); // of 4 MB
    expect(replies).toEqual(Array.from({ length: MAX_MESSAGE_EVENTS - 1 }, (_, index) => String(index)));
  });

  it('is answered whole when the replies fit, and refuses foreign cursors', async () => {
    await storeReplies(50, 60_000);
    expect(await timeline('/api/messages/long')).toMatchObject({ replies: { length: 50 }, next: null });
    expect((await ask('/api/messages/long?cursor=x')).status).toBe(400);
  });
});

describe('a message with more events than are shown', () => {
  /** `count` events of a message, straight into D1: a read, then sent ones. */
  async function store(count: number): Promise<void> {
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
       INSERT INTO events (
         seq, id, integration, type, status, contact, app_id, request_id, received_at, occurred_at, payload, replays
       )
       SELECT 1000 + i, 'long:e' || i || ':status:' || iif(i = 0, 'read', 'sent'), 'shop', 'status',
         iif(i = 0, 'read', 'sent'), '+5541988956674', 'app', 'r', i, i, '{}', -1
       FROM n`,
    )
      .bind(count)
      .run();
  }

  it('is shown as a whole up to the limit', async () => {
    await store(MAX_MESSAGE_EVENTS);

    const answer = await timeline('/api/messages/long');
    expect(answer.events).toHaveLength(MAX_MESSAGE_EVENTS);
    expect(answer.complete).toBe(true);
  });

  it('shows the first report of each step and the newest, says so, and keeps its status', async () => {
    await store(6_000);
    const before = (await seen()).statements.length;
    const answer = await timeline('/api/messages/long');

    expect(answer).toMatchObject({ status: 'read', complete: false });
    expect(answer.events).toHaveLength(MAX_MESSAGE_EVENTS);
    expect(answer.events[0]?.id).toBe('long:e0:status:read');
    const read = (await seen()).statements.slice(before).reduce((sum, { rowsRead }) => sum + rowsRead, 0);
    expect(read).toBeLessThanOrEqual(5_000 + 2 * MAX_MESSAGE_EVENTS + 1);
  });
});
