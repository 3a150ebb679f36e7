// The query parameters that listings have in common, and what becomes of those that do not validate.

import * as z from 'zod';
import { problem } from '../problem.ts';

const MAX_PAGE_ENTRIES = 200;
const DEFAULT_PAGE_ENTRIES = 50;

const moment = z.iso
  .datetime({ offset: true, error: 'must be an ISO 8601 date and time with Z or an offset' })
  .transform((text) => Date.parse(text));

const limitMessage = `must be a whole number from 1 to ${MAX_PAGE_ENTRIES}`;

/**
 * What every listing takes, newest first: a period, from `since` up to but not including `until`, in Unix ms once
 * parsed, and a page, whose `cursor` is the `next` of the page before. For a `z.strictObject`: a misspelt filter must
 * not list everything.
 */
export const listingParameters = {
  since: moment.optional(),
  until: moment.optional(),
  limit: z.coerce
    .number(limitMessage)
    .int(limitMessage)
    .min(1, limitMessage)
    .max(MAX_PAGE_ENTRIES, limitMessage)
    .default(DEFAULT_PAGE_ENTRIES),
  cursor: z
    .string()
    .regex(/^\d{1,16}$/, 'must be the `next` of an earlier answer')
    .transform(Number)
    .optional(),
};

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
