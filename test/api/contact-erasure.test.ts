import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { erasureReceipt, unfinishedErasure } from '../../src/api/contacts/erasure.ts';
import { exportLine } from '../../src/api/contacts/export.ts';
import { recordAudit } from '../../src/store/audit.ts';
import { recordRejections } from '../../src/store/rejections.ts';
import type { Fault } from '../receiver/worker.ts';
import { forwardAllBut, storeEvents } from '../store/stored-events.ts';
import { keepRejection } from '../store/stored-rejections.ts';
import {
  ADMIN_TOKEN,
  allForwarded,
  api,
  ask,
  type Body,
  countRows,
  deliver,
  type Fields,
  heldBack,
  idle,
  inject,
  ORIGIN,
  onlyOne,
  register,
  reset,
  responseBody,
  seen,
  statusBody,
} from '../webhooks.ts';

const MARIA = '+5541988956674';
const JOAO = '+5511955554444';
const SHOP = '+551140028922';
const ERASE = `/api/contacts/${encodeURIComponent('(41) 8895-6674')}` as const;

/** Nothing of this may be anywhere: the number in both forms, and what Maria wrote and was written. */
const MARIAS = ['41988956674', '4188956674', 'Segredo da Maria', 'Maria Aparecida', 'para a Maria'];

beforeEach(async () => reset());

/** Every value of every column of every table, as text; what is in base64 also decoded. */
async function everything(): Promise<{ where: string; text: string }[]> {
  const tables = await env.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'",
  ).run<{ name: string }>();
  const values: { where: string; text: string }[] = [];
  for (const { name } of tables.results) {
    const rows = await env.DB.prepare(`SELECT * FROM "${name}"`).run<Record<string, unknown>>();
    for (const row of rows.results) {
      for (const [column, value] of Object.entries(row)) {
        const text = Array.isArray(value) ? String.fromCharCode(...value) : String(value);
        values.push({ where: `${name}.${column}`, text });
        if (/^[A-Za-z0-9+/]{8,}=*$/.test(text) && text.length % 4 === 0) {
          const bytes = Uint8Array.fromBase64(text);
          values.push({
            where: `${name}.${column} decoded`,
            text: String.fromCharCode(...bytes).replaceAll('\0', ''),
          });
        }
      }
    }
  }
  return values;
}

/** Where Maria is still to be found. Separators are nothing. */
async function traces(): Promise<string[]> {
  const found = (await everything()).filter(({ text }) => {
    const plain = text.replace(/\\u[0-9a-f]{4}/gi, (escaped) => JSON.parse(`"${escaped}"`));
    const digits = plain.replace(/[\s().\-/\u00a0\u2010-\u2015\u200b-\u200f\u202a-\u202f]/g, '');
    return MARIAS.some((mark) => plain.includes(mark) || digits.includes(mark));
  });
  return [...new Set(found.map(({ where }) => where))].sort();
}

function response(contact: string, id: string, change: (body: Body) => void = () => undefined): Body {
  return responseBody((body) => {
    body.message.messageId = id;
    body.message.from = SHOP;
    body.message.to = contact;
    body.clientData.number = contact;
    body.clientData.name = contact === JOAO ? 'João' : 'Maria Aparecida';
    body.message.message = contact === JOAO ? 'Texto do João' : 'Segredo da Maria';
    change(body);
  });
}

function status(contact: string, id: string, change: (body: Body) => void = () => undefined): Body {
  return statusBody((body) => {
    body.message.messageId = id;
    body.message.from = SHOP;
    body.message.to = contact;
    body.message.message = contact === JOAO ? 'para o João' : 'para a Maria';
    change(body);
  });
}

function utf16(text: string): ArrayBuffer {
  const bytes = new Uint8Array(text.length * 2);
  for (let index = 0; index < text.length; index++) bytes[index * 2] = text.charCodeAt(index);
  return bytes.buffer;
}

async function keepBytes(body: ArrayBuffer): Promise<void> {
  await recordRejections(
    env.DB,
    [
      {
        integration: 'shop',
        generation: 1,
        reason: 'not-utf8',
        problems: [],
        requestId: crypto.randomUUID(),
        receivedAtMs: Date.now(),
        body,
      },
    ],
    Date.now(),
  );
}

