// Changes that take several steps, begun by a request.

import type { Context } from 'hono';
import { problem } from '../problem-details.ts';
import { DatabaseUnavailable } from '../runtime/bounded-bindings.ts';
import { describeError, log } from '../runtime/log.ts';
import type { ActorEnv } from './access/actor.ts';

/** When what D1 interrupted may be sent again. */
const RETRY_AFTER_SECONDS = 10;

/** What is said of a change that was interrupted: to operators in the log, and to whoever asked for it. */
export interface Interruption {
  logged: string;
  detail: string;
}

/** Makes the function that lets a change that has begun, and its audit, come to their end although the client may go. */
export function toItsEndOr({ logged, detail }: Interruption) {
  return async function toItsEnd(c: Context<ActorEnv>, change: () => Promise<Response>): Promise<Response> {
    const answer = change().catch((error: unknown) => {
      log('error', logged, { requestId: c.get('requestId'), error: describeError(error) });
      const code = error instanceof DatabaseUnavailable ? 'database-unavailable' : 'unavailable';
      return problem(code, detail, { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } });
    });
    c.executionCtx.waitUntil(answer);
    return answer;
  };
}
