// How integrations look: the list, a new one, and one with all that is needed to register it.

import type { Child, FC } from 'hono/jsx';
import type { ShownIntegration } from '../../api/integrations/routes.ts';
import type { ContractProblem } from '../../contract/problems.ts';
import { apiPath } from '../frame/api-client.ts';
import { countsOf } from '../frame/bulk-actions.tsx';
import { ActionButton, Badge, Copyable, Facts, Notice, Page, Said, Time, withQuery } from '../frame/page.tsx';
import { ProblemWords } from '../frame/problem-words.tsx';
import type { View } from '../frame/view.ts';
import { withinItself } from '../frame/writing-direction.ts';
import { IntegrationForm, type TypedIntegration } from './form.tsx';
import { Registering } from './registering.tsx';
import { integrationTexts } from './texts.ts';

const DEFAULT_OVERLAP_HOURS = 24;
const MAX_OVERLAP_HOURS = 720;
const HOUR_MS = 3_600_000;
const MAX_DESCRIPTION_CHARACTERS = 160;

export const IntegrationList: FC<{
  view: View;
  integrations: readonly ShownIntegration[];
  done: Record<string, string>;
}> = ({ view, integrations, done }) => {
  const t = integrationTexts(view.language);
  const { number } = view.formats;
  const { events, rejections, deadLetters } = countsOf(done, ['events', 'rejections', 'deadLetters']);
  return (
    <Page view={view} title={t.title}>
      {done.done === 'deleted' && (
        <Notice>{t.doneDeleted(number(events), number(rejections), number(deadLetters))}</Notice>
      )}
      <div class="panel-head">
        <p class="muted">{t.what}</p>
        {view.actor.mayChange && <a href="/integrations/_new">{t.new}</a>}
      </div>
      <section class="panel">
        <ol id="rows" class="rows" aria-label={t.list}>
          {integrations.map((integration) => (
            <Row view={view} integration={integration} />
          ))}
          {integrations.length === 0 && <li class="empty">{t.none}</li>}
        </ol>
      </section>
    </Page>
  );
};

const Row: FC<{ view: View; integration: ShownIntegration }> = ({ view, integration }) => {
  const t = integrationTexts(view.language);
  const { slug, description, appId, enabled, generation, previous, allowedIps, requireSignature } =
    integration;
  const { number } = view.formats;
  return (
    <li class="row tall">
      <span class="who">
        <a href={apiPath`/integrations/${slug}`}>
          <strong>{slug}</strong>
        </a>
      </span>
      <span class="words">
        {description !== null && <Said text={description} max={MAX_DESCRIPTION_CHARACTERS} />}
        {appId !== null && (
          <>
            {' '}
            <small>
              {t.appId} <Said text={appId} max={MAX_DESCRIPTION_CHARACTERS} />
            </small>
          </>
        )}
      </span>
      <span class="marks">
        <EnabledBadge view={view} isEnabled={enabled} />
        {previous.length > 0 && <Badge tone="warn">{t.overlap}</Badge>}
        {allowedIps !== null && <Badge>{t.addresses(number(allowedIps.length))}</Badge>}
        {requireSignature && <Badge>{t.signed}</Badge>}
        <span class="muted">{t.generation(number(generation))}</span>
      </span>
      <LastEvent view={view} integration={integration} />
    </li>
  );
};

const EnabledBadge: FC<{ view: View; isEnabled: boolean }> = ({ view, isEnabled }) => {
  const t = integrationTexts(view.language);
  return <Badge tone={isEnabled ? 'good' : 'bad'}>{isEnabled ? t.enabled : t.disabled}</Badge>;
};

const LastEvent: FC<{ view: View; integration: ShownIntegration; whole?: boolean }> = ({
  view,
  integration: { lastEventAt },
  whole = false,
}) =>
  lastEventAt === null ? (
    <small class="when">{integrationTexts(view.language).noEvent}</small>
  ) : (
    <Time view={view} at={lastEventAt} whole={whole} />
  );

/** @param conflict why it cannot be created although nothing is wrong with what was typed. */
export const NewIntegrationPage: FC<{
  view: View;
  typed: TypedIntegration;
  errors: readonly ContractProblem[];
  conflict?: string | null;
}> = ({ view, typed, errors, conflict = null }) => (
  <Page view={view} title={integrationTexts(view.language).new}>
    {conflict !== null && <Notice tone="bad">{conflict}</Notice>}
    <section class="panel">
      <IntegrationForm view={view} action="/integrations/_new" typed={typed} errors={errors} isNew />
    </section>
  </Page>
);

