// Catching up: a route that is far behind is swept by one invocation after the other, since each has only so many subrequests.
// What has to go on is told by a message in the intake queue, which this Worker consumes itself. Should one be lost, the
// cron begins anew.

import * as z from 'zod';
import { describeError, log } from '../runtime/log.ts';
import { WorkBudget } from '../store/work-budget.ts';
import type { ForwardingDeps } from './routes.ts';
import { sweepRoutes } from './sweep.ts';

/** Of one invocation, like the cron's. Acknowledgements of webhooks in the same batch wait for it. */
const LINK = { ms: 20_000, subrequests: 800 };

export interface CatchUpDeps extends ForwardingDeps {
  intake: Queue<unknown>;
}

/** A message that has a route swept. */
const catchUpMessage = z.strictObject({ catchUp: z.string() });

/** The route that a message has swept; `null`: it is another kind of message. */
export function routeToCatchUp(body: unknown): string | null {
  return catchUpMessage.safeParse(body).data?.catchUp ?? null;
}

/** Has routes swept further. Where the intake queue does not take that, the cron does it. Never rejects. */
export async function askToCatchUp(
  { intake }: Pick<CatchUpDeps, 'intake'>,
  routes: readonly string[],
): Promise<void> {
  for (const catchUp of routes) {
    try {
      await intake.send({ catchUp } satisfies z.infer<typeof catchUpMessage>, { contentType: 'json' });
    } catch (error) {
      log('warn', 'catching up left to the cron', { route: catchUp, error: describeError(error) });
    }
  }
}

/** Sweeps routes as far as one invocation can, and has them swept further. Never rejects. */
export async function catchUp(deps: CatchUpDeps, routes: ReadonlySet<string>): Promise<void> {
  const untilMs = Date.now() + LINK.ms;
  try {
    const budget = new WorkBudget(LINK.subrequests, () => Date.now() >= untilMs);
    const behind = await sweepRoutes(deps, budget, (route) => routes.has(route));
    await askToCatchUp(deps, behind);
  } catch (error) {
    log('warn', 'catching up left to the cron', { error: describeError(error) });
  }
}
