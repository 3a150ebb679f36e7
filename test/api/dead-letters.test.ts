import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  addFurtherRoutes,
  api,
  ask,
  countRows,
  delivered,
  eventually,
  type Fields,
  forwardedEvents,
  inject,
  ORIGIN,
  onlyOne,
  reset,
  responseBody,
  seen,
} from '../webhooks.ts';

const READ_TOKEN = 'read-token-of-all-the-tests';
const DAY_MS = 86_400_000;

beforeEach(async () => reset());
afterEach(async () => inject({}));

/** A CloudEvent as the events queue has it. */
function eventOf(n: number, changes: Fields = {}): Fields {
  return {
    specversion: '1.0',
    id: `m${n}:e${n}:response`,
    source: '/webhooks/shop',
    type: 'digital.grupoboticario.instantmessage.response',
    subject: `m${n}`,
    time: '2026-03-01T02:00:00.000Z',
    datacontenttype: 'application/json',
    contact: '+5541988956674',
    receivedtime: '2026-03-01T02:00:00.000Z',
    data: { n },
    ...changes,
  };
}

/** Lets the dead-letter queue deliver messages; tells what became of each. */
async function deadLetters(bodies: unknown[], attempts = 1, queue?: string): Promise<string[]> {
  return env.PROBE.consumeDeadLetters(bodies, attempts, queue);
}

async function list(query = '') {
  const { status, answer } = await ask(`/api/dead-letters?${query}`);
  expect(status, JSON.stringify(answer)).toBe(200);
  return answer;
}

async function auditOf(action: string) {
  return (await ask(`/api/audit?action=${action}`)).answer.data;
}

describe('a dead letter', () => {
  it('goes all the way: a consumer fails, the message is kept, listed, redriven, and handled', async () => {
    await env.PROBE.consumeBy('fails');
    const body = responseBody((changed) => {
      changed.message.messageId = `round-${Date.now()}`;
    });
    const { answer } = await delivered(body);
    await eventually('it is kept', async () => (await countRows('dead_letters')) === 1);
    const { data } = await list();
    expect(data).toMatchObject([
      { event: answer.id, integration: 'shop', type: 'response', contact: '+5544999999999' },
    ]);
    expect((await seen()).handled).toEqual([]);

    await env.PROBE.consumeBy('works');
    const redriven = await api('POST', `/api/dead-letters/${data[0]?.id}/redrive`);
    expect(redriven).toEqual({ status: 200, answer: { event: answer.id, integration: 'shop' } });
    await eventually('it is handled', async () => (await seen()).handled.length > 0);
    expect((await seen()).handled).toEqual([answer.id]);
    expect(await countRows('dead_letters')).toBe(0);
    const [first, again] = await forwardedEvents();
    expect(again).toEqual(first);
  });

  it('is shown with its message as it was', async () => {
    const event = eventOf(1);
    expect(await deadLetters([event], 3)).toEqual(['ack']);
    const letter = onlyOne((await list()).data);
    expect(letter).toEqual({
      id: expect.stringMatching(/^\d{16}$/),
      kind: 'given-up',
      route: 'events',
      event: 'm1:e1:response',
      integration: 'shop',
      type: 'response',
      contact: '+5541988956674',
      reason: null,
      attempts: 3,
      messageId: 'message-0 m1:e1:response',
      messageBytes: JSON.stringify(event).length,
      sentAt: '2026-03-01T02:00:00.000Z',
      keptAt: expect.stringMatching(/Z$/),
    });
    const { status, answer } = await ask(`/api/dead-letters/${letter.id}`);
    expect(status).toBe(200);
    expect(answer).toEqual({ ...letter, message: event });
  });

  it('is kept once when it comes twice', async () => {
    await deadLetters([eventOf(1)]);
    expect(await deadLetters([eventOf(1), eventOf(2)])).toEqual(['ack', 'ack']);
    expect(await countRows('dead_letters')).toBe(2);
  });

  it('of 128 KB is kept whole', async () => {
    const event = eventOf(1, { data: 'é'.repeat(60_000) });
    expect(await deadLetters(Array(100).fill(event))).toEqual(Array(100).fill('ack'));
    expect(await countRows('dead_letters')).toBe(100);
    const letter = onlyOne((await list('limit=1')).data);
    expect((await ask(`/api/dead-letters/${letter.id}`)).answer.message).toEqual(event);
  });

  it('is retried while D1 is down, with delays that grow to a quarter of an hour', async () => {
    await inject({ d1: { kind: 'reject' } });
    expect(await deadLetters([eventOf(1), eventOf(2)])).toEqual(['retry 5', 'retry 5']);
    expect(await deadLetters([eventOf(1)], 60)).toEqual(['retry 900']);
    await inject({});
    expect(await deadLetters([eventOf(1)])).toEqual(['ack']);
  });

  it('keeps no other back when D1 refuses it', async () => {
    await inject({ d1: { kind: 'reject', on: 'INSERT INTO dead_letters', times: 2 } });
    expect(await deadLetters([eventOf(1), eventOf(2), eventOf(3)])).toEqual(['retry 5', 'ack', 'ack']);
  });

  it('is forgotten past its retention', async () => {
    await deadLetters([eventOf(1)]);
    await env.PROBE.setClock(29 * DAY_MS);
    await env.PROBE.runCron();
    expect(await countRows('dead_letters')).toBe(1);
    await env.PROBE.setClock(31 * DAY_MS);
    await env.PROBE.runCron();
    expect(await countRows('dead_letters')).toBe(0);
  });

  it('leaves no personal data in the log', async () => {
    await inject({ d1: { kind: 'reject' } });
    await deadLetters([eventOf(1, { data: 'Maria' }), 'Maria']);
    expect((await seen()).logged.join()).not.toMatch(/88956674|Maria/);
  });
});

