// The pages of routes: all of them, one, and the question before one is deleted.

import type { FC } from 'hono/jsx';
import type { listReplays } from '../../api/replays/routes.ts';
import type { listRoutes } from '../../api/routes/routes.ts';
import type { ContractProblem } from '../../contract/problems.ts';
import {
  consumerToml,
  deadLetterQueueOfRoute,
  queueOfRoute,
  receiverToml,
} from '../../contract/route-queues.ts';
import { routeOfBinding } from '../../contract/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import {
  ActionButton,
  Badge,
  Code,
  Copyable,
  type Fact,
  Facts,
  Notice,
  Panel,
  Time,
} from '../frame/components.tsx';
import { textOfCode } from '../frame/language.ts';
import { pagePath, withQuery } from '../frame/local-path.ts';
import { Page } from '../frame/page.tsx';
import { ProblemList } from '../frame/problem-words.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { ReplayRow } from '../replays/replay-row.tsx';
import { FilterFacts, FilterFields, FilterSummary } from './filter-fields.tsx';
import {
  Behind,
  backlogWords,
  countWords,
  DeadLetterCount,
  momentOr,
  type ShownRoute,
  StateBadge,
  waitingWords,
} from './progress.tsx';
import { newRouteTexts, routeDoneTexts, routeListTexts, routeTexts, routeWarningTexts } from './texts.ts';
import { warningOf } from './warnings.ts';

const REFRESH_SECONDS = 5;

/** What refreshes a part of a page by itself, where there is JavaScript. The part is `#now`. */
function refreshed(here: string) {
  return {
    id: 'now',
    'hx-get': here,
    'hx-trigger': `every ${REFRESH_SECONDS}s`,
    'hx-select': '#now',
    'hx-swap': 'outerHTML',
  };
}

export const RouteList: FC<{
  view: View;
  routes: AnswerOf<typeof listRoutes>;
  /** What was just done. */
  done: string;
}> = ({ view, routes: { data, unrouted }, done }) => {
  const t = routeListTexts(view.language);
  return (
    <Page view={view} title={commonTexts(view.language).routes}>
      <DoneNotice view={view} done={done} />
      <div class="panel-head">
        <p class="muted">{t.what}</p>
        {view.actor.mayChange && <a href="/routes/_new">{t.new}</a>}
      </div>
      <div {...refreshed('/routes')}>
        {unrouted.map((binding) => (
          <Unrouted view={view} binding={binding} />
        ))}
        {data.map((route) => (
          <Warning view={view} route={route} />
        ))}
        <section class="panel">
          {data.length === 0 ? <p>{t.none}</p> : <RouteTable view={view} routes={data} />}
        </section>
      </div>
      <p class="muted">
        {t.live} <a href="/routes">{t.reload}</a>
      </p>
    </Page>
  );
};

const DoneNotice: FC<{ view: View; done: string }> = ({ view, done }) => {
  const words = textOfCode(routeDoneTexts(view.language), done);
  return words === undefined ? null : <Notice>{words}</Notice>;
};

const Warning: FC<{ view: View; route: ShownRoute }> = ({ view, route }) => {
  const words = warningOf({ ...route, oldestAgeMs: route.oldestWaiting?.ageMs ?? null }, view);
  return words === null ? null : <Notice tone="warn">{words}</Notice>;
};

/** A queue that no route sends to, with what makes its route. */
const Unrouted: FC<{ view: View; binding: string }> = ({ view, binding }) => {
  const name = routeOfBinding(binding);
  return (
    <Notice tone="warn">
      {routeWarningTexts(view.language).unrouted(binding)}
      {name !== null && view.actor.mayChange && (
        <>
          {' '}
          <a id={`add-${name}`} href={withQuery('/routes/_new', { name })}>
            {routeListTexts(view.language).addRoute(name)}
          </a>
        </>
      )}
    </Notice>
  );
};

