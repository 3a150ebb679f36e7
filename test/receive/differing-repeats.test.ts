// Repeats whose content differs from the event that they repeat: kept, shown, and let in by an operator.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { problemAt } from '../../src/contract/problems.ts';
import { textOf } from '../dashboard/page-text.ts';
import { signedIn } from '../dashboard/signed-in.ts';
import {
  allForwarded,
  api,
  ask,
  type Body,
  countRows,
  deliver,
  delivered,
  type Fields,
  forwardedEvents,
  heldBack,
  idle,
  inject,
  onlyOne,
  reset,
  responseBody,
  seen,
} from '../webhooks.ts';

const ID = '5e178088a88ad9001b6e1914:i3i4321d:response';
const VERSION = new RegExp(`^${ID}~[0-9a-f]{16}$`);

const first = responseBody((body) => {
  body.message.message = 'Pode cancelar o pedido';
});

function edited(text = 'NÃO cancele o pedido!', change: (body: Body) => void = () => undefined): Body {
  return responseBody((body) => {
    body.message.message = text;
    body.message.updatedAt = '2026-11-27T12:04:00.000Z';
    change(body);
  });
}

async function rejections(parameters: `?${string}` | '' = '') {
  return (await ask(`/api/rejections${parameters}`)).answer.data;
}

async function onlyRejection() {
  return onlyOne(await rejections());
}

async function event(id = ID) {
  return (await ask(`/api/events/shop/${encodeURIComponent(id)}`)).answer;
}

async function retry(id: string) {
  return api('POST', `/api/rejections/${id}/retry`);
}

beforeEach(async () => reset());

