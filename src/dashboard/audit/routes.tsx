// The audit trail: who changed what, and when.

import { Hono } from 'hono';
import { listAudit } from '../../api/audit/routes.ts';
import { filtersOf, findList } from '../frame/filters.tsx';
import { answerPage } from '../frame/page.tsx';
import type { DashboardEnv } from '../frame/view.ts';
import { AuditTrail } from './pages.tsx';

const FILTERS = ['actor', 'action', 'object', 'since', 'until'];

/** To be mounted at `/audit`. */
export function auditPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>().get('/', async (c) => {
    const view = c.get('view');
    const filters = filtersOf(c.req.query(), FILTERS, view);
    const found = await findList(c, listAudit, filters);
    return answerPage(c, <AuditTrail view={view} filters={filters} found={found} />, found.ok ? 200 : 400);
  });
}