const RouteTable: FC<{ view: View; routes: readonly ShownRoute[] }> = ({ view, routes }) => {
  const t = routeListTexts(view.language);
  const { number } = view.formats;
  return (
    <table class="routes" aria-label={t.list}>
      <thead>
        <tr>
          {[t.route, t.state, t.filter, t.behind, t.gaps, t.forwarded, t.deadLetters, t.backlog].map(
            (name) => (
              <th scope="col">{name}</th>
            ),
          )}
        </tr>
      </thead>
      <tbody>
        {routes.map((route) => (
          <tr>
            <th scope="row">
              <a id={`route-${route.name}`} href={pagePath`/routes/${route.name}`}>
                {route.name}
              </a>
            </th>
            <td>
              <StateBadge view={view} route={route} />
            </td>
            <td>
              <FilterSummary view={view} filter={route.filter} />
            </td>
            <td>
              <Behind view={view} route={route} />
            </td>
            <td>{countWords(route.gaps, view)}</td>
            <td>{number(route.forwarded)}</td>
            <td>
              <DeadLetterCount view={view} route={route} />
            </td>
            <td>{backlogWords(route, view)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
};

export interface RoutePageProps {
  view: View;
  route: ShownRoute;
  /** The newest replays of the route. */
  replays: AnswerOf<typeof listReplays>['data'];
  /** The slugs that there are. */
  integrations: readonly string[];
  /** What was just done. */
  done: string;
  /** What is ticked: the filter as it is, or as it was sent and not taken. */
  ticked: Parameters<typeof FilterFields>[0]['ticked'];
  errors: readonly ContractProblem[];
}

export const RoutePage: FC<RoutePageProps> = ({
  view,
  route,
  replays,
  integrations,
  done,
  ticked,
  errors,
}) => {
  const t = routeTexts(view.language);
  const here = pagePath`/routes/${route.name}`;
  return (
    <Page view={view} title={t.one(route.name)}>
      <DoneNotice view={view} done={done} />
      <div {...refreshed(here)}>
        <Warning view={view} route={route} />
        <Panel id="progress" title={t.now} beside={<StateBadge view={view} route={route} />}>
          <Facts facts={factsOf(route, view)} />
          <h3>{routeListTexts(view.language).filter}</h3>
          <FilterFacts view={view} filter={route.filter} />
          <Links view={view} name={route.name} />
        </Panel>
        <Panel
          id="replays"
          title={t.replays}
          beside={
            <a href="/replays" id="all-replays">
              {t.allReplays}
            </a>
          }
        >
          {replays.length === 0 ? (
            <p>{t.noReplays}</p>
          ) : (
            <ol class="rows" aria-labelledby="replays">
              {replays.map((replay) => (
                <ReplayRow view={view} replay={replay} />
              ))}
            </ol>
          )}
        </Panel>
      </div>
      <div class="columns even">
        <SetUp view={view} route={route} />
        {view.actor.mayChange && (
          <section class="panel">
            <p>{route.state === 'active' ? t.pauseHint : t.resumeHint}</p>
            <div class="actions">
              <ActionButton
                action={`${here}/${route.state === 'active' ? 'pause' : 'resume'}`}
                tone={route.state === 'active' ? 'secondary' : 'primary'}
              >
                {route.state === 'active' ? t.pause : t.resume}
              </ActionButton>
              <a href={withQuery('/replays/new', { route: route.name })}>{t.sendAgain}</a>
              <a href={`${here}/delete`}>{commonTexts(view.language).delete}</a>
            </div>
          </section>
        )}
      </div>
      {view.actor.mayChange && (
        <Panel id="edit" title={t.editTitle}>
          {errors.length > 0 && (
            <>
              <Notice tone="bad">{t.notSaved}</Notice>
              <ProblemList language={view.language} problems={errors} />
            </>
          )}
          <form method="post" action={here}>
            <FilterFields view={view} integrations={integrations} ticked={ticked} />
            <p>
              <small>{t.editHint}</small>
            </p>
            <button type="submit">{t.save}</button>
          </form>
        </Panel>
      )}
    </Page>
  );
};

function factsOf(route: ShownRoute, view: View): Fact[] {
  const t = routeTexts(view.language);
  const list = routeListTexts(view.language);
  const { binding, bound, stateSince, begins, positionAt, gaps, forwarded, createdAt } = route;
  return [
    [list.behind, <Behind view={view} route={route} />],
    [list.gaps, <span title={t.gapsHint}>{countWords(gaps, view)}</span>],
    [list.forwarded, view.formats.number(forwarded)],
    [list.deadLetters, <DeadLetterCount view={view} route={route} />],
    [list.backlog, backlogWords(route, view)],
    [t.position, momentOr(positionAt, t.positionNone, view)],
    [t.begins, momentOr(begins, t.beginsOldest, view)],
    [t.stateSince, <Time view={view} at={stateSince} whole />],
    [t.created, <Time view={view} at={createdAt} whole />],
    [
      t.binding,
      <>
        <Code text={binding} />{' '}
        <Badge tone={bound ? 'plain' : 'bad'}>{bound ? t.isBound : t.isUnbound}</Badge>
      </>,
    ],
  ];
}

const Links: FC<{ view: View; name: string }> = ({ view, name }) => {
  const t = routeTexts(view.language);
  return (
    <div class="actions">
      <a id="its-events" href={withQuery('/events', { forwarded: 'false', route: name })}>
        {t.waitingEvents}
      </a>
      <a id="its-dead-letters" href={withQuery('/dead-letters', { route: name })}>
        {t.itsDeadLetters}
      </a>
      <a id="its-changes" href={withQuery('/audit', { object: name })}>
        {t.changes}
      </a>
    </div>
  );
};

/** What has to be written where, so that a consumer gets the events of a route. */
const SetUp: FC<{ view: View; route: ShownRoute }> = ({ view, route: { name, bound } }) => {
  const t = routeTexts(view.language);
  const steps = newRouteTexts(view.language);
  return (
    <Panel id="set-up" title={t.setUp}>
      {!bound && (
        <>
          <p>{t.queueMissing}</p>
          <Copyable view={view} value={receiverToml(name)} label={steps.receiverToml} />
        </>
      )}
      <p>{t.setUpHint}</p>
      <Copyable
        view={view}
        value={consumerToml(queueOfRoute(name), deadLetterQueueOfRoute(name))}
        label={t.consumerToml}
      />
    </Panel>
  );
};

/** @param isMistyped whether something else than the name of the route was typed. */
export const DeleteRoutePage: FC<{ view: View; route: ShownRoute; isMistyped?: boolean }> = ({
  view,
  route,
  isMistyped = false,
}) => {
  const t = routeTexts(view.language);
  const common = commonTexts(view.language);
  const { name, waiting, deadLetters, bound, binding } = route;
  const here = pagePath`/routes/${name}`;
  return (
    <Page view={view} title={t.deleteTitle}>
      {isMistyped && <Notice tone="bad">{t.deleteMistyped}</Notice>}
      <section class="panel">
        <p>
          <strong>{name}</strong>
        </p>
        <p>{t.deleteWarning}</p>
        {waiting > 0 && <Notice tone="warn">{t.deleteWaiting(waitingWords(waiting, view))}</Notice>}
        {deadLetters > 0 && <p>{t.deleteDeadLetters(countWords(deadLetters, view))}</p>}
        {bound && <p>{t.deleteBinding(binding)}</p>}
        <form method="post" action={`${here}/delete`} class="narrow">
          <label>
            {t.deleteType(name)}
            <input name="confirm" required autocomplete="off" autocapitalize="none" spellcheck={false} />
          </label>
          <div class="actions">
            <button type="submit" class="danger">
              {common.delete}
            </button>
            <a href={here}>{common.cancel}</a>
          </div>
        </form>
      </section>
    </Page>
  );
};
