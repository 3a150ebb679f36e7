// The dashboard's only way to what is stored: the operators' API, called in process as the operator who is signed in. So
// a page can show and do nothing that the API cannot, by the same queries, the same rights and the same audit trail.

import { type ErrorHandler, type ExecutionContext, Hono } from 'hono';
import type * as z from 'zod';
import type { Actor, ActorEnv } from '../../api/access/actor.ts';
import type { AnswerOf, Operation } from '../../http/operation.ts';
import type { problemDetails } from '../../http/problem-details.ts';

export type Problem = z.infer<typeof problemDetails>;

/** What a request for an operation has. Query parameters that are empty are left out. */
export type OperationRequest<Described extends Operation> = (Described extends {
  param: infer Param extends z.ZodType;
}
  ? { param: Record<keyof z.input<Param>, string> }
  : { param?: never }) & {
  query?: Described extends { query: infer Parameters extends z.ZodType }
    ? { [Name in keyof z.input<Parameters>]?: Query[string] }
    : never;
  body?: unknown;
};

/** What parameters are given as; those that are empty are left out. */
export type Query = Record<string, string | number | boolean | null | undefined>;

export type Answer<Data> = { ok: true; data: Data } | { ok: false; problem: Problem };

/** An answer of the API that a page has no use for: the page is answered with the same status. */
export class ApiRefusal extends Error {
  override name = 'ApiRefusal';
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.type);
    this.problem = problem;
  }
}

/** The API as one operator sees it. Paths are below `/api`, their parts encoded; see {@link apiPath}. */
export interface ApiClient {
  /** What an operation answers. Throws {@link ApiRefusal} where that is a problem. */
  call<Described extends Operation>(
    operation: Described,
    request: OperationRequest<Described>,
  ): Promise<AnswerOf<Described>>;
  /** What an operation answers, or the problem. */
  attempt<Described extends Operation>(
    operation: Described,
    request: OperationRequest<Described>,
  ): Promise<Answer<AnswerOf<Described>>>;
  /** The answer of an operation as it is, for what streams. */
  open<Described extends Operation>(
    operation: Described,
    request: OperationRequest<Described>,
    headers?: Record<string, string>,
  ): Promise<Response>;
  /** What a GET answers. Throws {@link ApiRefusal} where that is a problem. */
  get<Data>(path: string, query?: Query): Promise<Data>;
  /** What a GET answers, or the problem. */
  find<Data>(path: string, query?: Query): Promise<Answer<Data>>;
  /** What a change answers, or the problem. An answer without a body is `null`. */
  send<Data>(
    method: 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    query?: Query,
  ): Promise<Answer<Data>>;
  /** The answer as it is, for what streams. */
  stream(path: string, query?: Query, headers?: Record<string, string>): Promise<Response>;
}

/** Who asks. */
export interface Caller {
  actor: Actor;
  requestId: string;
  /** Of the request that the page was asked for with. */
  origin: string;
  lifetime: ExecutionContext;
}

interface InProcessEnv extends ActorEnv {
  Bindings: { caller: Caller };
}

/** Makes clients of an API. Nothing from outside gets to where these requests are answered. */
export function apiClients(api: Hono<ActorEnv>, onError: ErrorHandler): (caller: Caller) => ApiClient {
  const inProcess = new Hono<InProcessEnv>()
    .use(async (c, next) => {
      c.set('actor', c.env.caller.actor);
      c.set('requestId', c.env.caller.requestId);
      await next();
    })
    .route('/', api);
  inProcess.onError(onError as ErrorHandler<InProcessEnv>);

  return (caller) => {
    const ask = async (method: string, path: string, query: Query = {}, init: RequestInit = {}) => {
      const url = new URL(`/api${path}`, caller.origin);
      for (const [name, value] of Object.entries(query)) {
        if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, String(value));
      }
      const request = new Request(url, { ...init, method });
      return inProcess.fetch(request, { caller }, caller.lifetime);
    };
    const find = async <Data>(path: string, query?: Query) => answerOf<Data>(await ask('GET', path, query));
    const send = async <Data>(method: string, path: string, body?: unknown, query?: Query) => {
      const withBody = body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      };
      return answerOf<Data>(await ask(method, path, query, { ...withBody }));
    };
    const attempt = async <Described extends Operation>(
      { method, path }: Described,
      { param, query, body }: OperationRequest<Described>,
    ) => send<AnswerOf<Described>>(method, pathOf(path, param), body, query);
    return {
      attempt,
      async call(operation, request) {
        const answer = await attempt(operation, request);
        if (!answer.ok) throw new ApiRefusal(answer.problem);
        return answer.data;
      },
      open: async ({ method, path }, { param, query }, headers) =>
        ask(method, pathOf(path, param), query, { headers: { ...headers } }),
      find,
      send,
      async get<Data>(path: string, query?: Query) {
        const answer = await find<Data>(path, query);
        if (!answer.ok) throw new ApiRefusal(answer.problem);
        return answer.data;
      },
      stream: async (path, query, headers) => ask('GET', path, query, { headers: { ...headers } }),
    };
  };
}

/**
 * A path of parts that are encoded as they need it: apiPath`/events/${integration}/${id}`. Half of a surrogate pair can be
 * in no address, and nothing is stored under one.
 */
export function apiPath(strings: TemplateStringsArray, ...parts: string[]): string {
  return String.raw({ raw: strings }, ...parts.map((part) => encodeURIComponent(part.toWellFormed())));
}

/** The path of an operation below `/api`, with its parameters. */
function pathOf(path: string, param: Record<string, string> = {}): string {
  return path
    .replace(/^\/api/, '')
    .replace(/:(\w+)/g, (_, name: string) => encodeURIComponent((param[name] ?? '').toWellFormed()));
}

/** In process, so that what the API answers is what its schemas say: see test/scripts/openapi.test.ts. */
async function answerOf<Data>(response: Response): Promise<Answer<Data>> {
  if (response.headers.get('content-type')?.startsWith('application/problem+json')) {
    return { ok: false, problem: await response.json() };
  }
  const text = await response.text();
  return { ok: true, data: (text === '' ? null : JSON.parse(text)) as Data };
}