describe('a message that is no event of the receiver', () => {
  it.each([
    ['a text', 'hello'],
    ['nothing', null],
    ['undefined', undefined],
    ['an array', [1, 2]],
    ['bytes', new Uint8Array([1, 255])],
    ['a CloudEvent of somebody else', { ...eventOf(1), source: 'https://example.com' }],
    ['one of an unknown type', { ...eventOf(1), type: 'com.example.thing' }],
    ['one without an id', { ...eventOf(1), id: '' }],
  ])('(%s) is kept, can be looked at and discarded, and not redriven', async (_, body) => {
    expect(await deadLetters([body])).toEqual(['ack']);
    const letter = onlyOne((await list()).data);
    expect(letter).toMatchObject({ event: null, integration: null, type: null, contact: null });
    expect((await ask(`/api/dead-letters/${letter.id}`)).status).toBe(200);

    const refused = await api('POST', `/api/dead-letters/${letter.id}/redrive`);
    expect(refused.status).toBe(409);
    expect(refused.answer.detail).toContain('nothing of this receiver');
    const run = await api('POST', '/api/dead-letters/redrive', { all: true });
    expect(run.answer).toEqual({ redriven: 0, skipped: 1, next: null });
    expect(await forwardedEvents()).toEqual([]);
    expect(await countRows('dead_letters')).toBe(1);
  });
});

describe('redriving', () => {
  it('keeps the dead letter until the queue has confirmed it', async () => {
    await deadLetters([eventOf(1)]);
    const letter = onlyOne((await list()).data);
    await inject({ events: { kind: 'reject' } });
    const response = await env.RECEIVER.fetch(`${ORIGIN}/api/dead-letters/${letter.id}/redrive`, {
      method: 'POST',
      headers: { authorization: 'Bearer admin-token-of-the-tests' },
    });
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '10']);
    await response.text();
    expect((await api('POST', '/api/dead-letters/redrive', { all: true })).status).toBe(503);
    expect(await countRows('dead_letters')).toBe(1);
    expect(await auditOf('dead-letter.redrive')).toEqual([]);

    await inject({});
    expect((await api('POST', `/api/dead-letters/${letter.id}/redrive`)).status).toBe(200);
    expect((await forwardedEvents()).map(({ id }) => id)).toEqual(['m1:e1:response']);
    expect(await countRows('dead_letters')).toBe(0);
    expect(await auditOf('dead-letter.redrive')).toMatchObject([
      { object: letter.id, detail: { route: 'events', integration: 'shop', event: 'm1:e1:response' } },
    ]);
    expect((await api('POST', `/api/dead-letters/${letter.id}/redrive`)).status).toBe(404);
  });

  it('by filter sends the dead letters that match, in full batches, and leaves the rest', async () => {
    const type = 'digital.grupoboticario.instantmessage.status';
    await deadLetters(Array.from({ length: 250 }, (_, n) => eventOf(n)));
    await deadLetters(
      Array.from({ length: 5 }, (_, n) => eventOf(1_000 + n, { type })),
      2,
    );
    const { answer } = await api('POST', '/api/dead-letters/redrive', { type: 'response' });
    expect(answer).toEqual({ redriven: 250, skipped: 0, next: null });
    expect((await seen()).batches.map((batch) => batch.length)).toEqual([100, 100, 50]);
    expect(await countRows('dead_letters')).toBe(5);
    expect(await auditOf('dead-letter.redrive-many')).toMatchObject([
      { object: '*', detail: { type: 'response', done: 50 } },
      { object: '*', detail: { type: 'response', done: 100 } },
      { object: '*', detail: { type: 'response', done: 100 } },
    ]);
  });

  it('goes on where an earlier request ended', async () => {
    for (let batch = 0; batch < 11; batch++) {
      await deadLetters(Array.from({ length: 100 }, (_, n) => eventOf(batch * 100 + n)));
    }
    const first = await api('POST', '/api/dead-letters/redrive', { integration: 'shop' });
    expect(first.answer).toMatchObject({ redriven: 1_000, next: expect.any(String) });
    const cursor = first.answer.next;
    const second = await api('POST', '/api/dead-letters/redrive', { integration: 'shop', cursor });
    expect(second.answer).toEqual({ redriven: 100, skipped: 0, next: null });
    expect(new Set((await forwardedEvents()).map(({ id }) => id)).size).toBe(1_100);
  });

  it('sends large messages within the limits of a batch', async () => {
    await deadLetters(Array.from({ length: 10 }, (_, n) => eventOf(n, { data: 'x'.repeat(100_000) })));
    expect((await api('POST', '/api/dead-letters/redrive', { all: true })).answer.redriven).toBe(10);
    expect((await seen()).batches.map((batch) => batch.length)).toEqual([2, 2, 2, 2, 2]);
  });
});

