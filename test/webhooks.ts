// What tests share: the documented bodies, a registered integration, requests from outside, and the tests' hold on the
// receiver.

import { env } from 'cloudflare:workers';
import type { RouteFilter } from '../src/contract/routes.ts';
import { webhookTokens } from '../src/sender/webhook-token.ts';
import { isWaitingSql } from '../src/store/stretches.ts';
import { type AnswerAt, checkAnswer } from './answers.ts';
import type { Body, Fields } from './loose-body.ts';
import type { Binding, Fault, FurtherRoute, Seen, SeenEvent } from './receiver/worker.ts';
import responseText from './samples/response.json?raw';
import statusText from './samples/status.json?raw';

export { responseText };
/** The documented status body, with a real step instead of its placeholder. */
export const deliveredText = statusText;

export type { Body, Fields };

/** The documented response, changed by `change`. */
export function responseBody(change: (body: Body) => void = () => undefined): Body {
  const body = JSON.parse(responseText);
  change(body);
  return body;
}

/** The documented status, changed by `change`. */
export function statusBody(change: (body: Body) => void = () => undefined): Body {
  const body = JSON.parse(statusText);
  change(body);
  return body;
}

/** What is at a path with dots in a body; `undefined` where there is nothing. */
export function valueAt(body: unknown, path: string): unknown {
  return path.split('.').reduce((value, key) => (value as Fields | null | undefined)?.[key], body);
}

let numbered = 0;

/** A response with ids of its own, and a text of about `textBytes`. */
export function uniqueResponse(textBytes = 20, name = ''): Body {
  const number = ++numbered;
  return responseBody((body) => {
    body.event.messageId = `event-${name}${number}`;
    body.message.messageId = `message-${name}${number}`;
    body.message.message = 'x'.repeat(textBytes);
  });
}

/** A response of exactly so many bytes. */
export function responseOfBytes(bytes: number): string {
  const text = JSON.stringify(uniqueResponse());
  return text + ' '.repeat(bytes - utf8Bytes(text));
}

export function utf8Bytes(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

/** A token of the right form that was never derived. */
export const FORGED_TOKEN = `1.${'A'.repeat(43)}`;

/** A message of the intake queue that holds a body. */
export function deferredMessage(body: unknown, changes: Fields = {}): Fields {
  return {
    integration: 'shop',
    generation: 1,
    requestId: crypto.randomUUID(),
    receivedAtMs: 1_700_000_000_000,
    payload: JSON.stringify(body),
    ...changes,
  };
}

export async function compressed(
  body: string | Uint8Array<ArrayBuffer>,
  format: 'gzip' | 'deflate' | 'deflate-raw' = 'gzip',
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([body]).stream().pipeThrough(new CompressionStream(format));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export const ADMIN_TOKEN = 'admin-token-of-the-tests';
export const ORIGIN = 'https://receiver.example';

export interface Registered {
  generation?: number;
  enabled?: number;
  appId?: string | null;
  allowedIps?: string[] | null;
  requireSignature?: boolean;
  previous?: { generation: number; untilMs: number }[];
}

/** Registers an integration, or changes it, behind the back of the API. */
export async function register(
  slug: string,
  {
    generation = 1,
    enabled = 1,
    appId = null,
    allowedIps = null,
    requireSignature = false,
    previous = [],
  }: Registered = {},
): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO integrations (
       slug, generation, enabled, created_at, app_id, allowed_ips, require_signature, previous
     ) VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7)
     ON CONFLICT (slug) DO UPDATE SET
       generation = ?2, enabled = ?3, app_id = ?4, allowed_ips = ?5, require_signature = ?6, previous = ?7`,
  )
    .bind(
      slug,
      generation,
      enabled,
      appId,
      allowedIps && JSON.stringify(allowedIps),
      Number(requireSignature),
      JSON.stringify(previous),
    )
    .run();
}

export async function tokenOf(slug: string, generation = 1): Promise<string> {
  return webhookTokens(env.WEBHOOK_SECRET).derive(slug, generation);
}

/** Delivers a body to an integration, as the platform would. */
export async function deliver(
  body: unknown,
  {
    slug = 'shop',
    generation = 1,
    headers = {},
    signal,
  }: { slug?: string; generation?: number; headers?: HeadersInit; signal?: AbortSignal } = {},
): Promise<Response> {
  return env.RECEIVER.fetch(`${ORIGIN}/webhooks/${slug}/${await tokenOf(slug, generation)}`, {
    method: 'POST',
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    headers,
    ...(signal && { signal }),
  });
}

/** What a webhook is answered: an outcome, or a problem. */
export interface WebhookAnswered {
  id: string;
  outcome?: 'stored' | 'duplicate' | 'kept' | 'deferred' | 'rejected';
  type?: string;
  errors?: { path: string; code: string; message: string }[];
}

/** Delivers a body; gives the status and the JSON of the answer. */
export async function delivered(
  ...args: Parameters<typeof deliver>
): Promise<{ status: number; answer: WebhookAnswered }> {
  const response = await deliver(...args);
  return { status: response.status, answer: await response.json() };
}

/** Reads from the operators' API. */
export async function ask<const Path extends string>(path: Path): Promise<Answered<'GET', Path>> {
  return api('GET', path);
}

export interface Answered<Method extends string, Path extends string> {
  status: number;
  answer: AnswerAt<Method, Path>;
}

/** Sends a request to the operators' API, with a body as JSON, and checks that the answer is as it is described. */
export async function api<const Method extends string, const Path extends string>(
  method: Method,
  path: Path,
  body?: unknown,
  token = ADMIN_TOKEN,
): Promise<Answered<Method, Path>> {
  const response = await env.RECEIVER.fetch(`${ORIGIN}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const answer = await response.json<AnswerAt<Method, Path>>();
  checkAnswer(method, path, response.status, answer);
  return { status: response.status, answer };
}

