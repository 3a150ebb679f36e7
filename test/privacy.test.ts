// No answer, log line or error holds a phone number, a name, a message text or a token.

import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  deferredMessage,
  deliver,
  deliveredText,
  eventually,
  type Fields,
  inject,
  ORIGIN,
  register,
  reset,
  responseBody,
  responseText,
  seen,
  statusBody,
  tokenOf,
  uniqueResponse,
} from './webhooks.ts';

/** What must appear nowhere: everything personal in the documented bodies, in each written form, and the secrets. */
const PERSONAL = [
  '44999999999',
  '44999027914',
  '4188956674',
  '41988956674',
  'Maria',
  'Silva',
  'Mensagem de teste',
  'Descrição da midia',
  'nome-arquivo',
  'linkteste',
  env.WEBHOOK_SECRET,
  env.ADMIN_TOKEN,
];

/** Every place of the documented body, by its path. */
function pathsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];
}

function withValueAt(body: unknown, path: string[], value: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return value;
  const fields = body as Fields;
  return { ...fields, [first]: withValueAt(fields[first] ?? {}, rest, value) };
}

/** The two message ids are part of an event's id, which is answered whatever is written in them. */
function isIdentifier(path: string[]): boolean {
  return path.at(-1) === 'messageId';
}

/** Bodies of every kind: the documented ones, and those with something personal where it does not belong. */
function bodies(): (string | Uint8Array)[] {
  const misplaced = ['Maria da Silva +5544999999999', { name: 'Maria' }, ['Mensagem de teste'], 44999999999];
  const broken = [responseBody(), statusBody()].flatMap((body) =>
    pathsOf(body)
      .filter((path) => !isIdentifier(path))
      .flatMap((path) => misplaced.map((value) => JSON.stringify(withValueAt(body, path, value)))),
  );
  return [
    responseText,
    deliveredText,
    ...broken,
    '',
    'Maria da Silva',
    '{"clientData": {"name": "Maria da Silva", "number": +5544999999999}}',
    responseText.slice(0, -20),
    `${responseText} Maria`,
    new Uint8Array([...new TextEncoder().encode('{"name":"Maria'), 0xff, 0xfe]),
  ];
}

let answers: string[] = [];

beforeEach(async () => {
  await reset();
  answers = [];
});

/** Delivers a body and keeps all of the answer. */
async function deliverAndKeep(...args: Parameters<typeof deliver>): Promise<number> {
  const response = await deliver(...args);
  answers.push(JSON.stringify([...response.headers]), await response.text());
  return response.status;
}

async function expectNothingPersonal(): Promise<void> {
  const { logged } = await seen();
  const written = [...answers, ...logged].join('\n');
  const leaked = [...PERSONAL, await tokenOf('shop')].filter((text) => written.includes(text));
  expect(leaked).toEqual([]);
}

describe('neither answers nor logs hold anything personal', () => {
  it('while events of every kind, good and bad, go through', async () => {
    const statuses = new Set<number>();
    for (const body of bodies()) statuses.add(await deliverAndKeep(body));

    expect(statuses).toEqual(new Set([200, 400, 422]));
    await expectNothingPersonal();
  });

  it.each([
    ['D1 fails', { d1: { kind: 'reject' } }],
    ['D1 and the intake queue fail', { d1: { kind: 'reject' }, intake: { kind: 'reject' } }],
    ['the queue fails', { events: { kind: 'reject' } }],
  ] as const)('while %s', async (_, faults) => {
    await deliverAndKeep(JSON.stringify(uniqueResponse()));
    await inject(faults);
    await deliverAndKeep(responseText);
    await eventually('something was logged', async () => (await seen()).logged.length > 0);
    await env.PROBE.setClock(60_000);
    await env.PROBE.runCron();
    await env.PROBE.consumeIntake([
      deferredMessage({}, { payload: 'Maria da Silva' }),
      deferredMessage('Maria'),
      'Maria',
    ]);
    await inject({});

    await expectNothingPersonal();
  });

  it('when a personal text stands in the URL or in a header', async () => {
    const headers = { authorization: 'Bearer Maria', 'x-request-id': 'Maria', 'content-encoding': 'Maria' };
    for (const path of [
      '/webhooks/Maria/Silva',
      '/webhooks/shop',
      '/Maria',
      '/api/events?contact=Maria',
      '/problems/Maria',
    ]) {
      for (const method of ['GET', 'POST']) {
        const response = await env.RECEIVER.fetch(`${ORIGIN}${path}`, { method, headers });
        answers.push(JSON.stringify([...response.headers]), await response.text());
      }
    }
    const parameters = 'contact=Maria&type=Maria&status=Maria&since=Maria&limit=Maria&cursor=Maria';
    const response = await env.RECEIVER.fetch(`${ORIGIN}/api/events?${parameters}`, {
      headers: { authorization: `Bearer ${env.ADMIN_TOKEN}` },
    });
    expect(response.status).toBe(400);
    answers.push(await response.text());

    await expectNothingPersonal();
  });

  it('when the registration cannot be read or has gone', async () => {
    await inject({ d1: { kind: 'reject', on: 'FROM integrations' } });
    await deliverAndKeep(responseText);
    await register('shop', { enabled: 0 });
    await inject({});
    await env.PROBE.consumeIntake((await seen()).deferred);

    expect((await seen()).logged.length).toBeGreaterThan(0);
    await expectNothingPersonal();
  });
});
