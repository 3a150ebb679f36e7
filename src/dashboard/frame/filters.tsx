// The filters of lists. They live in the address, so that a list can be sent to somebody and gone back to; the same ones
// choose what is changed together. Times are on the reader's clocks where they are typed, and moments in links.

import type { Context } from 'hono';
import type { FC, PropsWithChildren } from 'hono/jsx';
import { withPlusOfLink } from '../../contract/contact.ts';
import { type Answer, ApiRefusal, type Problem, type Query } from './api-client.ts';
import { localTimeOf, momentOf } from './formats.ts';
import { Notice } from './page.tsx';
import { ProblemPath, ProblemWords } from './problem-words.tsx';
import { commonTexts } from './texts.ts';
import type { DashboardEnv, View, Visitor } from './view.ts';

/** Filters that are times. */
const TIMES = ['since', 'until'];

export interface Filters {
  /** As the API takes them: times as moments. Those that are not asked for are absent. */
  query: Record<string, string>;
  /** Whether anything is left out by them. */
  isAny: boolean;
}

/** The filters among the parameters of a page or the fields of a form. What is no time stays, for the API to refuse. */
export function filtersOf(
  given: Record<string, unknown>,
  names: readonly string[],
  { timeZone }: Pick<Visitor, 'timeZone'>,
): Filters {
  const query: Record<string, string> = {};
  for (const name of names) {
    const value = given[name];
    if (typeof value !== 'string' || value.trim() === '') continue;
    const moment = TIMES.includes(name) ? momentOf(value, timeZone) : null;
    const text = (name === 'contact' ? withPlusOfLink(value) : value).trim();
    query[name] = moment === null ? text : new Date(moment).toISOString();
  }
  return { query, isAny: Object.keys(query).length > 0 };
}

/** What a page of a list is asked for with. */
export function pageQuery(c: Context<DashboardEnv>, { query }: Filters): Query {
  return { ...query, cursor: c.req.query('cursor') };
}

/** A page of a list, or what the API does not take of its filters. Throws {@link ApiRefusal} for any other problem. */
export async function findList<List>(
  c: Context<DashboardEnv>,
  path: string,
  filters: Filters,
): Promise<Answer<List>> {
  const found = await c.get('view').api.find<List>(path, pageQuery(c, filters));
  if (!found.ok && found.problem.status !== 400) throw new ApiRefusal(found.problem);
  return found;
}

/** A list's filters as a form of their own. `children` are its fields. */
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

export const TextFilter: FC<{ filters: Filters; name: string; label: string }> = ({
  filters,
  name,
  label,
}) => (
  <label>
    {label}
    <input type="text" name={name} value={filters.query[name] ?? ''} autocomplete="off" />
  </label>
);

/** @param options values with their words. */
export const ChoiceFilter: FC<{
  view: View;
  filters: Filters;
  name: string;
  label: string;
  options: readonly (readonly [value: string, words: string])[];
}> = ({ view, filters, name, label, options }) => (
  <label>
    {label}
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

/** From when until when. */
export const PeriodFilters: FC<{ view: View; filters: Filters }> = ({ view, filters }) => {
  const t = commonTexts(view.language);
  const shown = (name: string) => {
    const ms = Date.parse(filters.query[name] ?? '');
    return Number.isNaN(ms) ? '' : localTimeOf(ms, view.timeZone);
  };
  return (
    <>
      <label>
        {t.since}
        <input type="datetime-local" name="since" value={shown('since')} />
      </label>
      <label>
        {t.until}
        <input type="datetime-local" name="until" value={shown('until')} />
      </label>
    </>
  );
};

/** What the API does not take of the filters. */
export const FilterProblems: FC<{ view: View; problem: Problem }> = ({ view, problem }) => (
  <Notice tone="bad">
    {commonTexts(view.language).invalidParameters}
    {problem.errors?.map((error) => (
      <>
        {' '}
        <ProblemPath path={error.path} /> <ProblemWords language={view.language} problem={error} />
      </>
    ))}
  </Notice>
);

/** Filters as fields of a form that changes what they choose. */
export const HiddenFilters: FC<{ filters: Filters }> = ({ filters }) => (
  <>
    {Object.entries(filters.query).map(([name, value]) => (
      <input type="hidden" name={name} value={value} />
    ))}
  </>
);
