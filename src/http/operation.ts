// What is said of one operation of the receiver, once: its route, the zod schemas that its requests are checked against and
// its answers are made by, its documentation and its errors. src/api/serve.ts answers it, src/api/reference/document.ts
// makes OpenAPI of it, and the dashboard calls it.

import type * as z from 'zod';
import type { ProblemCode } from './problem-details.ts';

/**
 * Who may call it. `reader`: who has the read token, and all who may change something; `changer`: the admin token, and
 * identities of Access; `sender`: who has a webhook token, in a header; `anyone`: no credential beside the URL itself.
 */
export type Access = 'anyone' | 'sender' | 'reader' | 'changer';

export interface Operation {
  /** Names it in generated clients. Unique. */
  operationId: string;
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** As Hono writes it: `/api/events/:integration/:id`. */
  path: string;
  tag: Tag;
  summary: string;
  description?: string;
  access: Access;
  /** The parameters in its path, in its query, and its headers: each an object with a property for each. */
  param?: z.ZodObject;
  query?: z.ZodType;
  header?: z.ZodType;
  body?: Body;
  /** By status. */
  answers: Record<number, Answer>;
  /** What it refuses with, beside what {@link Access}, `query` and `body` bring with them. */
  problems?: readonly ProblemCode[];
}

/** What is sent to an address that is not of the receiver's own choosing: one of the `webhooks` of OpenAPI. */
export type Message = Omit<Operation, 'method' | 'path'>;

/** What operations are grouped by in the document. */
export interface Tag {
  name: string;
  description: string;
}

export interface Body {
  schema: z.ZodType;
  description?: string;
  /** Whether none at all counts as `{}`. */
  isOptional?: boolean;
  /** By name. */
  examples: Record<string, unknown>;
}

export interface Answer {
  description: string;
  /** Absent: it has no body. */
  schema?: z.ZodType;
  /** `application/json` unless said otherwise. */
  mediaType?: string;
  example?: unknown;
  /** Headers that it has beside those of every answer, with their descriptions. */
  headers?: Record<string, string>;
}

type Route = Pick<Operation, 'operationId' | 'method' | 'path' | 'tag' | 'access'>;
type Described = Omit<Operation, keyof Route> & Partial<Pick<Route, 'access'>>;

/**
 * Gives the function that describes the operations of one tag. It keeps the types of their schemas, for handlers and clients.
 * Unless `access` is given, a GET is open to readers, and any other method to those who may change something, as
 * src/api/access/actor.ts decides it.
 *
 * ```ts
 * const operation = operationsOf({ name: 'Answers', description: 'To any question.' });
 *
 * export const getAnswer = operation('getAnswer', 'GET /api/answer', {
 *   summary: 'Read the answer',
 *   answers: { 200: json('The answer.', z.object({ answer: z.int() }), { answer: 42 }) },
 * });
 * ```
 */
export function operationsOf(tag: Tag) {
  return <Rest extends Described>(
    operationId: string,
    route: `${'GET' | 'POST' | 'PATCH' | 'DELETE'} /${string}`,
    described: Rest,
  ): Rest & Route => {
    const [method, path = ''] = route.split(' ');
    const access = method === 'GET' ? 'reader' : 'changer';
    return { access, ...described, operationId, method: method as Operation['method'], path, tag };
  };
}

/** An answer that is JSON. */
export function json<Schema extends z.ZodType>(description: string, schema: Schema, example?: unknown) {
  return { description, schema, example };
}

/** What an operation answers with a status, before it is JSON; `null` where that has no body. */
export type AnswerOf<
  Described extends Operation,
  Status extends keyof Described['answers'] = keyof Described['answers'],
> = Status extends keyof Described['answers']
  ? Described['answers'][Status] extends { schema: infer Schema extends z.ZodType }
    ? z.output<Schema>
    : null
  : never;
