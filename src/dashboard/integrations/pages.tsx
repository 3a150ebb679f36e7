// The pages of integrations: the list, a new one, and one with everything that is needed to register it.

import type { FC } from 'hono/jsx';
import type { ShownIntegration } from '../../api/integrations/routes.ts';
import type { ContractProblem } from '../../contract/problems.ts';
import { countsOf } from '../frame/bulk-actions.tsx';
import {
  ActionButton,
  Badge,
  Code,
  Copyable,
  type Fact,
  Facts,
  Notice,
  Panel,
  Said,
  Time,
} from '../frame/components.tsx';
import { textOfCode } from '../frame/language.ts';
import { ListPanel } from '../frame/list-page.tsx';
import { pagePath, withQuery } from '../frame/local-path.ts';
import { Page } from '../frame/page.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { DELETED_COUNTS } from './deletion-page.tsx';
import { IntegrationForm, type TypedIntegration } from './form.tsx';
import { Registering } from './registering.tsx';
import { RotationForm } from './rotation-form.tsx';
import { integrationDoneTexts, integrationTexts } from './texts.ts';

const MAX_DESCRIPTION_CHARACTERS = 160;

export const IntegrationList: FC<{
  view: View;
  integrations: readonly ShownIntegration[];
  done: Record<string, string>;
}> = ({ view, integrations, done }) => {
  const t = integrationTexts(view.language);
  const { number } = view.formats;
  const { events, rejections, deadLetters } = countsOf(done, DELETED_COUNTS);
  return (
    <Page view={view} title={commonTexts(view.language).integrations}>
      {done.done === 'deleted' && (
        <Notice>{t.doneDeleted(number(events), number(rejections), number(deadLetters))}</Notice>
      )}
      <div class="panel-head">
        <p class="muted">{t.what}</p>
        {view.actor.mayChange && <a href="/integrations/_new">{t.new}</a>}
      </div>
      <ListPanel view={view} label={t.list} isEmpty={integrations.length === 0} empty={t.none}>
        {integrations.map((integration) => (
          <Row view={view} integration={integration} />
        ))}
      </ListPanel>
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
        <a href={pagePath`/integrations/${slug}`}>
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

export interface IntegrationPageProps {
  view: View;
  integration: ShownIntegration;
  /** `null` for readers, who may not see the URL. */
  curl: string | null;
  /** What was just done. */
  done: string;
  /** The settings, as they are or as they were typed and not taken. */
  typed: TypedIntegration;
  errors: readonly ContractProblem[];
  /** The hours that the old URL should have worked, as they were typed and not taken. */
  typedHours: string | null;
  hoursErrors: readonly ContractProblem[];
}

export const IntegrationPage: FC<IntegrationPageProps> = ({
  view,
  integration,
  curl,
  done,
  typed,
  errors,
  typedHours,
  hoursErrors,
}) => {
  const t = integrationTexts(view.language);
  const here = pagePath`/integrations/${integration.slug}`;
  const heading = (
    <>
      {integration.slug} <EnabledBadge view={view} isEnabled={integration.enabled} />
    </>
  );
  const doneWords = textOfCode(integrationDoneTexts(view.language), done);
  return (
    <Page view={view} title={integration.slug} heading={heading}>
      {doneWords !== undefined && <Notice>{doneWords}</Notice>}
      <section class="panel">
        {integration.description !== null && (
          <p>
            <Said text={integration.description} />
          </p>
        )}
        <Facts facts={factsOf(integration, view)} />
        <Links integration={integration} view={view} />
      </section>
      <Panel id="url" title={t.urlTitle}>
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
      </Panel>
      <div class="columns even">
        <Registering view={view} integration={integration} />
        {curl !== null && <Trial view={view} integration={integration} curl={curl} />}
      </div>
      {view.actor.mayChange && (
        <div class="columns even">
          <Panel id="edit" title={t.editTitle}>
            <IntegrationForm view={view} action={here} typed={typed} errors={errors} isNew={false} />
          </Panel>
          <div>
            <RotationForm view={view} here={here} typedHours={typedHours} errors={hoursErrors} />
            <section class="panel">
              <p>{t.disableHint}</p>
              <div class="actions">
                <ActionButton
                  action={`${here}/${integration.enabled ? 'disable' : 'enable'}`}
                  tone={integration.enabled ? 'secondary' : 'primary'}
                >
                  {integration.enabled ? t.disable : t.enable}
                </ActionButton>
                <a href={`${here}/delete`}>{commonTexts(view.language).delete}</a>
              </div>
            </section>
          </div>
        </div>
      )}
    </Page>
  );
};

function factsOf(integration: ShownIntegration, view: View): (Fact | false)[] {
  const t = integrationTexts(view.language);
  const { number, dateTime } = view.formats;
  const { appId, allowedIps, previous, requireSignature, onRejection, generation, createdAt } = integration;
  const oldUrls = previous.map(({ generation, validUntil }) => (
    <div>{t.oldUrl(number(generation), dateTime(Date.parse(validUntil)))}</div>
  ));
  return [
    [
      t.lastEvent,
      <span title={t.lastEventHint}>
        <LastEvent view={view} integration={integration} whole />
      </span>,
    ],
    [t.appId, appId === null ? t.anyApplication : <Code text={appId} />],
    [t.allowedIps, allowedIps === null ? t.anywhere : <code>{allowedIps.join(', ')}</code>],
    [t.signature, requireSignature ? t.signatureRequired : t.signatureNotRequired],
    [t.rejectionAnswer, onRejection === 'accept' ? t.rejectionsAccepted : t.rejectionsRefused],
    [t.currentUrl, t.generation(number(generation))],
    [t.created, <Time view={view} at={createdAt} whole />],
    oldUrls.length > 0 && [t.oldUrls, oldUrls],
  ];
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
    <Panel id="try" title={t.tryTitle}>
      <p>{t.tryHint}</p>
      <Copyable view={view} value={curl} label={t.tryCommand} />
      {integration.requireSignature && <p>{t.trySigned}</p>}
      {!integration.enabled && <p>{t.tryDisabled}</p>}
      {integration.allowedIps !== null && <p>{t.tryAddresses}</p>}
    </Panel>
  );
};
