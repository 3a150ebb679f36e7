// How dead letters look: the list, one with its message, and what is asked before any is discarded.

import type { Child, FC } from 'hono/jsx';
import type * as z from 'zod';
import type {
  deadLetterAnswer,
  deadLetterPage,
  keptDeadLetterAnswer,
} from '../../api/dead-letters/routes.ts';
import { DEAD_LETTER_KINDS } from '../../store/dead-letters.ts';
import { type Answer, apiPath } from '../frame/api-client.ts';
import { countsOf } from '../frame/bulk-actions.tsx';
import { filterWords } from '../frame/filter-words.tsx';
import {
  ChoiceFilter,
  FilterForm,
  FilterProblems,
  type Filters,
  HiddenFilters,
  PeriodFilters,
  TextFilter,
} from '../frame/filters.tsx';
import { JsonView } from '../frame/json-view.tsx';
import type { Language } from '../frame/language.ts';
import { ListPanel } from '../frame/list-panel.tsx';
import {
  ActionButton,
  Badge,
  Contact,
  EventLink,
  Facts,
  Notice,
  Page,
  Said,
  Time,
  withQuery,
} from '../frame/page.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { deadLetterTexts } from './texts.ts';
import { explanation, kindWords, reasonWords } from './words.ts';

type Letter = z.infer<typeof deadLetterAnswer>;
type Kept = z.infer<typeof keptDeadLetterAnswer>;

const MAX_ID_CHARACTERS = 120;
/** Beside much else, in a row. */
const MAX_MARK_CHARACTERS = 32;

export const DeadLetterList: FC<{
  view: View;
  filters: Filters;
  found: Answer<z.infer<typeof deadLetterPage>>;
  done: Record<string, string>;
}> = ({ view, filters, found, done }) => {
  const t = deadLetterTexts(view.language);
  const common = commonTexts(view.language);
  const letters = found.ok ? found.data.data : [];
  const next = found.ok ? found.data.next : null;
  return (
    <Page view={view} title={t.title}>
      <Done view={view} done={done} />
      {!found.ok && <FilterProblems view={view} problem={found.problem} />}
      <p class="muted">
        {explanation(
          DEAD_LETTER_KINDS.find((kind) => kind === filters.query.kind) ?? 'given-up',
          view.language,
        )}
      </p>
      <FilterForm view={view} action="/dead-letters" filters={filters}>
        <ChoiceFilter
          view={view}
          filters={filters}
          name="kind"
          label={t.kind}
          options={DEAD_LETTER_KINDS.map((kind) => [kind, kindWords(kind, view.language)])}
        />
        <TextFilter filters={filters} name="integration" label={common.integration} />
        <ChoiceFilter
          view={view}
          filters={filters}
          name="type"
          label={common.type}
          options={[
            ['response', t.reply],
            ['status', t.status],
          ]}
        />
        <TextFilter filters={filters} name="contact" label={common.contact} />
        <PeriodFilters view={view} filters={filters} />
      </FilterForm>
      {view.actor.mayChange && (letters.length > 0 || next !== null) && (
        <div class="actions">
          <form method="post" action="/dead-letters/redrive">
            <HiddenFilters filters={filters} />
            <button type="submit">{filters.isAny ? t.redriveMatching : t.redriveAll}</button>
          </form>
          <a href={withQuery('/dead-letters/discard', filters.query)}>
            {filters.isAny ? t.discardMatching : t.discardAll}
          </a>
        </div>
      )}
      <ListPanel
        view={view}
        label={t.list}
        next={next}
        isEmpty={letters.length === 0}
        empty={found.ok ? (filters.isAny ? common.nothingFound : t.none) : null}
      >
        {letters.map((letter) => (
          <Row view={view} letter={letter} />
        ))}
      </ListPanel>
    </Page>
  );
};

const Done: FC<{ view: View; done: Record<string, string> }> = ({ view, done }) => {
  const t = deadLetterTexts(view.language);
  const { number } = view.formats;
  switch (done.done) {
    case 'redriven-webhook':
      return <Notice>{t.redrivenWebhook}</Notice>;
    case 'redriven':
      return (
        <Notice>
          {t.redriven} <EventLink integration={done.of ?? ''} id={done.event ?? ''} />
        </Notice>
      );
    case 'redriven-many': {
      const { redriven, skipped } = countsOf(done, ['redriven', 'skipped']);
      return <Notice>{redrivenWords({ redriven, skipped }, view)}</Notice>;
    }
    case 'discarded':
      return <Notice>{t.discarded}</Notice>;
    case 'discarded-many':
      return <Notice>{t.discardedMany(number(countsOf(done, ['discarded']).discarded))}</Notice>;
    default:
      return null;
  }
};

/** What a redrive of many came to. */
export function redrivenWords(
  { redriven, skipped }: { redriven: number; skipped: number },
  { language, formats }: View,
): string {
  return deadLetterTexts(language).redrivenMany(formats.number(redriven), formats.number(skipped));
}

function isOurs({ event, kind }: Letter): boolean {
  return event !== null || kind === 'intake';
}

function typeWords({ type, kind }: Letter, language: Language): string {
  const t = deadLetterTexts(language);
  if (kind === 'intake') return t.webhook;
  switch (type) {
    case 'response':
      return t.reply;
    case 'status':
      return t.status;
    case null:
      return t.noEvent;
  }
}