/** The one item that there is. */
export function onlyOne<Item>(items: readonly Item[]): Item {
  const [item] = items;
  if (item === undefined || items.length !== 1) throw new Error(`${items.length} items instead of one`);
  return item;
}

/** Waits until something is true; fails after ten seconds, naming what it waited for. */
export async function eventually(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const attempts = 400;
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (await isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`waited in vain: ${what}`);
}

const TABLES = [
  'events',
  'routes',
  'forwarded',
  'refused',
  'integrations',
  'retired_integrations',
  'rejections',
  'audit',
  'replays',
  'dead_letters',
  'counters',
  'lags',
  'progress',
  'business_numbers',
  // Last: the deletions before are noted in these.
  'usage',
  'last_places',
] as const;

/** How many rows a table has. */
export async function countRows(table: (typeof TABLES)[number]): Promise<number> {
  return (await env.DB.prepare(`SELECT count(*) AS n FROM ${table}`).first<number>('n')) ?? 0;
}

/**
 * Ends all faults, forgets what was seen and stored, and starts the receiver anew with these settings. Waits first for what
 * is still under way, in the queues as well, which would otherwise happen to the next test.
 */
export async function reset(settings: Partial<Env> = {}): Promise<void> {
  await inject({});
  await idle();
  await env.DB.batch(TABLES.map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
  await addRoute('events');
  await letCronBeOnTime();
  await env.PROBE.reset(settings);
  await register('shop');
}

/** Has requests believe that the cron ran a moment ago, whatever time it is, so that they leave its work to it. */
async function letCronBeOnTime(): Promise<void> {
  const alwaysMs = Date.parse('9000-01-01T00:00:00Z');
  await env.DB.prepare("INSERT INTO progress (task, seq, at) VALUES ('cron', 0, ?1)").bind(alwaysMs).run();
}

/** Has requests find that the cron never ran. */
export async function forgetCron(): Promise<void> {
  await env.DB.prepare("DELETE FROM progress WHERE task = 'cron'").run();
}

/** Makes bindings fail from now on. Those without a fault work again. */
export async function inject(faults: Partial<Record<Binding, Fault>>): Promise<void> {
  await env.PROBE.inject(faults);
}

/** Waits until the faults hold back at least so many calls. {@link inject} lets them go on. */
export async function heldBack(calls = 1): Promise<void> {
  await eventually('calls are held back', async () => (await env.PROBE.heldBack()) >= calls);
}

/** Waits until nothing is under way: forwarding, consuming, whatever no answer waits for. */
export async function idle(): Promise<void> {
  await eventually('what was begun has ended', async () => env.PROBE.isIdle());
}

/** What the receiver did since the last reset. */
export async function seen(): Promise<Seen> {
  return env.PROBE.seen() as unknown as Promise<Seen>;
}

/** The SQL statements that the receiver ran since the last reset, with what each read and wrote. */
export async function statementsWith(sqlPart: string): Promise<Seen['statements']> {
  return (await seen()).statements.filter(({ sql }) => sql.includes(sqlPart));
}

/** The lines that the receiver logged since the last reset. */
export async function loggedWith(part: string): Promise<string[]> {
  return (await seen()).logged.filter((line) => line.includes(part));
}

/** Makes a route behind the back of the API. It begins behind what is stored. */
export async function addRoute(
  name: string,
  filter: RouteFilter = {},
  { from = Number.MAX_SAFE_INTEGER }: { from?: number } = {},
): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO routes (name, filter, version, began, position, counted, created_at, state_at)
     SELECT ?1, ?2, (SELECT coalesce(max(version), 0) + 1 FROM routes), at, at, at, 0, 0
     FROM (SELECT min(?3, coalesce((SELECT max(seq) FROM events), 0)) AS at)`,
  )
    .bind(name, JSON.stringify(filter), from)
    .run();
}

/** Makes routes besides `events`, with their queues. */
export async function addFurtherRoutes(filters: Partial<Record<FurtherRoute, RouteFilter>>): Promise<void> {
  for (const [name, filter] of Object.entries(filters)) await addRoute(name, filter);
  await env.PROBE.bindRoutes(Object.keys(filters) as FurtherRoute[]);
}

/** How many events a route has yet to forward. */
export async function waitingOn(route = 'events'): Promise<number> {
  const waiting = env.DB.prepare(
    `SELECT count(*) AS n FROM events AS e WHERE ${isWaitingSql('r.name = ?1')}`,
  );
  return (await waiting.bind(route).first<number>('n')) ?? 0;
}

/** Waits until every stored event was forwarded. */
export async function allForwarded(): Promise<void> {
  await eventually('every event was forwarded', async () => (await waitingOn()) === 0);
}

/** Waits until so many calls that no answer waits for are under way, group commits among them. */
export async function underWay(calls: number): Promise<void> {
  await eventually('calls are under way', async () => (await env.PROBE.underWay()) >= calls);
}

/** Every event that the queue of a route confirmed, with repeats. */
export async function forwardedEvents(route: 'events' | FurtherRoute = 'events'): Promise<SeenEvent[]> {
  const { batches, further } = await seen();
  return (route === 'events' ? batches : further[route]).flat();
}
