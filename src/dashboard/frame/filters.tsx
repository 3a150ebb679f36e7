// The filters of lists. They are in the address, so that a list can be sent to somebody and gone back to. The same
// filters choose what is changed together. Times are local where they are typed, and moments in links.

import type { Context } from 'hono';
import type { FC, PropsWithChildren } from 'hono/jsx';
import { withPlusOfLink } from '../../contract/contact.ts';
import type { AnswerOf, Operation } from '../../http/operation.ts';
import { type Answer, ApiRefusal, type Given, type Problem, type Query } from './api-client.ts';
import { Notice } from './components.tsx';
import { localTimeOf, momentOf } from './formats.ts';
import { textOfCode } from './language.ts';
import { ProblemPath, ProblemWords } from './problem-words.tsx';
import { commonTexts, errorTexts, filterTexts } from './texts.ts';
import type { DashboardEnv, View, Visitor } from './view.ts';

const TIME_FILTERS = ['since', 'until'];

export interface Filters {
  /** As the API takes them, with times as moments. Filters that are not asked for are absent. */
  query: Record<string, string>;
  /** Whether there is any filter. */
  isAny: boolean;
}

/**
 * The filters among the parameters of a page or the fields of a form. A time that cannot be read is left as it is, for
 * the API to refuse.
 */
export function filtersOf(
  given: Record<string, unknown>,
  names: readonly string[],
  { timeZone }: Pick<Visitor, 'timeZone'>,
): Filters {
  const query: Record<string, string> = {};
  for (const name of names) {
    const value = given[name];
    if (typeof value !== 'string' || value.trim() === '') continue;
    const moment = TIME_FILTERS.includes(name) ? momentOf(value, timeZone) : null;
    const text = (name === 'contact' ? withPlusOfLink(value) : value).trim();
    query[name] = moment === null ? text : new Date(moment).toISOString();
  }
  return { query, isAny: Object.keys(query).length > 0 };
}

/** The body that asks the API for a change of everything that matches. Without a filter it must say `all`. */
export function chosenBy({ query, isAny }: Filters): Record<string, unknown> {
  return isAny ? query : { all: true };
}

/** The query that asks the API for a page of a list. */
export function pageQuery(c: Context<DashboardEnv>, { query }: Filters): Query {
  return { ...query, cursor: c.req.query('cursor') };
}

/** A page of a list, or the API's objection to its filters. Throws {@link ApiRefusal} for any other problem. */
export async function findList<Listing extends Operation & { param?: never }>(
  c: Context<DashboardEnv>,
  listing: Listing,
  filters: Filters,
): Promise<Answer<AnswerOf<Listing>>> {
  const given = [{ query: pageQuery(c, filters) }] as Given<Listing>;
  const found = await c.get('view').api.attempt(listing, ...given);
  if (!found.ok && found.problem.status !== 400) throw new ApiRefusal(found.problem);
  return found;
}

/** A form of filters. `children` are its fields. */
export const FilterForm: FC<PropsWithChildren<{ view: View; action: string; filters: Filters }>> = ({
  view,
  action,
  filters,
  children,
}) => {
  const t = commonTexts(view.language);
  return (
    <form class="filters" action={action}>
      {children}
      <div class="buttons">
        <button type="submit">{t.filter}</button>
        {filters.isAny && <a href={action}>{t.clearFilter}</a>}
      </div>
    </form>
  );
};

interface FilterField {
  view: View;
  filters: Filters;
  name: string;
  /** The name of the filter in words, for those that have none in {@link filterTexts}. */
  label?: string;
}

export const TextFilter: FC<FilterField> = ({ view, filters, name, label }) => (
  <label>
    {label ?? textOfCode(filterTexts(view.language), name)}
    <input type="text" name={name} value={filters.query[name] ?? ''} autocomplete="off" />
  </label>
);

/** @param options values with their words. */
export const ChoiceFilter: FC<
  FilterField & { options: readonly (readonly [value: string, words: string])[] }
> = ({ view, filters, name, label, options }) => (
  <label>
    {label ?? textOfCode(filterTexts(view.language), name)}
    <select name={name}>
      <option value="">{commonTexts(view.language).any}</option>
      {options.map(([value, words]) => (
        <option value={value} selected={filters.query[name] === value}>
          {words}
        </option>
      ))}
    </select>
  </label>
);

/** The fields `since` and `until`. */
export const PeriodFilters: FC<{ view: View; filters: Filters }> = ({ view, filters }) => {
  const t = filterTexts(view.language);
  const typed = (name: string) => {
    const ms = Date.parse(filters.query[name] ?? '');
    return Number.isNaN(ms) ? '' : localTimeOf(ms, view.timeZone);
  };
  return (
    <>
      {(['since', 'until'] as const).map((name) => (
        <label>
          {t[name]}
          <input type="datetime-local" name={name} value={typed(name)} />
        </label>
      ))}
    </>
  );
};

/** The API's objection to the filters. */
export const FilterProblems: FC<{ view: View; problem: Problem }> = ({ view, problem }) => (
  <Notice tone="bad">
    {errorTexts(view.language)[400]}
    {problem.errors?.map((error) => (
      <>
        {' '}
        <ProblemPath path={error.path} /> <ProblemWords language={view.language} problem={error} />
      </>
    ))}
  </Notice>
);

/** What a form sends besides what is typed, such as the filters of what it changes. */
export const HiddenFields: FC<{ fields: Readonly<Record<string, string | number>> }> = ({ fields }) => (
  <>
    {Object.entries(fields).map(([name, value]) => (
      <input type="hidden" name={name} value={String(value)} />
    ))}
  </>
);
