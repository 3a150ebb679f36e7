// The periods that pages with counts can show.

import type { Context } from 'hono';
import type { FC } from 'hono/jsx';
import { withQuery } from './local-path.ts';
import { commonTexts } from './texts.ts';
import type { DashboardEnv, View } from './view.ts';

const HOUR_MS = 3_600_000;

export const PERIODS_MS = { hour: HOUR_MS, day: 24 * HOUR_MS, week: 7 * 24 * HOUR_MS } as const;
export type Period = keyof typeof PERIODS_MS;
const PERIODS = ['hour', 'day', 'week'] as const satisfies Period[];

/** The period that a page is asked for with, a day by default. */
export function periodOf(c: Context<DashboardEnv>): Period {
  return PERIODS.find((name) => name === c.req.query('period')) ?? 'day';
}

/** Links to the same page with another period. */
export const PeriodTabs: FC<{ view: View; period: Period }> = ({ view, period }) => {
  const t = commonTexts(view.language);
  return (
    <nav class="tabs" aria-label={t.period}>
      {PERIODS.map((name) => (
        <a
          href={withQuery(view.address, { period: name })}
          {...(name === period && { 'aria-current': 'true' as const })}
        >
          {t[name]}
        </a>
      ))}
    </nav>
  );
};
