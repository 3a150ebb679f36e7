// GET /api/audit: who changed what, and when.

import { Hono } from 'hono';
import * as z from 'zod';
import { rfc3339 } from '../../contract/timestamp.ts';
import { named } from '../../http/named-schemas.ts';
import { json, operationsOf } from '../../http/operation.ts';
import { AUDIT_ACTIONS, listAudit as readAudit } from '../../store/audit.ts';
import type { ActorEnv } from '../access/actor.ts';
import { moment } from '../fields.ts';
import { asListing, asPage, listingParameters, pageOf } from '../query-parameters.ts';
import { serve } from '../serve.ts';

const name = z.string().min(1);

export const auditAnswer = z
  .object({
    id: z.string(),
    at: moment,
    actor: z
      .string()
      .describe('`admin-token`, `access:<email>`, `access-service:<name>`, `command-line:<user>`.'),
    action: z.enum(AUDIT_ACTIONS),
    object: z.string().describe('On what: a slug, an id.'),
    detail: z.record(z.string(), z.unknown()).describe('What else tells what was done.'),
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
named('AuditEntry', auditAnswer);

const auditPage = pageOf(auditAnswer);

const operation = operationsOf({ name: 'Audit', description: 'Who changed what, and when.' });

export const listAudit = operation('listAudit', 'GET /api/audit', {
  summary: 'List changes, newest first',
  query: z.strictObject({
    actor: name.optional(),
    action: z.enum(AUDIT_ACTIONS).optional(),
    object: name.optional(),
    ...listingParameters,
  }),
  answers: { 200: json('A page of changes.', auditPage) },
});

export function auditRoutes({ db }: { db: D1Database }): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  serve(routes, listAudit, async (_, { query }) => {
    const { filter, page } = asListing(query);
    const { items: entries, nextBeforeSeq } = await readAudit(db, filter, page);
    const shown = entries.map(({ seq, atMs, ...entry }) => ({
      id: String(seq),
      at: rfc3339(atMs),
      ...entry,
    }));
    return asPage(shown, nextBeforeSeq);
  });
  return routes;
}
