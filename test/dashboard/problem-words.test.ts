// Whatever the API or a rejection says is wrong has words in both languages.

import { describe, expect, it } from 'vitest';
import { assessBody } from '../../src/contract/assess.ts';
import { parseWebhook } from '../../src/contract/webhook.ts';
import { LANGUAGES } from '../../src/dashboard/language.ts';
import { problemWords } from '../../src/dashboard/problem-words.tsx';
import { integrationPatch, newIntegration, rotation } from '../../src/operate/integrations.ts';
import type { Objection } from '../../src/sender.ts';
import { responseBody, statusBody } from '../webhooks.ts';

/** Everything that a body can hold in a place. */
const VALUES: unknown[] = [
  undefined,
  null,
  '',
  'x',
  'x'.repeat(300),
  'a\u0000b',
  '\ud800',
  7,
  1.5,
  true,
  [],
  ['x'],
  {},
  { x: 1 },
];

/** Fields that the documented examples lack. */
const BESIDES = {
  location: { address: 'Rua X', latitude: 1, longitude: 2, name: 'Loja' },
  failCode: 131,
  failMessage: 'expired',
};

const OBJECTIONS: Record<Objection, true> = {
  'the integration does not exist': true,
  'the integration is disabled': true,
  'the token was rotated away': true,
  'the address is not among the allowed ones': true,
  'the signature is missing or does not hold': true,
};

/** A body with another value in each of its places in turn, itself included. */
function* changedBodies(body: unknown): Generator<unknown> {
  yield* VALUES;
  if (typeof body !== 'object' || body === null) return;
  for (const [name, member] of Object.entries(body)) {
    for (const changed of changedBodies(member)) yield { ...body, [name]: changed };
  }
}

function messagesOfTheContract(): Set<string> {
  const bodies = [responseBody(), statusBody()].map((body) => ({
    ...body,
    message: { ...body.message, ...BESIDES },
    clientData: { number: '+5544999999999', name: 'Maria', timeLastMessage: '2020-06-18T17:07:51.271Z' },
  }));
  bodies[1].event.status = 'read';
  const messages = new Set<string>();
  for (const whole of bodies) {
    for (const body of changedBodies(whole)) {
      const parsed = parseWebhook(body, 0);
      if (!parsed.ok) for (const { message } of parsed.problems) messages.add(message);
    }
  }
  return messages;
}

function messagesOfBodies(): string[] {
  const arrival = { integration: 'shop', requestId: '', receivedAtMs: 0, appId: 'another' };
  const bodies = [
    new Uint8Array(),
    new Uint8Array([0xff]),
    bytes('{'),
    bytes(JSON.stringify(responseBody())),
  ];
  return bodies.flatMap((body) => {
    const judged = assessBody(body.buffer as ArrayBuffer, arrival);
    return judged.ok ? [] : judged.problems.map(({ message }) => message);
  });
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** What the API has against an integration's fields. */
function messagesOfIntegrations(): Set<string> {
  const settings = { appId: 'app', description: 'text', allowedIps: ['10.0.0.1'], requireSignature: true };
  const many = [
    ...changedBodies({ ...settings, slug: 'shop' }),
    { slug: 'shop', allowedIps: Array(101).fill('10.0.0.1') },
    { slug: 'shop', allowedIps: ['10.0.0.1', '010.0.0.1'] },
    { slug: 'shop', description: 'x'.repeat(501) },
    { slug: 'shop', description: 'two\nlines' },
  ];
  const messages = new Set<string>();
  const note = (result: { error?: { issues: { code: string; message: string }[] } | undefined }) => {
    for (const { code, message } of result.error?.issues ?? []) {
      if (code !== 'unrecognized_keys' && !message.endsWith('received undefined')) messages.add(message);
    }
  };
  for (const body of many) {
    note(newIntegration.safeParse(body));
    if (typeof body === 'object' && body !== null && Object.keys(body).length > 0) {
      note(integrationPatch.safeParse(body));
    }
  }
  for (const overlapHours of [...VALUES, -1, 721]) note(rotation.safeParse({ overlapHours }));
  return messages;
}

describe('the words for what is wrong', () => {
  it('are there for all that the contract can say', () => {
    const messages = messagesOfTheContract();
    expect(messages.size).toBeGreaterThan(12);
    expect([...messages].filter((message) => !isInBoth(message))).toEqual([]);
  });

  it('are there for bodies that cannot be read, and for another application', () => {
    const messages = messagesOfBodies();
    expect(messages).toHaveLength(4);
    expect(messages.filter((message) => !isInBoth(message))).toEqual([]);
  });

  it('are there for all that can be said against a sender', () => {
    expect(Object.keys(OBJECTIONS).filter((message) => !isInBoth(message))).toEqual([]);
  });

  it('are there for all that can be wrong with an integration', () => {
    const messages = messagesOfIntegrations();
    expect(messages.size).toBeGreaterThan(8);
    expect([...messages].filter((message) => !isInBoth(message))).toEqual([]);
  });

  it('keep what differs', () => {
    expect(problemWords('must have at most 256 characters', 'pt')).toBe('deve ter no máximo 256 caracteres');
    expect(problemWords('must be one of response, status', 'pt')).toBe(
      'deve ser um destes: response, status',
    );
    expect(problemWords('Invalid input: expected string, received number', 'pt')).toBe(
      'deve ser um texto, mas é um número',
    );
    expect(problemWords('Invalid input: expected object, received array', 'en')).toBe(
      'must be an object, and is a list',
    );
  });

  it('are none for what nobody here says', () => {
    expect(problemWords('was not liked then', 'pt')).toBeNull();
    expect(problemWords('is required <script>', 'pt')).toBeNull();
  });
});

function isInBoth(message: string): boolean {
  const [pt, en] = LANGUAGES.map((language) => problemWords(message, language));
  return Boolean(pt) && Boolean(en) && pt !== en && pt !== message;
}
