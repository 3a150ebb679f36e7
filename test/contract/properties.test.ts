// What holds for every phone number, every time and every identifier.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assessBody } from '../../src/contract/assess.ts';
import { cloudEventHead, parseEvent } from '../../src/contract/cloudevent.ts';
import {
  canonicalContact,
  contactFromTyped,
  isPhoneNumber,
  MAX_IDENTITY_LENGTH,
} from '../../src/contract/contact.ts';
import { eventId, eventOf, messageIdOf, messageIdPrefix, type NewEvent } from '../../src/contract/event.ts';
import { encodePayload } from '../../src/contract/payload.ts';
import { parseWebhook, STATUSES, type Webhook } from '../../src/contract/webhook.ts';
import { anyText, identifier } from '../receive/any-json.ts';
import { filledIn, oddField, putIn } from '../receive/odd-fields.ts';
import { expectHolds } from '../seeded.ts';
import { type Body, responseBody, statusBody, valueAt } from '../webhooks.ts';
import { moment, phoneForms, separated, style } from './written-forms.ts';

describe('a phone number', () => {
  it('gives the same contact however it is written', async () => {
    const numbers = fc.property(phoneForms, style, ({ canonical, international, typed }, separation) => {
      for (const written of international) {
        expect(canonicalContact(separated(written, separation))).toBe(canonical);
      }
      for (const written of typed) expect(contactFromTyped(separated(written, separation))).toBe(canonical);
    });
    await expectHolds(numbers);
  });

  it('stays as it is where it is canonical', async () => {
    const anyNumber = fc.oneof(
      anyText,
      fc.string({ unit: fc.constantFrom(...'0123456789+ -()'), maxLength: 20 }),
      fc.bigInt({ min: 0n, max: 10n ** 16n }).map(String),
      fc.tuple(fc.constantFrom('55', '+55', '0', '00', ''), fc.nat()).map((parts) => parts.join('')),
    );
    const texts = fc.property(anyNumber, (written) => {
      for (const contact of [canonicalContact(written), contactFromTyped(written)]) {
        if (contact === null) continue;
        expect(contact.length).toBeLessThanOrEqual(MAX_IDENTITY_LENGTH);
        if (isPhoneNumber(contact)) expect(contact).toMatch(/^\+[1-9]\d{4,14}$/);
        expect([canonicalContact(contact), contactFromTyped(contact)]).toEqual([contact, contact]);
      }
    });
    await expectHolds(texts);
  });

  it('is read by the regular expressions as by the library', async () => {
    const countryCode = fc.constantFrom(
      ...'1 7 20 27 30 34 351 39 41 44 48 51 52 54 55 56 595 598 61 62 81 86 91 261 375 378 998'.split(' '),
    );
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 15 });
    const plain = fc.oneof(
      fc.tuple(fc.constantFrom('+', ''), countryCode, digits).map((parts) => parts.join('')),
      fc.tuple(fc.constantFrom('+', ''), digits).map((parts) => parts.join('')),
      phoneForms.map(({ international }) => international[0] ?? ''),
    );
    const numbers = fc.property(plain, (written) => {
      // A mark that means nothing keeps a number from the short way.
      expect(canonicalContact(written)).toBe(canonicalContact(`\u200e${written}`));
    });
    await expectHolds(numbers, { numRuns: 50_000 });
  });
});

const ARRIVAL = { integration: 'shop', payload: '', requestId: 'request-1', receivedAtMs: 1_700_000_000_000 };

/** The event of a reply that says in this text when it was written, received then. */
function eventWrittenAt(written: string, receivedAtMs: number): NewEvent {
  const body = responseBody((changed) => {
    changed.clientData.timeLastMessage = written;
    delete changed.message.createdAt;
    delete changed.message.updatedAt;
  });
  const parsed = parseWebhook(body, receivedAtMs);
  if (!parsed.ok) throw new Error('a time breaks the contract');
  return eventOf(parsed, { ...ARRIVAL, receivedAtMs });
}

const YEAR_2000_MS = Date.UTC(2000, 0, 1);

