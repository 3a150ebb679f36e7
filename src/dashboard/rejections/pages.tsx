// Rejections: authentic webhooks that became no event, why, and trying them again.

import { type Context, Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type * as z from 'zod';
import type {
  keptRejectionAnswer,
  rejectionAnswer,
  rejectionPage,
  retryAnswer,
  retryRunAnswer,
} from '../../api/rejections/routes.ts';
import { REJECTION_REASONS } from '../../contract/assess.ts';
import { Differences } from '../events/differences.tsx';
import { type Answer, apiPath, type Problem } from '../frame/api-client.ts';
import { answerRun, type Counts, countsOf } from '../frame/bulk-actions.tsx';
import { forbidReaders, refusalPage } from '../frame/errors.tsx';
import {
  ChoiceFilter,
  FilterForm,
  FilterProblems,
  type Filters,
  filtersOf,
  findList,
  HiddenFilters,
  PeriodFilters,
  TextFilter,
} from '../frame/filters.tsx';
import { ListPanel } from '../frame/list-panel.tsx';
import {
  ActionButton,
  Badge,
  EventLink,
  Facts,
  html,
  Notice,
  Page,
  Time,
  withQuery,
} from '../frame/page.tsx';
import { ProblemList, ProblemPath, ProblemWords } from '../frame/problem-words.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { DashboardEnv, View } from '../frame/view.ts';
import { BodyView } from './body-view.tsx';
import { rejectionTexts } from './texts.ts';
import { reasonWords } from './words.ts';

const FILTERS = ['integration', 'reason', 'since', 'until'];
const COUNTED = ['retried', 'stored', 'duplicates', 'rejected'] as const;
type RetryCounts = Counts<(typeof COUNTED)[number]>;

type RejectionPage = z.infer<typeof rejectionPage>;
type Kept = z.infer<typeof keptRejectionAnswer>;

/** To be mounted at `/rejections`. */
export function rejectionPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>()
    .get('/', async (c) => {
      const view = c.get('view');
      const filters = filtersOf(c.req.query(), FILTERS, view);
      const found = await findList<RejectionPage>(c, '/rejections', filters);
      const page = <List view={view} filters={filters} found={found} done={c.req.query()} />;
      return c.html(html(page), found.ok ? 200 : 400);
    })
    .post('/retry', async (c) => {
      const view = c.get('view');
      const t = rejectionTexts(view.language);
      const form = await c.req.parseBody();
      const { query } = filtersOf(form, FILTERS, view);
      return answerRun(c, {
        title: t.retryTitle,
        action: '/rejections/retry',
        fields: query,
        counted: COUNTED,
        form,
        send: async (cursor) =>
          view.api.send<z.infer<typeof retryRunAnswer>>('POST', '/rejections/retry', { ...query, cursor }),
        words: (counts) => retriedWords(counts, view),
        after: (counts) => withQuery('/rejections', { ...query, done: 'retried', ...written(counts) }),
      });
    })
    .get('/:id', async (c) => onePage(c, null))
    .get('/:id/body', async (c) => {
      const answer = await c.get('view').api.stream(apiPath`/rejections/${c.req.param('id')}/body`);
      if (!answer.ok) return refusalPage(c, await answer.json());
      return new Response(answer.body, answer);
    })
    .post('/:id/retry', async (c) => {
      const { api } = c.get('view');
      const path = apiPath`/rejections/${c.req.param('id')}/retry`;
      const retried = await api.send<z.infer<typeof retryAnswer>>('POST', path);
      if (retried.ok) {
        const { outcome, event, integration } = retried.data;
        return c.redirect(withQuery('/rejections', { done: outcome, event, of: integration }), 303);
      }
      // Judged again, and still no event: the problem has what is wrong today.
      return retried.problem.errors === undefined
        ? refusalPage(c, retried.problem)
        : onePage(c, retried.problem);
    })
    .get('/:id/delete', forbidReaders, async (c) => {
      const view = c.get('view');
      const kept = await view.api.get<Kept>(apiPath`/rejections/${c.req.param('id')}`);
      return c.html(html(<DeletePage view={view} kept={kept} />));
    })
    .post('/:id/delete', async (c) => {
      const path = apiPath`/rejections/${c.req.param('id')}`;
      const deleted = await c.get('view').api.send('DELETE', path);
      return deleted.ok ? c.redirect('/rejections?done=deleted', 303) : refusalPage(c, deleted.problem);
    });
}

