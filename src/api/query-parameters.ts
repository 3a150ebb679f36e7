// The query parameters that listings have in common, and what becomes of those that do not validate.

import * as z from 'zod';
import { type ContractProblem, patterned, problemAt, problemsIn } from '../contract/problems.ts';
import { problem } from '../problem-details.ts';

const MAX_PAGE_ENTRIES = 200;
const DEFAULT_PAGE_ENTRIES = 50;

const moment = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

const entriesFrom = { description: 'Entries from this moment on.', example: '2026-03-01T00:00:00-03:00' };
const entriesUntil = { description: 'Entries before this moment.', example: '2026-04-01T00:00:00-03:00' };

/** A choice in a query. */
export const trueOrFalse = z.enum(['true', 'false']).transform((text) => text === 'true');

/** The `next` of an earlier answer that is one number. */
export const numericCursor = patterned(/^\d{1,16}$/, 'not-a-cursor').transform(Number);

/**
 * What every listing takes, newest first: a period, from `since` up to but not including `until`, in Unix ms once
 * parsed, and a page, whose `cursor` is the `next` of the page before. For a `z.strictObject`: a misspelt filter must
 * not list everything.
 */
export const listingParameters = {
  since: moment.meta(entriesFrom).optional(),
  until: moment.meta(entriesUntil).optional(),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_PAGE_ENTRIES)
    .default(DEFAULT_PAGE_ENTRIES)
    .meta({ description: 'Entries on the page, at most.' }),
  cursor: numericCursor
    .meta({ description: 'The `next` of an earlier answer.', example: '1772330400000000' })
    .optional(),
};

/** What a listing answers. A page can hold fewer entries than asked for, even none, and still have a next one. */
export function pageOf<Entry extends z.ZodType>(entry: Entry) {
  return z.object({
    data: z.array(entry),
    next: z.string().nullable().meta({ description: 'The `cursor` of the next page; null on the last.' }),
  });
}

/** What zValidator does with parameters that do not validate: every one named, as problem details. */
export function refuseParameters(
  result: { data: unknown } & ({ success: true } | { success: false; error: z.core.$ZodError }),
): Response | undefined {
  if (result.success) return undefined;
  return invalidParameters(
    problemsIn(result.error, result.data).map((problem) =>
      problem.code === 'wrong-type' && problem.params.received === 'array'
        ? problemAt(problem.path, 'repeated')
        : problem,
    ),
  );
}

export function invalidParameters(errors: ContractProblem[]): Response {
  return problem('invalid-parameters', 'Parameters are not valid; see errors.', { errors });
}
