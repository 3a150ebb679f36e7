import { describe, expect, it } from 'vitest';
import { eventId, firstVersionId, messageIdOf, versionId, versionIdRange } from '../../src/contract/event.ts';
import {
  comparableText,
  differenceProblem,
  differencesBetween,
  MAX_COMPARED_LENGTH,
} from '../../src/contract/payload-comparison.ts';
import { problemAt } from '../../src/contract/problems.ts';
import type { Webhook } from '../../src/contract/webhook.ts';
import { type Body, responseBody, statusBody } from '../webhooks.ts';

const TEXT = JSON.stringify(responseBody());

function written(change: Parameters<typeof responseBody>[0]): string {
  return JSON.stringify(responseBody(change));
}

function pathsOf(stored: string, repeated: string): string[] {
  return differencesBetween(stored, repeated).map(({ path }) => path);
}

describe('the comparable text of a payload', () => {
  it.each([
    ['white space', JSON.stringify(JSON.parse(TEXT), null, 2)],
    ['a byte order mark', `\ufeff${TEXT}`],
    ['the order of keys', JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(TEXT)).reverse()))],
    ['escapes', TEXT.replace('"appId"', '"\\u0061ppId"')],
    [
      'when the record was written last',
      written((body) => {
        body.message.updatedAt = '2027-01-01T00:00:00Z';
      }),
    ],
    [
      'that this is not told',
      written((body) => {
        delete body.message.updatedAt;
      }),
    ],
    [
      'when the customer wrote last',
      written((body) => {
        body.clientData.timeLastMessage = '2027-01-01T00:00:00Z';
      }),
    ],
  ])('is the same whatever %s', (_, repeated) => {
    expect(comparableText(repeated)).toBe(comparableText(TEXT));
    expect(differencesBetween(TEXT, repeated)).toEqual([]);
  });

  it.each([
    ['1', '1.0'],
    ['10', '1e1'],
    ['0', '-0.00'],
    ['0.5', '5E-1'],
    ['12345678901234567890', '1234567890123456789e1'],
  ])('is the same for the numbers %s and %s', (one, other) => {
    expect(comparableText(`{"n":${one}}`)).toBe(comparableText(`{"n":${other}}`));
  });

  it.each([
    ['1', '2'],
    ['1', '-1'],
    ['1', '"1"'],
    ['12345678901234567890', '12345678901234567891'],
    ['1e400', '1e401'],
    ['null', 'false'],
    ['{}', '[]'],
    ['[1,2]', '[2,1]'],
    ['{"__proto__":1}', '{}'],
  ])('differs for %s and %s', (one, other) => {
    expect(pathsOf(`{"n":${one}}`, `{"n":${other}}`)).toHaveLength(1);
  });

  it('is the payload itself where that is too long or nested too deep to be compared', () => {
    const long = JSON.stringify({ text: 'x'.repeat(MAX_COMPARED_LENGTH) });
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    for (const text of [long, deep]) {
      expect(comparableText(text)).toBe(text);
      expect(differencesBetween(text, text)).toEqual([]);
      expect(pathsOf(text, `${text} `)).toEqual(['']);
    }
  });
});

describe('differences', () => {
  it('are named by their paths, without values', () => {
    const repeated = written((body) => {
      body.message.message = 'NÃO cancele';
      body.message.extra = 1;
      delete body.message.contextId;
    });
    const differences = differencesBetween(TEXT, repeated);
    expect(differences.map(differenceProblem)).toEqual([
      problemAt('message.contextId', 'only-in-event'),
      problemAt('message.message', 'differs'),
      problemAt('message.extra', 'not-in-event'),
    ]);
  });

  it('do not name members whose names may be personal data', () => {
    const by = (number: string) =>
      written((body) => {
        body.message.people = { [number]: 'x' };
      });
    expect(pathsOf(by('+5544991230001'), by('+5544991230002'))).toEqual(['message.people']);
    expect(pathsOf('{"a":1,"Zé da Silva":1}', '{"a":2,"Zé da Silva":2}')).toEqual(['a', '']);
    expect(pathsOf('{"button1":1,"c-d":1,"Zé":1}', '{"button1":2,"c-d":1,"Zé":1}')).toEqual(['button1']);
  });

  it('are at most fifty', () => {
    const many = (value: number) =>
      JSON.stringify(
        Object.fromEntries(
          Array.from({ length: 200 }, (_, index) => [
            `k${'abcdefghij'[Math.floor(index / 20)]}${'abcdefghijklmnopqrst'[index % 20]}`,
            value,
          ]),
        ),
      );
    expect(differencesBetween(many(1), many(2))).toHaveLength(50);
  });
});

describe('the id of a version', () => {
  const idOf = (body: Body) => eventId(body as unknown as Webhook);
  const digest = 'a1b2c3d4e5f60718'.repeat(4);

  it('leads to the first version, and is in the timeline of the same message', () => {
    const id = idOf(responseBody());
    const version = versionId(id, digest);
    expect(version).toBe(`${id}~a1b2c3d4e5f60718`);
    expect(firstVersionId(version)).toBe(id);
    expect(firstVersionId(id)).toBe(id);
    expect(messageIdOf(version)).toBe(messageIdOf(id));
    const [from, until] = versionIdRange(id);
    expect(version >= from && version < until && !(id >= from)).toBe(true);
  });

  it('is never that of a first version, whatever identifiers and statuses a sender uses', () => {
    const id = idOf(
      statusBody((body) => {
        body.event.status = 'read~a1b2c3d4e5f60718';
      }),
    );
    expect(firstVersionId(id)).toBe(id);
    const named = idOf(
      responseBody((body) => {
        body.event.messageId = 'x:response~a1b2c3d4e5f60718';
      }),
    );
    expect(firstVersionId(named)).toBe(named);
  });
});
