// What an administrator of the platform types into its form to register the webhook.

import type { FC } from 'hono/jsx';
import type { ShownIntegration } from '../../api/integrations/routes.ts';
import { Code, Copyable, Facts, Panel } from '../frame/components.tsx';
import type { View } from '../frame/view.ts';
import { integrationTexts } from './texts.ts';

const METHOD = 'POST';

export const Registering: FC<{ view: View; integration: ShownIntegration }> = ({ view, integration }) => {
  const t = integrationTexts(view.language);
  const { appId, url, requireSignature } = integration;
  return (
    <Panel id="form" title={t.formTitle}>
      <p>{t.formIntro}</p>
      <Facts
        facts={[
          [t.appId, appId === null ? t.formAnyApplication : <Code text={appId} />],
          [t.formUrl, url === null ? t.formUrlHidden : t.formUrlAbove],
          [t.formMethod, <code>{METHOD}</code>],
          [t.formHeaders, t.formNoHeaders],
        ]}
      />
      {requireSignature && <p>{t.formSigned}</p>}
      {url !== null && <OtherWays view={view} url={url} />}
    </Panel>
  );
};

/** For senders that can put the token into a header instead of the URL. */
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
