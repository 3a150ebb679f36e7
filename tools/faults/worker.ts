// A thread that runs the schedules of the seeds it gets.
import { parentPort, workerData } from 'node:worker_threads';
import { scheduleOf } from './draw-schedule.ts';
import { type Bundles, Realms } from './realm.ts';
import { run } from './run.ts';

const realms = new Realms((workerData as { bundle: Bundles }).bundle);

/** Runs wait for each other, since only one can use the realms at a time. */
let last = Promise.resolve();

parentPort?.on('message', (seed: number) => {
  last = last.then(async () => {
    const outcome = await run(scheduleOf(seed), realms);
    parentPort?.postMessage({ seed, outcome });
  });
});