describe('a repeat with another content', () => {
  it('is answered 200 and kept as a rejection beside the event, which stays as it was', async () => {
    await delivered(first);
    expect(await delivered(edited())).toEqual({ status: 200, answer: { id: ID, outcome: 'kept' } });

    const kept = await onlyRejection();
    expect(kept).toMatchObject({
      reason: 'differs',
      problems: [problemAt('message.message', 'differs')],
      eventId: ID,
      deferred: true,
      deliveries: 1,
    });
    expect(await event()).toMatchObject({
      deliveries: 1,
      payload: first,
      versions: { events: [], rejections: [kept.id] },
    });
    await idle();
    expect(await forwardedEvents()).toHaveLength(1);
  });

  it('is kept when another customer comes under the same ids', async () => {
    await delivered(first);
    await delivered(
      edited('resposta do Beto', (body) => {
        body.clientData.number = '+5544991230232';
        body.clientData.name = 'Beto';
      }),
    );
    expect((await onlyRejection()).problems.map(({ path }) => path)).toEqual([
      'clientData.number',
      'clientData.name',
      'message.message',
    ]);
  });

  it('is counted, not kept again, when it comes again, also with other times and written differently', async () => {
    await delivered(first);
    await delivered(edited());
    await delivered(edited());
    await delivered(
      edited(undefined, (body) => {
        body.message.updatedAt = '2026-11-27T12:09:00.000Z';
      }),
    );
    await delivered(JSON.stringify(edited(), null, 1));
    expect((await onlyRejection()).deliveries).toBe(4);
    expect((await event()).deliveries).toBe(1);
  });

  it('is kept for each content that came', async () => {
    await delivered(first);
    await delivered(edited('a'));
    await delivered(edited('b'));
    expect(await rejections()).toHaveLength(2);
    expect((await event()).versions.rejections).toHaveLength(2);
  });

  it.each([
    ['small', 10],
    ['large', 320_000],
  ])('is kept when all come at once (%s bodies)', async (_, length) => {
    const filler = 'x'.repeat(length);
    const bodies = ['a', 'b', 'a', 'b', 'c'].map((text) => edited(`${text}${filler}`));
    const answers = await Promise.all([first, ...bodies].map(async (body) => delivered(body)));
    const outcomes = Map.groupBy(answers, ({ answer }) => answer.outcome);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(outcomes.get('stored')).toHaveLength(1);
    expect(outcomes.has('deferred')).toBe(false);
    expect(await countRows('events')).toBe(1);
    const kept = await rejections();
    expect(kept).toHaveLength(3); // four contents, one of which is the event
    const { deliveries } = await event();
    expect(kept.reduce((sum, one) => sum + one.deliveries, deliveries)).toBe(6);
  });

  it.each([
    ['the time of its record', 'message', 'updatedAt'],
    ['the time of its customer', 'clientData', 'timeLastMessage'],
  ])('is a repeat where nothing but %s differs, and costs no statement more', async (_, part, name) => {
    await delivered(first);
    await idle();
    const before = (await seen()).statements.length;
    const repeat = { ...first, [part]: { ...(first[part] as Fields), [name]: '2027-01-01T00:00:00Z' } };
    expect((await delivered(repeat)).answer).toEqual({ id: ID, outcome: 'duplicate' });
    expect((await seen()).statements.slice(before)).toHaveLength(2); // of the batch that records
    expect(await countRows('rejections')).toBe(0);
    expect((await event()).deliveries).toBe(2);
  });

  it('is a repeat where it is only written differently, and is counted once', async () => {
    await delivered(first);
    const reversed = JSON.stringify(Object.fromEntries(Object.entries(first).reverse()), null, 2);
    expect((await delivered(reversed)).answer).toEqual({ id: ID, outcome: 'duplicate' });
    expect((await delivered(`\ufeff${JSON.stringify(first)}`)).answer.outcome).toBe('duplicate');
    expect(await countRows('rejections')).toBe(0);
    expect((await event()).deliveries).toBe(3);
  });

  it('is recorded as the event where that is deleted while both are compared', async () => {
    await delivered(first);
    await idle();
    await inject({ d1: { kind: 'late', on: 'wanted.key AS wanted' } });
    const answer = delivered(edited());
    await heldBack();
    await env.DB.prepare('DELETE FROM events').run();
    await inject({});
    expect((await answer).answer).toEqual({ id: ID, outcome: 'stored' });
    expect(await countRows('rejections')).toBe(0);
  });

  it.each([
    ['compared', 'wanted.key AS wanted'],
    ['kept', 'INSERT INTO rejections'],
    ['recorded', 'INSERT INTO events'],
  ])('is not lost where D1 fails when it is to be %s: the intake queue takes it', async (_, on) => {
    await delivered(first);
    await inject({ d1: { kind: 'reject', on } });
    expect((await delivered(edited())).answer).toEqual({ id: ID, outcome: 'deferred' });
    await inject({});
    await idle();
    expect(await onlyRejection()).toMatchObject({
      reason: 'differs',
      eventId: ID,
      deferred: true,
      deliveries: 1,
    });
    expect((await event()).deliveries).toBe(1);
  });

  it('is counted once where D1 kept it and its answer is lost', async () => {
    await delivered(first);
    await inject({ d1: { kind: 'lost-answer', on: 'INSERT INTO rejections' } });
    expect((await delivered(edited())).answer.outcome).toBe('deferred');
    await inject({});
    await idle();
    expect((await onlyRejection()).deliveries).toBe(1);
  });

  it('does not keep what comes with it through the intake queue from becoming events', async () => {
    await delivered(first);
    await inject({ d1: { kind: 'reject', on: 'INSERT INTO events' } });
    const others = ['x', 'y'].map((name) =>
      responseBody((body) => {
        body.event.messageId = name;
      }),
    );
    await Promise.all([edited(), ...others, first].map(async (body) => delivered(body)));
    await inject({});
    await idle();
    expect(await countRows('events')).toBe(3);
    expect(await countRows('rejections')).toBe(1);
    expect((await event()).deliveries).toBe(2);
  });

  it('is erased with the contact that it names, while the event of another contact stays', async () => {
    await delivered(first);
    await delivered(
      edited('resposta do Beto', (body) => {
        body.clientData.number = '+5544991230232';
        body.message.from = '+5544991230232';
        body.message['+5544991230232'] = 1;
      }),
    );
    expect(JSON.stringify((await onlyRejection()).problems)).not.toContain('91230232');
    expect((await api('DELETE', '/api/contacts/%2B5544991230232')).status).toBe(200);
    expect(await countRows('rejections')).toBe(0);
    expect((await event()).deliveries).toBe(1);
  });

  it('costs a comparison and a rejection, or a comparison and a count where it is only written differently', async () => {
    await delivered(first);
    await idle();
    const verbs = async (body: unknown) => {
      const before = (await seen()).statements.length;
      await delivered(body);
      const { statements } = await seen();
      return statements
        .slice(before)
        .map(({ sql, rowsWritten }) => [/\w+(?: INTO)?/.exec(sql)?.[0], rowsWritten]);
    };
    expect(await verbs(edited())).toEqual([
      ['SELECT', 0],
      ['INSERT INTO', 0],
      ['SELECT', 0],
      ['INSERT INTO', 6], // with three indexes, the counter and the usage
    ]);
    expect(await verbs(`\ufeff${JSON.stringify(first)}`)).toEqual([
      ['SELECT', 0],
      ['INSERT INTO', 0],
      ['SELECT', 0],
      ['UPDATE', 2],
    ]);
  });

  it('is compared and found beside its event by indexes', async () => {
    await delivered(first);
    await delivered(edited());
    await event();
    const { statements } = await seen();
    const plans = ['wanted.key AS wanted', 'event_id, seq FROM rejections'].map(async (part) => {
      const { sql, rowsRead } = statements.find((one) => one.sql.includes(part)) ?? { sql: '', rowsRead: 0 };
      expect(rowsRead).toBeLessThanOrEqual(6);
      const parameters = Math.max(...(sql.match(/(?<=\?)\d+/g) ?? []).map(Number));
      const plan = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .bind(...Array(parameters).fill('1'))
        .run<{ detail: string }>();
      return plan.results.map(({ detail }) => detail).join('; ');
    });
    const [compared, found] = await Promise.all(plans);
    expect(compared).toContain('SEARCH e USING INDEX sqlite_autoindex_events_1 (id=? AND integration=?)');
    expect(found).toContain('rejections_by_event (event_id=? AND integration=?)');
    expect(`${compared} ${found}`).not.toMatch(/SCAN (e|events|rejections)\b/);
  });
});

