// What the API works with.

import type { ForwardingDeps } from '../forward/routes.ts';
import type { Lifetime } from '../runtime/group-commit.ts';
import type { WebhookTokens } from '../sender/webhook-token.ts';

export interface ApiDeps extends ForwardingDeps {
  intake: Queue;
  tokens: WebhookTokens;
  /** Above this size of the database, events are deleted before their retention is over. */
  maxDatabaseBytes: number;
  /** Does the cron's work behind the answer where the cron is late, as no webhook may come that would have it done. */
  lookAfterCron(lifetime: Lifetime): void;
}
