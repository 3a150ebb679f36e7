// One run of the simulation: a world, those who act in it, and what has to hold at its end.

import { checkAtTheEnd } from './checks.ts';
import { operate } from './operators.ts';
import type { Realms } from './realm.ts';
import type { Schedule } from './schedule.ts';
import { send } from './senders.ts';
import { compareWithApi } from './told.ts';
import { type Outcome, World } from './world.ts';

/** @param onNote called with a text for everything that happens. */
export async function run(
  schedule: Schedule,
  realms: Realms,
  onNote: ((atMs: number, what: string) => void) | null = null,
): Promise<Outcome> {
  const world = new World(schedule, realms);
  world.loop.onNote = onNote;
  const onRejection = (error: unknown) =>
    world.book.violated('limits', `a promise that nobody waits for was rejected: ${error}`);
  process.on('unhandledRejection', onRejection);
  try {
    await world.run({
      send: async (webhook) => send(world, webhook),
      operate: async (operation) => operate(world, operation),
      compare: async () => compareWithApi(world),
    });
    checkAtTheEnd(world);
    return world.outcome();
  } finally {
    process.off('unhandledRejection', onRejection);
    world.database.close();
  }
}
