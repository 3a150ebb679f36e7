// Asks the operators' API: that of a receiver over HTTP, or some of src/api in this process on the local database. Both do the
// same checks, changes and entries in the audit trail.
import { Hono } from 'hono';
import type { ActorEnv } from '../../src/api/access/actor.ts';
import type { ContractProblem } from '../../src/contract/problems.ts';
import { problem } from '../../src/http/problem-details.ts';
import { CommandFailure, causeOf } from '../command-line.ts';

/** Why the API did not do it. */
export interface Refused {
  ok: false;
  status: number;
  /** Of a conflict, by which a program decides. */
  reason?: string | undefined;
  detail: string;
  errors: ContractProblem[];
}

export type Answer<Shown> = { ok: true; shown: Shown } | Refused;

/** Sends a request to an absolute path of the API. */
export type Send = (path: string, request: RequestInit) => Promise<Response>;

export type ApiRequest = [path: string, request: RequestInit];

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
 * Sends to routes of the API in this process. Throws what fails for other reasons than the request, such as the database.
 *
 * @param actor for the audit trail. Who has the database may do everything.
 * @param missing the answer where a name such as ".." reaches no route.
 */
export function inProcess(
  routes: Hono<ActorEnv>,
  { actor, missing }: { actor: string; missing: string },
): Send {
  const api = new Hono<ActorEnv>()
    .use(async (c, next) => {
      c.set('actor', { name: actor, mayChange: true });
      await next();
    })
    .route('/', routes)
    .onError((error) => {
      throw error;
    })
    .notFound(() => problem('not-found', missing));
  return async (path, request) => api.request(path, request);
}

/** Sends a request. Throws {@link CommandFailure} for an answer that is none of the API's. An empty answer is shown as null. */
export async function ask<Shown>(send: Send, [path, request]: ApiRequest): Promise<Answer<Shown>> {
  const answer = await send(path, request);
  if (answer.status === 204) return { ok: true, shown: null as Shown };
  const type = answer.headers.get('content-type') ?? 'nothing';
  if (!/^application\/(problem\+)?json/.test(type)) {
    throw new CommandFailure(`no receiver there: it answered ${answer.status} with ${type}`);
  }
  if (answer.ok) return { ok: true, shown: (await answer.json()) as Shown };
  const { errors = [], ...refusal } = (await answer.json()) as {
    detail: string;
    reason?: string;
    errors?: ContractProblem[];
  };
  return { ok: false, status: answer.status, reason: refusal.reason, detail: refusal.detail, errors };
}

/** A request with a JSON body. */
export function withBody(method: 'POST' | 'PATCH', body: Record<string, unknown>): RequestInit {
  return { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

/**
 * Why a request was refused, in one line.
 *
 * @param wordsFor names what an error is about in the words of the command line, by its path in the request.
 */
export function describeRefusal({ detail, errors }: Refused, wordsFor: (path: string[]) => string): string {
  if (errors.length === 0) return detail;
  return errors.map(({ path, message }) => `${wordsFor(path.split('.'))} ${message}`).join('; ');
}
