// Thousands of events in any order, with repeats: every message's status and every conversation must come out as the
// story was, which is known from its making.

import { env } from 'cloudflare:workers';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AnswerAt } from '../answers.ts';
import { SEED } from '../seeded.ts';
import { ask, type Body, countRows, deliver, reset, responseBody, statusBody } from '../webhooks.ts';

const EVENTS = 5_000;
const CONTACTS = 60;
/** How many are on their way at the same time. */
const AT_ONCE = 100;
const ONE_IN = { repeats: 4, replies: 3 };

type Step = 'sent' | 'delivered' | 'read' | 'failed';

/** What became of a message, told by hand: the outcome of each set of reports. */
const OUTCOMES: { reported: Step[]; status: Step; implied: Step[] }[] = [
  { reported: ['sent'], status: 'sent', implied: [] },
  { reported: ['sent', 'delivered'], status: 'delivered', implied: [] },
  { reported: ['sent', 'delivered', 'read'], status: 'read', implied: [] },
  { reported: ['sent', 'read'], status: 'read', implied: ['delivered'] },
  { reported: ['delivered'], status: 'delivered', implied: ['sent'] },
  { reported: ['read'], status: 'read', implied: ['sent', 'delivered'] },
  { reported: ['failed'], status: 'failed', implied: [] },
  { reported: ['sent', 'failed'], status: 'failed', implied: [] },
  { reported: ['sent', 'failed', 'delivered'], status: 'delivered', implied: [] },
];
const STRENGTH: Step[] = ['sent', 'failed', 'delivered', 'read'];

interface ToldMessage {
  id: string;
  contact: number;
  outcome: (typeof OUTCOMES)[number];
  times: Map<Step, number>;
}

interface ToldEvent {
  id: string;
  contact: number;
  atMs: number;
  step: Step | null;
  messageId: string;
  body: Body;
}

/** xorshift32: the same numbers for the same seed. */
function dice(seed: number): (sides: number) => number {
  let state = seed | 1;
  return (sides) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % sides;
  };
}

const roll = dice(SEED);
const messages: ToldMessage[] = [];
const events: ToldEvent[] = [];

function canonical(contact: number): string {
  return `+55419${String(70_000_000 + contact * 13)}`;
}

/** The forms in which the platform writes a number. */
function written(contact: number): string {
  const eight = String(70_000_000 + contact * 13);
  return [`+55419${eight}`, `55419${eight}`, `+5541${eight}`, `5541${eight}`][roll(4)] ?? '';
}

/** The forms in which a person types it. */
function typed(contact: number): string {
  const eight = String(70_000_000 + contact * 13);
  const local = `${eight.slice(0, 4)}-${eight.slice(4)}`;
  return [`+55419${eight}`, `(41) ${local}`, `041 9${local}`, `5541${eight}`, ` 5541${eight}`][roll(5)] ?? '';
}

function tell(): void {
  let nowMs = Date.now() - 3 * 86_400_000;
  for (let number = 0; events.length < EVENTS; number++) {
    nowMs += 1_000 + roll(60_000);
    const contact = roll(CONTACTS);
    const id = `m${number}${roll(2) ? ':x%' : ''}`;
    const outcome = OUTCOMES[roll(OUTCOMES.length)] ?? { reported: [], status: 'sent', implied: [] };
    const message: ToldMessage = { id, contact, outcome, times: new Map() };
    messages.push(message);
    let atMs = nowMs;
    for (const step of outcome.reported) {
      atMs += 1 + roll(100_000);
      message.times.set(step, atMs);
      const body = statusBody((status) => {
        status.event.status = step;
        status.message.messageId = id;
        status.message.to = written(contact);
        status.message.updatedAt = new Date(atMs).toISOString();
      });
      events.push({ id: idOf(body), contact, atMs, step, messageId: id, body });
    }
    if (roll(ONE_IN.replies) === 0) {
      atMs += 1 + roll(100_000);
      const body = responseBody((response) => {
        response.message.messageId = `r${number}`;
        response.clientData.number = written(contact);
        response.clientData.timeLastMessage = new Date(atMs).toISOString();
      });
      events.push({ id: idOf(body), contact, atMs, step: null, messageId: `r${number}`, body });
    }
  }
  events.length = EVENTS;
  messages.pop(); // it may have been cut short
}

function idOf({ event, message }: Body): string {
  const [messageId, eventMessageId] = [message.messageId, event.messageId].map((part) =>
    String(part).replaceAll('%', '%25').replaceAll(':', '%3A'),
  );
  return `${messageId}:${eventMessageId}:${event.status === undefined ? 'response' : `status:${event.status}`}`;
}

