// Changes of many things, of which one request does as many as it may: a run that is not at its end is gone on with, by
// itself where there is JavaScript (browser/go-on.ts), and by a button elsewhere. One run a request: it takes already
// what the platform lets one invocation ask of the database.

import type { Context } from 'hono';
import type { Child, FC } from 'hono/jsx';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Answer, Problem } from './api-client.ts';
import { runTexts } from './bulk-action-texts.ts';
import { problemText, refusalPage } from './errors.tsx';
import { html, Notice, Page } from './page.tsx';
import type { DashboardEnv, View } from './view.ts';

/** What runs did so far, by name. */
export type Counts<Name extends string> = Record<Name, number>;

export interface Run<Name extends string> {
  title: string;
  /** Where the form goes that goes on. */
  action: string;
  /** What it is asked with, from one request to the next. */
  fields: Record<string, string>;
  counted: readonly Name[];
  /** What runs before this one came to, as the form has it. */
  form: Record<string, unknown>;
  /** Makes one run. */
  send: (cursor: string | undefined) => Promise<Answer<Counts<Name> & { next: string | null }>>;
  words: (counts: Counts<Name>) => string;
  /** Where to go at the end. */
  after: (counts: Counts<Name>) => string;
  /** Words for a refusal that has some of its own; it does not go on then. */
  refusal?: (problem: Problem) => string | null;
}

/** Makes a run, and answers with where it came to. */
export async function answerRun<Name extends string>(
  c: Context<DashboardEnv>,
  run: Run<Name>,
): Promise<Response> {
  const view = c.get('view');
  const cursor = typeof run.form.cursor === 'string' && run.form.cursor !== '' ? run.form.cursor : undefined;
  const before = countsOf(run.form, run.counted);
  const answer = await run.send(cursor);
  if (!answer.ok) {
    const { problem } = answer;
    const words = run.refusal?.(problem) ?? null;
    if (words === null && problem.status !== 503) return refusalPage(c, problem);
    const page = (
      <RunPage view={view} run={run} counts={before} cursor={cursor} isOver={words !== null} isInterrupted>
        {words ?? problemText(problem, view.language)}
      </RunPage>
    );
    return c.html(html(page), problem.status as ContentfulStatusCode) as Response;
  }
  const { data } = answer;
  const counts = Object.fromEntries(
    run.counted.map((name) => [name, before[name] + data[name]]),
  ) as Counts<Name>;
  if (data.next === null) return c.redirect(run.after(counts), 303);
  return c.html(html(<RunPage view={view} run={run} counts={counts} cursor={data.next} />)) as Response;
}

/** Counts among the parameters of a page or the fields of a form. */
export function countsOf<Name extends string>(
  given: Record<string, unknown>,
  names: readonly Name[],
): Counts<Name> {
  return Object.fromEntries(
    names.map((name) => {
      const text = String(given[name] ?? '');
      return [name, /^\d{1,12}$/.test(text) ? Number(text) : 0];
    }),
  ) as Counts<Name>;
}

const RunPage: FC<{
  view: View;
  run: Pick<Run<string>, 'title' | 'action' | 'fields' | 'words'>;
  counts: Counts<string>;
  cursor: string | undefined;
  /** It was broken off: `children` say why. */
  isInterrupted?: boolean;
  /** It cannot be gone on with. */
  isOver?: boolean;
  children?: Child;
}> = ({ view, run, counts, cursor, isInterrupted = false, isOver = false, children }) => {
  const t = runTexts(view.language);
  const fields = { ...run.fields, ...counts, ...(cursor !== undefined && { cursor }) };
  return (
    <Page view={view} title={run.title}>
      {isInterrupted && <Notice tone="bad">{children}</Notice>}
      <section class="panel">
        <p role="status">{run.words(counts)}</p>
        <p>{isInterrupted ? t.interrupted : t.unfinished}</p>
        {!isOver && (
          <form method="post" action={run.action} {...(!isInterrupted && { 'data-go-on': 'true' })}>
            {Object.entries(fields).map(([name, value]) => (
              <input type="hidden" name={name} value={String(value)} />
            ))}
            <button type="submit">{t.goOn}</button>
          </form>
        )}
      </section>
    </Page>
  );
};
