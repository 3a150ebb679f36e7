// Asks the API for integrations: that of a receiver over HTTP, or src/api in this process on the local database. Both do the
// same checks, changes and entries in the audit trail.
import { Hono } from 'hono';
import type { ActorEnv } from '../../src/api/access/actor.ts';
import { integrationRoutes, type ShownIntegration } from '../../src/api/integrations/routes.ts';
import type { ContractProblem } from '../../src/contract/problems.ts';
import { problem } from '../../src/http/problem-details.ts';
import { webhookTokens } from '../../src/sender/webhook-token.ts';
import { CommandFailure, causeOf } from '../command-line.ts';
import type { Command } from './options.ts';

/** The API's answer: one integration, or all for `list`. */
export type Shown = ShownIntegration | { data: ShownIntegration[] };

/** Why the API did not do it. */
export interface Refused {
  ok: false;
  detail: string;
  errors: ContractProblem[];
}

export type Answer = { ok: true; shown: Shown } | Refused;

/** Sends a request to an absolute path of the API. */
export type Send = (path: string, request: RequestInit) => Promise<Response>;

const BASE = '/api/integrations';
const TIMEOUT_MS = 15_000;

/** Sends to the receiver at an address without a slash at its end. Throws {@link CommandFailure} where there is none. */
export function overHttp(url: string, token: string): Send {
  return async (path, request) => {
    const headers = { ...request.headers, authorization: `Bearer ${token}` };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    return fetch(`${url}${path}`, { ...request, headers, signal }).catch((error) => {
      throw new CommandFailure(`no receiver at ${url}: ${causeOf(error)}`);
    });
  };
}

/**
 * Sends to the API in this process, on a database. Throws what fails for other reasons than the command, such as the
 * database.
 *
 * @param url the receiver's address, for the URLs that are shown.
 * @param actor for the audit trail. Who has the database may do everything.
 */
export function inDatabase(deps: {
  db: D1Database;
  webhookSecret: string;
  url: string;
  actor: string;
}): Send {
  const api = new Hono<ActorEnv>()
    .use(async (c, next) => {
      c.set('actor', { name: deps.actor, mayChange: true });
      await next();
    })
    .route(
      '/',
      integrationRoutes({
        db: deps.db,
        tokens: webhookTokens(deps.webhookSecret),
        publicUrl: deps.url,
        now: Date.now,
      }),
    )
    .onError((error) => {
      throw error;
    })
    // A slug such as ".." reaches no route.
    .notFound(() => problem('not-found', 'There is no integration with this slug.'));
  return async (path, request) => api.request(path, request);
}

export async function askApi(send: Send, command: Command): Promise<Answer> {
  const answer = await send(...requestOf(command));
  const type = answer.headers.get('content-type') ?? 'nothing';
  if (!/^application\/(problem\+)?json/.test(type)) {
    throw new CommandFailure(`no receiver there: it answered ${answer.status} with ${type}`);
  }
  if (answer.ok) return { ok: true, shown: (await answer.json()) as Shown };
  const { detail, errors = [] } = (await answer.json()) as { detail: string; errors?: ContractProblem[] };
  return { ok: false, detail, errors };
}

function requestOf(command: Command): [path: string, request: RequestInit] {
  switch (command.name) {
    case 'list':
      return [BASE, { method: 'GET' }];
    case 'add':
      return [BASE, post({ slug: command.slug, ...command.settings })];
    case 'rotate':
      return [pathOf(command), post(command.rotation)];
    case 'disable':
    case 'enable':
      return [pathOf(command), { method: 'POST' }];
  }
}

function pathOf({ slug, name }: { slug: string; name: string }): string {
  return `${BASE}/${encodeURIComponent(slug)}/${name}`;
}

function post(body: Record<string, unknown>): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