export const IntegrationPage: FC<{
  view: View;
  integration: ShownIntegration;
  /** `null` for who may not see the URL. */
  curl: string | null;
  done: string | undefined;
  typed: TypedIntegration;
  errors: readonly ContractProblem[];
  typedHours: string | null;
  hoursErrors: readonly ContractProblem[];
}> = ({ view, integration, curl, done, typed, errors, typedHours, hoursErrors }) => {
  const t = integrationTexts(view.language);
  const here = apiPath`/integrations/${integration.slug}`;
  const heading = (
    <>
      {integration.slug} <EnabledBadge view={view} isEnabled={integration.enabled} />
    </>
  );
  const said = doneWords(done, view);
  return (
    <Page view={view} title={integration.slug} heading={heading}>
      {said !== null && <Notice>{said}</Notice>}
      <section class="panel">
        {integration.description !== null && (
          <p>
            <Said text={integration.description} />
          </p>
        )}
        <Facts facts={factsOf(integration, view)} />
        <Links integration={integration} view={view} />
      </section>
      <section class="panel" aria-labelledby="url">
        <h2 id="url">{t.urlTitle}</h2>
        {integration.url === null ? (
          <p>{t.urlHidden}</p>
        ) : (
          <>
            <Copyable view={view} value={integration.url} label={t.currentUrl} />
            <p>
              <small>{t.urlSecret}</small>
            </p>
            {integration.requireSignature && integration.signingSecret !== null && (
              <>
                <h3>{t.signingSecret}</h3>
                <Copyable view={view} value={integration.signingSecret} label={t.signingSecret} />
              </>
            )}
          </>
        )}
      </section>
      <div class="columns even">
        <Registering view={view} integration={integration} />
        {curl !== null && <Trial view={view} integration={integration} curl={curl} />}
      </div>
      {view.actor.mayChange && (
        <div class="columns even">
          <section class="panel" aria-labelledby="edit">
            <h2 id="edit">{t.editTitle}</h2>
            <IntegrationForm view={view} action={here} typed={typed} errors={errors} isNew={false} />
          </section>
          <div>
            <Rotation view={view} here={here} typedHours={typedHours} errors={hoursErrors} />
            <section class="panel">
              <p>{t.disableHint}</p>
              <div class="actions">
                <ActionButton
                  action={`${here}/${integration.enabled ? 'disable' : 'enable'}`}
                  tone={integration.enabled ? 'secondary' : 'primary'}
                >
                  {integration.enabled ? t.disable : t.enable}
                </ActionButton>
                <a href={`${here}/delete`}>{t.delete}</a>
              </div>
            </section>
          </div>
        </div>
      )}
    </Page>
  );
};

function doneWords(done: string | undefined, { language }: View): string | null {
  const t = integrationTexts(language);
  switch (done) {
    case 'created':
      return t.doneCreated;
    case 'saved':
      return t.doneSaved;
    case 'rotated':
      return t.doneRotated;
    case 'enabled':
      return t.doneEnabled;
    case 'disabled':
      return t.doneDisabled;
    default:
      return null;
  }
}

function factsOf(integration: ShownIntegration, view: View): [Child, Child][] {
  const t = integrationTexts(view.language);
  const { number, dateTime } = view.formats;
  const { appId, allowedIps, previous, requireSignature, onRejection, generation, createdAt } = integration;
  const facts: [Child, Child][] = [
    [
      t.lastEvent,
      <span title={t.lastEventHint}>
        <LastEvent view={view} integration={integration} whole />
      </span>,
    ],
    [
      t.appId,
      appId === null ? (
        t.anyApplication
      ) : (
        <code>
          <bdi>{withinItself(appId)}</bdi>
        </code>
      ),
    ],
    [t.allowedIps, allowedIps === null ? t.anywhere : <code>{allowedIps.join(', ')}</code>],
    [t.signature, requireSignature ? t.signatureRequired : t.signatureNotRequired],
    [t.rejectionAnswer, onRejection === 'accept' ? t.rejectionsAccepted : t.rejectionsRefused],
    [t.currentUrl, t.generation(number(generation))],
    [t.created, <Time view={view} at={createdAt} whole />],
  ];
  if (previous.length > 0) {
    const words = previous.map(({ generation, validUntil }) => (
      <div>{t.oldUrl(number(generation), dateTime(Date.parse(validUntil)))}</div>
    ));
    facts.push([t.oldUrls, words]);
  }
  return facts;
}

const Links: FC<{ view: View; integration: ShownIntegration }> = ({ view, integration: { slug } }) => {
  const t = integrationTexts(view.language);
  return (
    <div class="actions">
      <a href={withQuery('/events', { integration: slug })}>{t.events}</a>
      <a href={withQuery('/rejections', { integration: slug })}>{t.rejections}</a>
      <a href={withQuery('/refusals', { integration: slug })}>{t.refusals}</a>
      <a href={withQuery('/audit', { object: slug })}>{t.changes}</a>
    </div>
  );
};

const Trial: FC<{ view: View; integration: ShownIntegration; curl: string }> = ({
  view,
  integration,
  curl,
}) => {
  const t = integrationTexts(view.language);
  return (
    <section class="panel" aria-labelledby="try">
      <h2 id="try">{t.tryTitle}</h2>
      <p>{t.tryHint}</p>
      <Copyable view={view} value={curl} label={t.tryCommand} />
      {integration.requireSignature && <p>{t.trySigned}</p>}
      {!integration.enabled && <p>{t.tryDisabled}</p>}
      {integration.allowedIps !== null && <p>{t.tryAddresses}</p>}
    </section>
  );
};

const Rotation: FC<{
  view: View;
  here: string;
  typedHours: string | null;
  errors: readonly ContractProblem[];
}> = ({ view, here, typedHours, errors }) => {
  const t = integrationTexts(view.language);
  const until = view.formats.dateTime(view.nowMs + DEFAULT_OVERLAP_HOURS * HOUR_MS);
  return (
    <section class="panel" aria-labelledby="rotate">
      <h2 id="rotate">{t.rotateTitle}</h2>
      <form method="post" action={`${here}/rotate`}>
        <div class="field">
          <label for="field-overlapHours">{t.overlapHours}</label>
          <input
            id="field-overlapHours"
            type="number"
            name="overlapHours"
            min="0"
            max={String(MAX_OVERLAP_HOURS)}
            step="any"
            required
            value={typedHours ?? String(DEFAULT_OVERLAP_HOURS)}
            aria-describedby="hint-overlapHours"
            {...(errors.length > 0 && { 'aria-invalid': 'true' as const })}
          />
          <div id="hint-overlapHours">
            {errors.map((problem) => (
              <p class="wrong">
                <ProblemWords language={view.language} problem={problem} />
              </p>
            ))}
            <small>
              {t.rotateHint} {t.rotateDefault(until)}
            </small>
          </div>
        </div>
        <button type="submit">{t.rotate}</button>
      </form>
    </section>
  );
};
