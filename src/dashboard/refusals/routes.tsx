// Refused webhooks: how many, why, and what to do about it.

import { Hono } from 'hono';
import { getRefusals } from '../../api/refusals/routes.ts';
import { answerPage } from '../frame/page.tsx';
import { PERIODS_MS, periodOf } from '../frame/periods.tsx';
import type { DashboardEnv } from '../frame/view.ts';
import { RefusalsPage } from './pages.tsx';

/** To be mounted at `/refusals`. */
export function refusalPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>().get('/', async (c) => {
    const view = c.get('view');
    const period = periodOf(c);
    const since = new Date(view.nowMs - PERIODS_MS[period]).toISOString();
    const integration = c.req.query('integration');
    const { data } = await view.api.call(getRefusals, { query: { since, integration } });
    return answerPage(c, <RefusalsPage view={view} period={period} refusals={data} />);
  });
}
