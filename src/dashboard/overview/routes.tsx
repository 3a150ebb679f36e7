// The overview.

import { Hono } from 'hono';
import { listEvents } from '../../api/events/routes.ts';
import { getHealth } from '../../api/health/routes.ts';
import { getStats } from '../../api/stats/routes.ts';
import { withTimeoutOrNull } from '../../runtime/deadline.ts';
import type { Answer } from '../frame/api-client.ts';
import { answerPage } from '../frame/page.tsx';
import { PERIODS_MS, periodOf } from '../frame/periods.tsx';
import type { DashboardEnv } from '../frame/view.ts';
import { NEWEST_EVENTS, Overview } from './pages.tsx';

const STEPS = { hour: '1m', day: '15m', week: '1h' } as const;
/** Counts by the minute are kept a week: the beginning of a week must not be older by the time it is read. */
const MARGIN_MS = 5_000;
/** The page is answered in time, whatever the database does. */
const TIMEOUT_MS = 3_000;

/** To be mounted at `/`. */
export function overviewPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>().get('/', async (c) => {
    const view = c.get('view');
    const period = periodOf(c);
    const since = new Date(view.nowMs - PERIODS_MS[period] + MARGIN_MS).toISOString();
    const [health, stats, events] = await Promise.all([
      inTime(view.api.attempt(getHealth)),
      inTime(view.api.attempt(getStats, { query: { since, step: STEPS[period] } })),
      inTime(view.api.attempt(listEvents, { query: { limit: NEWEST_EVENTS } })),
    ]);
    return answerPage(c, <Overview {...{ view, period, since, health, stats, events }} />);
  });
}

async function inTime<Data>(answer: Promise<Answer<Data>>): Promise<Data | null> {
  const given = await withTimeoutOrNull(TIMEOUT_MS, answer);
  return given?.ok ? given.data : null;
}