describe('a time', () => {
  it('is understood in every spelling of ISO 8601 with Z or an offset', async () => {
    const moments = fc.property(moment, fc.integer({ min: -86_400_000 }), ({ written, ms }, later) => {
      const receivedAtMs = ms + later;
      const { occurredAtMs, oddities } = eventWrittenAt(written, receivedAtMs);
      if (ms >= YEAR_2000_MS) expect([occurredAtMs, oddities]).toEqual([ms, undefined]);
      else expect([occurredAtMs, oddities?.[0]?.code]).toEqual([receivedAtMs, 'impossible-time']);
    });
    await expectHolds(moments);
  });

  it('is near its arrival or invalid, whatever text is read', async () => {
    const letter = fc.constantFrom(...'0123456789:.,+-TZtzW/ ', '', '00', '\u2212', '\u0661', '\n', '(Z)');
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 2 }), letter), { minLength: 1, maxLength: 3 });
    const times = fc.property(moment, edits, ({ written, ms: meant }, changes) => {
      const edited = changes.reduce((text, [place, removed, added]) => {
        const at = place % (text.length + 1);
        return `${text.slice(0, at)}${added}${text.slice(at + removed)}`;
      }, written);
      const receivedAtMs = Math.max(meant, YEAR_2000_MS);
      const { occurredAtMs: ms, oddities } = eventWrittenAt(edited, receivedAtMs);
      expect(ms).toSatisfy(Number.isSafeInteger);
      expect(ms).toBeGreaterThanOrEqual(YEAR_2000_MS);
      expect(ms).toBeLessThanOrEqual(receivedAtMs + 86_400_000);
      if (oddities !== undefined) expect(ms).toBe(receivedAtMs);
    });
    await expectHolds(times, { numRuns: 20_000 });
  });
});

describe('a body that identifies an event', () => {
  const arrival = {
    integration: 'shop',
    requestId: 'r',
    receivedAtMs: Date.UTC(2026, 10, 27, 12),
    appId: null,
  };

  it('is that event whatever its other fields hold, names what is odd, and can be parsed by consumers', async () => {
    const replaced = fc.property(fc.boolean(), oddField, (isReply, field) => {
      const body = filledIn(isReply ? responseBody() : statusBody());
      const { id } = eventIn(body);
      putIn(body, field);
      const { path, value } = field;

      const event = eventIn(body);
      expect(event.id).toBe(id);
      expect(event.payload).toBe(JSON.stringify(body));
      for (const oddity of event.oddities ?? []) expect(`${oddity.path}.`).toContain(`${path}.`);
      const parsed = parseEvent({ ...cloudEventHead(event, { seq: 1, replay: null }), data: body });
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
      if (event.contact === null) expect(parsed.event).not.toHaveProperty('contact');
      const given = valueAt(parsed.event.data, path);
      const isOdd = event.oddities?.some((oddity) => oddity.path === path && oddity.code !== 'not-a-contact');
      if (isOdd) expect(given ?? null).toBeNull();
      else if (typeof value === 'string') expect(given).toBeTypeOf('string');
    });
    await expectHolds(replaced, { numRuns: 10_000 });
  });

  function eventIn(body: Body): NewEvent {
    const judged = assessBody(encodePayload(JSON.stringify(body)), arrival);
    if (!judged.ok) throw new Error(JSON.stringify(judged.problems));
    return judged.event;
  }
});

describe('an event id', () => {
  /** Short, and made of what has a meaning in ids, so that there are many near misses. */
  const tricky = fc.string({
    unit: fc.constantFrom(':', '%', '%3A', '%25', 'a'),
    minLength: 1,
    maxLength: 2,
  });
  const oneOfMany = fc.oneof({ weight: 4, arbitrary: tricky }, { weight: 1, arbitrary: identifier });
  const webhooks = fc
    .tuple(oneOfMany, oneOfMany, fc.constantFrom(null, ...STATUSES))
    .map(([messageId, eventMessageId, status]) => webhookOf(messageId, eventMessageId, status));
  const families = fc.array(webhooks, { minLength: 2, maxLength: 30, size: 'max' });

  function webhookOf(messageId: string, eventMessageId: string, status: string | null): Webhook {
    const change = (body: Body) => {
      body.message.messageId = messageId;
      body.event.messageId = eventMessageId;
      if (status !== null) body.event.status = status;
    };
    const parsed = parseWebhook(status === null ? responseBody(change) : statusBody(change), 0);
    if (!parsed.ok) throw new Error('an identifier breaks the contract');
    return parsed.webhook;
  }

  /** What makes an event what it is. */
  function identity({ event, message }: Webhook): string {
    return JSON.stringify([message.messageId, event.messageId, event.type, event.status]);
  }

  it('belongs to one event only', async () => {
    const ids = fc.property(families, (family) => {
      const byId = new Map(family.map((webhook) => [eventId(webhook), identity(webhook)]));
      for (const webhook of family) expect(byId.get(eventId(webhook))).toBe(identity(webhook));
    });
    await expectHolds(ids);
  });

  it('contains its message id, and begins with the prefix of no other message', async () => {
    const prefixes = fc.property(families, (family) => {
      for (const one of family) {
        expect(messageIdOf(eventId(one))).toBe(one.message.messageId);
        for (const other of family) {
          const isOfMessage = eventId(one).startsWith(messageIdPrefix(other.message.messageId));
          expect(isOfMessage).toBe(one.message.messageId === other.message.messageId);
        }
      }
    });
    await expectHolds(prefixes, { numRuns: 300 }); // of up to 900 pairs
  });
});
