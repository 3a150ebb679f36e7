// What SQL lets through, of what is a person's: a number that SQL does not see is never looked at closely.

import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { contactMatcher } from '../../src/contract/contact-search.ts';
import {
  type ContactHoldingKind,
  findMentions,
  readContactHoldings,
} from '../../src/store/contact-holdings.ts';
import { phoneForms, separated } from '../contract/written-forms.ts';
import { expectHolds, PROPERTY_TIMEOUT_MS } from '../seeded.ts';
import { reset, seen } from '../webhooks.ts';
import { storeEvents } from './stored-events.ts';

beforeEach(async () => reset());

const hex = (letter: string, digits: number) =>
  (letter.codePointAt(0) ?? 0).toString(16).padStart(digits, '0');
const percent = (letter: string) =>
  Array.from(new TextEncoder().encode(letter), (byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
/** Only what any encoder would touch is always encoded; the others encode all, or all but letters and digits. */
const ENCODERS: Record<string, (text: string) => string> = {
  'as it is': (text) => text,
  'as a part of an address': (text) => encodeURIComponent(text).replaceAll('.', '%2E').replaceAll('-', '%2d'),
  'as a field of a form': (text) => new URLSearchParams({ x: text }).toString(),
  'percent-encoded, in capitals': (text) =>
    Array.from(text, (letter) => percent(letter).toUpperCase()).join(''),
  'percent-encoded, in small letters': (text) => Array.from(text, percent).join(''),
  'in JSON': (text) => JSON.stringify({ text }),
  'in JSON, escaped': (text) => `"${Array.from(text, (letter) => `\\u${hex(letter, 4)}`).join('')}"`,
  'in JSON, as Python escapes': (text) =>
    JSON.stringify(text).replace(/[^ -~]/g, (letter) => `\\u${hex(letter, 4)}`),
  'in JSON, as Go escapes': (text) =>
    JSON.stringify({ text }).replace(/[<>&\u2028\u2029]/g, (letter) => `\\u${hex(letter, 4)}`),
  'in decimal entities': (text) => text.replace(/[^a-z]/gi, (letter) => `&#${letter.codePointAt(0)};`),
  'in hexadecimal entities': (text) => text.replace(/[^a-z\d]/gi, (letter) => `&#x${hex(letter, 2)};`),
  'in entities by name': (text) =>
    text
      .replaceAll('&', '&amp;')
      .replaceAll('\u00a0', '&nbsp;')
      .replaceAll('-', '&hyphen;')
      .replaceAll('+', '&plus;')
      .replaceAll('(', '&lpar;')
      .replaceAll(' ', '&Tab;'),
};
const encoder = fc.constantFrom(...Object.keys(ENCODERS));
const phone = fc
  .tuple(phoneForms, fc.nat(), fc.integer())
  .filter(([{ canonical }]) => canonical.length > 10)
  .map(([{ canonical, international }, which, separation]) => ({
    canonical,
    written: separated(international[which % international.length] ?? canonical, separation),
  }));

/** Stores texts as what a walk of a kind looks at; their places are 1, 2, … */
async function store(kind: ContactHoldingKind, texts: readonly string[]): Promise<void> {
  const sql = {
    event: `INSERT INTO events (seq, id, integration, type, contact, app_id, request_id, received_at, occurred_at, payload, replays)
      SELECT key + 1, 'm' || key || ':e:response', 'shop', 'response', '+1', 'a', 'r', 0, 0, value, -1 FROM json_each(?1)`,
    rejection: `INSERT INTO rejections (seq, integration, generation, body_hash, reason, problems, request_id, received_at,
        last_received_at, body, body_encoding)
      SELECT key + 1, 'shop', 1, key, 'not-json', '[]', 'r', 0, 0, value, 'utf-8' FROM json_each(?1)`,
    deadLetter: `INSERT INTO dead_letters (seq, message_id, attempts, received_at, body)
      SELECT key + 1, key, 1, 0, value FROM json_each(?1)`,
    auditEntry: `INSERT INTO audit (seq, actor, action, object, detail)
      SELECT key + 1, 'a', 'event.replay', value, '{}' FROM json_each(?1)`,
    replay: `INSERT INTO replays (id, actor, filter, state, from_seq, until_seq, next_seq, updated_at)
      SELECT key + 1, 'a', json_object('messageId', value), 'done', 0, 0, 0, 0 FROM json_each(?1)`,
  }[kind];
  await env.DB.prepare(sql).bind(JSON.stringify(texts)).run();
}

async function found(kind: ContactHoldingKind, contact: string): Promise<number[]> {
  const number = contactMatcher(contact);
  const { places } = await findMentions(env.DB, kind, { contact, number }, 0);
  const seqs: number[] = [];
  for await (const holdings of readContactHoldings(env.DB, kind, places, number)) {
    seqs.push(...holdings.map(({ seq }) => seq));
  }
  return seqs;
}

describe('what holds a number', () => {
  it(
    'is found however it is written and encoded, one encoding in the other',
    async () => {
      const written = fc.tuple(encoder, encoder).map((names) => names);
      await expectHolds(
        fc.asyncProperty(
          phone,
          fc.array(written, { minLength: 1, maxLength: 40 }),
          async (number, encodings) => {
            await env.DB.batch([
              env.DB.prepare('DELETE FROM rejections'),
              env.DB.prepare('DELETE FROM events'),
            ]);
            const texts = encodings.map((names) =>
              names.reduce((text, name) => ENCODERS[name]?.(text) ?? '', `fone: ${number.written}, obrigado`),
            );
            for (const text of texts) expect(contactMatcher(number.canonical).matches(text), text).toBe(true);
            const all = texts.map((_, index) => index + 1);
            for (const kind of ['event', 'rejection'] as const) {
              await store(kind, texts);
              expect(await found(kind, number.canonical)).toEqual(all);
            }
          },
        ),
        { numRuns: 150 },
      );
    },
    PROPERTY_TIMEOUT_MS,
  );

  it.each(['event', 'rejection', 'deadLetter', 'auditEntry', 'replay'] as const)(
    'is found among what holds none: %s',
    async (kind) => {
      const texts = Array.from({ length: 2_000 }, (_, n) => `{"x":"shop/m${n}%20${n}&amp;41988955${n}"}`);
      texts[777] = '{"x":"false_5541988956674@c.us_3EB0"}';
      await store(kind, texts);
      expect(await found(kind, '+5541988956674')).toEqual([778]);
    },
  );

  it.each([
    ['its area code before it', '{"ddd":"41","phone":"988956674"}'],
    ['its area code behind it, other fields between', '{"phone":"98895-6674","a":{"b":[1,2,"x"]},"ddd":41}'],
    ['its area code in a form', 'fone=9+8895%2D6674&nome=Maria&ddd=41'],
  ])('is found with %s', async (_, text) => {
    await store('rejection', [text, '{"ddd":"11","phone":"988956674"}']);
    expect(await found('rejection', '+5541988956674')).toEqual([1]);
  });
});

describe('what holds an identity', () => {
  it.each(['event', 'rejection', 'deadLetter', 'auditEntry', 'replay'] as const)(
    'is found among what holds none: %s',
    async (kind) => {
      const texts = Array.from({ length: 500 }, (_, n) => `{"x":"17809554433${n}@lid","y":"João ${n}"}`);
      texts[77] = '{"x":"178095544332211@lid"}';
      texts[78] = '{"x":"178095544332211%40lid"}';
      texts[79] = '{"x":"João"}';
      await store(kind, texts);
      expect(await found(kind, '178095544332211@lid')).toEqual([78, 79]);
      expect(await found(kind, 'João')).toEqual([80]);
    },
  );
});

describe('the search', () => {
  it('reads few of the texts that are encoded and hold no number', async () => {
    const link = 'https://storage.example/o/a%2Fb%20c%3D.jpg?alt=media&token=0b54ac8e&to=%2B5511955554444';
    await storeEvents({ count: 5_000, payload: JSON.stringify({ link, text: 'Olá &lt;3, são 41 reais' }) });
    const number = contactMatcher('+5541988956674');
    const { places } = await findMentions(env.DB, 'event', { contact: '+5541988956674', number }, 0);
    expect(places).toEqual([]);
    expect((await seen()).statements).toEqual([]);
  });
});
