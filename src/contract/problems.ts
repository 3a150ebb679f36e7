// What can be wrong with a webhook, an event or a request: codes with parameters, by which programs decide, and a message in
// English for people. Neither holds a value of the body, which may be personal data.

import * as z from 'zod';

type Value = string | number | boolean | null;

/** The message of each code. Its argument are the code's parameters. */
const MESSAGES = {
  // Of a value.
  required: () => 'is required',
  empty: () => 'must not be empty',
  'empty-list': () => 'must not be an empty list',
  'too-long': ({ max }: { max: number }) => `must have at most ${max} characters`,
  'too-many': ({ max }: { max: number }) => `must have at most ${max} entries`,
  'too-small': ({ min }: { min: number }) => `must be at least ${min}`,
  'too-big': ({ max }: { max: number }) => `must be at most ${max}`,
  unfaithful: () => 'must not contain control characters or lone surrogates',
  'wrong-type': ({ expected, received }: { expected: string; received: string }) =>
    `Invalid input: expected ${expected}, received ${received}`,
  'not-one-of': ({ values }: { values: Value[] }) =>
    `must be ${values.length === 1 ? '' : 'one of '}${values.join(', ')}`,
  'not-a-status': ({ known }: { known: string[] }) => `must be a word such as ${known.join(', ')}`,
  'not-a-moment': () => 'must be an ISO 8601 date and time with Z or an offset',
  'not-a-contact': () => 'must be a phone number or an identity',
  'no-area-code': () => 'must have its area code, or + and the country code of another country',
  unknown: () => 'is not known here',
  // Of a webhook's body.
  'body-empty': () => 'is empty',
  'badly-encoded': () => 'is not encoded as its Content-Encoding says (RFC 9110, section 8.4)',
  'not-utf8': () => 'is not UTF-8 (RFC 8259, section 8.1)',
  'not-json': () => 'cannot be parsed as JSON (RFC 8259)',
  'other-application': () => 'is not the application that this address is bound to',
  // Of a webhook's sender.
  'unknown-integration': () => 'the integration does not exist',
  disabled: () => 'the integration is disabled',
  'old-token': () => 'the token was rotated away',
  address: () => 'the address is not among the allowed ones',
  signature: () => 'the signature is missing or does not hold',
  // Of a repeat.
  differs: () => 'differs from the event',
  'not-in-event': () => 'is not in the event',
  'only-in-event': () => 'is missing, and is in the event',
  // Of an event in a queue.
  'no-data': () => 'is required where there is no dataref',
  // Of what operators ask for.
  repeated: () => 'must be given once',
  'not-a-cursor': () => 'must be the `next` of an earlier answer',
  'not-a-tail-id': () => 'must be the id of an event of an earlier stream',
  slug: () => 'must be 3 to 64 lower-case letters, digits and hyphens',
  'route-name': () => 'must be lower-case letters and digits, in words joined by single underscores',
  'one-line': () => 'must be one line of text',
  'not-an-address-range': () => 'must be an address or a CIDR range of IPv4 or IPv6',
  'nothing-to-change': () => 'must say what to change',
  'goes-with': ({ parameter }: { parameter: string }) => `goes with ${parameter}=true only`,
  'needs-parameter': ({ parameter }: { parameter: string }) => `must be given together with ${parameter}`,
  'not-a-beginning': () => 'must be now, oldest, or an ISO 8601 date and time with Z or an offset',
  'all-or-filter': () => 'must be true where there is no filter',
  'all-with-filter': () => 'cannot be given together with a filter',
  'not-later-than': ({ parameter }: { parameter: string }) => `must not be later than \`${parameter}\``,
  'later-than': ({ parameter }: { parameter: string }) => `must be later than \`${parameter}\``,
  'too-early': ({ days }: { days: number }) => `must be within the last ${days} days`,
  'step-too-fine': ({ days }: { days: number }) =>
    `must be an hour or more: minutes are kept for ${days} days`,
  'too-many-steps': ({ max }: { max: number }) => `must be such that the period has at most ${max} steps`,
  /** Written by another version, or without a code. */
  other: ({ message }: { message: string }) => message,
};

export type ContractProblemCode = keyof typeof MESSAGES;
export const PROBLEM_CODES = Object.keys(MESSAGES) as [ContractProblemCode, ...ContractProblemCode[]];

type None = Record<string, never>;

/** The parameters of each code. */
export type ProblemParams = {
  [Code in ContractProblemCode]: Parameters<(typeof MESSAGES)[Code]> extends [infer Params] ? Params : None;
};

/** One problem of a webhook, an event or a request. */
export type ContractProblem<Code extends ContractProblemCode = ContractProblemCode> = {
  [Each in Code]: {
    /** Where, with dots: `message.to`. Empty for the whole. */
    path: string;
    code: Each;
    params: ProblemParams[Each];
    /** What is wrong, in English. */
    message: string;
  };
}[Code];

