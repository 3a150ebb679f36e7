// What holds for every phone number, every time and every identifier.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalContact, contactFromTyped } from '../../src/contract/contact.ts';
import { eventId, eventOf, messageIdOf, messageIdPrefix } from '../../src/contract/event.ts';
import { parseWebhook, STATUSES, type Webhook } from '../../src/contract/webhook.ts';
import { anyText, identifier } from '../receive/any-json.ts';
import { PURE } from '../seeded.ts';
import { responseBody, statusBody } from '../webhooks.ts';
import { moment, phoneForms, separated, style } from './written-forms.ts';

describe('a phone number', () => {
  it('gives the same contact however it is written', () => {
    const numbers = fc.property(phoneForms, style, ({ canonical, international, typed }, separation) => {
      for (const written of international) {
        expect(canonicalContact(separated(written, separation))).toBe(canonical);
      }
      for (const written of typed) expect(contactFromTyped(separated(written, separation))).toBe(canonical);
    });
    fc.assert(numbers, PURE);
  });

  it('that is canonical stays as it is', () => {
    const anyNumber = fc.oneof(
      anyText,
      fc.string({ unit: fc.constantFrom(...'0123456789+ -()'), maxLength: 20 }),
      fc.bigInt({ min: 0n, max: 10n ** 16n }).map(String),
      fc.tuple(fc.constantFrom('55', '+55', '0', '00', ''), fc.nat()).map((parts) => parts.join('')),
    );
    const texts = fc.property(anyNumber, (written) => {
      for (const contact of [canonicalContact(written), contactFromTyped(written)]) {
        if (contact === null) continue;
        expect(contact).toMatch(/^\+[1-9]\d{4,14}$/);
        expect([canonicalContact(contact), contactFromTyped(contact)]).toEqual([contact, contact]);
      }
    });
    fc.assert(texts, PURE);
  });
});

const ARRIVAL = { integration: 'shop', payload: '', requestId: 'request-1', receivedAtMs: 1_700_000_000_000 };

/** When an event happened whose body says so in this text; `null` where that breaks the contract. */
function occurredAtMs(written: string): number | null {
  const parsed = parseWebhook(
    responseBody((body) => {
      body.clientData.timeLastMessage = written;
    }),
  );
  return parsed.ok ? eventOf(parsed.webhook, ARRIVAL).occurredAtMs : null;
}

describe('a time', () => {
  it('is understood in any way that ISO 8601 writes it with Z or an offset', () => {
    const moments = fc.property(moment, ({ written, ms }) => {
      expect(occurredAtMs(written)).toBe(ms);
    });
    fc.assert(moments, PURE);
  });

  it('within the contract is a number, however close it is to being no time', () => {
    const letter = fc.constantFrom(...'0123456789:.,+-TZtzW/ ', '', '00', '\u2212', '\u0661', '\n', '(Z)');
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 2 }), letter), { minLength: 1, maxLength: 3 });
    const times = fc.property(moment, edits, ({ written }, changes) => {
      const edited = changes.reduce((text, [place, removed, added]) => {
        const at = place % (text.length + 1);
        return `${text.slice(0, at)}${added}${text.slice(at + removed)}`;
      }, written);
      const ms = occurredAtMs(edited);
      if (ms !== null) {
        expect(ms).toSatisfy(Number.isSafeInteger);
        expect(new Date(ms).getTime()).toBe(ms);
      }
    });
    fc.assert(times, { ...PURE, numRuns: 20_000 });
  });
});

describe('an event id', () => {
  /** Few letters, those that have a meaning in ids among them, so that there are many near misses. */
  const tricky = fc.string({ unit: fc.constantFrom(...':%3A25as;'), minLength: 1, maxLength: 4 });
  const oneOfMany = fc.oneof({ weight: 4, arbitrary: tricky }, { weight: 1, arbitrary: identifier });
  const webhooks = fc
    .tuple(oneOfMany, oneOfMany, fc.constantFrom(null, ...STATUSES))
    .map(([messageId, eventMessageId, status]) => webhookOf(messageId, eventMessageId, status));
  const families = fc.array(webhooks, { minLength: 2, maxLength: 30, size: 'max' });

  function webhookOf(messageId: string, eventMessageId: string, status: string | null): Webhook {
    const parsed = parseWebhook(
      (status === null ? responseBody : statusBody)((body) => {
        body.message.messageId = messageId;
        body.event.messageId = eventMessageId;
        if (status !== null) body.event.status = status;
      }),
    );
    if (!parsed.ok) throw new Error('an identifier breaks the contract');
    return parsed.webhook;
  }

  /** What makes an event what it is. */
  function identity({ event, message }: Webhook): string {
    return JSON.stringify([message.messageId, event.messageId, event.type, event.status]);
  }

  it('belongs to one event only', () => {
    const ids = fc.property(families, (family) => {
      const byId = new Map(family.map((webhook) => [eventId(webhook), identity(webhook)]));
      for (const webhook of family) expect(byId.get(eventId(webhook))).toBe(identity(webhook));
    });
    fc.assert(ids, PURE);
  });

  it('gives its message back, and begins with the prefix of no other', () => {
    const prefixes = fc.property(families, (family) => {
      for (const one of family) {
        expect(messageIdOf(eventId(one))).toBe(one.message.messageId);
        for (const other of family) {
          const isOfMessage = eventId(one).startsWith(messageIdPrefix(other.message.messageId));
          expect(isOfMessage).toBe(one.message.messageId === other.message.messageId);
        }
      }
    });
    fc.assert(prefixes, { ...PURE, numRuns: 300 }); // of up to 900 pairs
  });
});
