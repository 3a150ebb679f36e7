// GET /api/audit: who changed what, and when.

import { Hono } from 'hono';
import * as z from 'zod';
import { rfc3339 } from '../../contract/moment.ts';
import { named } from '../../named-schemas.ts';
import { operation } from '../../operation.ts';
import { AUDIT_ACTIONS, listAudit as readAudit } from '../../store/audit.ts';
import type { ActorEnv } from '../access/actor.ts';
import { asListing, asPage, listingParameters, pageOf } from '../query-parameters.ts';
import { serve } from '../serve.ts';

const name = z.string().min(1);

/** One change. */
export const auditAnswer = named(
  'AuditEntry',
  z
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
    }),
);

/** What `GET /api/audit` answers. */
export const auditPage = pageOf(auditAnswer);

export const listAudit = operation({
  operationId: 'listAudit',
  method: 'get',
  path: '/api/audit',
  tag: { name: 'Audit', description: 'Who changed what, and when.' },
  summary: 'List changes, newest first',
  access: 'reader',
  query: z.strictObject({
    actor: name.optional(),
    action: z.enum(AUDIT_ACTIONS).optional(),
    object: name.optional(),
    ...listingParameters,
  }),
  answers: { 200: { description: 'A page of changes.', schema: auditPage } },
});

export function auditRoutes({ db }: { db: D1Database }): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  serve(routes, listAudit, async (_, { query }) => {
    const { filter, page } = asListing(query);
    const { entries, nextBeforeSeq } = await readAudit(db, filter, page);
    const shown = entries.map(({ seq, atMs, ...entry }) => ({
      id: String(seq),
      at: rfc3339(atMs),
      ...entry,
    }));
    return asPage(shown, nextBeforeSeq);
  });
  return routes;
}
