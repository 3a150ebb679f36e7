// The OpenAPI document as a validator of JSON Schema sees it, and beside what a running receiver answers. In Node: the
// validator writes code, which workerd does not run. That it has every route is shown by test/api/openapi.test.ts.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lintFromString, loadConfig } from '@redocly/openapi-core';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { generateSource } from 'oazapfts';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PROJECT } from '../../scripts/project.ts';
import { MIGRATIONS, RECEIVER, withoutBatchTimeout } from '../../tools/declared-worker.ts';
import { bundleWorker, type LocalRuntime, startWorkers } from '../../tools/local-worker.ts';

type Fields = Record<string, unknown>;

/** What these tests read of the document. */
interface Document {
  paths: Record<string, Partial<Record<string, DocumentedOperation>>>;
  components: { schemas: object };
}
interface DocumentedOperation {
  security: object[];
  parameters?: { in: string }[];
  requestBody?: { content: Record<string, { examples?: Record<string, { value: unknown }> }> };
  responses: Record<string, { $ref?: string }>;
}

/** What these tests read of the answers. The validator tells whether an answer has it. */
interface Answer {
  id: string;
  url: string;
  outcome: string;
  contact: string;
  payload: unknown;
  data: { id: string; state: string; event: string | null; reason: string }[];
}

const ADMIN_TOKEN = 'admin-token-of-the-tests';
const READ_TOKEN = 'read-token-of-the-tests-a';
const DEAD_QUEUE = 'instant-message-events-dead';
const CONTACT = '+5544999999999';
const MESSAGE_ID = '5e178088a88ad9001b6e1914';
/** As the receiver's own ids: of nothing that is there. */
const UNKNOWN_ID = '1000000000000000';

const WAIT_MS = 20_000;
const POLL_MS = 100;

/** Puts what it is sent into the dead-letter queue, as a queue does with what its consumer gave up on. */
const GIVES_UP = `export default {
  async fetch(request, env) {
    await env.DEAD.send(await request.json());
    return new Response(null, { status: 204 });
  },
};`;

/** What a program does with a client: answers are told apart by status, and entries have their types. */
const USE_OF_CLIENT = `import { listEvents } from './client';

const answer = await listEvents({ limit: 10, $type: 'response' });
export const places: string[] = answer.status === 200 ? answer.data.data.map(({ place }) => place) : [];
// @ts-expect-error the document has no such parameter
await listEvents({ nonsense: 'x' });
`;

let directory: string;
let runtime: LocalRuntime;
let origin: string;
let document: Document;
let webhookToken: string;
let boundToken: string;