describe('the dead letters of several routes', () => {
  const CRM_DEAD = 'instant-message-crm-dead';

  it('go all the way: the queue of one route redelivers, and only its consumer gets them again', async () => {
    await addFurtherRoutes({ crm: {} });
    await deadLetters([eventOf(1)]);
    await deadLetters([eventOf(2)], 1, CRM_DEAD);
    const { data } = await list();
    expect(data.map(({ route, event }) => [route, event])).toEqual([
      ['crm', 'm2:e2:response'],
      ['events', 'm1:e1:response'],
    ]);
    expect((await list('route=crm')).data).toEqual([data[0]]);
    expect((await list('route=desk')).data).toEqual([]);

    const redriven = await api('POST', `/api/dead-letters/${data[0]?.id}/redrive`);
    expect(redriven).toEqual({ status: 200, answer: { event: 'm2:e2:response', integration: 'shop' } });
    expect((await forwardedEvents('crm')).map(({ id }) => id)).toEqual(['m2:e2:response']);
    expect(await forwardedEvents()).toEqual([]);
    expect(await auditOf('dead-letter.redrive')).toMatchObject([{ detail: { route: 'crm' } }]);
  });

  it.each([
    ['instant-message-crm-dead', 'crm'],
    ['crm-dead', 'crm'],
    ['instant-message-desk-dead', 'desk'],
    ['instant-message-events-dead', 'events'],
    ['instant-message-scrm-dead', 'events'],
    ['instant-message-crm-desk-dead', 'desk'],
    ['instant-message-unknown-dead', 'events'],
  ])('are told by the name of the queue: %s is of %s', async (queue, route) => {
    await addFurtherRoutes({ crm: {}, desk: {} });
    await deadLetters([eventOf(1)], 1, queue);
    expect(onlyOne((await list()).data).route).toBe(route);
  });

  it('are redriven together, each to its queue', async () => {
    await addFurtherRoutes({ crm: {} });
    for (let n = 0; n < 6; n++) await deadLetters([eventOf(n)], 1, n % 3 === 0 ? CRM_DEAD : undefined);
    const { answer } = await api('POST', '/api/dead-letters/redrive', { all: true });
    expect(answer).toEqual({ redriven: 6, skipped: 0, next: null });
    expect((await forwardedEvents('crm')).map(({ id }) => id)).toEqual(['m0:e0:response', 'm3:e3:response']);
    expect(await forwardedEvents()).toHaveLength(4);
    expect(await countRows('dead_letters')).toBe(0);
  });

  it('are redriven and discarded by route', async () => {
    await addFurtherRoutes({ crm: {} });
    for (let n = 0; n < 6; n++) await deadLetters([eventOf(n)], 1, n % 2 === 0 ? CRM_DEAD : undefined);
    const { answer } = await api('POST', '/api/dead-letters/redrive', { route: 'crm' });
    expect(answer).toEqual({ redriven: 3, skipped: 0, next: null });
    expect(await forwardedEvents('crm')).toHaveLength(3);
    expect((await list()).data.map(({ route }) => route)).toEqual(['events', 'events', 'events']);
    expect((await api('POST', '/api/dead-letters/discard', { route: 'crm' })).answer.discarded).toBe(0);
    expect((await api('POST', '/api/dead-letters/discard', { route: 'events' })).answer.discarded).toBe(3);
  });

  it('stay while their route has no queue, and hold up no others', async () => {
    await addFurtherRoutes({ crm: {} });
    await deadLetters([eventOf(1)], 1, CRM_DEAD);
    await deadLetters([eventOf(2)]);
    await env.PROBE.bindRoutes([]);
    const letter = onlyOne((await list('route=crm')).data);
    for (const [path, body] of [
      [`${letter.id}/redrive`, undefined],
      ['redrive', { route: 'crm' }],
    ] as const) {
      const { status, answer } = await api('POST', `/api/dead-letters/${path}`, body);
      expect([status, answer.reason]).toEqual([409, 'route-unbound']);
      expect(answer.detail).toContain('EVENTS_CRM');
    }
    const { answer } = await api('POST', '/api/dead-letters/redrive', { all: true });
    expect(answer).toEqual({ redriven: 1, skipped: 1, next: null });
    expect((await list()).data).toEqual([letter]);

    await env.PROBE.bindRoutes(['crm']);
    expect((await api('POST', '/api/dead-letters/redrive', { all: true })).answer.redriven).toBe(1);
    expect((await forwardedEvents('crm')).map(({ id }) => id)).toEqual(['m1:e1:response']);
  });

  it('that are in one batch with those of a queue that is down are sent twice rather than lost', async () => {
    await addFurtherRoutes({ crm: {} });
    await deadLetters([eventOf(1)]);
    await deadLetters([eventOf(2)], 1, CRM_DEAD);
    await inject({ crm: { kind: 'reject' } });
    expect((await api('POST', '/api/dead-letters/redrive', { all: true })).status).toBe(503);
    expect(await countRows('dead_letters')).toBe(2);
    await inject({});
    expect((await api('POST', '/api/dead-letters/redrive', { all: true })).answer.redriven).toBe(2);
    expect((await forwardedEvents('crm')).map(({ id }) => id)).toEqual(['m2:e2:response']);
    expect((await forwardedEvents()).map(({ id }) => id)).toEqual(['m1:e1:response', 'm1:e1:response']);
  });
});

