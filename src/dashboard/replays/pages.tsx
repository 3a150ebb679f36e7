// The pages of replays: the list, the progress of one, and the question before one begins.

import type { FC } from 'hono/jsx';
import type { createReplay, getReplay, listReplays } from '../../api/replays/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { actorWords } from '../audit/entry-words.tsx';
import type { Problem } from '../frame/api-client.ts';
import {
  ActionButton,
  Badge,
  type Fact,
  Facts,
  Notice,
  Panel,
  Time,
  type Tone,
} from '../frame/components.tsx';
import { filterWords } from '../frame/filter-words.tsx';
import { type Filters, HiddenFields } from '../frame/filters.tsx';
import { ListPanel } from '../frame/list-page.tsx';
import { pagePath, withQuery } from '../frame/local-path.ts';
import { Page } from '../frame/page.tsx';
import { ProblemList } from '../frame/problem-words.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { replayStateTexts, replayTexts } from './texts.ts';

type Replay = AnswerOf<typeof getReplay>;

const REFRESH_SECONDS = 2;

export const ReplayList: FC<{ view: View; page: AnswerOf<typeof listReplays> }> = ({ view, page }) => {
  const t = replayTexts(view.language);
  return (
    <Page view={view} title={commonTexts(view.language).replays}>
      <div class="panel-head">
        <p class="muted">{t.what}</p>
        <a href="/events">{t.toEvents}</a>
      </div>
      <ListPanel view={view} label={t.list} next={page.next} isEmpty={page.data.length === 0} empty={t.none}>
        {page.data.map((replay) => (
          <Row view={view} replay={replay} />
        ))}
      </ListPanel>
    </Page>
  );
};

const Row: FC<{ view: View; replay: Replay }> = ({ view, replay }) => {
  const t = replayTexts(view.language);
  const { number } = view.formats;
  return (
    <li class="row">
      <span class="who">
        <bdi>{actorWords(replay.actor, view.language)}</bdi>
      </span>
      <a class="what" href={pagePath`/replays/${replay.id}`}>
        <FilterSentence view={view} filter={replay.filter} />
      </a>
      <span class="marks">
        <StateBadge view={view} state={replay.state} />
        {replay.state === 'running' && (
          <progress max="1" value={String(replay.progress)} aria-label={t.progress} />
        )}
        <span class="muted">{t.counts(number(replay.forwarded), number(replay.putBack))}</span>
      </span>
      <Time view={view} at={replay.createdAt} />
    </li>
  );
};

const FilterSentence: FC<{ view: View; filter: Replay['filter'] }> = ({ view, filter }) => {
  const words = filterWords(view, filter);
  if (words.length === 0) return <span>{replayTexts(view.language).all}</span>;
  return (
    <span>
      {words.map(([name, value], index) => (
        <>
          {index > 0 && ' · '}
          {name} {value}
        </>
      ))}
    </span>
  );
};

const TONES: Record<Replay['state'], Tone> = { running: 'warn', done: 'good', cancelled: 'plain' };

const StateBadge: FC<{ view: View; state: Replay['state'] }> = ({ view, state }) => (
  <Badge tone={TONES[state]}>{replayStateTexts(view.language)[state]}</Badge>
);

/** @param done what was just done: `created`, `cancelled`, or `over` where it was too late to cancel. */
export const ReplayPage: FC<{ view: View; replay: Replay; done: string | undefined }> = ({
  view,
  replay,
  done,
}) => {
  const t = replayTexts(view.language);
  const here = pagePath`/replays/${replay.id}`;
  const isRunning = replay.state === 'running';
  return (
    <Page view={view} title={t.one}>
      {done === 'created' && <Notice>{t.doneCreated}</Notice>}
      {done === 'cancelled' && <Notice>{t.doneCancelled}</Notice>}
      {done === 'over' && <Notice tone="bad">{t.isOver}</Notice>}
      <div
        id="replay"
        {...(isRunning && {
          'hx-get': here,
          'hx-trigger': `every ${REFRESH_SECONDS}s`,
          'hx-select': '#replay',
          'hx-swap': 'outerHTML',
        })}
      >
        <Panel id="progress" title={t.progress} beside={<StateBadge view={view} state={replay.state} />}>
          <progress max="1" value={String(replay.progress)} aria-labelledby="progress" />
          <p>{t.walked(view.formats.percent(replay.progress))}</p>
          <Facts facts={factsOf(replay, view)} />
          {isRunning && (
            <>
              <p class="muted">{t.pace}</p>
              <div class="actions">
                {view.actor.mayChange && (
                  <ActionButton action={`${here}/cancel`} tone="danger">
                    {t.cancel}
                  </ActionButton>
                )}
                <a href={here}>{t.reload}</a>
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

function factsOf(replay: Replay, view: View): Fact[] {
  const t = replayTexts(view.language);
  const { number } = view.formats;
  return [
    [t.putBack, number(replay.putBack)],
    [t.forwarded, number(replay.forwarded)],
    [t.waiting, number(replay.waiting)],
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

/** Says by which of the filters nothing can be replayed. */
export const UnfitReplayPage: FC<{ view: View; filters: Filters; problem: Problem }> = ({
  view,
  filters,
  problem,
}) => {
  const t = replayTexts(view.language);
  return (
    <Page view={view} title={t.newTitle}>
      <Notice tone="bad">{t.newUnfit}</Notice>
      <ProblemList language={view.language} problems={problem.errors ?? []} />
      <p>
        <a href={withQuery('/events', filters.query)}>{t.toEvents}</a>
      </p>
    </Page>
  );
};

/** Asks whether a replay is to begin. */
export const NewReplayPage: FC<{
  view: View;
  filters: Filters;
  counted: AnswerOf<typeof createReplay, 200>;
}> = ({ view, filters, counted: { count, complete } }) => {
  const t = replayTexts(view.language);
  const isNone = complete && count === 0;
  const written = view.formats.number(count);
  return (
    <Page view={view} title={t.newTitle}>
      <section class="panel">
        <Chosen view={view} filter={filters.query} />
        <p>
          <strong>{complete ? t.newCount(written) : t.newCountAtLeast(written)}</strong>
        </p>
        {isNone ? (
          <p>{t.newNone}</p>
        ) : (
          <>
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
          <a href={withQuery('/events', filters.query)}>{commonTexts(view.language).cancel}</a>
        </div>
      </section>
    </Page>
  );
};