async function keepDeadLetter(
  id: string,
  columns: { contact?: string; event?: string; body: unknown },
): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO dead_letters (seq, message_id, event_id, integration, type, contact, attempts, received_at, body)
     VALUES ((SELECT coalesce(max(seq), 0) + 1 FROM dead_letters), ?1, ?2, 'shop', 'response', ?3, 3, 0, ?4)`,
  )
    .bind(id, columns.event ?? null, columns.contact ?? null, JSON.stringify(columns.body))
    .run();
}

/** Events of Maria, and of João that tell of her. */
const MARIAS_EVENTS: Body[] = [
  response('+554188956674', 'm1'),
  response('5541988956674', 'm2', (body) => {
    body.clientData.extra = { note: 'Segredo da Maria' };
    body.message.location = { address: 'Segredo da Maria', latitude: 1, longitude: '2' };
  }),
  status('554188956674', 'm3'),
  status('+55 (41) 98895-6674', 'm4', (body) => {
    body.event.status = 'failed';
    body.message.failCode = 470;
    body.message.failMessage = 'Segredo da Maria';
    body.clientData = { number: MARIA, name: 'Maria Aparecida' };
  }),
];
const MENTIONS: Body[] = [
  response(JOAO, 'j1', (body) => {
    body.message.from = '554188956674';
  }),
  response(JOAO, 'j2', (body) => {
    body.message.to = MARIA;
  }),
  response(JOAO, 'j3', (body) => {
    body.message.message = 'fale com ela: (41) 8895-6674, Segredo da Maria';
  }),
  status(JOAO, 'j4', (body) => {
    (body.message.mediaData as Fields).link = 'https://wa.me/5541988956674?text=oi';
  }),
  status(JOAO, 'j5', (body) => {
    body.clientData = { number: '41 98895.6674' };
  }),
  status(JOAO, 'j6', (body) => {
    body.message.contextId = '5541988956674';
  }),
];
const JOAOS_EVENTS: Body[] = [response(JOAO, 'j10'), status(JOAO, 'j11'), status(JOAO, 'j12')];
/** As Python writes it, with the separators and even a digit in escapes. */
const ESCAPED = JSON.stringify(
  status(JOAO, 'j7', (body) => {
    body.message.message = 'FONE';
  }),
).replace('FONE', String.raw`+55\u00a041\u00a09889\u0035\u20116674`);

/** Fills every table with things of Maria, and of João. Some events wait to be forwarded. */
async function fill(): Promise<void> {
  for (const body of [...MARIAS_EVENTS, ...MENTIONS, ESCAPED, ...JOAOS_EVENTS]) {
    expect((await deliver(body)).status).toBe(200);
  }
  await allForwarded();
  await forwardAllBut('seq % 2 = 0');
  await env.DB.prepare(
    `INSERT INTO replays (id, actor, filter, state, from_seq, until_seq, next_seq, updated_at)
     VALUES (7, 'admin-token', ?1, 'running', 0, 1, 0, 0), (8, 'admin-token', ?2, 'running', 0, 1, 0, 0)`,
  )
    .bind(JSON.stringify({ contact: MARIA, type: 'response' }), JSON.stringify({ contact: JOAO }))
    .run();
  await keepRejection(
    response('+554188956674', 'r1', (body) => {
      body.event.messageId = '';
    }),
  );
  await keepRejection('{"broken": "+55 (41) 8895-6674');
  await keepRejection('número: 041 98895 6674, Segredo da Maria', { integration: 'deleted-integration' });
  await keepBytes(utf16('to: +5541988956674 Segredo da Maria'));
  await keepBytes(new Uint8Array([0xff, 0x00, ...new TextEncoder().encode('(41) 8895-6674')]).buffer);
  await keepDeadLetter('q1', {
    contact: MARIA,
    event: 'm1:i3i4321d:response',
    body: { data: response(MARIA, 'm1') },
  });
  await keepDeadLetter('q2', { contact: MARIA, body: { dataref: 'elsewhere' } });
  await keepDeadLetter('q3', {
    contact: JOAO,
    event: 'j3:i3i4321d:response',
    body: { dataref: 'elsewhere' },
  });
  await keepDeadLetter('q4', { body: 'none of ours: 55 41 8895 6674' });
  await recordAudit(env.DB, {
    actor: 'admin-token',
    action: 'event.replay',
    object: 'shop/false_5541988956674@c.us_3EB0:e1:response',
    detail: {},
    atMs: Date.now() - 1_000,
  });

  await keepRejection(
    response(JOAO, 'r2', (body) => {
      body.clientData.number = '';
    }),
    { integration: 'mail' },
  );
  await keepBytes(utf16('to: +5511955554444'));
  await keepDeadLetter('q5', {
    contact: JOAO,
    event: 'j10:i3i4321d:response',
    body: { data: response(JOAO, 'j10') },
  });
}

const ALL_OF_MARIA = {
  events: MARIAS_EVENTS.length + MENTIONS.length + 1,
  rejections: 5,
  deadLetters: 4,
  blotted: 1,
};

/** What must be left, whatever was erased. */
async function expectJoaoUntouched(): Promise<void> {
  const events = await env.DB.prepare('SELECT id, payload FROM events ORDER BY seq').run<{
    id: string;
    payload: string;
  }>();
  expect(events.results.map(({ payload }) => JSON.parse(payload))).toEqual(JOAOS_EVENTS);
  expect(await countRows('rejections')).toBe(2);
  expect(await countRows('dead_letters')).toBe(1);
  const replays = await env.DB.prepare('SELECT state, filter FROM replays ORDER BY id').run<{
    state: string;
    filter: string;
  }>();
  expect(replays.results.map(({ state, filter }) => [state, JSON.parse(filter).contact])).toEqual([
    ['cancelled', expect.not.stringContaining('8895')],
    ['running', JOAO],
  ]);
}

async function audited() {
  const { answer } = await ask('/api/audit?action=contact.erase');
  return answer.data.map(({ actor, object, detail }) => ({ actor, object, detail })).reverse();
}

describe('erasing a contact', () => {
  it('deletes all that is held on the contact, in any written form, from every table, and nothing of others', async () => {
    await fill();
    expect(await traces()).toEqual(
      expect.arrayContaining([
        'dead_letters.body',
        'dead_letters.contact',
        'events.contact',
        'events.payload',
        'rejections.body',
        'rejections.body decoded',
        'replays.filter',
      ]),
    );

    const { status, answer } = await api('DELETE', ERASE);
    expect(status).toBe(200);
    expect(erasureReceipt.parse(answer)).toEqual(answer);
    expect(answer).toMatchObject({ erased: ALL_OF_MARIA, complete: true });
    expect(await traces()).toEqual([]);
    await expectJoaoUntouched();
    expect((await ask(ERASE)).answer).toMatchObject({ name: null, window: null, data: [] });
  });

  it('leaves a receipt in the audit trail, without the number', async () => {
    await fill();
    const { answer } = await api('DELETE', ERASE);

    expect(await audited()).toEqual([
      { actor: 'admin-token', object: answer.receipt, detail: { stage: 'begun' } },
      { actor: 'admin-token', object: answer.receipt, detail: { stage: 'finished', ...ALL_OF_MARIA } },
    ]);
    const { logged } = await seen();
    for (const line of logged) for (const mark of MARIAS) expect(line).not.toContain(mark);
  });

  it('answers that it is complete for a contact of whom nothing is held, and when it is repeated', async () => {
    await fill();
    await api('DELETE', ERASE);

    expect(await api('DELETE', ERASE)).toMatchObject({
      status: 200,
      answer: { erased: { events: 0, rejections: 0, deadLetters: 0 }, complete: true },
    });
    await expectJoaoUntouched();
  });

  it('needs a number, and a token that may change something', async () => {
    await reset({ READ_TOKEN: 'read-token-of-the-tests-here' });
    await fill();

    expect(await api('DELETE', '/api/contacts/123')).toMatchObject({
      status: 400,
      answer: { errors: [{ path: 'number', code: 'not-a-contact' }] },
    });
    expect((await api('DELETE', `${ERASE}?cursor=1`)).status).toBe(400);
    expect((await api('DELETE', `${ERASE}?all=1`)).status).toBe(400);
    expect((await api('DELETE', ERASE, undefined, 'read-token-of-the-tests-here')).status).toBe(403);
    expect(await countRows('events')).toBe(ALL_OF_MARIA.events + JOAOS_EVENTS.length);
    expect(await countRows('audit')).toBe(1);
  });

  it('is refused for a number that messages are sent from, unless it is forced', async () => {
    await fill();
    const shop = `/api/contacts/${encodeURIComponent(SHOP)}`;

    expect(await api('DELETE', shop)).toMatchObject({ status: 409, answer: { type: '/problems/conflict' } });
    expect(await countRows('events')).toBe(ALL_OF_MARIA.events + JOAOS_EVENTS.length);
    expect(await countRows('audit')).toBe(1);
    expect((await api('DELETE', `${shop}?force=true`)).status).toBe(200);
    expect(await countRows('events')).toBe(1); // was sent from another number
  });

  it('works while webhooks of the same person come in, and deletes those that came before its end', async () => {
    await storeEvents({ count: 30_000 });
    await fill();
    const numbers = Array.from({ length: 100 }, (_, index) => index);
    const erasure = api('DELETE', ERASE);
    const answers = await Promise.all(numbers.map(async (n) => deliver(response(MARIA, `late${n}`))));
    const { answer } = await erasure;
    await idle(); // some may have been deferred

    expect(answers.map((answered) => answered.status)).toEqual(numbers.map(() => 200));
    expect(answer).toMatchObject({ complete: true, erased: { rejections: 5 } });
    const left = await countRows('events');
    expect(answer.erased.events + left).toBe(
      ALL_OF_MARIA.events + JOAOS_EVENTS.length + 30_000 + numbers.length,
    );
    expect(await api('DELETE', ERASE)).toMatchObject({ status: 200 });
    expect(await traces()).toEqual([]);
  });

  it('leaves the numbers of others that have the same digits', async () => {
    await deliver(
      status(JOAO, 'j20', (body) => {
        body.message.message = '+1 418 895 6674, 8895-6674, 41 98895-66745, 5541889566740';
      }),
    );

    expect((await api('DELETE', ERASE)).answer).toMatchObject({ erased: { events: 0 }, complete: true });
    expect(await countRows('events')).toBe(1);
  });

  it('finds the one entry of the contact among many of nobody’s', async () => {
    await storeEvents({ count: 25_000 });
    await storeEvents({
      count: 1,
      integration: 'web',
      firstSeq: 12_345_500,
      payload: JSON.stringify(
        status(JOAO, 'needle', (body) => {
          body.message.message = '41 88956674';
        }),
      ),
    });
    await storeEvents({ count: 25_000, firstSeq: 40_000_000_000, integration: 'mail' });

    expect((await api('DELETE', ERASE)).answer).toMatchObject({ erased: { events: 1 }, complete: true });
    expect(await countRows('events')).toBe(50_000);
    for (const { sql, rowsRead } of (await seen()).statements) {
      if (sql.includes('stripped')) expect(rowsRead).toBeLessThanOrEqual(4 * 5_000 + 10);
    }
  });
});

/** The number that customers write to, which never sends. */
const SUPPORT = '+551130003000';

async function zipped(text: string, format: 'gzip' | 'deflate'): Promise<ArrayBuffer> {
  return new Response(new Blob([text]).stream().pipeThrough(new CompressionStream(format))).arrayBuffer();
}

describe('a number that is the business’s own', () => {
  const refused = { status: 409, answer: { type: '/problems/conflict', reason: 'business-number' } };
  const erase = async (number: string, query = '') =>
    api('DELETE', `/api/contacts/${encodeURIComponent(number)}${query}`);

  /** A message of a customer to the number that only receives, as it is documented and the other way round. */
  const toSupport = (contact: string, id: string, isReply = false) =>
    response(contact, id, (body) => {
      const [from, to] = isReply ? ['551130003000', contact] : [contact, '+55 (11) 3000-3000'];
      Object.assign(body.message, { from, to });
    });

  describe.each([
    ['before the cron has come to it', async () => undefined],
    ['once the cron has', async () => env.PROBE.runCron()],
  ])('%s', (_, meanwhile) => {
    it.each([
      ['was sent from once', status(JOAO, 'j1'), SHOP],
      ['only receives', toSupport(JOAO, 'j1'), SUPPORT],
      ['only receives, and is named as the sender', toSupport(JOAO, 'j1', true), SUPPORT],
    ])('is refused that %s, before many events of others', async (_, body, number) => {
      await deliver(body);
      const other = JSON.stringify(status(MARIA, 'm1', ({ message }) => (message.from = '+551150005000')));
      await storeEvents({ count: 205, firstSeq: Date.now() * 1000 + 1, integration: 'mail', payload: other });
      await meanwhile();

      expect(await erase(number)).toMatchObject(refused);
      expect(await countRows('events')).toBe(206);
      expect((await erase('+551150005000')).status).toBe(409);
      expect(await countRows('audit')).toBe(0);
    });

    it('is refused also when another customer writes to it', async () => {
      for (const body of [status(JOAO, 'j1'), status(MARIA, 'm1'), status(SHOP, 's1')]) await deliver(body);
      await meanwhile();
      expect(await erase(SHOP)).toMatchObject(refused);
    });

    it('is refused when its events were seen in different integrations, each with one customer', async () => {
      await register('mail');
      await deliver(status(JOAO, 'j1'));
      await deliver(status(MARIA, 'm1'), { slug: 'mail' });
      await deliver(status(SHOP, 's1', ({ message }) => (message.from = SUPPORT)));
      await meanwhile();
      expect(await erase(SHOP)).toMatchObject(refused);
    });

    it('is not taken for one when it stands beside a single other number by mistake, or wrote to itself', async () => {
      await deliver(status(MARIA, 'm1'));
      await deliver(status(MARIA, 'm2', ({ message }) => (message.from = '55 41 8895-6674')));
      await deliver(response(JOAO, 'j1', ({ message }) => (message.from = MARIA)));
      await deliver(response(JOAO, 'j2', ({ message }) => (message.from = MARIA)));
      await meanwhile();
      expect(await erase(MARIA)).toMatchObject({ status: 200, answer: { erased: { events: 4 } } });
      expect(await traces()).toEqual([]);
    });

    it('is erased by force, and is known no more', async () => {
      for (const contact of [JOAO, MARIA]) await deliver(status(contact, `x${contact}`));
      await meanwhile();
      expect((await erase(SHOP)).answer.detail).toContain('?force=true');
      expect(await erase(SHOP, '?force=true')).toMatchObject({
        status: 200,
        answer: { erased: { events: 2 } },
      });
      expect(await countRows('business_numbers')).toBe(0);
      await env.PROBE.runCron();
      expect(await countRows('business_numbers')).toBe(0);
      expect((await erase(SHOP)).status).toBe(200);
    });
  });

  it('is not known before its events have been read: the answer says to repeat the request or to force it', async () => {
    await storeEvents({ count: 60_000, payload: JSON.stringify(status(JOAO, 'j1')) });
    await env.DB.prepare(
      "INSERT INTO progress (task, seq, at) SELECT 'counters', max(seq), 0 FROM events",
    ).run();
    const unread = await env.RECEIVER.fetch(`${ORIGIN}/api/contacts/${SHOP.slice(1)}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    expect([unread.status, unread.headers.get('retry-after')]).toEqual([503, '60']);
    expect(await unread.json()).toMatchObject({ reason: 'business-number-unknown' });
    expect(await countRows('events')).toBe(60_000);
    expect(await countRows('audit')).toBe(0);
    expect(await erase(SHOP)).toMatchObject(refused);
  });
});

