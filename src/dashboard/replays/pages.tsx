// The pages of replays: the list, the progress of one, and a new one with the question before it begins.

import type { FC, PropsWithChildren } from 'hono/jsx';
import type { createReplay, listReplays } from '../../api/replays/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { actorWords } from '../audit/entry-words.tsx';
import type { Problem } from '../frame/api-client.ts';
import { ActionButton, type Fact, Facts, Notice, Panel, Time } from '../frame/components.tsx';
import { filterWords } from '../frame/filter-words.tsx';
import { ChoiceFilter, type Filters, HiddenFields, PeriodFilters, TextFilter } from '../frame/filters.tsx';
import { textOfCode } from '../frame/language.ts';
import { ListPanel } from '../frame/list-page.tsx';
import { pagePath, withQuery } from '../frame/local-path.ts';
import { Page } from '../frame/page.tsx';
import { ProblemList } from '../frame/problem-words.tsx';
import { commonTexts, eventTypeTexts, filterTexts, statusTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { type Replay, ReplayRow, ReplayStateBadge } from './replay-row.tsx';
import { replayDoneTexts, replayTexts } from './texts.ts';

const REFRESH_SECONDS = 2;

/** @param begun how many replays were just begun together, one for each route; 0: none. */
export const ReplayList: FC<{ view: View; page: AnswerOf<typeof listReplays>; begun: number }> = ({
  view,
  page,
  begun,
}) => {
  const t = replayTexts(view.language);
  return (
    <Page view={view} title={commonTexts(view.language).replays}>
      {begun > 0 && <Notice>{t.begun(view.formats.number(begun))}</Notice>}
      <div class="panel-head">
        <p class="muted">{t.what}</p>
        {view.actor.mayChange && <a href="/replays/new">{t.new}</a>}
      </div>
      <ListPanel view={view} label={t.list} next={page.next} isEmpty={page.data.length === 0} empty={t.none}>
        {page.data.map((replay) => (
          <ReplayRow view={view} replay={replay} />
        ))}
      </ListPanel>
    </Page>
  );
};

/** What was asked for too late. */
const REFUSED = ['over', 'already'];

/** @param done what was just done, or why it was not: a name among {@link replayDoneTexts}. */
export const ReplayPage: FC<{ view: View; replay: Replay; done: string }> = ({ view, replay, done }) => {
  const t = replayTexts(view.language);
  const here = pagePath`/replays/${replay.id}`;
  const isRunning = replay.state === 'running';
  const doneWords = textOfCode(replayDoneTexts(view.language), done);
  return (
    <Page view={view} title={t.one}>
      {doneWords !== undefined && <Notice tone={REFUSED.includes(done) ? 'bad' : 'good'}>{doneWords}</Notice>}
      <div
        id="replay"
        {...(isRunning && {
          'hx-get': here,
          'hx-trigger': `every ${REFRESH_SECONDS}s`,
          'hx-select': '#replay',
          'hx-swap': 'outerHTML',
        })}
      >
        <Panel
          id="progress"
          title={t.progress}
          beside={<ReplayStateBadge view={view} state={replay.state} />}
        >
          <progress max="1" value={String(replay.progress)} aria-labelledby="progress" />
          <p>{t.walked(view.formats.percent(replay.progress))}</p>
          <Facts facts={factsOf(replay, view)} />
          {(isRunning || replay.state === 'paused') && (
            <>
              <p class="muted">{isRunning ? t.pace : t.pausedHint}</p>
              <div class="actions">
                {view.actor.mayChange && <ReplayActions view={view} here={here} isRunning={isRunning} />}
                <a id="reload" href={here}>
                  {t.reload}
                </a>
              </div>
            </>
          )}
        </Panel>
      </div>
      <Panel id="chosen" title={t.chosen}>
        <Chosen view={view} filter={replay.filter} />
      </Panel>
    </Page>
  );
};

const ReplayActions: FC<{ view: View; here: string; isRunning: boolean }> = ({ view, here, isRunning }) => {
  const t = replayTexts(view.language);
  return (
    <>
      {isRunning ? (
        <ActionButton id="pause" action={`${here}/pause`} tone="secondary">
          {t.pause}
        </ActionButton>
      ) : (
        <ActionButton id="resume" action={`${here}/resume`}>
          {t.resume}
        </ActionButton>
      )}
      <ActionButton id="cancel" action={`${here}/cancel`} tone="danger">
        {t.cancel}
      </ActionButton>
    </>
  );
};

function factsOf(replay: Replay, view: View): Fact[] {
  const t = replayTexts(view.language);
  return [
    [
      filterTexts(view.language).route,
      <a id="its-route" href={pagePath`/routes/${replay.route}`}>
        {replay.route}
      </a>,
    ],
    [t.sent, view.formats.number(replay.sent)],
    [commonTexts(view.language).by, <bdi>{actorWords(replay.actor, view.language)}</bdi>],
    [t.createdAt, <Time view={view} at={replay.createdAt} whole />],
    [t.updatedAt, <Time view={view} at={replay.updatedAt} whole />],
  ];
}

const Chosen: FC<{ view: View; filter: Readonly<Record<string, string | undefined>> }> = ({
  view,
  filter,
}) => {
  const facts = filterWords(view, filter);
  return facts.length === 0 ? <p>{replayTexts(view.language).newAll}</p> : <Facts facts={facts} />;
};

interface NewReplayProps {
  view: View;
  /** With the route. */
  filters: Filters;
  /** The names of all routes. */
  routes: readonly string[];
}

/** The page of a new replay: the form that says which events, to which route, and `children`. */
const NewReplay: FC<PropsWithChildren<NewReplayProps>> = ({ view, filters, routes, children }) => {
  const t = replayTexts(view.language);
  const field = { view, filters };
  const asked = filters.query.route;
  const names = new Set([...routes, ...(asked === undefined ? [] : [asked])]);
  return (
    <Page view={view} title={t.newTitle}>
      <Panel id="which" title={t.which}>
        <form action="/replays/new" class="filters">
          <label>
            {filterTexts(view.language).route}
            <select name="route">
              <option value="">{t.allRoutes}</option>
              {[...names].map((name) => (
                <option value={name} selected={name === asked}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <ChoiceFilter {...field} name="type" options={Object.entries(eventTypeTexts(view.language))} />
          <ChoiceFilter {...field} name="status" options={Object.entries(statusTexts(view.language))} />
          <TextFilter {...field} name="integration" />
          <TextFilter {...field} name="contact" />
          <TextFilter {...field} name="messageId" />
          <PeriodFilters {...field} />
          <div class="buttons">
            <button type="submit" class="secondary">
              {t.count}
            </button>
          </div>
        </form>
      </Panel>
      {children}
    </Page>
  );
};

/** Says by which of the filters nothing can be replayed. */
export const UnfitReplayPage: FC<NewReplayProps & { problem: Problem }> = ({ problem, ...page }) => {
  const { language } = page.view;
  const t = replayTexts(language);
  return (
    <NewReplay {...page}>
      <Notice tone="bad">{t.newUnfit}</Notice>
      <ProblemList language={language} problems={problem.errors ?? []} />
      <p>
        <a href={withQuery('/events', page.filters.query)}>{t.toEvents}</a>
      </p>
    </NewReplay>
  );
};

/** Asks whether a replay is to begin. */
export const NewReplayPage: FC<NewReplayProps & { counted: AnswerOf<typeof createReplay, 200> }> = ({
  counted: { count, complete },
  ...page
}) => {
  const { view, filters, routes } = page;
  const t = replayTexts(view.language);
  const { route, ...match } = filters.query;
  const isNone = complete && count === 0;
  const written = view.formats.number(count);
  if (routes.length === 0) {
    return (
      <NewReplay {...page}>
        <Notice tone="warn">
          {t.noRoutes} <a href="/routes">{commonTexts(view.language).routes}</a>
        </Notice>
      </NewReplay>
    );
  }
  return (
    <NewReplay {...page}>
      <Panel id="question" title={t.newQuestion}>
        <Facts facts={[[filterTexts(view.language).route, route ?? t.allRoutes]]} />
        <Chosen view={view} filter={match} />
        <p>
          <strong>{complete ? t.newCount(written) : t.newCountAtLeast(written)}</strong>
        </p>
        {isNone ? (
          <p>{t.newNone}</p>
        ) : (
          <>
            {route === undefined && routes.length > 1 && <p>{t.newEachRoute}</p>}
            <p>{t.newConsumers}</p>
            <p class="muted">{t.pace}</p>
          </>
        )}
        <div class="actions">
          {!isNone && (
            <form method="post" action="/replays">
              <HiddenFields fields={filters.query} />
              <button type="submit">{t.newGo}</button>
            </form>
          )}
          <a href={withQuery('/events', match)}>{commonTexts(view.language).cancel}</a>
        </div>
      </Panel>
    </NewReplay>
  );
};
