// Every error answer of the receiver, as problem details (RFC 9457). Only here a code is turned into a status. Details are
// written for people, and never hold a value of the request, which may be personal data.

import * as z from 'zod';
import { type ContractProblem, PROBLEM_CODES, problemAt } from '../contract/problems.ts';
import { named } from './named-schemas.ts';

/** Problems by code; `type` of the answer is `/problems/<code>`, which the app explains at that address. */
export const PROBLEMS = {
  'badly-encoded': { status: 400, title: 'The body is not encoded as it says' },
  'not-utf8': { status: 400, title: 'The body is not UTF-8' },
  'not-json': { status: 400, title: 'The body is not JSON' },
  'invalid-parameters': { status: 400, title: 'Invalid parameters' },
  unauthorized: { status: 401, title: 'Not authorized' },
  forbidden: { status: 403, title: 'Not allowed' },
  'not-found': { status: 404, title: 'Not found' },
  'method-not-allowed': { status: 405, title: 'Method not allowed' },
  'request-timeout': { status: 408, title: 'The body took too long' },
  conflict: { status: 409, title: 'In conflict with what is there' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'encoded-body': { status: 415, title: 'The encoding of the body is not taken' },
  'not-json-type': { status: 415, title: 'The body is not said to be JSON' },
  'contract-broken': { status: 422, title: 'The webhook breaks the contract' },
  'wrong-application': { status: 422, title: "The webhook is another application's" },
  'invalid-body': { status: 422, title: 'The body is not valid' },
  'too-many-failures': { status: 429, title: 'Too many failed attempts' },
  internal: { status: 500, title: 'Internal error' },
  'database-unavailable': { status: 503, title: 'The database does not answer' },
  unavailable: { status: 503, title: 'Temporarily unavailable' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** What is wrong with one part of the request. */
export const problemError = z
  .object({
    path: z.string().describe('Where, with dots. Empty for the whole.'),
    code: z.enum(PROBLEM_CODES).describe('What is wrong, for programs.'),
    params: z.record(z.string(), z.unknown()).describe('Of the code: `max` of `too-long`.'),
    message: z.string().describe('The same in English, for people.'),
  })
  .meta({ example: problemAt('message.messageId', 'required') }) as z.ZodType as z.ZodType<ContractProblem>;
named('ProblemError', problemError);

/** Why a request is in conflict with what is there, or cannot be answered yet. */
export const PROBLEM_REASONS = [
  'slug-taken',
  'too-many-integrations',
  'holds-data',
  'enabled-meanwhile',
  'business-number',
  'business-number-unknown',
  'not-redrivable',
  'replay-over',
  'route-exists',
  'too-many-routes',
  'no-routes',
  'route-unbound',
  'state-already',
] as const;
export type ProblemReason = (typeof PROBLEM_REASONS)[number];

const count = z.int().min(0);

/** The extension members of problems, for programs (RFC 9457, section 3.2). */
export const problemExtensions = z.object({
  errors: z.array(problemError).optional(),
  reason: z.enum(PROBLEM_REASONS).optional().describe('Which case of the problem it is.'),
  holdings: z
    .object({
      events: count,
      rejections: count,
      deadLetters: count,
      complete: z.boolean().describe('false: there can be more.'),
    })
    .optional()
    .describe('With `holds-data`: what would be deleted with it.'),
  deleted: z
    .object({ events: count, rejections: count, deadLetters: count })
    .optional()
    .describe('With `enabled-meanwhile`: what was deleted by then.'),
});
export type ProblemExtensions = z.infer<typeof problemExtensions>;

/** The body of every error answer. */
export const problemDetails = z
  .object({
    type: z.string().meta({
      format: 'uri-reference',
      description: 'Which problem it is. GET on it tells more.',
    }),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('What is wrong in this case, and what to do about it.'),
    ...problemExtensions.shape,
  })
  .describe('Problem details (RFC 9457), as `application/problem+json`.');
named('Problem', problemDetails);

/**
 * Makes an `application/problem+json` answer.
 *
 * @param detail what is wrong in this case and what to do about it, for people.
 */
export function problem(
  code: ProblemCode,
  detail: string,
  { headers, ...extensions }: ProblemExtensions & { headers?: Record<string, string> } = {},
): Response {
  const { status, title } = PROBLEMS[code];
  const details: z.infer<typeof problemDetails> = {
    type: `/problems/${code}`,
    title,
    status,
    detail,
    ...extensions,
  };
  return Response.json(details, {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  });
}
