// The operators' API: what is mounted where. Who may use it is decided by who mounts it: from outside, actor.ts; in
// process, the dashboard, which is a client of it like any other.

import { Hono } from 'hono';
import type { ForwardingDeps } from '../forward/events.ts';
import type { Lifetime } from '../runtime/group-commit.ts';
import type { WebhookTokens } from '../sender/webhook-token.ts';
import { type ActorEnv, refuseReaders } from './access/actor.ts';
import { auditRoutes } from './audit/routes.ts';
import { contactRoutes } from './contacts/routes.ts';
import { deadLetterRoutes } from './dead-letters/routes.ts';
import { eventRoutes } from './events/routes.ts';
import { healthRoutes } from './health/routes.ts';
import { integrationDeletionRoutes } from './integrations/deletion.ts';
import { integrationRoutes } from './integrations/routes.ts';
import { messageRoutes } from './messages/routes.ts';
import { metricsRoutes } from './metrics/routes.ts';
import { refusalRoutes } from './refusals/routes.ts';
import { rejectionRoutes } from './rejections/routes.ts';
import { replayRoutes } from './replays/routes.ts';
import { statsRoutes } from './stats/routes.ts';
import { tailRoutes } from './tail/routes.ts';

export interface ApiDeps extends ForwardingDeps {
  intake: Queue;
  tokens: WebhookTokens;
  /** Past this size of the database events go early. */
  maxDatabaseBytes: number;
  /** Sees to it that the cron's work is done, behind the answer: an operator may look while no webhook comes. */
  lookAfterCron(lifetime: Lifetime): void;
}

/** All of the API, to be mounted behind what tells who asks. Its operations have their whole paths, below `/api`. */
export function apiRoutes(deps: ApiDeps): Hono<ActorEnv> {
  return new Hono<ActorEnv>()
    .use('/api/*', refuseReaders)
    .use('/api/*', async (c, next) => {
      await next();
      deps.lookAfterCron(c.executionCtx);
    })
    .route('/', eventRoutes(deps))
    .route('/', messageRoutes(deps))
    .route('/', contactRoutes(deps))
    .route('/', replayRoutes(deps))
    .route('/', deadLetterRoutes(deps))
    .route('/', rejectionRoutes(deps))
    .route('/', integrationRoutes(deps))
    .route('/', integrationDeletionRoutes(deps))
    .route('/', statsRoutes(deps))
    .route('/', refusalRoutes(deps))
    .route('/', tailRoutes(deps))
    .route('/', healthRoutes(deps))
    .route('/', metricsRoutes(deps))
    .route('/', auditRoutes(deps));
}
