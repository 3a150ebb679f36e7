// GET /api/audit: who changed what, and when.

import { zValidator } from '@hono/zod-validator';
import { Hono } from 'hono';
import * as z from 'zod';
import { AUDIT_ACTIONS, listAudit } from '../../store/audit.ts';
import { listingParameters, pageOf, refuseParameters } from '../query-parameters.ts';

const name = z.string().min(1);

/** What `GET /api/audit` takes. */
export const auditListing = z.strictObject({
  actor: name.optional(),
  action: z.enum(AUDIT_ACTIONS).optional(),
  object: name.optional(),
  ...listingParameters,
});

/** One change. */
export const auditAnswer = z
  .object({
    id: z.string(),
    at: z.iso.datetime(),
    actor: z.string().meta({
      description: '`admin-token`, `access:<email>`, `access-service:<name>`, `command-line:<user>`.',
    }),
    action: z.enum(AUDIT_ACTIONS),
    object: z.string().meta({ description: 'On what: a slug, an id.' }),
    detail: z.record(z.string(), z.unknown()).meta({ description: 'What else tells what was done.' }),
  })
  .meta({
    example: {
      id: '1772330400000000',
      at: '2026-03-01T02:00:00.000Z',
      actor: 'access:ana@example.com',
      action: 'integration.rotate',
      object: 'shop',
      detail: { generation: 2 },
    },
  });

/** What `GET /api/audit` answers. */
export const auditPage = pageOf(auditAnswer);

/** To be mounted at `/api/audit`. */
export function auditRoutes({ db }: { db: D1Database }): Hono {
  return new Hono().get('/', zValidator('query', auditListing, refuseParameters), async (c) => {
    const { limit, cursor, since, until, ...filter } = c.req.valid('query');
    const { items: entries, nextBeforeSeq } = await listAudit(
      db,
      { ...filter, sinceMs: since, untilMs: until },
      { limit, beforeSeq: cursor },
    );
    const page: z.infer<typeof auditPage> = {
      data: entries.map(({ seq, atMs, ...entry }) => ({
        id: String(seq),
        at: new Date(atMs).toISOString(),
        ...entry,
      })),
      next: nextBeforeSeq === null ? null : String(nextBeforeSeq),
    };
    return c.json(page);
  });
}
