// The page of refused webhooks.

import type { FC } from 'hono/jsx';
import type { getRefusals } from '../../api/refusals/routes.ts';
import type { RefusalReason } from '../../contract/refusals.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { Time } from '../frame/components.tsx';
import { ListPanel } from '../frame/list-page.tsx';
import { pagePath, withQuery } from '../frame/local-path.ts';
import { Page } from '../frame/page.tsx';
import { type Period, PeriodTabs } from '../frame/periods.tsx';
import type { View } from '../frame/view.ts';
import { rejectionReasonTexts } from '../rejections/texts.ts';
import { refusalAdviceTexts, refusalReasonTexts, refusalTexts, type UnkeptReason } from './texts.ts';

export type Refusals = AnswerOf<typeof getRefusals>;
type Refusal = Refusals['data'][number];

export const RefusalsPage: FC<{ view: View; period: Period; refusals: readonly Refusal[] }> = ({
  view,
  period,
  refusals,
}) => {
  const t = refusalTexts(view.language);
  return (
    <Page view={view} title={t.title}>
      <p class="muted">{t.what}</p>
      <PeriodTabs view={view} period={period} />
      <ListPanel view={view} label={t.list} isEmpty={refusals.length === 0} empty={t.none}>
        {refusals.map((refusal) => (
          <Row view={view} refusal={refusal} />
        ))}
      </ListPanel>
    </Page>
  );
};

const Row: FC<{ view: View; refusal: Refusal }> = ({ view, refusal }) => {
  const t = refusalTexts(view.language);
  const { integration, reason, count, lastAt } = refusal;
  const [what, advice] = isUnkept(reason)
    ? [refusalReasonTexts(view.language)[reason], refusalAdviceTexts(view.language)[reason]]
    : [rejectionReasonTexts(view.language)[reason], t.kept];
  return (
    <li class="row tall">
      <span class="who">
        {integration === null ? (
          <span class="muted">{t.noIntegration}</span>
        ) : (
          <a href={pagePath`/integrations/${integration}`}>
            <strong>{integration}</strong>
          </a>
        )}
      </span>
      <span class="words">
        <strong>{view.formats.number(count)}</strong> {what}
      </span>
      <span class="muted details">
        {advice}
        {!isUnkept(reason) && (
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

function isUnkept(reason: RefusalReason): reason is UnkeptReason {
  return Object.hasOwn(refusalReasonTexts.entries, reason);
}