describe('a short number', () => {
  it('is erased where it is a field, and not where it is part of a text', async () => {
    await deliver(status('+10000', 's1'));
    await deliver(response(JOAO, 'j1', ({ message }) => (message.message = 'pedido 10000')));
    await deliver(response(JOAO, 'j2', ({ message }) => (message.message = 'ligue +10000, ou "10000"')));
    await deliver(response(JOAO, 'j3', ({ clientData }) => (clientData.phone = '10000')));
    await keepRejection('{"text":"pedido 10000"}');
    await keepRejection('{"to":"+1 0000"}');

    const erasure = await api('DELETE', `/api/contacts/${encodeURIComponent('+10000')}`);
    expect(erasure).toMatchObject({ status: 200, answer: { erased: { events: 2, rejections: 1 } } });
    const { results } = await env.DB.prepare('SELECT id FROM events ORDER BY seq').run<{ id: string }>();
    expect(results.map(({ id }) => id.split(':')[0])).toEqual(['j1', 'j2']);
  });
});

describe('a number that is written in an unusual way', () => {
  const SAME_IN_SAO_PAULO = '{"ddd":"11","phone":"988956674"}';
  const WRITTEN: [string, unknown][] = [
    ['in a form', 'to=%2B55%2041%2098895%2D6674&text=oi'],
    ['in a form, with + for a blank', 'fone=41+98895+6674'],
    ['in an address', { link: 'https://wa.me/?text=ligue%20%2841%29%208895%2D6674' }],
    ['its area code in another field', { ddd: '41', name: 'x', phone: '988956674' }],
    ['its area code in another field, as numbers', { phone: 88956674, address: { ddd: 41 } }],
    ['its area code in another field of a form', 'fone=8895-6674&nome=x&ddd=041'],
    ['in XML, with decimal entities', '<to>&#43;55&#32;41&#32;98895&#45;6674</to>'],
    ['in XML, with hexadecimal entities', '<to>&#x2b;55 &#x34;1 98895&#x2D;6674</to>'],
    ['in XML, its area code in another tag', '<ddd>41</ddd><fone>98895-6674</fone>'],
  ];

  it.each(WRITTEN)('%s is found', async (_, body) => {
    await keepRejection(body);
    await keepRejection(SAME_IN_SAO_PAULO);
    if (typeof body === 'object') {
      await deliver(response(JOAO, 'j1', ({ clientData }) => (clientData.extra = body)));
      await deliver(response(JOAO, 'j2', ({ clientData }) => (clientData.extra = SAME_IN_SAO_PAULO)));
      await keepDeadLetter('q1', { body });
    }
    const { answer } = await api('DELETE', ERASE);
    const count = Number(typeof body === 'object');
    expect(answer.erased).toMatchObject({ events: count, rejections: 1, deadLetters: count });
    expect(await countRows('events')).toBe(count);
    expect(await countRows('rejections')).toBe(1);
  });

  it.each(['gzip', 'deflate'] as const)('is found in a body that came as %s', async (format) => {
    await keepBytes(await zipped(JSON.stringify(response(MARIA, 'm1')), format));
    await keepBytes(await zipped('<to>&#43;55 41\u00a098895-6674</to>', format));
    await keepBytes(await zipped(`${'x'.repeat(900_000)} 41 98895-6674 ${'y'.repeat(20_000_000)}`, format));
    const broken = await zipped(`41 98895-6674 ${crypto.randomUUID().repeat(1_000)}`, format);
    await keepBytes(broken.slice(0, broken.byteLength - 12));
    await keepBytes(await zipped(JSON.stringify(response(JOAO, 'j1')), format));

    expect((await api('DELETE', ERASE)).answer).toMatchObject({ erased: { rejections: 4 }, complete: true });
    expect(await countRows('rejections')).toBe(1);
  });
});

