// GET /api/refusals: which requests for webhook addresses were refused, and why. What is kept of authentic ones is
// /api/rejections; of the others there is only this count.

import { zValidator } from '@hono/zod-validator';
import { Hono } from 'hono';
import * as z from 'zod';
import { problemAt } from '../../contract/problems.ts';
import { REFUSAL_REASONS } from '../../contract/refusals.ts';
import { readRefusals } from '../../store/refusals.ts';
import { COARSE_RETENTION_MS } from '../../store/roll-up.ts';
import { invalidParameters, listingParameters, refuseParameters } from '../query-parameters.ts';

const DAY_MS = 24 * 3_600_000;
const DEFAULT_PERIOD_MS = DAY_MS;

/** What `GET /api/refusals` takes. */
export const refusalParameters = z.strictObject({
  since: listingParameters.since,
  until: listingParameters.until,
  integration: z.string().min(1).max(64).optional(),
});

/** What `GET /api/refusals` answers. */
export const refusals = z
  .object({
    since: z.iso.datetime(),
    until: z.iso.datetime(),
    data: z.array(
      z.object({
        integration: z.string().nullable().meta({
          description: 'Null: there is none of the name that was asked for, or it is not known.',
        }),
        reason: z.enum(REFUSAL_REASONS),
        count: z.int().min(1),
        lastAt: z.iso
          .datetime()
          .meta({ description: 'The minute, or of long ago the hour, of the last one.' }),
      }),
    ),
  })
  .meta({
    description:
      'Refused requests by integration and reason, the most frequent first. Counted within a minute.',
  });

interface RefusalDeps {
  db: D1Database;
  now: () => number;
}

/** To be mounted at `/api/refusals`. */
export function refusalRoutes({ db, now }: RefusalDeps): Hono {
  return new Hono().get('/', zValidator('query', refusalParameters, refuseParameters), async (c) => {
    const { since, until = now(), integration } = c.req.valid('query');
    const sinceMs = since ?? until - DEFAULT_PERIOD_MS;
    if (sinceMs < now() - COARSE_RETENTION_MS || sinceMs > until) {
      return invalidParameters([
        sinceMs > until
          ? problemAt('since', 'not-later-than', { parameter: 'until' })
          : problemAt('since', 'too-early', { days: COARSE_RETENTION_MS / DAY_MS }),
      ]);
    }
    const found = await readRefusals(db, { sinceMs, untilMs: until, integration });
    return c.json({
      since: new Date(sinceMs).toISOString(),
      until: new Date(until).toISOString(),
      data: found.map(({ integration, reason, count, lastMs }) => ({
        integration: integration === '' ? null : integration,
        reason,
        count,
        lastAt: new Date(lastMs).toISOString(),
      })),
    } satisfies z.infer<typeof refusals>);
  });
}
