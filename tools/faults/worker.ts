// One of the threads that run schedules. Gets seeds, gives what came of them.
import { parentPort, workerData } from 'node:worker_threads';
import { scheduleOf } from './draw-schedule.ts';
import { Realms } from './realm.ts';
import { run } from './world.ts';

const realms = new Realms((workerData as { bundle: string }).bundle);

/** One after the other: a run has the realms for itself. */
let last = Promise.resolve();

parentPort?.on('message', (seed: number) => {
  last = last.then(async () => {
    const outcome = await run(scheduleOf(seed), realms);
    parentPort?.postMessage({ seed, outcome });
  });
});
