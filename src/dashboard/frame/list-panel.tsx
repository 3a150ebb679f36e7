// A list that is read page by page, newest first.

import type { FC, PropsWithChildren } from 'hono/jsx';
import { More } from './page.tsx';
import type { Visitor } from './view.ts';

/**
 * The list `#rows` of one's items, which goes on where it has more.
 *
 * @param next the cursor of the next page; `null`: this is the last.
 * @param empty what is said where there is nothing; `null`: nothing, since something else is said.
 */
export const ListPanel: FC<
  PropsWithChildren<{
    view: Visitor;
    label: string;
    next: string | null;
    isEmpty: boolean;
    empty: string | null;
  }>
> = ({ view, label, next, isEmpty, empty, children }) => (
  <section class="panel">
    <ol id="rows" class="rows" aria-label={label}>
      {children}
      {isEmpty && next === null && empty !== null && <li class="empty">{empty}</li>}
      <More view={view} cursor={next} isEmpty={isEmpty} />
    </ol>
  </section>
);
