// The query parameters that listings have in common, and what becomes of those that do not validate.

import * as z from 'zod';
import { problem } from '../problem.ts';

const MAX_PAGE_ENTRIES = 200;
const DEFAULT_PAGE_ENTRIES = 50;

const moment = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 date and time with Z or an offset' })
  .transform((text) => Date.parse(text));

const entriesFrom = { description: 'Entries from this moment on.', example: '2026-03-01T00:00:00-03:00' };
const entriesUntil = { description: 'Entries before this moment.', example: '2026-04-01T00:00:00-03:00' };

const limitMessage = `must be a whole number from 1 to ${MAX_PAGE_ENTRIES}`;

/** A choice in a query. */
export const trueOrFalse = z
  .enum(['true', 'false'], 'must be true or false')
  .transform((text) => text === 'true');

/**
 * What every listing takes, newest first: a period, from `since` up to but not including `until`, in Unix ms once
 * parsed, and a page, whose `cursor` is the `next` of the page before. For a `z.strictObject`: a misspelt filter must
 * not list everything.
 */
export const listingParameters = {
  since: moment.meta(entriesFrom).optional(),
  until: moment.meta(entriesUntil).optional(),
  limit: z.coerce
    .number(limitMessage)
    .int(limitMessage)
    .min(1, limitMessage)
    .max(MAX_PAGE_ENTRIES, limitMessage)
    .default(DEFAULT_PAGE_ENTRIES)
    .meta({ description: 'Entries on the page, at most.' }),
  cursor: z
    .string()
    .regex(/^\d{1,16}$/, 'must be the `next` of an earlier answer')
    .transform(Number)
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
  result: { success: true } | { success: false; error: z.core.$ZodError },
): Response | undefined {
  if (result.success) return undefined;
  const errors = result.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: key, message: 'is not a known parameter' }))
      : [{ path: issue.path.map(String).join('.'), message: issue.message }],
  );
  return problem('invalid-parameters', 'Parameters are not valid; see errors.', { errors });
}
