// A replay in a list: by whom, which events, to which route, and how far it has come.

import type { FC } from 'hono/jsx';
import type { getReplay } from '../../api/replays/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { actorWords } from '../audit/entry-words.tsx';
import { Badge, Time, type Tone } from '../frame/components.tsx';
import { filterWords } from '../frame/filter-words.tsx';
import { pagePath } from '../frame/local-path.ts';
import type { View } from '../frame/view.ts';
import { replayStateTexts } from './state-texts.ts';
import { replayTexts } from './texts.ts';

export type Replay = AnswerOf<typeof getReplay>;

/** An item of a list of replays. */
export const ReplayRow: FC<{ view: View; replay: Replay }> = ({ view, replay }) => {
  const t = replayTexts(view.language);
  return (
    <li class="row">
      <span class="who">
        <bdi>{actorWords(replay.actor, view.language)}</bdi>
      </span>
      <a id={`replay-${replay.id}`} class="what" href={pagePath`/replays/${replay.id}`}>
        <FilterSentence view={view} filter={replay.filter} />
      </a>
      <span class="marks">
        <ReplayStateBadge view={view} state={replay.state} />
        {(replay.state === 'running' || replay.state === 'paused') && (
          <progress max="1" value={String(replay.progress)} aria-label={t.progress} />
        )}
        <span class="muted">{t.sentTo(replay.route, view.formats.number(replay.sent))}</span>
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

const TONES: Record<Replay['state'], Tone> = {
  running: 'warn',
  paused: 'warn',
  done: 'good',
  cancelled: 'plain',
};

export const ReplayStateBadge: FC<{ view: View; state: Replay['state'] }> = ({ view, state }) => (
  <Badge tone={TONES[state]}>{replayStateTexts(view.language)[state]}</Badge>
);
