// What was refused, why, and what to do about it.

import { Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type * as z from 'zod';
import type { refusals } from '../../api/refusals/routes.ts';
import type { RefusalReason } from '../../contract/refusals.ts';
import { apiPath } from '../frame/api-client.ts';
import type { Language } from '../frame/language.ts';
import { html, Page, Time, withQuery } from '../frame/page.tsx';
import type { DashboardEnv, View } from '../frame/view.ts';
import { overviewTexts } from '../overview/texts.ts';
import { reasonWords } from '../rejections/words.ts';
import { refusalTexts } from './texts.ts';

const HOUR_MS = 3_600_000;

const PERIODS = { hour: HOUR_MS, day: 24 * HOUR_MS, week: 7 * 24 * HOUR_MS } as const;
const PERIOD_NAMES = Object.keys(PERIODS) as (keyof typeof PERIODS)[];

type Refusals = z.infer<typeof refusals>;

/** To be mounted at `/refusals`. */
export function refusalPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>().get('/', async (c) => {
    const view = c.get('view');
    const period = PERIOD_NAMES.find((name) => name === c.req.query('period')) ?? 'day';
    const since = new Date(view.nowMs - PERIODS[period]).toISOString();
    const integration = c.req.query('integration');
    const found = await view.api.get<Refusals>('/refusals', { since, integration });
    return c.html(html(<RefusalsPage view={view} period={period} found={found} />));
  });
}

const RefusalsPage: FC<{ view: View; period: keyof typeof PERIODS; found: Refusals }> = ({
  view,
  period,
  found: { data },
}) => {
  const t = refusalTexts(view.language);
  const common = overviewTexts(view.language);
  return (
    <Page view={view} title={t.title}>
      <p class="muted">{t.what}</p>
      <nav class="tabs" aria-label={t.period}>
        {PERIOD_NAMES.map((name) => (
          <a
            href={withQuery(view.address, { period: name })}
            {...(name === period && { 'aria-current': 'true' as const })}
          >
            {common[name]}
          </a>
        ))}
      </nav>
      <section class="panel">
        <ol id="rows" class="rows" aria-label={t.list}>
          {data.map((refusal) => (
            <Row view={view} refusal={refusal} />
          ))}
          {data.length === 0 && <li class="empty">{t.none}</li>}
        </ol>
      </section>
    </Page>
  );
};

const Row: FC<{ view: View; refusal: Refusals['data'][number] }> = ({ view, refusal }) => {
  const t = refusalTexts(view.language);
  const { integration, reason, count, lastAt } = refusal;
  const { what, advice, isKept } = refusalWords(reason, view.language);
  return (
    <li class="row tall">
      <span class="who">
        {integration === null ? (
          <span class="muted">{t.noIntegration}</span>
        ) : (
          <a href={apiPath`/integrations/${integration}`}>
            <strong>{integration}</strong>
          </a>
        )}
      </span>
      <span class="words">
        <strong>{view.formats.number(count)}</strong> {what}
      </span>
      <span class="muted details">
        {advice}
        {isKept && (
          <>
            {' '}
            <a href={withQuery('/rejections', { integration, reason })}>{t.toRejections}</a>
          </>
        )}
      </span>
      <Time view={view} at={lastAt} />
    </li>
  );
};

/** What a reason means, and what to do. `isKept`: the webhooks are rejections. */
export function refusalWords(
  reason: RefusalReason,
  language: Language,
): { what: string; advice: string; isKept: boolean } {
  const t = refusalTexts(language);
  const lost = (what: string, advice: string) => ({ what, advice, isKept: false });
  switch (reason) {
    case 'no-token':
      return lost(t.noToken, t.noTokenAdvice);
    case 'wrong-token':
      return lost(t.wrongToken, t.wrongTokenAdvice);
    case 'old-token':
      return lost(t.oldToken, t.oldTokenAdvice);
    case 'unknown-integration':
      return lost(t.unknownIntegration, t.unknownIntegrationAdvice);
    case 'disabled':
      return lost(t.disabled, t.disabledAdvice);
    case 'address':
      return lost(t.address, t.addressAdvice);
    case 'signature':
      return lost(t.signature, t.signatureAdvice);
    case 'wrong-method':
      return lost(t.wrongMethod, t.wrongMethodAdvice);
    case 'wrong-address':
      return lost(t.wrongAddress, t.wrongAddressAdvice);
    case 'encoded':
      return lost(t.encoded, t.encodedAdvice);
    case 'too-large':
      return lost(t.tooLarge, t.tooLargeAdvice);
    case 'too-slow':
      return lost(t.tooSlow, t.tooSlowAdvice);
    case 'busy':
      return lost(t.busy, t.busyAdvice);
    case 'unavailable':
      return lost(t.unavailable, t.unavailableAdvice);
    default:
      return { what: reasonWords(reason, language), advice: t.kept, isKept: true };
  }
}
