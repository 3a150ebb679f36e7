// The pages of dead letters: the list, one with its message, and the questions before any is discarded.

import type { FC } from 'hono/jsx';
import type { getDeadLetter, listDeadLetters } from '../../api/dead-letters/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import type { Answer, Problem } from '../frame/api-client.ts';
import { countsOf } from '../frame/bulk-actions.tsx';
import {
  ActionButton,
  Badge,
  ContactLink,
  EventLink,
  type Fact,
  Facts,
  Notice,
  Panel,
  Said,
  SaidCode,
  Time,
} from '../frame/components.tsx';
import { filterWords } from '../frame/filter-words.tsx';
import { ChoiceFilter, type Filters, HiddenFields, PeriodFilters, TextFilter } from '../frame/filters.tsx';
import { JsonView } from '../frame/json-view.tsx';
import { type Language, textOfCode } from '../frame/language.ts';
import { FilteredListPage } from '../frame/list-page.tsx';
import { pagePath, withQuery } from '../frame/local-path.ts';
import { Page } from '../frame/page.tsx';
import { commonTexts, eventTypeTexts, filterTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import {
  deadLetterAdviceTexts,
  deadLetterKindTexts,
  deadLetterTexts,
  neverSentReasonTexts,
} from './texts.ts';

export type DeadLetterListAnswer = AnswerOf<typeof listDeadLetters>;
export type KeptDeadLetter = AnswerOf<typeof getDeadLetter>;
type DeadLetter = DeadLetterListAnswer['data'][number];

const MAX_ID_CHARACTERS = 120;
/** An integration's name stands in a row beside much else. */
const MAX_MARK_CHARACTERS = 32;

export const DeadLetterList: FC<{
  view: View;
  filters: Filters;
  found: Answer<DeadLetterListAnswer>;
  done: Record<string, string>;
}> = ({ view, filters, found, done }) => {
  const t = deadLetterTexts(view.language);
  const advice = deadLetterAdviceTexts(view.language);
  const field = { view, filters };
  return (
    <FilteredListPage
      view={view}
      path="/dead-letters"
      title={commonTexts(view.language).deadLetters}
      explanation={textOfCode(advice, filters.query.kind ?? '') ?? advice['given-up']}
      label={t.list}
      none={t.none}
      notice={<DoneNotice view={view} done={done} />}
      filters={filters}
      fields={
        <>
          <ChoiceFilter
            {...field}
            name="kind"
            label={t.kind}
            options={Object.entries(deadLetterKindTexts(view.language))}
          />
          <TextFilter {...field} name="route" />
          <TextFilter {...field} name="integration" />
          <ChoiceFilter {...field} name="type" options={Object.entries(eventTypeTexts(view.language))} />
          <TextFilter {...field} name="contact" />
          <PeriodFilters {...field} />
        </>
      }
      found={found}
      actions={
        view.actor.mayChange && (
          <div class="actions">
            <form method="post" action="/dead-letters/redrive">
              <HiddenFields fields={filters.query} />
              <button type="submit">{filters.isAny ? t.redriveMatching : t.redriveAll}</button>
            </form>
            <a href={withQuery('/dead-letters/discard', filters.query)}>
              {filters.isAny ? t.discardMatching : t.discardAll}
            </a>
          </div>
        )
      }
      row={(letter) => <Row view={view} letter={letter} />}
    />
  );
};

const DoneNotice: FC<{ view: View; done: Record<string, string> }> = ({ view, done }) => {
  const t = deadLetterTexts(view.language);
  switch (done.done) {
    case 'redriven-webhook':
      return <Notice>{t.redrivenWebhook}</Notice>;
    case 'redriven':
      return (
        <Notice>
          {t.redriven} <EventLink integration={done.of ?? ''} id={done.event ?? ''} />
        </Notice>
      );
    case 'redriven-many':
      return <Notice>{redrivenWords(countsOf(done, ['redriven', 'skipped']), view)}</Notice>;
    case 'discarded':
      return <Notice>{t.discarded}</Notice>;
    case 'discarded-many': {
      const { discarded } = countsOf(done, ['discarded']);
      return <Notice>{t.discardedMany(view.formats.number(discarded))}</Notice>;
    }
    default:
      return null;
  }
};

/** The result of redriving many. */
export function redrivenWords(
  { redriven, skipped }: { redriven: number; skipped: number },
  { language, formats }: View,
): string {
  return deadLetterTexts(language).redrivenMany(formats.number(redriven), formats.number(skipped));
}

/** Whether it is a message of this receiver, which can be redriven. */
function isOurs({ event, kind }: DeadLetter): boolean {
  return event !== null || kind === 'intake';
}

function typeWords({ type, kind }: DeadLetter, language: Language): string {
  const t = deadLetterTexts(language);
  if (kind === 'intake') return t.webhook;
  return type === null ? t.noEvent : eventTypeTexts(language)[type];
}

const Row: FC<{ view: View; letter: DeadLetter }> = ({ view, letter }) => (
  <li class="row">
    <span class="who">{letter.contact !== null && <ContactLink contact={letter.contact} />}</span>
    <a class="what" href={pagePath`/dead-letters/${letter.id}`}>
      {typeWords(letter, view.language)}
      {letter.event !== null && (
        <>
          {' · '}
          <Said text={letter.event} max={MAX_ID_CHARACTERS} />
        </>
      )}
    </a>
    <span class="marks">
      {letter.kind !== 'given-up' && (
        <Badge tone="warn">{deadLetterKindTexts(view.language)[letter.kind]}</Badge>
      )}
      {letter.route !== null && (
        <span class="muted">{deadLetterTexts(view.language).ofRoute(letter.route)}</span>
      )}
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

/** @param refusal why it was just not redriven, as the API tells it. */
export const DeadLetterPage: FC<{ view: View; kept: KeptDeadLetter; refusal?: Problem['reason'] }> = ({
  view,
  kept,
  refusal,
}) => {
  const t = deadLetterTexts(view.language);
  return (
    <Page view={view} title={t.one}>
      {refusal === 'route-unbound' && <Notice tone="bad">{t.unbound}</Notice>}
      {isOurs(kept) ? (
        <p class="muted">{deadLetterAdviceTexts(view.language)[kept.kind]}</p>
      ) : (
        <Notice tone={refusal === 'not-redrivable' ? 'bad' : 'warn'}>{t.noEventHint}</Notice>
      )}
      {view.actor.mayChange && (
        <div class="actions">
          {isOurs(kept) && (
            <ActionButton action={pagePath`/dead-letters/${kept.id}/redrive`}>{t.redrive}</ActionButton>
          )}
          <a href={pagePath`/dead-letters/${kept.id}/discard`}>{t.discard}</a>
        </div>
      )}
      <section class="panel">
        <Facts facts={factsOf(kept, view)} />
      </section>
      <Panel id="message" title={t.message}>
        <JsonView view={view} text={JSON.stringify(kept.message, null, 2)} label={t.message} />
      </Panel>
    </Page>
  );
};

function factsOf(kept: KeptDeadLetter, view: View): (Fact | false)[] {
  const t = deadLetterTexts(view.language);
  const common = commonTexts(view.language);
  const names = filterTexts(view.language);
  const { event, integration, contact, reason, route } = kept;
  return [
    [t.kind, deadLetterKindTexts(view.language)[kept.kind]],
    [names.type, typeWords(kept, view.language)],
    route !== null && [names.route, <a href={pagePath`/routes/${route}`}>{route}</a>],
    reason !== null && [t.reason, neverSentReasonTexts(view.language)[reason]],
    event !== null &&
      integration !== null && [common.event, <EventLink integration={integration} id={event} />],
    integration !== null && [
      names.integration,
      <a href={pagePath`/integrations/${integration}`}>
        <Said text={integration} max={MAX_ID_CHARACTERS} />
      </a>,
    ],
    contact !== null && [common.conversation, <ContactLink contact={contact} />],
    [t.sentAt, <Time view={view} at={kept.sentAt} whole />],
    [t.keptAt, <Time view={view} at={kept.keptAt} whole />],
    [t.attempts, view.formats.number(kept.attempts)],
    [common.size, view.formats.bytes(kept.messageBytes)],
    [t.messageId, <SaidCode text={kept.messageId} max={MAX_ID_CHARACTERS} />],
  ];
}

export const DiscardOnePage: FC<{ view: View; kept: KeptDeadLetter }> = ({ view, kept }) => {
  const t = deadLetterTexts(view.language);
  const here = pagePath`/dead-letters/${kept.id}`;
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

/** @param isUnsure whether the form was sent without the box being ticked. */
export const DiscardManyPage: FC<{
  view: View;
  filters: Filters;
  count: { atLeast: number; isAll: boolean };
  isUnsure?: boolean;
}> = ({ view, filters: { query, isAny }, filters, count, isUnsure = false }) => {
  const t = deadLetterTexts(view.language);
  const { kind, ...others } = query;
  const kindFact: Fact[] = kind
    ? [[t.kind, textOfCode(deadLetterKindTexts(view.language), kind) ?? kind]]
    : [];
  const counted = view.formats.number(count.atLeast);
  return (
    <Page view={view} title={t.discardManyQuestion}>
      <section class="panel">
        {isUnsure && <Notice tone="bad">{t.discardUnsure}</Notice>}
        <p>{isAny ? t.discardOf : t.discardOfAll}</p>
        {isAny && <Facts facts={[...kindFact, ...filterWords(view, others)]} />}
        <p>
          <strong>{count.isAll ? t.discardCount(counted) : t.discardAtLeast(counted)}</strong>
        </p>
        <p>{t.discardManyWarning}</p>
        <form method="post" action="/dead-letters/discard">
          <HiddenFields fields={filters.query} />
          <label>
            <input type="checkbox" name="sure" value="yes" required />
            {t.discardSure}
          </label>
          <div class="actions">
            <button type="submit" class="danger">
              {isAny ? t.discardMatching : t.discardAll}
            </button>
            <a href={withQuery('/dead-letters', query)}>{commonTexts(view.language).cancel}</a>
          </div>
        </form>
      </section>
    </Page>
  );
};