describe('letting in what differs', () => {
  async function keptOne() {
    await delivered(first);
    await delivered(edited());
    return onlyRejection();
  }

  it('makes it an event of its own, whose id says whose version it is', async () => {
    const { id } = await keptOne();
    await idle();
    const { status, answer } = await retry(id);
    expect({ status, outcome: answer.outcome }).toEqual({ status: 200, outcome: 'stored' });
    expect(answer.event).toMatch(VERSION);
    expect(await countRows('rejections')).toBe(0);
    const version = await event(answer.event);
    expect(version).toMatchObject({
      payload: edited(),
      deliveries: 1,
      versions: { events: [ID], rejections: [] },
    });
    expect((await event()).versions).toEqual({ events: [answer.event], rejections: [] });
    await idle();
    const forwarded = await forwardedEvents();
    expect(forwarded.map(({ id }) => id)).toEqual([ID, answer.event]);
    expect(forwarded[1]?.data).toEqual(edited());
  });

  it('puts it into the timeline of its message', async () => {
    const { id } = await keptOne();
    const { event: version } = (await retry(id)).answer;
    const { answer } = await ask('/api/messages/5e178088a88ad9001b6e1914');
    expect(JSON.stringify(answer)).toContain(version);
    const listed = await ask('/api/events?messageId=5e178088a88ad9001b6e1914');
    expect(listed.answer.data.map((one) => one.id)).toEqual([version, ID]);
  });

  it('makes the same content a repeat of it from then on, however it is stamped and written', async () => {
    const { id } = await keptOne();
    const { event: version } = (await retry(id)).answer;
    const again = edited(undefined, (body) => {
      body.message.updatedAt = '2026-12-01T00:00:00.000Z';
    });
    for (const body of [edited(), again, JSON.stringify(edited(), null, 2)]) {
      expect((await delivered(body)).answer).toEqual({ id: version, outcome: 'duplicate' });
    }
    expect(await countRows('rejections')).toBe(0);
    expect((await event(version)).deliveries).toBe(4);
    expect((await event()).deliveries).toBe(1);
    expect((await delivered(edited('noch anders'))).answer.outcome).toBe('kept');
  });

  it('also lets in what is too large to be compared', async () => {
    await delivered(first);
    const large = edited('x'.repeat(400_000));
    expect((await delivered(large)).answer.outcome).toBe('kept');
    const { answer } = await retry((await onlyRejection()).id);
    expect(answer).toMatchObject({ outcome: 'stored', event: expect.stringMatching(VERSION) });
    expect((await delivered(large)).answer).toEqual({ id: answer.event, outcome: 'duplicate' });
  });

  it('is not part of retrying all rejections, unless those that differ are asked for', async () => {
    const { id, problems } = await keptOne();
    const all = await api('POST', '/api/rejections/retry', {});
    expect(all.answer).toMatchObject({ retried: 1, stored: 0, rejected: 1 });
    expect(await onlyRejection()).toMatchObject({ id, reason: 'differs', problems, eventId: ID });
    const asked = await api('POST', '/api/rejections/retry', { reason: 'differs' });
    expect(asked.answer).toMatchObject({ retried: 1, stored: 1, rejected: 0 });
    expect(await countRows('events')).toBe(2);
  });

  it('makes it the event itself where the first event is gone', async () => {
    const { id } = await keptOne();
    await idle();
    await env.DB.prepare('DELETE FROM events').run();
    expect((await retry(id)).answer).toMatchObject({ outcome: 'stored', event: ID });
  });

  it('takes a second retry where only the first one shows that the rejection differs', async () => {
    await delivered(first);
    await env.DB.prepare("UPDATE integrations SET app_id = 'another'").run();
    await env.PROBE.restart();
    expect((await deliver(edited())).status).toBe(422);
    await env.DB.prepare('UPDATE integrations SET app_id = NULL').run();
    const { id } = await onlyRejection();
    expect((await retry(id)).status).toBe(409);
    expect(await onlyRejection()).toMatchObject({ id, reason: 'differs', eventId: ID, deferred: false });
    expect((await event()).versions.rejections).toEqual([id]);
    expect((await retry(id)).answer).toMatchObject({
      outcome: 'stored',
      event: expect.stringMatching(VERSION),
    });
  });

  it('lets it in once where it is interrupted after the recording', async () => {
    const { id } = await keptOne();
    await idle();
    await inject({ d1: { kind: 'reject', on: 'DELETE FROM rejections' } });
    expect((await retry(id)).status).toBe(503);
    await inject({});
    const { answer } = await retry(id);
    expect(answer.outcome).toBe('stored');
    expect(await countRows('events')).toBe(2);
    expect((await event(answer.event)).deliveries).toBe(1);
  });
});

