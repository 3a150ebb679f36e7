// The operators' API, put together of its resources. Whoever mounts it tells it who is asking: for requests from outside
// that is access/actor.ts, and in process the dashboard, which is a client of the API like any other.

import { Hono } from 'hono';
import { type ActorEnv, refuseReaders } from './access/actor.ts';
import { auditRoutes } from './audit/routes.ts';
import { contactRoutes } from './contacts/routes.ts';
import { deadLetterRoutes } from './dead-letters/routes.ts';
import type { ApiDeps } from './deps.ts';
import { eventRoutes } from './events/routes.ts';
import { healthRoutes } from './health/routes.ts';
import { integrationDeletionRoutes } from './integrations/deletion.ts';
import { integrationRoutes } from './integrations/routes.ts';
import { messageRoutes } from './messages/routes.ts';
import { metricsRoutes } from './metrics/routes.ts';
import { refusalRoutes } from './refusals/routes.ts';
import { rejectionRoutes } from './rejections/routes.ts';
import { replayRoutes } from './replays/routes.ts';
import { routeRoutes } from './routes/routes.ts';
import { statsRoutes } from './stats/routes.ts';
import { tailRoutes } from './tail/routes.ts';

/** All operations of the API, at their whole paths, which begin with `/api`. Handlers need to be told the actor. */
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
    .route('/', routeRoutes(deps))
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