describe('discarding', () => {
  it('deletes the dead letter for good', async () => {
    await deadLetters([eventOf(1), eventOf(2)]);
    const letter = onlyOne((await list('limit=1')).data);
    const discard = async () =>
      env.RECEIVER.fetch(`${ORIGIN}/api/dead-letters/${letter.id}`, {
        method: 'DELETE',
        headers: { authorization: 'Bearer admin-token-of-the-tests' },
      });
    expect((await discard()).status).toBe(204);
    expect((await discard()).status).toBe(404);
    expect((await list()).data.map(({ event }) => event)).toEqual(['m1:e1:response']);
    expect(await auditOf('dead-letter.discard')).toHaveLength(1);
  });

  it('by filter deletes the dead letters that match', async () => {
    await deadLetters([eventOf(1), eventOf(2, { contact: '+5541988956675' }), eventOf(3), 'none of ours']);
    const { answer } = await api('POST', '/api/dead-letters/discard', { contact: '41 8895-6674' });
    expect(answer).toEqual({ discarded: 2, next: null });
    expect((await list()).data.map(({ event }) => event)).toEqual([null, 'm2:e2:response']);
    const audit = await auditOf('dead-letter.discard-many');
    expect(audit).toMatchObject([{ detail: { byContact: true, done: 2 } }]);
    expect(JSON.stringify(audit)).not.toContain('88956674');
  });
});

