// Asking the API for integrations: a receiver over HTTP, or src/api in this process, on the local database. The
// checks, the changes with their entries in the audit trail and the answers are the same.
import { Hono } from 'hono';
import type { ActorEnv } from '../../src/api/access/actor.ts';
import { integrationRoutes, type ShownIntegration } from '../../src/api/integrations/routes.ts';
import type { ContractProblem } from '../../src/contract/problems.ts';
import { problem } from '../../src/problem-details.ts';
import { webhookTokens } from '../../src/sender/webhook-token.ts';
import { CommandFailure, causeOf } from '../command-line.ts';
import type { Command } from './options.ts';

/** What the API gives: one integration, or all for `list`. */
export type Shown = ShownIntegration | { data: ShownIntegration[] };

/** What the API did not do, and why. */
export interface Refused {
  ok: false;
  detail: string;
  /** What is wrong with which part of the command. */
  errors: ContractProblem[];
}

export type Answer = { ok: true; shown: Shown } | Refused;

/** Sends a request to the API and gives its answer. The path is an absolute one. */
export type Send = (path: string, request: RequestInit) => Promise<Response>;

const BASE = '/api/integrations';
const TIMEOUT_MS = 15_000;

/** To the receiver at an address, which has no slash at the end. Nobody there is a {@link CommandFailure}. */
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
 * To a database, in this process. What fails for another reason than the command, such as the database, is thrown.
 *
 * @param url of the receiver, in the URLs that are shown.
 * @param actor as in the audit trail. Who gets at the database may do everything.
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
    // A slug that is no part of a URL, such as "..", reaches no route.
    .notFound(() => problem('not-found', 'There is no integration with this slug.'));
  return async (path, request) => api.request(path, request);
}

/** Asks the API. */
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
