// What somebody who registers the webhook writes into the platform's form.

import type { Child, FC } from 'hono/jsx';
import type { ShownIntegration } from '../../api/integrations/routes.ts';
import { Copyable, Facts } from '../frame/page.tsx';
import type { View } from '../frame/view.ts';
import { withinItself } from '../frame/writing-direction.ts';
import { integrationTexts } from './texts.ts';

const METHOD = 'POST';

export const Registering: FC<{ view: View; integration: ShownIntegration }> = ({ view, integration }) => {
  const t = integrationTexts(view.language);
  const { appId, url, requireSignature } = integration;
  const application: Child =
    appId === null ? (
      t.formAnyApplication
    ) : (
      <code>
        <bdi>{withinItself(appId)}</bdi>
      </code>
    );
  return (
    <section class="panel" aria-labelledby="form">
      <h2 id="form">{t.formTitle}</h2>
      <p>{t.formIntro}</p>
      <Facts
        facts={[
          [t.formApplication, application],
          [t.formUrl, url === null ? t.formUrlHidden : t.formUrlAbove],
          [t.formMethod, <code>{METHOD}</code>],
          [t.formHeaders, t.formNoHeaders],
        ]}
      />
      {requireSignature && <p>{t.formSigned}</p>}
      {url !== null && <OtherWays view={view} url={url} />}
    </section>
  );
};

/** The token where a header takes it, instead of the URL. */
const OtherWays: FC<{ view: View; url: string }> = ({ view, url }) => {
  const t = integrationTexts(view.language);
  const end = url.lastIndexOf('/');
  const token = url.slice(end + 1);
  return (
    <details>
      <summary>{t.otherWays}</summary>
      <p>{t.otherWaysHint}</p>
      <h3>{t.addressAlone}</h3>
      <Copyable view={view} value={url.slice(0, end)} label={t.addressAlone} />
      <h3>{t.bearer}</h3>
      <Copyable view={view} value={`Authorization: Bearer ${token}`} label={t.bearer} />
      <h3>{t.basicPassword}</h3>
      <Copyable view={view} value={token} label={t.basicPassword} />
    </details>
  );
};
