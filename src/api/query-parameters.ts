// The parameters of requests: reading and refusing them, those that all listings have, and the pages that listings answer.

import * as z from 'zod';
import { type ContractProblem, coded, patterned, problemAt, problemsIn } from '../contract/problems.ts';
import { rfc3339 } from '../contract/timestamp.ts';
import { problem } from '../http/problem-details.ts';
import { textOrNull } from './fields.ts';

export const MAX_PAGE_ENTRIES = 200;
const DEFAULT_PAGE_ENTRIES = 50;

const moment = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

const entriesFrom = { description: 'Entries from this moment on.', example: '2026-03-01T00:00:00-03:00' };
const entriesUntil = { description: 'Entries before this moment.', example: '2026-04-01T00:00:00-03:00' };

/** A boolean in a query. */
export const trueOrFalse = z.enum(['true', 'false']).transform((text) => text === 'true');

/** A cursor that is one number: the `next` of an earlier answer. */
export const numericCursor = patterned(/^\d{1,16}$/, 'not-a-cursor').transform(Number);

/**
 * The parameters of every listing: a period, from `since` up to but not including `until`, parsed to Unix ms, and a page,
 * whose `cursor` is the `next` of the page before. To be used in a `z.strictObject`, since a misspelt filter must not list
 * everything.
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
    .describe('Entries on the page, at most.'),
  cursor: numericCursor
    .meta({ description: 'The `next` of an earlier answer.', example: '1772330400000000' })
    .optional(),
};

/**
 * Requires at least one of these filters, or `all: true` in place of them, so that nobody changes everything by a slip. For
 * `superRefine`.
 */
export function requireFilterOrAll(filters: object) {
  return (request: Record<string, unknown>, context: z.RefinementCtx): void => {
    const isFiltered = Object.keys(filters).some((name) => request[name] !== undefined);
    if (isFiltered === (request.all === undefined)) return;
    const why = coded(isFiltered ? 'all-with-filter' : 'all-or-filter');
    context.addIssue({ code: 'custom', path: ['all'], ...why });
  };
}

/** A period as the store takes it: from `sinceMs` up to but not including `untilMs`. */
interface Period {
  sinceMs: number | undefined;
  untilMs: number | undefined;
}

/** Parts the parsed parameters of a listing into the filter and the page that the store takes. */
export function asListing<Filters extends { since?: number | undefined; until?: number | undefined }>({
  limit,
  cursor,
  ...filters
}: Filters & { limit: number; cursor?: number | undefined }) {
  return { filter: asFilter(filters), page: { limit, beforeSeq: cursor } };
}

/** Renames the period among filters to what the store takes. */
export function asFilter<Filters extends { since?: number | undefined; until?: number | undefined }>({
  since,
  until,
  ...filters
}: Filters): Omit<Filters, 'since' | 'until'> & Period {
  return { ...filters, sinceMs: since, untilMs: until };
}

/** The answer of a listing. A page can hold fewer entries than asked for, even none, and still have a next one. */
export function pageOf<Entry extends z.ZodType>(entry: Entry) {
  return z.object({
    data: z.array(entry),
    next: textOrNull.describe('The `cursor` of the next page; null on the last.'),
  });
}

/** Makes the answer of a listing. @param nextSeq where the next page begins; `null`: this is the last one. */
export function asPage<Entry>(data: Entry[], nextSeq: number | null) {
  return { data, next: asCursor(nextSeq) };
}

/** The period of a filter as RFC 3339, for answers and the audit trail. */
export function shownPeriod({ sinceMs, untilMs }: Partial<Period>): { since?: string; until?: string } {
  return {
    ...(sinceMs !== undefined && { since: rfc3339(sinceMs) }),
    ...(untilMs !== undefined && { until: rfc3339(untilMs) }),
  };
}

/** The number that an `id` in a path is; `null` where it is none that the API could have answered. */
export function seqOf(id: string): number | null {
  return /^[1-9]\d{0,15}$/.test(id) && Number.isSafeInteger(Number(id)) ? Number(id) : null;
}

/** When what has this place was stored. */
export function storedAt(seq: number): string {
  return rfc3339(Math.floor(seq / 1000));
}

/** A place as the `next` of an answer. */
export function asCursor(seq: number | null): string | null {
  return seq === null ? null : String(seq);
}

/** Refuses parameters that are not valid, with every problem named. A hook of `zValidator`. */
export function refuseParameters(
  result: { data: unknown } & ({ success: true } | { success: false; error: z.core.$ZodError }),
): Response | undefined {
  if (result.success) return undefined;
  const problems = problemsIn(result.error, result.data).map((problem) =>
    problem.code === 'wrong-type' && problem.params.received === 'array'
      ? problemAt(problem.path, 'repeated') // it is given several times, which no schema takes
      : problem,
  );
  return invalidParameters(problems);
}

/** The answer to a request with parameters that are not valid. */
export function invalidParameters(errors: ContractProblem[]): Response {
  return problem('invalid-parameters', 'Parameters are not valid; see errors.', { errors });
}
