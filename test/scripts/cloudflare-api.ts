// A stand-in for the part of Cloudflare's HTTP API that a deployment uses: it holds an account's state, answers
// what wrangler asks, and records every request in order. It is at least as strict as the original: what is
// bound, consumed or inherited must exist. Databases are real SQLite.
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';

export const ACCOUNT_ID = '0123456789abcdef0123456789abcdef';
export const API_TOKEN = 'token-of-the-stand-in';
export const SUBDOMAIN = 'example';

// https://developers.cloudflare.com/workers/observability/errors/ and what wrangler 4 tests for
const WORKER_NOT_FOUND = 10007;
const SERVICE_NOT_FOUND = 10090;
const INVALID_BINDING = 10021;
const INVALID_INHERIT_BINDING = 10057;
const DATABASE_NOT_FOUND = 7404;
const DATABASE_QUERY_FAILED = 7500;
const QUEUE_TAKEN = 11009;
const AUTHENTICATION_FAILED = 10000;

const WRITING_SQL = /\b(CREATE|INSERT|UPDATE|DELETE)\b/i;

export interface Binding {
  type: string;
  name: string;
  [property: string]: unknown;
}

export interface Queue {
  id: string;
  consumers: { consumer_id: string; script: string; dead_letter_queue: string | undefined }[];
}

/** What the account holds. */
export interface Account {
  worker: { name: string; secrets: Map<string, string>; bindings: Binding[]; crons: string[] } | null;
  databases: Map<string, { id: string; sql: DatabaseSync }>;
  queues: Map<string, Queue>;
  /** Statements that contain this text are not executed, and the answer says so in the result alone. */
  quietlyRefusedSql?: string;
}

export interface RecordedRequest {
  /** e.g. `POST /d1/database`: below the account, ids and names replaced by `:id` and `:name`. */
  call: string;
  /** Whether it can change something. */
  writes: boolean;
  body: string;
}

export interface CloudflareApi {
  /** For CLOUDFLARE_API_BASE_URL. */
  baseUrl: string;
  account: Account;
  requests: RecordedRequest[];
  /** Requests that the stand-in has no answer for: wrangler has changed, or the stand-in is incomplete. */
  unknown: string[];
  [Symbol.asyncDispose](): Promise<void>;
}

interface Answer {
  status?: number;
  result?: unknown;
  errors?: { code: number; message: string }[];
  result_info?: unknown;
}

interface Call {
  name: string;
  id: string;
  query: URLSearchParams;
  body: Buffer;
  contentType: string;
}

type Handler = (account: Account, call: Call) => Answer | Promise<Answer>;

export function emptyAccount(): Account {
  return { worker: null, databases: new Map(), queues: new Map() };
}

export function addDatabase(account: Account, name: string): void {
  account.databases.set(name, { id: crypto.randomUUID(), sql: new DatabaseSync(':memory:') });
}

export function addQueue(account: Account, name: string): Queue {
  const queue = { id: crypto.randomUUID().replaceAll('-', ''), consumers: [] };
  account.queues.set(name, queue);
  return queue;
}

