// Changes of many things. One request does only a part, since the platform bounds what one invocation may ask of the
// database. Each answer is a form that goes on with the next part: by itself where there is JavaScript
// (browser/go-on.ts), and by a button elsewhere.

import type { Context } from 'hono';
import type { Child, FC } from 'hono/jsx';
import type { Answer, Problem } from './api-client.ts';
import { Notice } from './components.tsx';
import { problemPage, problemText } from './errors.tsx';
import { HiddenFields } from './filters.tsx';
import { answerPage, Page } from './page.tsx';
import { bulkActionTexts } from './texts.ts';
import type { DashboardEnv, View } from './view.ts';

/** How many things were changed in which way. */
export type Counts<Name extends string> = Record<Name, number>;

export interface BulkAction<Name extends string> {
  title: string;
  /** The address of the form that goes on. */
  action: string;
  /** What every request of the action is sent with. */
  fields: Record<string, string>;
  counted: readonly Name[];
  /** The form as it was sent, with the cursor and the counts of the parts before. */
  form: Record<string, unknown>;
  /** Does the next part. */
  send: (cursor: string | undefined) => Promise<Answer<Counts<Name> & { next: string | null }>>;
  words: (counts: Counts<Name>) => string;
  /** The address to go to at the end. */
  after: (counts: Counts<Name>) => string;
  /** The words for a problem after which the action cannot go on; `null` for any other problem. */
  ending?: (problem: Problem) => string | null;
}

/** Does the next part of an action, and answers with what was done so far. */
export async function answerBulkAction<Name extends string>(
  c: Context<DashboardEnv>,
  bulk: BulkAction<Name>,
): Promise<Response> {
  const view = c.get('view');
  const cursor =
    typeof bulk.form.cursor === 'string' && bulk.form.cursor !== '' ? bulk.form.cursor : undefined;
  const before = countsOf(bulk.form, bulk.counted);
  const answer = await bulk.send(cursor);
  if (!answer.ok) {
    const { problem } = answer;
    const ending = bulk.ending?.(problem) ?? null;
    if (ending === null && problem.status !== 503) return problemPage(c, problem);
    const interrupted = ending ?? problemText(problem, view.language);
    const props = { view, bulk, counts: before, cursor, interrupted, isOver: ending !== null };
    return answerPage(c, <BulkActionPage {...props} />, problem.status);
  }
  const { data } = answer;
  const counts = sumOf(before, data, bulk.counted);
  if (data.next === null) return c.redirect(bulk.after(counts), 303);
  return answerPage(c, <BulkActionPage view={view} bulk={bulk} counts={counts} cursor={data.next} />);
}

/** Adds up the counts of two parts. */
export function sumOf<Name extends string>(
  before: Counts<Name>,
  part: Counts<Name>,
  names: readonly Name[],
): Counts<Name> {
  return countsBy(names, (name) => before[name] + part[name]);
}

/** Counts among the parameters of a page or the fields of a form. */
export function countsOf<Name extends string>(
  given: Record<string, unknown>,
  names: readonly Name[],
): Counts<Name> {
  return countsBy(names, (name) => {
    const text = String(given[name] ?? '');
    return /^\d{1,12}$/.test(text) ? Number(text) : 0;
  });
}

function countsBy<Name extends string>(names: readonly Name[], count: (name: Name) => number): Counts<Name> {
  return Object.fromEntries(names.map((name) => [name, count(name)])) as Counts<Name>;
}

/** Counts as parameters of an address. */
export function writtenCounts(counts: Counts<string>): Record<string, string> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, String(count)]));
}

const BulkActionPage: FC<{
  view: View;
  bulk: Pick<BulkAction<string>, 'title' | 'action' | 'fields' | 'words'>;
  counts: Counts<string>;
  cursor: string | undefined;
  /** Why the action was interrupted. */
  interrupted?: Child;
  /** Whether it cannot go on. */
  isOver?: boolean;
}> = ({ view, bulk, counts, cursor, interrupted, isOver = false }) => {
  const t = bulkActionTexts(view.language);
  return (
    <Page view={view} title={bulk.title}>
      {interrupted !== undefined && <Notice tone="bad">{interrupted}</Notice>}
      <section class="panel">
        <p role="status">{bulk.words(counts)}</p>
        <p>{interrupted === undefined ? t.unfinished : t.interrupted}</p>
        {!isOver && (
          <form
            method="post"
            action={bulk.action}
            {...(interrupted === undefined && { 'data-go-on': 'true' })}
          >
            <HiddenFields fields={{ ...bulk.fields, ...counts, ...(cursor !== undefined && { cursor }) }} />
            <button type="submit">{t.goOn}</button>
          </form>
        )}
      </section>
    </Page>
  );
};