beforeAll(async () => {
  for (const level of ['log', 'info', 'warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation(() => undefined); // the receiver's own log
  }
  directory = await mkdtemp(join(tmpdir(), 'openapi-'));
  runtime = await startWorkers(
    [
      {
        name: 'receiver',
        script: await bundleWorker('src/index.ts'),
        ...RECEIVER,
        vars: {
          ...RECEIVER.vars,
          WEBHOOK_SECRET: 'webhook-secret-of-the-tests-and-of-nothing-else',
          ADMIN_TOKEN,
          READ_TOKEN,
        },
        consumes: withoutBatchTimeout(RECEIVER.consumes),
        rateLimits: {}, // many requests here are refused on purpose
      },
      { name: 'consumer', script: GIVES_UP, queues: { DEAD: DEAD_QUEUE } },
    ],
    { persistTo: directory },
  );
  await runtime.migrate('receiver', 'DB', MIGRATIONS);
  origin = runtime.originOf('receiver').origin;
  document = (await (await fetch(`${origin}/openapi.json`)).json()) as Document;
  closeSchemas(document);
  ajv.addVocabulary(Object.keys(document)); // of the whole, which is no schema
  ajv.addSchema({ $id: 'document', ...document });
});

afterAll(async () => {
  await runtime.dispose();
  await rm(directory, { recursive: true, force: true });
});

/** Strict: no keyword that is none of JSON Schema's. */
const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
addFormats.default(ajv);

function isObject(json: unknown): json is Fields {
  return typeof json === 'object' && json !== null;
}

/** What is not documented must not be answered; that readers let it pass is for later versions. */
function closeSchemas(json: unknown): void {
  if (!isObject(json)) return;
  const isOpen = json.type === 'object' && json.properties && json.additionalProperties === undefined;
  if (isOpen) json.additionalProperties = false;
  for (const value of Object.values(json)) closeSchemas(value);
}

/** The validator of a place in the document. */
function validatorAt(...keys: string[]): ValidateFunction {
  const pointer = keys
    .map((key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/');
  const validate = ajv.getSchema(`document#/${pointer}`);
  if (validate === undefined) throw new Error(`there is nothing at ${keys.join(' → ')}`);
  return validate;
}

const NOT_SEARCHED = new Set(['schema', 'schemas', 'example', 'examples']);

/** Every object in the document, outside of schemas, that is at a key of this name; with the keys that lead to it. */
function placesOf(
  name: string,
  json: unknown = document,
  keys: string[] = [],
): { keys: string[]; value: object }[] {
  if (!isObject(json)) return [];
  return Object.entries(json).flatMap(([key, value]) => {
    const place = [...keys, key];
    const below = NOT_SEARCHED.has(key) ? [] : placesOf(name, value, place);
    return [...(key === name ? [{ keys: place, value: value as object }] : []), ...below];
  });
}

/** What may have one example, or several with names. */
interface Exampled {
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}

describe('the document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const served = (await (await fetch(`${origin}/openapi.json`)).json()) as Fields;
    const validator = new Validator();
    expect(await validator.validate(served)).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('passes the lint of Redocly', async () => {
    const source = await (await fetch(`${origin}/openapi.json`)).text();
    const config = await loadConfig({ configPath: join(PROJECT, 'redocly.yaml') });
    const found = await lintFromString({ source, absoluteRef: '/openapi.json', config });
    expect(found.map(({ ruleId, message, location: [place] }) => [ruleId, message, place?.pointer])).toEqual(
      [],
    );
  });

  it('gives a generated client that compiles', async () => {
    await writeFile(join(directory, 'client.ts'), await generateSource(`${origin}/openapi.json`));
    await writeFile(join(directory, 'use.ts'), USE_OF_CLIENT);
    await symlink(join(PROJECT, 'node_modules'), join(directory, 'node_modules'));
    const options = ['--strict', '--noEmit', '--skipLibCheck', '--lib', 'esnext,dom', '--module', 'esnext'];
    const tsc = join(PROJECT, 'node_modules', 'typescript', 'bin', 'tsc');
    const compiled = spawnSync(
      process.execPath,
      [tsc, ...options, '--moduleResolution', 'bundler', 'use.ts'],
      {
        cwd: directory,
        encoding: 'utf8',
      },
    );
    expect([compiled.status, compiled.stdout]).toEqual([0, '']);
  });

  it('has schemas that a strict validator takes', () => {
    const places = placesOf('schema');
    expect(places.length).toBeGreaterThan(80);
    for (const { keys, value } of places) {
      expect(ajv.validateSchema(value), keys.join(' ')).toBe(true);
      validatorAt(...keys);
    }
    for (const name of Object.keys(document.components.schemas)) validatorAt('components', 'schemas', name);
  });

  it('has examples that its schemas let through', () => {
    let examples = 0;
    for (const { keys, value: content } of placesOf('content')) {
      for (const [type, { example, examples: named = {} }] of Object.entries<Exampled>(
        content as Record<string, Exampled>,
      )) {
        const isValid = validatorAt(...keys, type, 'schema');
        const values = Object.values(named).map(({ value }) => value);
        for (const value of example === undefined ? values : [example, ...values]) {
          examples++;
          expect([keys.join(' '), isValid(value), isValid.errors]).toEqual([keys.join(' '), true, null]);
        }
      }
    }
    expect(examples).toBeGreaterThan(60);
  });

  it('has examples in its schemas that these let through', () => {
    const check = (json: unknown, keys: string[]): number => {
      if (!isObject(json)) return 0;
      const { example: _, examples, ...rest } = json;
      const isSchema = Array.isArray(examples);
      const isValid = isSchema ? validatorAt(...keys) : undefined;
      for (const example of isSchema ? examples : []) {
        expect([keys.join(' '), isValid?.(example), isValid?.errors]).toEqual([keys.join(' '), true, null]);
      }
      const below = Object.entries(rest);
      return below.reduce((sum, [key, value]) => sum + check(value, [...keys, key]), isSchema ? 1 : 0);
    };
    expect(check(document, [])).toBeGreaterThan(10);
  });
});

interface Call {
  /** The operation, as `<method> <path>`. */
  route: string;
  /** In place of the parameters in its path. */
  path?: Record<string, string>;
  query?: Record<string, string>;
  /** `null`: none. */
  token?: string | null;
  headers?: Record<string, string>;
  body?: unknown;
}

/** Every status that an operation was seen to answer. */
const seen = new Map<string, Set<number>>();

/** Fetches; once more where the connection broke: who answers without reading a large body closes it. */
async function fetchAgain(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch {
    return fetch(url, init);
  }
}

/** Makes a request, and requires that what it is answered is what the document says. Gives the body. */
async function call(
  { route, path = {}, query = {}, token = ADMIN_TOKEN, headers = {}, body }: Call,
  expected: number | 'any',
): Promise<Answer> {
  const [method = '', template = ''] = route.split(' ');
  const filled = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(path[name] ?? '-'));
  const url = `${origin}${filled}${Object.keys(query).length > 0 ? `?${new URLSearchParams(query)}` : ''}`;
  const response = await fetchAgain(url, {
    method: method.toUpperCase(),
    headers: {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const type = response.headers.get('content-type')?.split(';')[0] ?? null;
  const isStream = type === 'text/event-stream';
  const text = isStream ? '' : await response.text();
  if (isStream) await response.body?.cancel();
  const { status } = response;
  if (expected !== 'any') {
    expect([route, status, status === expected ? '' : text]).toEqual([route, expected, '']);
  }
  seen.set(route, (seen.get(route) ?? new Set()).add(status));

  const documented = document.paths[template]?.[method]?.responses[status];
  expect([route, status, documented === undefined]).toEqual([route, status, false]);
  const keys = documented?.$ref
    ? documented.$ref.slice(2).split('/')
    : ['paths', template, method, 'responses', String(status)];
  const { content = {}, headers: documentedHeaders } = keys.reduce<unknown>(
    (json, key) => (json as Fields)[key],
    document,
  ) as { content?: object; headers: object };
  for (const name of Object.keys(documentedHeaders)) {
    const isSaid = response.headers.has(name) || (name === 'retry-after' && status === 503);
    expect([route, status, name, isSaid]).toEqual([route, status, name, true]);
  }
  expect([route, status, Object.keys(content)]).toEqual([
    route,
    status,
    type === null ? [] : expect.arrayContaining([type]),
  ]);
  if (type === null || isStream) return {} as Answer;
  const parsed =
    /json$/.test(type) &&
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  const isValid = validatorAt(...keys, 'content', type, 'schema');
  for (const value of parsed || [text]) {
    const said = JSON.stringify(value);
    expect([route, status, said, isValid(value), isValid.errors]).toEqual([route, status, said, true, null]);
  }
  return parsed ? parsed[0] : ({} as Answer);
}

function sample(name: 'response' | 'status'): { event: Fields; message: Fields } {
  return JSON.parse(readFileSync(join(PROJECT, 'test', 'samples', `${name}.json`), 'utf8'));
}

/** Asks until it is so. */
async function until<Found>(ask: () => Promise<Found | undefined>): Promise<Found> {
  const deadlineMs = Date.now() + WAIT_MS;
  for (;;) {
    const found = await ask();
    if (found !== undefined) return found;
    if (Date.now() > deadlineMs) throw new Error('it did not come to be');
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Creates an integration, and gives its token. */
async function register(integration: Fields): Promise<string> {
  const { url } = await call({ route: 'post /api/integrations', body: integration }, 201);
  return url.split('/').at(-1) ?? '';
}

const BY_URL = 'post /webhooks/{integration}/{token}';
const BY_HEADER = 'post /webhooks/{integration}';

describe('what the receiver answers is what the document says', () => {
  let eventId: string;

  it('to a sender', async () => {
    webhookToken = await register({ slug: 'shop' });
    boundToken = await register({ slug: 'bound', appId: 'other' });
    const path = { integration: 'shop', token: webhookToken };
    const response = sample('response');
    eventId = (await call({ route: BY_URL, path, token: null, body: response }, 200)).id;
    expect((await call({ route: BY_URL, path, token: null, body: response }, 200)).outcome).toBe('duplicate');
    for (const status of ['sent', 'delivered', 'read']) {
      const body = sample('status');
      body.event.status = status;
      await call({ route: BY_HEADER, path, token: webhookToken, body }, 200);
    }
    await call({ route: BY_URL, path, token: null, body: '{' }, 400);
    await call(
      { route: BY_URL, path: { integration: 'shop', token: 'x' }, token: null, body: response },
      401,
    );
    await call({ route: BY_HEADER, path, token: null, body: response }, 401);
    await call({ route: BY_URL, path, token: null, body: `"${'x'.repeat(1_100_000)}"` }, 413);
    await call(
      { route: BY_URL, path, token: null, headers: { 'content-encoding': 'br' }, body: response },
      415,
    );
    await call(
      { route: BY_URL, path, token: null, headers: { 'content-encoding': 'gzip' }, body: response },
      400,
    );
    const broken = sample('response');
    delete broken.message.messageId;
    delete broken.event.messageId;
    await call({ route: BY_URL, path, token: null, body: broken }, 422);
    const accepting = { integration: 'accepting', token: '' };
    accepting.token = await register({ slug: 'accepting', onRejection: 'accept' });
    await call({ route: BY_URL, path: accepting, token: null, body: broken }, 202);
    await call({ route: 'get /webhooks/{integration}/{token}', path, token: null }, 200);
    await call({ route: 'get /webhooks/{integration}', path, token: webhookToken }, 200);
    await call({ route: 'get /webhooks/{integration}', path, token: null }, 401);
  });

  it('about events, messages and contacts', async () => {
    const path = { integration: 'shop', id: eventId };
    const page = await call({ route: 'get /api/events' }, 200);
    expect(page.data).toHaveLength(4);
    await call({ route: 'get /api/events', query: { contact: CONTACT, limit: '1' }, token: READ_TOKEN }, 200);
    await call({ route: 'get /api/events', query: { forwarded: 'true', deferred: 'false' } }, 200);
    await call({ route: 'get /api/events/{integration}/{id}', path }, 200);
    await call({ route: 'get /api/events/{integration}/{id}/payload', path }, 200);
    await call({ route: 'get /api/messages/{messageId}', path: { messageId: MESSAGE_ID } }, 200);
    const contact = { number: CONTACT };
    const conversation = await call({ route: 'get /api/contacts/{number}', path: contact }, 200);
    expect(conversation.data.length).toBeGreaterThan(0);
    await call({ route: 'get /api/contacts/{number}', path: { number: '+5511900000000' } }, 200);
    await call({ route: 'get /api/contacts/{number}', path: { number: '5544' } }, 400);
    await call({ route: 'get /api/contacts/{number}/export', path: contact }, 200);
    await call({ route: 'get /api/contacts' }, 200);
    await call({ route: 'get /api/contacts', query: { cursor: 'x' } }, 400);
  });

  it('about replays', async () => {
    const path = { integration: 'shop', id: eventId };
    await call({ route: 'post /api/events/{integration}/{id}/replay', path }, 202);
    await call({ route: 'post /api/replay', body: { all: true, dryRun: true } }, 200);
    const filter = { integration: 'shop', contact: CONTACT, since: '2020-01-01T00:00:00Z' };
    const { data: made } = await call({ route: 'post /api/replay', body: filter }, 202);
    const job = made[0]?.id ?? '';
    await call({ route: 'get /api/replay' }, 200);
    await call({ route: 'get /api/replay/{job}', path: { job } }, 200);
    await until(async () => {
      const { data } = await call({ route: 'get /api/replay' }, 200);
      return data.every(({ state }) => state === 'done') ? true : undefined;
    });
    await call({ route: 'post /api/replay/{job}/cancel', path: { job } }, 409);
    // two that nobody works at
    const open = [Number(job) + 1, Number(job) + 2].map((id) => ({ job: String(id) }));
    for (const { job: id } of open) {
      await runtime.execute(
        'receiver',
        'DB',
        `INSERT INTO replays (id, actor, filter, state, from_seq, until_seq, next_seq, updated_at)
         VALUES (?1, 'admin-token', '{}', 'running', 0, 9007199254740991, 0, 0)`,
        Number(id),
      );
      await call({ route: 'post /api/replay/{job}/pause', path: { job: id } }, 200);
      await call({ route: 'post /api/replay/{job}/pause', path: { job: id } }, 409);
    }
    await call({ route: 'post /api/replay/{job}/cancel', path: open[0] ?? {} }, 200);
    await call({ route: 'post /api/replay/{job}/resume', path: open[1] ?? {} }, 200);
    await call({ route: 'post /api/replay/{job}/resume', path: open[0] ?? {} }, 409);
  });

  it('about routes', async () => {
    const path = { name: 'crm' };
    const filter = { types: ['response'], integrations: ['shop'] };
    await call({ route: 'post /api/routes', body: { ...path, filter, from: 'oldest' } }, 201);
    await call({ route: 'post /api/routes', body: path }, 409);
    await call({ route: 'get /api/routes' }, 200);
    await call({ route: 'get /api/routes/{name}', path, token: READ_TOKEN }, 200);
    await call({ route: 'patch /api/routes/{name}', path, body: { filter: {} } }, 200);
    await call({ route: 'post /api/routes/{name}/pause', path }, 200);
    await call({ route: 'post /api/routes/{name}/pause', path }, 409);
    await call({ route: 'post /api/routes/{name}/resume', path }, 200);
    await call({ route: 'get /api/events', query: { forwarded: 'false', route: 'crm' } }, 200);
    await call({ route: 'get /api/health' }, 200); // degraded, as the route has no queue
    await call({ route: 'delete /api/routes/{name}', path }, 204);
  });

  it('about dead letters', async () => {
    const event = await call(
      { route: 'get /api/events/{integration}/{id}', path: { integration: 'shop', id: eventId } },
      200,
    );
    const message = {
      specversion: '1.0',
      id: event.id,
      source: '/webhooks/shop',
      type: 'digital.grupoboticario.instantmessage.response',
      contact: event.contact,
      data: event.payload,
    };
    for (const body of [message, message, message, 'not an event']) {
      await fetch(runtime.originOf('consumer'), { method: 'POST', body: JSON.stringify(body) });
    }
    const letters = await until(async () => {
      const { data } = await call({ route: 'get /api/dead-letters' }, 200);
      return data.length === 4 ? data : undefined;
    });
    const [first = '', second = ''] = letters.filter(({ event }) => event !== null).map(({ id }) => id);
    const foreign = letters.find(({ event }) => event === null)?.id ?? '';
    for (const id of [first, foreign]) {
      await call({ route: 'get /api/dead-letters/{id}', path: { id } }, 200);
    }
    await call({ route: 'post /api/dead-letters/{id}/redrive', path: { id: foreign } }, 409);
    await call({ route: 'post /api/dead-letters/{id}/redrive', path: { id: first } }, 200);
    await call({ route: 'delete /api/dead-letters/{id}', path: { id: second } }, 204);
    await call({ route: 'post /api/dead-letters/redrive', body: { all: true } }, 200);
    await call({ route: 'post /api/dead-letters/discard', body: { all: true } }, 200);
  });

  it('about rejections', async () => {
    const { data } = await call({ route: 'get /api/rejections' }, 200);
    expect(data.length).toBeGreaterThanOrEqual(2);
    const broken = data.find(({ reason }) => reason === 'contract-broken');
    const path = { id: broken?.id ?? '' };
    await call({ route: 'get /api/rejections/{id}', path }, 200);
    await call({ route: 'get /api/rejections/{id}/body', path }, 200);
    await call({ route: 'post /api/rejections/{id}/retry', path }, 422);
    await call({ route: 'post /api/rejections/retry', body: {} }, 200);
    await call({ route: 'delete /api/rejections/{id}', path }, 204);

    // one that is let in once its integration says so
    const integration = { slug: 'bound' };
    const sender = { integration: 'bound', token: boundToken };
    await call({ route: BY_URL, path: sender, token: null, body: sample('response') }, 422);
    const { data: refused } = await call(
      { route: 'get /api/rejections', query: { reason: 'wrong-application' } },
      200,
    );
    await call({ route: 'patch /api/integrations/{slug}', path: integration, body: { appId: null } }, 200);
    await call({ route: 'post /api/rejections/{id}/retry', path: { id: refused[0]?.id ?? '' } }, 200);
  });

  it('about integrations', async () => {
    const path = { slug: 'shop' };
    await call({ route: 'post /api/integrations', body: { slug: 'shop' } }, 409);
    await call({ route: 'get /api/integrations' }, 200);
    await call({ route: 'get /api/integrations', token: READ_TOKEN }, 200);
    await call({ route: 'post /api/integrations/{slug}/rotate', path, body: { overlapHours: 1 } }, 200);
    await call({ route: 'post /api/integrations/{slug}/disable', path }, 200);
    await call({ route: 'post /api/integrations/{slug}/enable', path }, 200);
    await call({ route: 'get /api/integrations/{slug}', path }, 200);
    await call({ route: 'delete /api/integrations/{slug}', path }, 409);
    await call({ route: 'post /api/integrations', body: { slug: 'empty' } }, 201);
    await call({ route: 'delete /api/integrations/{slug}', path: { slug: 'empty' } }, 200);
  });

  it('to who watches', async () => {
    await call({ route: 'get /api/stats' }, 200);
    await call({ route: 'get /api/stats', query: { step: '1m', integration: 'shop' } }, 200);
    await call({ route: 'get /api/tail', query: { type: 'response' } }, 200);
    await call({ route: 'get /api/health' }, 200);
    await call({ route: 'get /api/metrics' }, 200);
    await call({ route: 'get /healthz', token: null }, 200);
    await call({ route: 'get /api/audit' }, 200);
    await call({ route: 'get /api/refusals' }, 200);
  });

  it('about itself', async () => {
    await call({ route: 'get /openapi.json', token: null }, 200);
    await call({ route: 'get /docs', token: null }, 200);
    for (const name of ['event', 'response', 'status']) {
      await call({ route: `get /schemas/${name}.json`, token: null }, 200);
    }
    await call({ route: 'get /problems/{code}', path: { code: 'conflict' }, token: null }, 200);
    await call({ route: 'get /problems/{code}', path: { code: 'nothing' }, token: null }, 404);
  });

  it('in erasing a contact', async () => {
    await call(
      { route: 'delete /api/contacts/{number}', path: { number: CONTACT }, query: { force: 'true' } },
      200,
    );
  });

  it('to who may not, and to what is wrong, for every operation of the API', async () => {
    for (const { route, operation } of operations()) {
      if (!route.includes(' /api/')) continue;
      const path = {
        integration: 'shop',
        slug: 'nothing',
        name: 'nothing',
        id: UNKNOWN_ID,
        job: UNKNOWN_ID,
        messageId: 'x',
        number: CONTACT,
      };
      await call({ route, path, token: 'wrong' }, 401);
      if (!operation.security.some((scheme) => 'readToken' in scheme)) {
        await call({ route, path, token: READ_TOKEN }, 403);
      }
      const { parameters = [], requestBody } = operation;
      if (parameters.some((parameter) => parameter.in === 'query')) {
        await call({ route, path, query: { nonsense: '1' } }, 400);
      }
      if (requestBody !== undefined) {
        await call({ route, path, body: '{' }, 400);
        await call({ route, path, body: { padding: 'x'.repeat(70_000) } }, 413);
        await call({ route, path, body: {}, headers: { 'content-type': 'text/plain' } }, 415);
        await call({ route, path, body: { nonsense: 1 } }, 422);
      }
      const [valid] = Object.values(requestBody?.content['application/json']?.examples ?? {});
      if (route.includes('{')) await call({ route, path, ...(valid && { body: valid.value }) }, 'any');
    }
  });

  it('with success at every operation', () => {
    const succeeded = [...seen].filter(([, statuses]) => [...statuses].some((status) => status < 300));
    const elsewhere = ['get /docs/{file}']; // test/api/docs.test.ts: its files are not there without wrangler
    expect(new Set([...succeeded.map(([route]) => route), ...elsewhere])).toEqual(
      new Set(operations().map(({ route }) => route)),
    );
  });

  it('when D1 does not answer', async () => {
    await runtime.execute('receiver', 'DB', 'ALTER TABLE progress RENAME TO hidden');
    await call({ route: 'get /api/health' }, 503);
    await call({ route: 'get /api/metrics' }, 500);
  });
});

/** Every operation of the document, with its route as `<method> <path>`. */
function operations(): { route: string; operation: DocumentedOperation }[] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    ['get', 'post', 'patch', 'delete'].flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [{ route: `${method} ${path}`, operation }];
    }),
  );
}