describe('the pages', () => {
  it('show what differs beside the event, in the language of the reader, and let it in', async () => {
    await delivered(first);
    await delivered(edited());
    const { id } = await onlyRejection();
    const operator = await signedIn();
    const eventPage = await operator.page(`/events/shop/${encodeURIComponent(ID)}`);
    expect(eventPage).toContain(`href="/rejections/${id}"`);
    expect(textOf(eventPage)).toContain('Other versions');
    const text = textOf(await operator.page(`/rejections/${id}`));
    expect(text).toContain('differs from the event that it repeats');
    expect(text).toContain(
      'message.message In the event Pode cancelar o pedido text In this one NÃO cancele o pedido! text',
    );
    expect(text).toContain('Let in as an event of its own');
    expect(text).not.toContain('the platform was told that it was taken');
    expect(textOf(await operator.page('/rejections'))).toContain('message.message differs from the event');
    const brazilian = textOf(await (await signedIn(undefined, 'pt')).page(`/rejections/${id}`));
    expect(brazilian).toContain('difere do evento que repete');
    expect(brazilian).toContain('Aceitar como um evento próprio');
  });

  it('say so where the event is gone', async () => {
    await delivered(first);
    await delivered(edited());
    await allForwarded();
    await env.DB.prepare('DELETE FROM events').run();
    const { id } = await onlyRejection();
    const operator = await signedIn();
    expect(textOf(await operator.page(`/rejections/${id}`))).toContain('an event that is not there any more');
  });
});
