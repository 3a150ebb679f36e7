// GET /api/refusals: how many requests for webhook addresses were refused, and why. Authentic ones are also kept, see
// /api/rejections; of the others nothing but this count remains.

import { Hono } from 'hono';
import * as z from 'zod';
import { problemAt } from '../../contract/problems.ts';
import { REFUSAL_REASONS } from '../../contract/refusals.ts';
import { rfc3339 } from '../../contract/timestamp.ts';
import { json } from '../../http/operation.ts';
import { readRefusals } from '../../store/refusals.ts';
import { COARSE_RETENTION_MS } from '../../store/roll-up.ts';
import type { ActorEnv } from '../access/actor.ts';
import type { ApiDeps } from '../deps.ts';
import { moment, textOrNull } from '../fields.ts';
import { watchingOperation } from '../health/routes.ts';
import { invalidParameters, listingParameters } from '../query-parameters.ts';
import { serve } from '../serve.ts';

const DAY_MS = 24 * 3_600_000;
const DEFAULT_PERIOD_MS = DAY_MS;

export const refusals = z
  .object({
    since: moment,
    until: moment,
    data: z.array(
      z.object({
        integration: textOrNull.describe(
          'Null: there is none of the name that was asked for, or it is not known.',
        ),
        reason: z.enum(REFUSAL_REASONS),
        count: z.int().min(1),
        lastAt: moment.describe('The minute, or of long ago the hour, of the last one.'),
      }),
    ),
  })
  .describe('Refused requests by integration and reason, the most frequent first. Counted within a minute.');

export const getRefusals = watchingOperation('getRefusals', 'GET /api/refusals', {
  summary: 'Read which webhooks were refused, and why',
  query: z.strictObject({
    since: listingParameters.since,
    until: listingParameters.until,
    integration: z.string().min(1).max(64).optional(),
  }),
  answers: { 200: json('How many, by integration and reason.', refusals) },
});

export function refusalRoutes({ db, now }: Pick<ApiDeps, 'db' | 'now'>): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  serve(routes, getRefusals, async (_, { query: { since, until = now(), integration } }) => {
    const sinceMs = since ?? until - DEFAULT_PERIOD_MS;
    if (sinceMs > until) {
      return invalidParameters([problemAt('since', 'not-later-than', { parameter: 'until' })]);
    }
    if (sinceMs < now() - COARSE_RETENTION_MS) {
      return invalidParameters([problemAt('since', 'too-early', { days: COARSE_RETENTION_MS / DAY_MS })]);
    }
    const found = await readRefusals(db, { sinceMs, untilMs: until, integration });
    return {
      since: rfc3339(sinceMs),
      until: rfc3339(until),
      data: found.map(({ integration, reason, count, lastMs }) => ({
        integration: integration === '' ? null : integration,
        reason,
        count,
        lastAt: rfc3339(lastMs),
      })),
    };
  });
  return routes;
}
