// The pages of rejections: the list, one with what is wrong and its body, and the question before it is deleted.

import type { FC } from 'hono/jsx';
import type { getRejection, listRejections } from '../../api/rejections/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { Differences } from '../events/differences.tsx';
import type { Answer, Problem } from '../frame/api-client.ts';
import { type Counts, countsOf } from '../frame/bulk-actions.tsx';
import { ActionButton, Badge, EventLink, Facts, Notice, Panel, Time } from '../frame/components.tsx';
import { ChoiceFilter, type Filters, HiddenFields, PeriodFilters, TextFilter } from '../frame/filters.tsx';
import { FilteredListPage } from '../frame/list-page.tsx';
import { pagePath } from '../frame/local-path.ts';
import { Page } from '../frame/page.tsx';
import { ProblemList, ProblemPath, ProblemWords } from '../frame/problem-words.tsx';
import { commonTexts, filterTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { BodyView } from './body-view.tsx';
import { rejectionReasonTexts, rejectionTexts } from './texts.ts';

export type RejectionListAnswer = AnswerOf<typeof listRejections>;
export type KeptRejection = AnswerOf<typeof getRejection>;

/** What a retry of many counts. */
export const RETRY_COUNTS = ['retried', 'stored', 'duplicates', 'rejected'] as const;

/** The result of retrying many. */
export function retriedWords(
  { retried, stored, duplicates, rejected }: Counts<(typeof RETRY_COUNTS)[number]>,
  { language, formats: { number } }: View,
): string {
  const t = rejectionTexts(language);
  return t.retried(number(retried), number(stored), number(duplicates), number(rejected));
}

export const RejectionList: FC<{
  view: View;
  filters: Filters;
  found: Answer<RejectionListAnswer>;
  done: Record<string, string>;
}> = ({ view, filters, found, done }) => {
  const t = rejectionTexts(view.language);
  const field = { view, filters };
  return (
    <FilteredListPage
      view={view}
      path="/rejections"
      title={commonTexts(view.language).rejections}
      explanation={t.what}
      label={t.list}
      none={t.none}
      notice={<DoneNotice view={view} done={done} />}
      filters={filters}
      fields={
        <>
          <TextFilter {...field} name="integration" />
          <ChoiceFilter
            {...field}
            name="reason"
            label={t.reason}
            options={Object.entries(rejectionReasonTexts(view.language))}
          />
          <PeriodFilters {...field} />
        </>
      }
      found={found}
      actions={
        view.actor.mayChange && (
          <div class="actions">
            <form method="post" action="/rejections/retry">
              <HiddenFields fields={filters.query} />
              <button type="submit">{filters.isAny ? t.retryMatching : t.retryAll}</button>
            </form>
          </div>
        )
      }
      row={(rejection) => <Row view={view} rejection={rejection} />}
    />
  );
};

const DoneNotice: FC<{ view: View; done: Record<string, string> }> = ({ view, done }) => {
  const t = rejectionTexts(view.language);
  switch (done.done) {
    case 'retried':
      return <Notice>{retriedWords(countsOf(done, RETRY_COUNTS), view)}</Notice>;
    case 'deleted':
      return <Notice>{t.deleted}</Notice>;
    case 'stored':
    case 'duplicate':
      return (
        <Notice>
          {t[done.done]} <EventLink integration={done.of ?? ''} id={done.event ?? ''} />
        </Notice>
      );
    default:
      return null;
  }
};

/** An item of the list, with the first of its problems. */
const Row: FC<{ view: View; rejection: RejectionListAnswer['data'][number] }> = ({ view, rejection }) => {
  const t = rejectionTexts(view.language);
  const { id, integration, reason, problems, deliveries, deferred, bodyBytes, lastReceivedAt } = rejection;
  const { number, bytes } = view.formats;
  const [first] = problems;
  const saysAll = reason === 'not-utf8' || reason === 'not-json'; // its problem says the same as the reason
  return (
    <li class="row">
      <span class="who">
        <a href={pagePath`/integrations/${integration}`}>{integration}</a>
      </span>
      <a class="what" href={pagePath`/rejections/${id}`}>
        {!(saysAll && first) && rejectionReasonTexts(view.language)[reason]}
        {first !== undefined && (
          <>
            {!saysAll && ': '}
            <ProblemPath path={first.path} /> <ProblemWords language={view.language} problem={first} />
          </>
        )}
        {problems.length > 1 && <small> {t.moreProblems(number(problems.length - 1))}</small>}
      </a>
      <span class="marks">
        {deferred && <Badge>{t.deferred}</Badge>}
        {deliveries > 1 && <Badge>{commonTexts(view.language).deliveredTimes(number(deliveries))}</Badge>}
        <span class="muted">{bytes(bodyBytes)}</span>
      </span>
      <Time view={view} at={lastReceivedAt} />
    </li>
  );
};

/**
 * @param stored the payload of the event that it repeats; `null` where there is none.
 * @param problem why a retry left it rejected.
 */
export const RejectionPage: FC<{
  view: View;
  kept: KeptRejection;
  stored: string | null;
  problem: Problem | null;
}> = ({ view, kept, stored, problem }) => {
  const t = rejectionTexts(view.language);
  const common = commonTexts(view.language);
  const { number, bytes } = view.formats;
  const problems = problem?.errors ?? kept.problems;
  return (
    <Page view={view} title={t.one}>
      {problem !== null && <Notice tone="bad">{t.stillRejected}</Notice>}
      <Panel
        id="problems"
        title={t.problems}
        beside={<Badge tone="warn">{rejectionReasonTexts(view.language)[kept.reason]}</Badge>}
      >
        {problems.length === 0 ? (
          <p>{t.noProblems}</p>
        ) : (
          <ProblemList language={view.language} problems={problems} />
        )}
      </Panel>
      {kept.eventId !== null && (
        <Differences
          view={view}
          integration={kept.integration}
          eventId={kept.eventId}
          stored={stored}
          repeated={kept.body}
        />
      )}
      {view.actor.mayChange && (
        <div class="actions">
          <ActionButton action={pagePath`/rejections/${kept.id}/retry`}>
            {kept.reason === 'differs' ? t.letIn : t.retry}
          </ActionButton>
          <a href={pagePath`/rejections/${kept.id}/delete`}>{common.delete}</a>
        </div>
      )}
      <section class="panel">
        <Facts
          facts={[
            [
              filterTexts(view.language).integration,
              <a href={pagePath`/integrations/${kept.integration}`}>{kept.integration}</a>,
            ],
            [t.delivered, number(kept.deliveries)],
            [t.acknowledgement, acknowledgement(kept, view)],
            [t.firstAt, <Time view={view} at={kept.receivedAt} whole />],
            [t.lastAt, <Time view={view} at={kept.lastReceivedAt} whole />],
            [common.size, bytes(kept.bodyBytes)],
            [t.requestId, <code>{kept.requestId}</code>],
          ]}
        />
      </section>
      <Panel
        id="body"
        title={t.body}
        beside={
          <a href={pagePath`/rejections/${kept.id}/body`} download>
            {common.download}
          </a>
        }
      >
        <BodyView view={view} kept={kept} />
      </Panel>
    </Page>
  );
};

function acknowledgement({ deferred, reason }: KeptRejection, view: View): string {
  const t = rejectionTexts(view.language);
  if (!deferred) return t.wasRefused;
  return reason === 'differs' ? t.wasAcceptedAsRepeat : t.wasAcknowledged;
}

export const DeleteRejectionPage: FC<{ view: View; kept: KeptRejection }> = ({ view, kept }) => {
  const t = rejectionTexts(view.language);
  const common = commonTexts(view.language);
  const here = pagePath`/rejections/${kept.id}`;
  return (
    <Page view={view} title={t.deleteTitle}>
      <section class="panel">
        <p>{t.deleteWarning}</p>
        <p>
          {kept.integration} · {rejectionReasonTexts(view.language)[kept.reason]} ·{' '}
          <Time view={view} at={kept.lastReceivedAt} whole />
        </p>
        <div class="actions">
          <ActionButton action={`${here}/delete`} tone="danger">
            {common.delete}
          </ActionButton>
          <a href={here}>{common.cancel}</a>
        </div>
      </section>
    </Page>
  );
};
