// How operations are served: requests are checked against what is described, and handlers get what is in them.

import { zValidator } from '@hono/zod-validator';
import type { Context, Handler, Hono, MiddlewareHandler, ValidationTargets } from 'hono';
import type * as z from 'zod';
import type { AnswerOf, Operation } from '../http/operation.ts';
import type { ActorEnv } from './access/actor.ts';
import { refuseParameters } from './query-parameters.ts';
import { jsonBody } from './request-body.ts';

type Checked<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

/** What a handler gets of a request. */
export interface Input<Described extends Operation> {
  param: Checked<Described['param']>;
  query: Checked<Described['query']>;
  header: Checked<Described['header']>;
  body: Described['body'] extends { schema: infer Schema } ? Checked<Schema> : undefined;
}

/** Gives what the operation answers with 200, or an answer of another kind: see {@link answer}. */
type Handle<Described extends Operation> = (
  c: Context<ActorEnv>,
  input: Input<Described>,
) => Answered<Described> | Promise<Answered<Described>>;
type Answered<Described extends Operation> = Response | AnswerOf<Described, 200>;

/** They are checked in this order, and the body after them. */
const PARAMETERS = ['param', 'query', 'header'] as const;

/** Where {@link servedOperations} finds what a route's handler serves. */
const OPERATION = Symbol('operation');

/**
 * Adds the route of an operation. Requests that are not as described are refused with every problem named.
 *
 * ```ts
 * serve(routes, getIntegration, async (_, { param }) => ({ slug: param.slug }));
 * ```
 */
export function serve<Described extends Operation>(
  routes: Hono<ActorEnv>,
  operation: Described,
  handle: Handle<NoInfer<Described>>,
): void {
  const { method, path, body } = operation;
  const validators = PARAMETERS.flatMap((target): MiddlewareHandler[] => {
    const schema = operation[target];
    return schema === undefined ? [] : [zValidator(target, schema, refuseParameters)];
  });
  if (body !== undefined) validators.push(jsonBody(body));
  const handler: Handler<ActorEnv> = async (c) => {
    const valid = (target: keyof ValidationTargets): unknown => c.req.valid(target as never);
    const input = {
      param: valid('param'),
      query: valid('query'),
      header: valid('header'),
      body: valid('json'),
    };
    const answered = await handle(c, input as Input<Described>);
    return answered instanceof Response ? answered : c.json(answered as object);
  };
  routes.on(method, [path], ...validators, Object.assign(handler, { [OPERATION]: operation }));
}

/** An answer of an operation with another status than 200, or with headers of its own. */
export function answer<Described extends Operation, Status extends keyof Described['answers'] & number>(
  _: Described,
  status: Status,
  body: AnswerOf<Described, Status>,
  headers: Record<string, string> = {},
): Response {
  return body === null ? new Response(null, { status, headers }) : Response.json(body, { status, headers });
}

/** The operations that an app serves, in the order of their routes. */
export function servedOperations({ routes }: Pick<Hono, 'routes'>): Operation[] {
  return routes.flatMap(({ handler }) => (OPERATION in handler ? [handler[OPERATION] as Operation] : []));
}
