// GET /api/audit: who changed what, and when.

import { zValidator } from '@hono/zod-validator';
import { Hono } from 'hono';
import * as z from 'zod';
import { AUDIT_ACTIONS, listAudit } from '../store/audit.ts';
import { listingParameters, refuseParameters } from './parameters.ts';

const name = z.string('must be given once').min(1, 'must not be empty');

/** What `GET /api/audit` takes. */
const listing = z.strictObject({
  actor: name.optional(),
  action: z.enum(AUDIT_ACTIONS, `must be one of ${AUDIT_ACTIONS.join(', ')}`).optional(),
  object: name.optional(),
  ...listingParameters,
});

/** To be mounted at `/api/audit`. */
export function auditRoutes({ db }: { db: D1Database }): Hono {
  return new Hono().get('/', zValidator('query', listing, refuseParameters), async (c) => {
    const { limit, cursor, since, until, ...filter } = c.req.valid('query');
    const { entries, nextBeforeSeq } = await listAudit(
      db,
      { ...filter, sinceMs: since, untilMs: until },
      { limit, beforeSeq: cursor },
    );
    const data = entries.map(({ seq, atMs, ...entry }) => ({
      id: String(seq),
      at: new Date(atMs).toISOString(),
      ...entry,
    }));
    return c.json({ data, next: nextBeforeSeq === null ? null : String(nextBeforeSeq) });
  });
}