export async function startCloudflareApi(account: Account): Promise<CloudflareApi> {
  const requests: RecordedRequest[] = [];
  const unknown: string[] = [];
  const server = createServer(async (request, response) => {
    const answer = await answerRequest(request, account, requests, unknown);
    const errors = answer.errors ?? [];
    response.writeHead(answer.status ?? (errors.length === 0 ? 200 : 400), {
      'Content-Type': 'application/json',
    });
    response.end(
      JSON.stringify({
        success: errors.length === 0,
        errors,
        messages: [],
        result: answer.result ?? null,
        result_info: answer.result_info,
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/client/v4`,
    account,
    requests,
    unknown,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      for (const { sql } of account.databases.values()) sql.close();
    },
  };
}

async function answerRequest(
  request: IncomingMessage,
  account: Account,
  requests: RecordedRequest[],
  unknown: string[],
): Promise<Answer> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>));
  const path = url.pathname.replace(`/client/v4/accounts/${ACCOUNT_ID}`, '');
  const route = ROUTES.find(
    ([method, pattern]) => method === request.method && pattern.test({ pathname: path }),
  );
  const call = route === undefined ? `${request.method} ${path}` : `${route[0]} ${route[1].pathname}`;
  // A query is sent as POST; what it does shows in its SQL.
  const reads = request.method === 'GET' || (call.endsWith('/query') && !WRITING_SQL.test(String(body)));
  requests.push({ call, writes: !reads, body: body.toString('latin1') });

  if (request.headers.authorization !== `Bearer ${API_TOKEN}`) {
    return failure(AUTHENTICATION_FAILED, 'Authentication error', 403);
  }
  if (route === undefined) {
    unknown.push(call);
    return failure(7003, `No route for ${call}`, 404);
  }
  const groups = route[1].exec({ pathname: path })?.pathname.groups ?? {};
  return await route[2](account, {
    name: decodeURIComponent(groups.name ?? ''),
    id: decodeURIComponent(groups.id ?? ''),
    query: url.searchParams,
    body,
    contentType: request.headers['content-type'] ?? '',
  });
}

const ROUTES: [method: string, pattern: URLPattern, handler: Handler][] = [
  route('GET', '/workers/scripts/:name/secrets', listSecrets),
  route('GET', '/workers/services/:name', readService),
  route('GET', '/workers/scripts/:name/settings', readSettings),
  route('GET', '/workers/scripts/:name/deployments', listDeployments),
  route('GET', '/workers/scripts/:name/versions/:id', readVersion),
  route('GET', '/workers/subdomain', () => ({ result: { subdomain: SUBDOMAIN } })),
  route('GET', '/workers/workers/:name', () => ({ result: { subdomain: SUBDOMAIN_STATE } })),
  // It has every file already. https://developers.cloudflare.com/workers/static-assets/direct-upload/
  route('POST', '/workers/scripts/:name/assets-upload-session', () => ({
    result: { jwt: 'all', buckets: [] },
  })),
  route('PUT', '/workers/scripts/:name', uploadScript),
  route('POST', '/workers/scripts/:name/versions', uploadVersion),
  route('POST', '/workers/scripts/:name/deployments', () => ({ result: { id: crypto.randomUUID() } })),
  route('PATCH', '/workers/scripts/:name/script-settings', () => ({ result: {} })),
  route('POST', '/workers/scripts/:name/subdomain', () => ({ result: SUBDOMAIN_STATE })),
  route('PUT', '/workers/scripts/:name/schedules', putSchedules),
  route('GET', '/d1/database', listDatabases),
  route('POST', '/d1/database', createDatabase),
  route('GET', '/d1/database/:id', readDatabase),
  route('POST', '/d1/database/:id/query', queryDatabase),
  route('GET', '/queues', listQueues),
  route('POST', '/queues', createQueue),
  route('POST', '/queues/:id/consumers', addConsumer),
  route('PUT', '/queues/:id/consumers/:consumer', () => ({ result: {} })),
];

const SUBDOMAIN_STATE = { enabled: true, previews_enabled: false };

function route(method: string, pathname: string, handler: Handler): [string, URLPattern, Handler] {
  return [method, new URLPattern({ pathname }), handler];
}

function failure(code: number, message: string, status = 400): Answer {
  return { status, errors: [{ code, message }] };
}

function workerNotFound(code = WORKER_NOT_FOUND): Answer {
  return failure(code, 'This Worker does not exist on your account.', 404);
}

function listSecrets({ worker }: Account): Answer {
  if (worker === null) return workerNotFound();
  return { result: [...worker.secrets.keys()].map((name) => ({ name, type: 'secret_text' })) };
}

function readService({ worker }: Account): Answer {
  if (worker === null) return workerNotFound(SERVICE_NOT_FOUND);
  const script = { tag: 'tag', tags: [], last_deployed_from: 'wrangler' };
  return { result: { default_environment: { environment: 'production', script } } };
}

function readSettings({ worker }: Account): Answer {
  return worker === null ? workerNotFound() : { result: { bindings: worker.bindings } };
}

function listDeployments({ worker }: Account): Answer {
  if (worker === null) return workerNotFound();
  const deployment = {
    id: crypto.randomUUID(),
    source: 'wrangler',
    strategy: 'percentage',
    created_on: new Date().toISOString(),
    versions: [{ version_id: crypto.randomUUID(), percentage: 100 }],
  };
  return { result: { deployments: [deployment] } };
}

function readVersion(_: Account, { id }: Call): Answer {
  return { result: { id, metadata: { source: 'wrangler' }, resources: {} } };
}

async function uploadScript(account: Account, call: Call): Promise<Answer> {
  const problem = await storeUpload(account, call);
  return (
    problem ?? {
      result: { id: call.name, tag: 'tag', deployment_id: crypto.randomUUID(), startup_time_ms: 5 },
    }
  );
}

async function uploadVersion(account: Account, call: Call): Promise<Answer> {
  if (account.worker === null) return workerNotFound();
  const problem = await storeUpload(account, call);
  return (
    problem ?? {
      result: { id: crypto.randomUUID(), startup_time_ms: 5, resources: { script: { etag: 'etag' } } },
    }
  );
}

/** Takes over an upload's bindings and secrets, or says why the upload is refused. */
async function storeUpload(account: Account, { name, body, contentType }: Call): Promise<Answer | undefined> {
  const form = await new Response(new Uint8Array(body), {
    headers: { 'Content-Type': contentType },
  }).formData();
  const { bindings } = JSON.parse(String(form.get('metadata'))) as { bindings: Binding[] };
  const before = account.worker;
  const secrets = new Map(before?.secrets);
  const kept: Binding[] = [];
  for (const binding of bindings) {
    if (binding.type === 'secret_text') {
      secrets.set(binding.name, String(binding.text));
    } else if (binding.type === 'inherit') {
      const existing = before?.bindings.find(({ name: existingName }) => existingName === binding.name);
      if (existing === undefined && !secrets.has(binding.name)) {
        return failure(
          INVALID_INHERIT_BINDING,
          `inherit binding '${binding.name}' is invalid: does not exist`,
        );
      }
      if (existing !== undefined) kept.push(existing);
    } else if (
      binding.type === 'd1' &&
      ![...account.databases.values()].some(({ id }) => id === binding.id)
    ) {
      return failure(
        INVALID_BINDING,
        `binding ${binding.name} of type d1 must have a valid \`id\` specified`,
      );
    } else if (binding.type === 'queue' && !account.queues.has(String(binding.queue_name))) {
      return failure(INVALID_BINDING, `binding ${binding.name}: the queue does not exist`);
    } else {
      kept.push(binding);
    }
  }
  account.worker = { name, secrets, bindings: kept, crons: before?.crons ?? [] };
  return undefined;
}

function putSchedules({ worker }: Account, { body }: Call): Answer {
  if (worker === null) return workerNotFound();
  worker.crons = (JSON.parse(String(body)) as { cron: string }[]).map(({ cron }) => cron);
  return { result: {} };
}

function listDatabases({ databases }: Account, { query }: Call): Answer {
  if (query.get('page') !== '1') return { result: [] };
  return { result: [...databases].map(([name, { id }]) => ({ name, uuid: id })) };
}

function createDatabase(account: Account, { body }: Call): Answer {
  const { name } = JSON.parse(String(body)) as { name: string };
  if (account.databases.has(name)) return failure(7502, 'A database with that name already exists');
  addDatabase(account, name);
  return { result: { name, uuid: account.databases.get(name)?.id } };
}

function findDatabase({ databases }: Account, idOrName: string) {
  return [...databases].find(([name, { id }]) => name === idOrName || id === idOrName);
}

function readDatabase(account: Account, { id }: Call): Answer {
  const found = findDatabase(account, id);
  if (found === undefined) return failure(DATABASE_NOT_FOUND, `The database ${id} could not be found`, 404);
  return { result: { name: found[0], uuid: found[1].id } };
}

function queryDatabase(account: Account, { id, body }: Call): Answer {
  const database = findDatabase(account, id)?.[1];
  if (database === undefined)
    return failure(DATABASE_NOT_FOUND, `The database ${id} could not be found`, 404);
  const { sql } = JSON.parse(String(body)) as { sql: string };
  const meta = { duration: 1, rows_read: 0, rows_written: 0, changes: 0 };
  if (account.quietlyRefusedSql !== undefined && sql.includes(account.quietlyRefusedSql)) {
    return { result: [{ success: false, results: [], meta }] };
  }
  try {
    return { result: runStatements(database.sql, sql).map((results) => ({ success: true, results, meta })) };
  } catch (error) {
    if (database.sql.isTransaction) database.sql.exec('ROLLBACK');
    return failure(DATABASE_QUERY_FAILED, `${(error as Error).message}: SQLITE_ERROR`);
  }
}

/** The rows of each statement. D1 runs the statements of one query in a transaction. */
function runStatements(database: DatabaseSync, sql: string): Record<string, unknown>[][] {
  const rows: Record<string, unknown>[][] = [];
  database.exec('BEGIN');
  for (let rest = sql; /[^\s;]/.test(rest.replace(/--.*$/gm, '')); ) {
    const statement = database.prepare(rest); // takes the first one, and says how long it was
    rows.push(statement.all());
    rest = rest.slice(statement.sourceSQL.length);
  }
  database.exec('COMMIT');
  return rows;
}

function listQueues({ queues }: Account, { query }: Call): Answer {
  const names = query.getAll('name');
  const result = [...queues]
    .filter(([name]) => names.length === 0 || names.includes(name))
    .map(([name, { id, consumers }]) => ({
      queue_id: id,
      queue_name: name,
      created_on: '',
      modified_on: '',
      producers: [],
      producers_total_count: 0,
      consumers: consumers.map((consumer) => ({ ...consumer, type: 'worker' })),
      consumers_total_count: consumers.length,
    }));
  return { result, result_info: { page: 1, per_page: 100, total_pages: 1, count: result.length } };
}

function createQueue(account: Account, { body }: Call): Answer {
  const { queue_name: name } = JSON.parse(String(body)) as { queue_name: string };
  if (account.queues.has(name)) return failure(QUEUE_TAKEN, `Queue name '${name}' is already taken`, 409);
  return { result: { queue_id: addQueue(account, name).id, queue_name: name } };
}

function addConsumer({ queues }: Account, { id, body }: Call): Answer {
  const queue = [...queues.values()].find((candidate) => candidate.id === id);
  const consumer = JSON.parse(String(body)) as { script_name: string; dead_letter_queue?: string };
  if (queue === undefined) return failure(11000, 'The queue does not exist', 404);
  if (consumer.dead_letter_queue !== undefined && !queues.has(consumer.dead_letter_queue)) {
    return failure(11001, `The dead letter queue ${consumer.dead_letter_queue} does not exist`);
  }
  queue.consumers.push({
    consumer_id: crypto.randomUUID(),
    script: consumer.script_name,
    dead_letter_queue: consumer.dead_letter_queue,
  });
  return { result: {} };
}