/** @param refusal of a retry: why it is still rejected. */
async function onePage(c: Context<DashboardEnv>, refusal: Problem | null): Promise<Response> {
  const view = c.get('view');
  const kept = await view.api.get<Kept>(apiPath`/rejections/${c.req.param('id') ?? ''}`);
  const stored = kept.eventId === null ? null : await storedPayload(view, kept.integration, kept.eventId);
  const status = (refusal?.status ?? 200) as ContentfulStatusCode;
  return c.html(html(<One view={view} kept={kept} stored={stored} refusal={refusal} />), status) as Response;
}

/** The payload of the event that a rejection repeats; `null`: it is not there any more. */
async function storedPayload(view: View, integration: string, eventId: string): Promise<string | null> {
  const payload = await view.api.stream(apiPath`/events/${integration}/${eventId}/payload`);
  return payload.ok ? payload.text() : null;
}

function written(counts: RetryCounts): Record<string, string> {
  return Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, String(count)]));
}

function retriedWords({ retried, stored, duplicates, rejected }: RetryCounts, view: View): string {
  const { number } = view.formats;
  return rejectionTexts(view.language).retried(
    number(retried),
    number(stored),
    number(duplicates),
    number(rejected),
  );
}

const List: FC<{
  view: View;
  filters: Filters;
  found: Answer<RejectionPage>;
  done: Record<string, string>;
}> = ({ view, filters, found, done }) => {
  const t = rejectionTexts(view.language);
  const common = commonTexts(view.language);
  const rejections = found.ok ? found.data.data : [];
  const next = found.ok ? found.data.next : null;
  return (
    <Page view={view} title={t.title}>
      <Done view={view} done={done} />
      {!found.ok && <FilterProblems view={view} problem={found.problem} />}
      <p class="muted">{t.what}</p>
      <FilterForm view={view} action="/rejections" filters={filters}>
        <TextFilter filters={filters} name="integration" label={common.integration} />
        <ChoiceFilter
          view={view}
          filters={filters}
          name="reason"
          label={t.reason}
          options={REJECTION_REASONS.map((reason) => [reason, reasonWords(reason, view.language)])}
        />
        <PeriodFilters view={view} filters={filters} />
      </FilterForm>
      {view.actor.mayChange && (rejections.length > 0 || next !== null) && (
        <div class="actions">
          <form method="post" action="/rejections/retry">
            <HiddenFilters filters={filters} />
            <button type="submit">{filters.isAny ? t.retryMatching : t.retryAll}</button>
          </form>
        </div>
      )}
      <ListPanel
        view={view}
        label={t.list}
        next={next}
        isEmpty={rejections.length === 0}
        empty={found.ok ? (filters.isAny ? common.nothingFound : t.none) : null}
      >
        {rejections.map((rejection) => (
          <Row view={view} rejection={rejection} />
        ))}
      </ListPanel>
    </Page>
  );
};