describe('a number in the ids of messages', () => {
  const ID = 'false_5541988956674@c.us_3EB0C4';
  const EVENT = `${ID}:i3i4321d:response`;

  /** What operators did to events of Maria and of João. */
  async function operate(): Promise<string> {
    await deliver(response(MARIA, ID));
    await deliver(response(JOAO, 'j1'));
    for (const id of [EVENT, 'j1:i3i4321d:response']) {
      expect((await api('POST', `/api/events/shop/${encodeURIComponent(id)}/replay`)).status).toBe(202);
    }
    expect((await api('POST', '/api/replay', { messageId: ID })).status).toBe(202);
    expect((await api('POST', '/api/replay', { messageId: 'j1' })).status).toBe(202);
    await keepDeadLetter('q1', { event: EVENT, contact: MARIA, body: {} });
    const { id: letter } = onlyOne((await ask('/api/dead-letters')).answer.data);
    await env.RECEIVER.fetch(`${ORIGIN}/api/dead-letters/${letter}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    return letter;
  }

  it('is replaced by a mark in the audit trail and in replays, and all else there stays', async () => {
    const letter = await operate();
    const entries = async () => (await ask('/api/audit')).answer.data.reverse();
    const before = await entries();
    expect(await traces()).toEqual(
      expect.arrayContaining(['audit.detail', 'audit.object', 'replays.filter', 'events.id']),
    );

    const { answer } = await api('DELETE', ERASE);
    expect(answer).toMatchObject({ erased: { events: 1, deadLetters: 0, blotted: 5 }, complete: true });
    expect(await traces()).toEqual([]);
    const blottedBy = answer.receipt;
    const blottedId = 'false_***@c.us_3EB0C4';
    const after = await entries();
    const changes: [number, Fields][] = [
      [0, { object: `shop/${blottedId}:i3i4321d:response`, detail: { blottedBy } }],
      [2, { detail: { messageId: blottedId, blottedBy } }],
      [
        4,
        {
          detail: {
            kind: 'given-up',
            route: null,
            integration: 'shop',
            event: `${blottedId}:i3i4321d:response`,
            blottedBy,
          },
        },
      ],
    ];
    for (const [index, change] of changes) Object.assign(before[index] ?? {}, change);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(before[4]?.object).toBe(letter);
    expect(after.at(-1)?.detail).toEqual({
      stage: 'finished',
      events: 1,
      rejections: 0,
      deadLetters: 0,
      blotted: 5,
    });

    const replays = (await ask('/api/replay')).answer.data;
    expect(replays.map(({ filter }) => filter.messageId)).toEqual(['j1', blottedId, 'j1', blottedId]);
    expect([replays[1], replays[3]].map((replay) => replay?.state)).not.toContain('running');
    expect((await api('DELETE', ERASE)).answer).toMatchObject({ erased: { events: 0, blotted: 0 } });
  });

  it('is exported from everywhere that it is erased from', async () => {
    await operate();
    const exported = await env.RECEIVER.fetch(`${ORIGIN}${ERASE}/export`, {
      headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
    });
    const lines = (await exported.text())
      .trimEnd()
      .split('\n')
      .map((line) => exportLine.parse(JSON.parse(line)));
    expect(lines.map(({ kind }) => kind).sort()).toEqual([
      'auditEntry',
      'auditEntry',
      'auditEntry',
      'event',
      'replay',
      'replay',
    ]);
  });
});

describe('an erasure that is interrupted', () => {
  const POINTS: [string, Fault][] = [
    ['before its first step', { kind: 'reject', on: 'INSERT INTO audit' }],
    ['at the replays', { kind: 'reject', on: 'UPDATE replays' }],
    ['at the first deletion', { kind: 'reject', on: 'DELETE FROM events' }],
    ['after the first deletion', { kind: 'lost-answer', on: 'DELETE FROM events', times: 1 }],
    ['at the second deletion', { kind: 'reject', on: 'DELETE FROM events', after: 1 }],
    ['at the audit trail', { kind: 'reject', on: 'UPDATE audit' }],
    ['at the rejections', { kind: 'reject', on: 'DELETE FROM rejections' }],
    ['while it walks', { kind: 'reject', on: 'stripped' }],
    ['while it walks on', { kind: 'reject', on: 'stripped', after: 3 }],
    ['at its end', { kind: 'reject', on: 'INSERT INTO audit', after: 1 }],
  ];

  it.each(POINTS)('%s says so, and a repeat finishes it', async (_, fault) => {
    await fill();
    await inject({ d1: fault });
    expect(await api('DELETE', ERASE)).toMatchObject({
      status: 503,
      answer: { type: '/problems/database-unavailable' },
    });
    await inject({});

    expect(await api('DELETE', ERASE)).toMatchObject({ status: 200, answer: { complete: true } });
    expect(await traces()).toEqual([]);
    await expectJoaoUntouched();
    expect((await audited()).at(-1)?.detail.stage).toBe('finished');
  });

  it('by the limit of a request says where to go on, and goes on there', async () => {
    await fill();
    await storeEvents({ count: 30_000, firstSeq: Date.now() * 1000 + 1_000_000 });
    await inject({ d1: { kind: 'late-answer', on: 'FROM rejections NOT INDEXED', times: 1 } });
    const erasure = api('DELETE', ERASE);
    await heldBack();
    await env.PROBE.setClock(60_000);
    await inject({});
    const unfinished = await erasure;

    expect(unfinished.status).toBe(202);
    expect(unfinishedErasure.parse(unfinished.answer)).toEqual(unfinished.answer);
    expect((await audited()).at(-1)?.detail.stage).toBe('unfinished');
    const before = (await seen()).statements.length;
    expect(await api('DELETE', `${ERASE}?cursor=${unfinished.answer.next}`)).toMatchObject({
      status: 200,
      answer: { complete: true },
    });
    expect(await traces()).toEqual([]);
    const walked = (await seen()).statements
      .slice(before)
      .filter(({ sql }) => sql.includes('FROM dead_letters NOT INDEXED'));
    expect(walked[0]?.rowsRead).toBeLessThanOrEqual(1); // they were searched already
  }, 120_000);
});