async function inGroups<T>(items: T[], each: (item: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < items.length; from += AT_ONCE) {
    await Promise.all(items.slice(from, from + AT_ONCE).map(each));
  }
}

describe(`${EVENTS} events in random order with repeats`, () => {
  beforeAll(async () => {
    await reset();
    tell();
    const deliveries = events.flatMap((event) =>
      Array.from({ length: roll(ONE_IN.repeats) === 0 ? 2 + roll(2) : 1 }, () => ({
        event,
        turn: roll(2 ** 30),
      })),
    );
    deliveries.sort((a, b) => a.turn - b.turn);
    expect(deliveries.length).toBeGreaterThan(EVENTS * 1.2);
    await inGroups(deliveries, async ({ event }) => {
      expect((await deliver(event.body)).status).toBe(200);
    });
    expect(await countRows('events')).toBe(EVENTS);
  }, 120_000);

  it('every message has the status, the steps and the times that it had', async () => {
    await inGroups(messages, async ({ id, contact, outcome, times }) => {
      const { answer } = await ask(`/api/messages/${encodeURIComponent(id)}`);
      const time = (step: Step) => times.get(step);
      const lag = (from: Step, to: Step) => {
        const [begun, ended] = [time(from), time(to)];
        return { from, to, ms: begun === undefined || ended === undefined ? null : ended - begun };
      };
      const taken = [...outcome.reported, ...outcome.implied];
      expect(answer).toMatchObject({
        messageId: id,
        contact: canonical(contact),
        status: outcome.status,
        implied: outcome.implied,
        lags: [lag('sent', 'delivered'), lag('delivered', 'read'), lag('sent', 'failed')].filter(
          ({ from, to }) => taken.includes(from) && taken.includes(to),
        ),
        complete: true,
      });
      const steps = answer.steps.map((step) => [step.status, step.at && Date.parse(step.at)]);
      expect(Object.fromEntries(steps)).toEqual(
        Object.fromEntries(taken.map((step) => [step, times.get(step) ?? null])),
      );
      expect(answer.events.map(({ status }) => status)).toEqual(outcome.reported);
      for (const { disorder } of answer.events) expect(disorder).not.toContain('occurred');
    });
  }, 120_000);

  it('every conversation has all its events once, in order, with the window', async () => {
    let entries = 0;
    for (let contact = 0; contact < CONTACTS; contact++) {
      const told = events.filter((event) => event.contact === contact);
      const listed: AnswerAt<'GET', '/api/contacts/x'>['data'] = [];
      let cursor: string = '';
      do {
        const written = encodeURIComponent(typed(contact));
        const { status, answer } = await ask(`/api/contacts/${written}?limit=40${cursor}`);
        expect(status).toBe(200);
        expect(answer.contact).toBe(canonical(contact));
        const lastWritten = Math.max(...told.filter(({ step }) => step === null).map(({ atMs }) => atMs));
        const closesAtMs = lastWritten + 86_400_000;
        expect(answer.window).toEqual(
          lastWritten === Number.NEGATIVE_INFINITY
            ? null
            : { open: Date.now() < closesAtMs, closesAt: new Date(closesAtMs).toISOString() },
        );
        const times = answer.data.map((entry) => entry.occurredAt);
        expect(times).toEqual(times.toSorted().reverse());
        for (const { effectiveStatus, messageId, direction } of answer.data) {
          const steps = answer.data
            .filter((entry) => entry.messageId === messageId && entry.status !== null)
            .map((entry) => STRENGTH.indexOf(entry.status as Step));
          expect(effectiveStatus).toBe(direction === 'in' ? null : STRENGTH[Math.max(...steps)]);
        }
        listed.push(...answer.data);
        cursor = answer.next === null ? '' : `&cursor=${answer.next}`;
      } while (cursor !== '');
      const expected = told.map(
        ({ id, step, atMs }) => [id, [step === null ? 'in' : 'out', step, atMs]] as const,
      );
      const found = listed.map(
        ({ id, direction, status, occurredAt }) => [id, [direction, status, Date.parse(occurredAt)]] as const,
      );
      expect(new Map(found)).toEqual(new Map<unknown, unknown>(expected));
      expect(found).toHaveLength(expected.length);
      entries += listed.length;
    }
    expect(entries).toBe(EVENTS);
  }, 120_000);

  it('the conversations are those of D1', async () => {
    const contacts = await env.DB.prepare('SELECT count(DISTINCT contact) AS n FROM events').first<number>(
      'n',
    );
    expect(contacts).toBe(CONTACTS);
  });
});
