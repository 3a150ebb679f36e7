// Asks whether an integration is to be deleted: tells what goes with it, and has its name typed.

import type { FC } from 'hono/jsx';
import type { Counts } from '../frame/bulk-actions.tsx';
import { Notice } from '../frame/components.tsx';
import { HiddenFields } from '../frame/filters.tsx';
import { pagePath } from '../frame/local-path.ts';
import { Page } from '../frame/page.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { integrationTexts } from './texts.ts';

/** What is counted as it is deleted with an integration. */
export const DELETED_COUNTS = ['events', 'rejections', 'deadLetters'] as const;

/** What goes with the integration; `isAll`: and nothing more. `unknown`: one request could not count it. */
export type Holdings = (Counts<(typeof DELETED_COUNTS)[number]> & { isAll: boolean }) | 'unknown';

/**
 * @param holdings `null`: nothing is known to go with it.
 * @param isMistyped whether something else than the name of the integration was typed.
 */
export const DeletePage: FC<{
  view: View;
  slug: string;
  holdings: Holdings | null;
  isMistyped?: boolean;
}> = ({ view, slug, holdings, isMistyped = false }) => {
  const t = integrationTexts(view.language);
  const common = commonTexts(view.language);
  const here = pagePath`/integrations/${slug}`;
  return (
    <Page view={view} title={t.deleteTitle}>
      {isMistyped && <Notice tone="bad">{t.deleteMistyped}</Notice>}
      <section class="panel">
        <p>
          <strong>
            <bdi>{slug}</bdi>
          </strong>
        </p>
        {holdings !== null && <Notice tone="warn">{holdingWords(holdings, view)}</Notice>}
        <p>{t.deleteWarning}</p>
        <p>{holdings === null ? t.deleteFirst : t.deleteAllWarning}</p>
        <form method="post" action={`${here}/delete`} class="narrow">
          {holdings !== null && <HoldingFields holdings={holdings} />}
          <label>
            {t.deleteType(slug)}
            <input name="confirm" required autocomplete="off" autocapitalize="none" spellcheck={false} />
          </label>
          <div class="actions">
            <button type="submit" class="danger">
              {holdings === null ? common.delete : t.deleteAll}
            </button>
            <a href={here}>{common.cancel}</a>
          </div>
        </form>
      </section>
    </Page>
  );
};

const HoldingFields: FC<{ holdings: Holdings }> = ({ holdings }) => (
  <>
    <input type="hidden" name="force" value="yes" />
    {holdings !== 'unknown' && (
      <HiddenFields
        fields={{
          holdsEvents: holdings.events,
          holdsRejections: holdings.rejections,
          holdsDeadLetters: holdings.deadLetters,
          holdsAll: holdings.isAll ? 'yes' : 'no',
        }}
      />
    )}
  </>
);

function holdingWords(holdings: Holdings, { language, formats }: View): string {
  const t = integrationTexts(language);
  if (holdings === 'unknown') return t.deleteHoldsUnknown;
  const words = holdings.isAll ? t.deleteHolds : t.deleteHoldsAtLeast;
  const { events, rejections, deadLetters } = holdings;
  return words(formats.number(events), formats.number(rejections), formats.number(deadLetters));
}