/** The argument for parameters, absent for a code that has none. */
type ParamsArgument<Code extends ContractProblemCode> = None extends ProblemParams[Code]
  ? []
  : [params: ProblemParams[Code]];

/** Makes a problem with its message. */
export function problemAt<Code extends ContractProblemCode>(
  path: string,
  code: Code,
  ...[params = {} as ProblemParams[Code]]: ParamsArgument<Code>
): ContractProblem<Code> {
  const message = (MESSAGES[code] as (params: ProblemParams[Code]) => string)(params);
  return { path, code, params, message } as ContractProblem<Code>;
}

/**
 * The problem of a custom zod check, as {@link problemsIn} reads it.
 *
 * ```ts
 * z.string().refine((text) => !UNFAITHFUL.test(text), coded('unfaithful'));
 * context.addIssue({ code: 'custom', ...coded('not-a-contact') });
 * ```
 */
export function coded<Code extends ContractProblemCode>(code: Code, ...params: ParamsArgument<Code>) {
  return { params: { problem: problemAt('', code, ...params) } };
}

/** A text that must match a pattern, which the JSON Schema then has as well. */
export function patterned(
  pattern: RegExp,
  code: 'not-a-cursor' | 'not-a-tail-id' | 'slug' | 'route-name' | 'one-line',
): z.ZodString {
  return z
    .string()
    .refine((text) => pattern.test(text), coded(code))
    .meta({ pattern: pattern.source });
}

/**
 * The problems that zod found in a value.
 *
 * @param value what was checked.
 */
export function problemsIn({ issues }: z.core.$ZodError, value: unknown): ContractProblem[] {
  return issues.flatMap((issue) => problemsOf(issue, value));
}

function problemsOf(issue: z.core.$ZodIssue, value: unknown): ContractProblem[] {
  const path = issue.path.map(String).join('.');
  switch (issue.code) {
    case 'invalid_type': {
      const received = typeName(valueAt(issue.path, value));
      if (received === 'undefined') return [problemAt(path, 'required')];
      return [problemAt(path, 'wrong-type', { expected: issue.expected, received })];
    }
    case 'invalid_value':
      return [problemAt(path, 'not-one-of', { values: issue.values as Value[] })];
    case 'too_small':
      if (issue.origin === 'string') return [problemAt(path, 'empty')];
      if (issue.origin === 'array') return [problemAt(path, 'empty-list')];
      return [problemAt(path, 'too-small', { min: Number(issue.minimum) })];
    case 'too_big': {
      const max = Number(issue.maximum);
      if (issue.origin === 'string') return [problemAt(path, 'too-long', { max })];
      return [problemAt(path, issue.origin === 'array' ? 'too-many' : 'too-big', { max })];
    }
    case 'invalid_format':
      return [issue.format === 'datetime' ? problemAt(path, 'not-a-moment') : otherProblem(path, issue)];
    case 'unrecognized_keys':
      return issue.keys.map((key) => problemAt([...issue.path, key].map(String).join('.'), 'unknown'));
    case 'invalid_union': {
      if ('options' in issue) return [problemAt(path, 'not-one-of', { values: issue.options as Value[] })];
      // The last form of a union is the one that clients are to use.
      const last = issue.errors.at(-1) ?? [];
      return last.flatMap((inner) => problemsOf({ ...inner, path: [...issue.path, ...inner.path] }, value));
    }
    case 'custom': {
      const problem = issue.params?.problem as ContractProblem | undefined;
      return [problem === undefined ? otherProblem(path, issue) : { ...problem, path }];
    }
    default:
      return [otherProblem(path, issue)];
  }
}

function otherProblem(path: string, { message }: z.core.$ZodIssue): ContractProblem {
  return problemAt(path, 'other', { message });
}

function valueAt(path: readonly PropertyKey[], value: unknown): unknown {
  let at = value;
  for (const name of path) at = (at as Record<PropertyKey, unknown> | null | undefined)?.[name];
  return at;
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

const writtenProblems = z.array(
  z.object({
    path: z.string(),
    code: z.string().optional(),
    params: z.record(z.string(), z.unknown()).optional(),
    message: z.string(),
  }),
);

/** Reads stored problems. One whose code is missing or unknown to this version keeps its message. */
export function readProblems(json: string): ContractProblem[] {
  return writtenProblems
    .parse(JSON.parse(json))
    .map(({ path, code, params = {}, message }) =>
      isProblemCode(code)
        ? problemAt(path, code, ...([params] as unknown as ParamsArgument<typeof code>))
        : problemAt(path, 'other', { message }),
    );
}

function isProblemCode(code: string | undefined): code is ContractProblemCode {
  return code !== undefined && Object.hasOwn(MESSAGES, code);
}
