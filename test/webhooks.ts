// What the tests send and how: the documented bodies, a registered integration, requests from outside.

import { env } from 'cloudflare:workers';
import { webhookTokens } from '../src/sender/webhook-token.ts';
import type { Binding, Fault, Seen, SeenEvent } from './receiver/worker.ts';
import responseText from './samples/response.json?raw';
import statusText from './samples/status.json?raw';

export { responseText };
/** The documented status body, its placeholder replaced by a real step. */
export const deliveredText = statusText;

// biome-ignore lint/suspicious/noExplicitAny: tests change whatever they like in these bodies
export type Body = any;

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

let numbered = 0;

/** A response like no other before it, with a text of about `textBytes`. */
export function uniqueResponse(textBytes = 20, name = ''): Body {
  const number = ++numbered;
  return responseBody((body) => {
    body.event.messageId = `event-${name}${number}`;
    body.message.messageId = `message-${name}${number}`;
    body.message.message = 'x'.repeat(textBytes);
  });
}

export const ADMIN_TOKEN = 'admin-token-of-the-tests';
export const ORIGIN = 'https://receiver.example';

/** What an integration is registered with. */
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

/** Delivers and gives the status with the answer's JSON. */
export async function delivered(
  ...args: Parameters<typeof deliver>
): Promise<{ status: number; answer: Body }> {
  const response = await deliver(...args);
  return { status: response.status, answer: await response.json() };
}

/** Asks the operators' API. */
export async function ask(path: string): Promise<{ status: number; answer: Body }> {
  const response = await env.RECEIVER.fetch(`${ORIGIN}${path}`, {
    headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
  });
  return { status: response.status, answer: await response.json() };
}

/** Asks the operators' API for anything; a body goes as JSON. */
export async function api(
  method: string,
  path: string,
  body?: unknown,
  token = ADMIN_TOKEN,
): Promise<{ status: number; answer: Body }> {
  const response = await env.RECEIVER.fetch(`${ORIGIN}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, answer: await response.json() };
}

/** Waits until something has become true; fails after a while, naming what it waited for. */
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
  'outbox',
  'integrations',
  'retired_integrations',
  'rejections',
  'audit',
  'replays',
  'replaying',
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
 * Ends all faults, forgets what was seen and what was stored; the receiver begins anew, with these settings. First waits
 * for what was begun before, in the queues too: it would happen to whoever comes next.
 */
export async function reset(settings: Partial<Env> = {}): Promise<void> {
  await inject({});
  await idle();
  await env.DB.batch(TABLES.map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
  await letCronBeOnTime();
  await env.PROBE.reset(settings);
  await register('shop');
}

/** Far behind all clocks of the tests. */
const ALWAYS_MS = Date.parse('9000-01-01T00:00:00Z');

/** Lets requests believe that the cron comes, whatever time it is: they leave its work to it. */
async function letCronBeOnTime(): Promise<void> {
  await env.DB.prepare("INSERT INTO progress (task, seq, at) VALUES ('cron', 0, ?1)").bind(ALWAYS_MS).run();
}

/** Lets the cron be what it is: one that never ran. */
export async function forgetCron(): Promise<void> {
  await env.DB.prepare("DELETE FROM progress WHERE task = 'cron'").run();
}

/** Makes bindings fail from now on; without a fault they work again. */
export async function inject(faults: Partial<Record<Binding, Fault>>): Promise<void> {
  await env.PROBE.inject(faults);
}

/** Waits until the faults hold so many calls back, or more: these have come there, and go no further until {@link inject}. */
export async function heldBack(calls = 1): Promise<void> {
  await eventually('calls are held back', async () => (await env.PROBE.heldBack()) >= calls);
}

/** Waits until all that was begun has ended: forwarding, consuming, whatever no answer waits for. */
export async function idle(): Promise<void> {
  await eventually('what was begun has ended', async () => env.PROBE.isIdle());
}

/** What the receiver did since the last reset. */
export async function seen(): Promise<Seen> {
  return env.PROBE.seen() as unknown as Promise<Seen>;
}

/** Every event that the EVENTS queue confirmed, repeats included. */
export async function forwardedEvents(): Promise<SeenEvent[]> {
  return (await seen()).batches.flat();
}
