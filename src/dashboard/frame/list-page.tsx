// Lists that are read page by page, newest first.

import type { Child, FC, PropsWithChildren } from 'hono/jsx';
import type { Answer } from './api-client.ts';
import { More } from './components.tsx';
import { FilterForm, FilterProblems, type Filters } from './filters.tsx';
import { Page } from './page.tsx';
import { commonTexts } from './texts.ts';
import type { View, Visitor } from './view.ts';

/**
 * The list `#rows`, which loads more items where there are any.
 *
 * @param next the cursor of the next page; `null`: this is the last one.
 * @param empty shown where there is nothing; `null`: nothing is.
 */
export const ListPanel: FC<
  PropsWithChildren<{
    view: Visitor;
    label: string;
    next?: string | null;
    isEmpty: boolean;
    empty: string | null;
  }>
> = ({ view, label, next = null, isEmpty, empty, children }) => (
  <section class="panel">
    <ol id="rows" class="rows" aria-label={label}>
      {children}
      {isEmpty && next === null && empty !== null && <li class="empty">{empty}</li>}
      <More view={view} cursor={next} isEmpty={isEmpty} />
    </ol>
  </section>
);

interface FilteredListProps<Item> {
  view: View;
  /** Of the page. */
  path: string;
  title: string;
  /** Says what kind of things these are. */
  explanation: string;
  /** Names the list for screen readers. */
  label: string;
  /** Shown where there is nothing at all. */
  none: string;
  filters: Filters;
  /** The fields of the filters. */
  fields: Child;
  found: Answer<{ data: readonly Item[]; next: string | null }>;
  row: (item: Item) => Child;
  /** Says what was just done. */
  notice?: Child;
  /** What can be done with all that match, where there may be any. */
  actions?: Child;
}

/** The page of a list with filters, or of what is wrong with the filters. */
export function FilteredListPage<Item>(props: FilteredListProps<Item>): ReturnType<FC> {
  const { view, path, title, explanation, filters, found } = props;
  const { data, next } = found.ok ? found.data : { data: [], next: null };
  const none = filters.isAny ? commonTexts(view.language).nothingFound : props.none;
  return (
    <Page view={view} title={title}>
      {props.notice}
      {!found.ok && <FilterProblems view={view} problem={found.problem} />}
      <p class="muted">{explanation}</p>
      <FilterForm view={view} action={path} filters={filters}>
        {props.fields}
      </FilterForm>
      {(data.length > 0 || next !== null) && props.actions}
      <ListPanel
        view={view}
        label={props.label}
        next={next}
        isEmpty={data.length === 0}
        empty={found.ok ? none : null}
      >
        {data.map(props.row)}
      </ListPanel>
    </Page>
  );
}
