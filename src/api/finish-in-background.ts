// Lets a change that takes several steps come to its end, whatever becomes of the request that asked for it.

import type { Context } from 'hono';
import { problem } from '../http/problem-details.ts';
import { DatabaseUnavailable } from '../runtime/bounded-bindings.ts';
import { describeError, log } from '../runtime/log.ts';
import type { ActorEnv } from './access/actor.ts';

/** When an interrupted request may be sent again. */
const RETRY_AFTER_SECONDS = 10;

/** How an interrupted change is told of: in the log, and in the answer. */
export interface Interruption {
  logged: string;
  detail: string;
}

/** Makes a change and records it in the audit trail to the end, even if the client has gone by then. */
export async function finishInBackground<Answered>(
  c: Context<ActorEnv>,
  { logged, detail }: Interruption,
  change: () => Promise<Answered>,
): Promise<Answered | Response> {
  const answer = change().catch((error: unknown) => {
    log('error', logged, { requestId: c.get('requestId'), error: describeError(error) });
    const code = error instanceof DatabaseUnavailable ? 'database-unavailable' : 'unavailable';
    return problem(code, detail, { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } });
  });
  c.executionCtx.waitUntil(answer);
  return answer;
}
