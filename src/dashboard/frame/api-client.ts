// The dashboard's only way to what is stored: the operators' API, called in process as the operator who is signed in. So
// a page can show and do nothing that the API cannot, by the same queries, the same rights and the same audit trail.

import { type ErrorHandler, type ExecutionContext, Hono } from 'hono';
import type * as z from 'zod';
import type { Actor, ActorEnv } from '../../api/access/actor.ts';
import type { AnswerOf, Operation } from '../../http/operation.ts';
import type { problemDetails } from '../../http/problem-details.ts';

export type Problem = z.infer<typeof problemDetails>;

/** What is sent beside the parameters in the path. Values go to the API as people typed them, for it to judge: only names are checked. */
interface Sent<Described extends Operation> {
  /** Without those that are empty. */
  query?: Named<Described['query'], Query[string]>;
  header?: Named<Described['header'], string | undefined>;
  body?: Named<Described['body'] extends { schema: infer Schema } ? Schema : never, unknown>;
}
type Named<Schema, Value> = Schema extends z.ZodType ? { [Name in keyof z.input<Schema>]?: Value } : never;

/** What follows an operation among arguments: nothing, where its path has no parameters and there is nothing else to send. */
export type Given<Described extends Operation> = Described extends { param: infer Param extends z.ZodType }
  ? [request: Sent<Described> & { param: Record<keyof z.input<Param>, string> }]
  : [request?: Sent<Described>];

interface AnyRequest {
  param?: Record<string, string>;
  query?: Query;
  header?: Record<string, string | undefined>;
  body?: unknown;
}

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

/** The API as one operator sees it. */
export interface ApiClient {
  /** What an operation answers. Throws {@link ApiRefusal} where that is a problem. */
  call<Described extends Operation>(
    operation: Described,
    ...given: Given<Described>
  ): Promise<AnswerOf<Described>>;
  /** What an operation answers, or the problem. */
  attempt<Described extends Operation>(
    operation: Described,
    ...given: Given<Described>
  ): Promise<Answer<AnswerOf<Described>>>;
  /** The answer of an operation as it is, for what streams. */
  open<Described extends Operation>(operation: Described, ...given: Given<Described>): Promise<Response>;
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
    const open = async ({ method, path }: Operation, request: AnyRequest = {}) => {
      const url = new URL(pathWith(path, request.param), caller.origin);
      for (const [name, value] of Object.entries(request.query ?? {})) {
        if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, String(value));
      }
      const init: RequestInit = { method };
      const headers = new Headers();
      for (const [name, value] of Object.entries(request.header ?? {})) {
        if (value !== undefined) headers.set(name, value);
      }
      if (request.body !== undefined) {
        headers.set('content-type', 'application/json');
        init.body = JSON.stringify(request.body);
      }
      return inProcess.fetch(new Request(url, { ...init, headers }), { caller }, caller.lifetime);
    };
    return {
      open: async (operation, ...[request]) => open(operation, request),
      attempt: async (operation, ...[request]) => answerOf(await open(operation, request)),
      async call<Described extends Operation>(operation: Described, ...[request]: Given<Described>) {
        const answer = await answerOf<AnswerOf<Described>>(await open(operation, request));
        if (!answer.ok) throw new ApiRefusal(answer.problem);
        return answer.data;
      },
    };
  };
}

/** Half of a surrogate pair can be in no address, and nothing is stored under one. */
function pathWith(path: string, param: Record<string, string> = {}): string {
  return path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent((param[name] ?? '').toWellFormed()));
}

/** In process, so that what the API answers is what its schemas say: see test/scripts/openapi.test.ts. */
async function answerOf<Data>(response: Response): Promise<Answer<Data>> {
  if (response.headers.get('content-type')?.startsWith('application/problem+json')) {
    return { ok: false, problem: await response.json() };
  }
  const text = await response.text();
  return { ok: true, data: (text === '' ? null : JSON.parse(text)) as Data };
}