const Row: FC<{ view: View; letter: Letter }> = ({ view, letter }) => (
  <li class="row">
    <span class="who">{letter.contact !== null && <Contact number={letter.contact} />}</span>
    <a class="what" href={apiPath`/dead-letters/${letter.id}`}>
      {typeWords(letter, view.language)}
      {letter.event !== null && (
        <>
          {' · '}
          <Said text={letter.event} max={MAX_ID_CHARACTERS} />
        </>
      )}
    </a>
    <span class="marks">
      {letter.kind !== 'given-up' && <Badge tone="warn">{kindWords(letter.kind, view.language)}</Badge>}
      <span class="muted">{view.formats.bytes(letter.messageBytes)}</span>
      {letter.integration !== null && (
        <span class="muted">
          <Said text={letter.integration} max={MAX_MARK_CHARACTERS} />
        </span>
      )}
    </span>
    <Time view={view} at={letter.keptAt} />
  </li>
);

/** @param isRefused the redrive that was just asked for: it is no event. */
export const DeadLetter: FC<{ view: View; kept: Kept; isRefused?: boolean }> = ({
  view,
  kept,
  isRefused = false,
}) => {
  const t = deadLetterTexts(view.language);
  return (
    <Page view={view} title={t.one}>
      {isOurs(kept) ? (
        <p class="muted">{explanation(kept.kind, view.language)}</p>
      ) : (
        <Notice tone={isRefused ? 'bad' : 'warn'}>{t.noEventHint}</Notice>
      )}
      {view.actor.mayChange && (
        <div class="actions">
          {isOurs(kept) && (
            <ActionButton action={apiPath`/dead-letters/${kept.id}/redrive`}>{t.redrive}</ActionButton>
          )}
          <a href={apiPath`/dead-letters/${kept.id}/discard`}>{t.discard}</a>
        </div>
      )}
      <section class="panel">
        <Facts facts={factsOf(kept, view)} />
      </section>
      <section class="panel" aria-labelledby="message">
        <h2 id="message">{t.message}</h2>
        <JsonView view={view} text={JSON.stringify(kept.message, null, 2)} label={t.message} />
      </section>
    </Page>
  );
};

function factsOf(kept: Kept, view: View): [Child, Child][] {
  const t = deadLetterTexts(view.language);
  const common = commonTexts(view.language);
  const { number, bytes } = view.formats;
  const { event, integration, contact } = kept;
  const facts: [Child, Child][] = [
    [t.kind, kindWords(kept.kind, view.language)],
    [common.type, typeWords(kept, view.language)],
  ];
  if (kept.reason !== null) facts.push([t.reason, reasonWords(kept.reason, view.language)]);
  if (event !== null && integration !== null) {
    facts.push([t.event, <EventLink integration={integration} id={event} />]);
  }
  if (integration !== null) {
    facts.push([
      common.integration,
      <a href={apiPath`/integrations/${integration}`}>
        <Said text={integration} max={MAX_ID_CHARACTERS} />
      </a>,
    ]);
  }
  if (contact !== null) facts.push([t.conversation, <Contact number={contact} />]);
  facts.push(
    [t.sentAt, <Time view={view} at={kept.sentAt} whole />],
    [t.keptAt, <Time view={view} at={kept.keptAt} whole />],
    [t.attempts, number(kept.attempts)],
    [t.size, bytes(kept.messageBytes)],
    [
      t.messageId,
      <code>
        <Said text={kept.messageId} max={MAX_ID_CHARACTERS} />
      </code>,
    ],
  );
  return facts;
}

export const DiscardOnePage: FC<{ view: View; kept: Kept }> = ({ view, kept }) => {
  const t = deadLetterTexts(view.language);
  const here = apiPath`/dead-letters/${kept.id}`;
  return (
    <Page view={view} title={t.discardOneQuestion}>
      <section class="panel">
        <p>{kept.kind === 'intake' ? t.discardWebhookWarning : t.discardWarning}</p>
        <Facts facts={factsOf(kept, view)} />
        <div class="actions">
          <ActionButton action={`${here}/discard`} tone="danger">
            {t.discard}
          </ActionButton>
          <a href={here}>{commonTexts(view.language).cancel}</a>
        </div>
      </section>
    </Page>
  );
};

/** @param isUnsure whether it was sent without the box being ticked. */
export const DiscardManyPage: FC<{
  view: View;
  filters: Filters;
  count: { atLeast: number; isAll: boolean };
  isUnsure?: boolean;
}> = ({ view, filters, count, isUnsure = false }) => {
  const t = deadLetterTexts(view.language);
  const counted = view.formats.number(count.atLeast);
  return (
    <Page view={view} title={t.discardManyQuestion}>
      <section class="panel">
        {isUnsure && <Notice tone="bad">{t.discardUnsure}</Notice>}
        <p>{filters.isAny ? t.discardOf : t.discardOfAll}</p>
        {filters.isAny && <Facts facts={filterWords(view, filters.query)} />}
        <p>
          <strong>{count.isAll ? t.discardCount(counted) : t.discardAtLeast(counted)}</strong>
        </p>
        <p>{t.discardManyWarning}</p>
        <form method="post" action="/dead-letters/discard">
          <HiddenFilters filters={filters} />
          <label>
            <input type="checkbox" name="sure" value="yes" required />
            {t.discardSure}
          </label>
          <div class="actions">
            <button type="submit" class="danger">
              {filters.isAny ? t.discardMatching : t.discardAll}
            </button>
            <a href={withQuery('/dead-letters', filters.query)}>{commonTexts(view.language).cancel}</a>
          </div>
        </form>
      </section>
    </Page>
  );
};