describe('a change of dead letters', () => {
  it.each([
    ['one is discarded', 'DELETE', (id: string) => `/${id}`, undefined],
    ['many are discarded', 'POST', () => '/discard', { all: true }],
    ['one is redriven', 'POST', (id: string) => `/${id}/redrive`, undefined],
    ['many are redriven', 'POST', () => '/redrive', { all: true }],
  ])('is made only together with its entry in the audit trail: %s', async (_, method, path, body) => {
    await deadLetters([eventOf(1), eventOf(2)]);
    const letter = onlyOne((await list('limit=1')).data);
    await inject({ d1: { kind: 'reject', on: 'INSERT INTO audit' } });
    const refused = await env.RECEIVER.fetch(`${ORIGIN}/api/dead-letters${path(letter.id)}`, {
      method,
      headers: { authorization: 'Bearer admin-token-of-the-tests', 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    await refused.text();
    expect(refused.status).toBeGreaterThanOrEqual(500);
    expect(await countRows('dead_letters')).toBe(2);
    expect(await countRows('audit')).toBe(0);
  });

  it('is recorded as far as it came when it is interrupted', async () => {
    await deadLetters(Array.from({ length: 100 }, (_, n) => eventOf(n)));
    await deadLetters(Array.from({ length: 100 }, (_, n) => eventOf(1_000 + n)));
    await inject({ events: { kind: 'reject', after: 1 } });
    expect((await api('POST', '/api/dead-letters/redrive', { all: true })).status).toBe(503);
    expect(await countRows('dead_letters')).toBe(100);
    expect(await auditOf('dead-letter.redrive-many')).toMatchObject([{ detail: { all: true, done: 100 } }]);
  });

  it('is not recorded when no dead letter matches', async () => {
    expect((await api('POST', '/api/dead-letters/discard', { all: true })).answer.discarded).toBe(0);
    expect(await auditOf('dead-letter.discard-many')).toEqual([]);
  });
});

describe('a bulk request', () => {
  it.each(['redrive', 'discard'])(
    '(%s) is refused without a filter, and with one that is misspelt or of events',
    async (verb) => {
      await deadLetters([eventOf(1)]);
      const misspelt = [{ integraton: 'shop' }, { deferred: true }];
      for (const request of [{}, ...misspelt, { all: false }, { all: true, type: 'response' }]) {
        expect((await api('POST', `/api/dead-letters/${verb}`, request)).status).toBe(422);
      }
      expect(await countRows('dead_letters')).toBe(1);
    },
  );

  it('is refused to a token that may only read', async () => {
    await reset({ READ_TOKEN });
    await deadLetters([eventOf(1)]);
    const letter = onlyOne((await list()).data);
    for (const path of ['/redrive', '/discard', `/${letter.id}/redrive`]) {
      expect((await api('POST', `/api/dead-letters${path}`, { all: true }, READ_TOKEN)).status).toBe(403);
    }
    expect((await api('GET', '/api/dead-letters', undefined, READ_TOKEN)).status).toBe(200);
  });
});

describe('the listing', () => {
  it('is newest first, by integration, type, contact and time, a page at a time', async () => {
    await deadLetters([
      eventOf(0),
      eventOf(1, { source: '/webhooks/other' }),
      eventOf(2, { type: 'digital.grupoboticario.instantmessage.status' }),
      eventOf(3, { contact: '+5541988956675' }),
      'none of ours',
    ]);
    const events = async (query: string) => (await list(query)).data.map(({ event }) => event?.[1] ?? null);
    expect(await events('')).toEqual([null, '3', '2', '1', '0']);
    expect(await events('integration=other')).toEqual(['1']);
    expect(await events('type=status')).toEqual(['2']);
    expect(await events('contact=(41)%208895-6675')).toEqual(['3']);
    expect(await events(`until=${new Date(Date.now() - 60_000).toISOString()}`)).toEqual([]);
    expect(await events(`since=${new Date(Date.now() - 60_000).toISOString()}&limit=2`)).toEqual([null, '3']);
    const { next } = await list('limit=2');
    expect(await events(`limit=2&cursor=${next}`)).toEqual(['2', '1']);
    expect((await ask('/api/dead-letters?status=read')).status).toBe(400);
  });

  it('scans a bounded number of rows', async () => {
    await env.DB.prepare(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000)
       INSERT INTO dead_letters (seq, message_id, attempts, received_at, body) SELECT i, i, 1, 0, '1' FROM n`,
    ).run();
    let pages = 0;
    for (let cursor: string | null = ''; cursor !== null; pages++) {
      const page = await list(`integration=shop${cursor && `&cursor=${cursor}`}`);
      expect(page.data).toEqual([]);
      cursor = page.next;
    }
    expect(pages).toBe(3);
    for (const { rowsRead } of (await seen()).statements) expect(rowsRead).toBeLessThanOrEqual(5_005);
  });

  it.each(['7', 'x', '99999999999999999999'])('knows no dead letter %s', async (id) => {
    expect((await ask(`/api/dead-letters/${id}`)).status).toBe(404);
    expect((await api('POST', `/api/dead-letters/${id}/redrive`)).status).toBe(404);
  });
});