const Done: FC<{ view: View; done: Record<string, string> }> = ({ view, done }) => {
  const t = rejectionTexts(view.language);
  switch (done.done) {
    case 'retried':
      return <Notice>{retriedWords(countsOf(done, COUNTED), view)}</Notice>;
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

/** An item of the list. What is wrong besides the first is on its own page. */
const Row: FC<{ view: View; rejection: z.infer<typeof rejectionAnswer> }> = ({ view, rejection }) => {
  const t = rejectionTexts(view.language);
  const { id, integration, reason, problems, deliveries, deferred, bodyBytes, lastReceivedAt } = rejection;
  const { number, bytes } = view.formats;
  const [first] = problems;
  const isOfBody = reason === 'not-utf8' || reason === 'not-json'; // what is wrong says it all
  return (
    <li class="row">
      <span class="who">
        <a href={apiPath`/integrations/${integration}`}>{integration}</a>
      </span>
      <a class="what" href={apiPath`/rejections/${id}`}>
        {!(isOfBody && first) && reasonWords(reason, view.language)}
        {first !== undefined && (
          <>
            {!isOfBody && ': '}
            <ProblemPath path={first.path} /> <ProblemWords language={view.language} problem={first} />
          </>
        )}
        {problems.length > 1 && <small> {t.moreProblems(number(problems.length - 1))}</small>}
      </a>
      <span class="marks">
        {deferred && <Badge>{t.deferred}</Badge>}
        {deliveries > 1 && <Badge>{t.deliveries(number(deliveries))}</Badge>}
        <span class="muted">{bytes(bodyBytes)}</span>
      </span>
      <Time view={view} at={lastReceivedAt} />
    </li>
  );
};

const One: FC<{ view: View; kept: Kept; stored: string | null; refusal: Problem | null }> = ({
  view,
  kept,
  stored,
  refusal,
}) => {
  const t = rejectionTexts(view.language);
  const common = commonTexts(view.language);
  const { number, bytes } = view.formats;
  const problems = refusal?.errors ?? kept.problems;
  return (
    <Page view={view} title={t.one}>
      {refusal !== null && <Notice tone="bad">{t.stillRejected}</Notice>}
      <section class="panel" aria-labelledby="problems">
        <div class="panel-head">
          <h2 id="problems">{t.problems}</h2>
          <Badge tone="warn">{reasonWords(kept.reason, view.language)}</Badge>
        </div>
        {problems.length === 0 ? (
          <p>{t.noProblems}</p>
        ) : (
          <ProblemList language={view.language} problems={problems} />
        )}
      </section>
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
          <ActionButton action={apiPath`/rejections/${kept.id}/retry`}>
            {kept.reason === 'differs' ? t.letIn : t.retry}
          </ActionButton>
          <a href={apiPath`/rejections/${kept.id}/delete`}>{t.delete}</a>
        </div>
      )}
      <section class="panel">
        <Facts
          facts={[
            [common.integration, <a href={apiPath`/integrations/${kept.integration}`}>{kept.integration}</a>],
            [t.delivered, number(kept.deliveries)],
            [t.acknowledgement, acknowledgement(kept, view)],
            [t.firstAt, <Time view={view} at={kept.receivedAt} whole />],
            [t.lastAt, <Time view={view} at={kept.lastReceivedAt} whole />],
            [t.size, bytes(kept.bodyBytes)],
            [t.requestId, <code>{kept.requestId}</code>],
          ]}
        />
      </section>
      <section class="panel" aria-labelledby="body">
        <div class="panel-head">
          <h2 id="body">{t.body}</h2>
          <a href={apiPath`/rejections/${kept.id}/body`} download>
            {t.download}
          </a>
        </div>
        <BodyView view={view} kept={kept} />
      </section>
    </Page>
  );
};

function acknowledgement({ deferred, reason }: Kept, view: View): string {
  const t = rejectionTexts(view.language);
  if (!deferred) return t.wasRefused;
  return reason === 'differs' ? t.wasAcceptedAsRepeat : t.wasAcknowledged;
}

const DeletePage: FC<{ view: View; kept: Kept }> = ({ view, kept }) => {
  const t = rejectionTexts(view.language);
  const here = apiPath`/rejections/${kept.id}`;
  return (
    <Page view={view} title={t.deleteTitle}>
      <section class="panel">
        <p>{t.deleteWarning}</p>
        <p>
          {kept.integration} · {reasonWords(kept.reason, view.language)} ·{' '}
          <Time view={view} at={kept.lastReceivedAt} whole />
        </p>
        <div class="actions">
          <ActionButton action={`${here}/delete`} tone="danger">
            {t.delete}
          </ActionButton>
          <a href={here}>{commonTexts(view.language).cancel}</a>
        </div>
      </section>
    </Page>
  );
};
