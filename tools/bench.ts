// `npm run bench`: compares this receiver with the limit of the runtime, with one written in an afternoon and with the limit of
// its own design, on this machine and in workerd processes that end with it.
import { writeFileSync } from 'node:fs';
import { CommandFailure, runCommand } from '../scripts/command-line.ts';
import { changesOf } from './bench/changes.ts';
import { measureGrowth } from './bench/growth.ts';
import { startLoadGenerator } from './bench/load.ts';
import { describeMachine } from './bench/machine.ts';
import { type Bench, measureCost, measurePace, measureThroughput } from './bench/measurements.ts';
import { parseBenchOptions, type RunOptions, USAGE } from './bench/options.ts';
import { planOf } from './bench/plan.ts';
import { aimsOf, type Results, sharesOf } from './bench/results.ts';
import { type Revision, type UnpackedRevision, unpackRevision } from './bench/revision.ts';
import {
  bundleReceiver,
  bundleSubjects,
  type RunningSubject,
  requireAcknowledgement,
  startReceiverBesideCounted,
  startSubject,
} from './bench/subjects.ts';
import { describeWarnings, renderTable } from './bench/table.ts';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** How long an interrupted run may take to stop what it started. */
const STOP_TIMEOUT_MS = 5_000;

await runCommand('bench', async () => {
  const options = parseBenchOptions(process.argv.slice(2));
  if (options.kind === 'help') console.log(USAGE);
  else await runBench(options);
});

async function runBench(run: RunOptions): Promise<void> {
  const load = startLoadGenerator();
  const running = new Set<RunningSubject>();
  const stopAll = async () => {
    load.stop();
    await Promise.allSettled(Array.from(running, async (subject) => subject.stop()));
  };
  /** Makes sure that a subject is stopped when the run ends. */
  const tracked = async <S extends RunningSubject>(starting: Promise<S>): Promise<S> => {
    const subject = await starting;
    const stop = async () => {
      running.delete(tracking);
      await subject.stop();
    };
    const tracking = { ...subject, stop };
    running.add(tracking);
    return tracking;
  };
  let isStopping = false;
  for (const signal of STOP_SIGNALS) {
    process.on(signal, () => {
      if (isStopping) return; // Ctrl-C can come twice: from the terminal, and from npm, which passes it on
      isStopping = true;
      setTimeout(() => process.exit(1), STOP_TIMEOUT_MS);
      void stopAll().then(() => process.exit(130));
    });
  }

  let past: UnpackedRevision | undefined;
  try {
    const plan = planOf(run);
    if (run.against !== undefined) past = await unpackRevision(run.against);
    if (isStopping) return;
    if (past?.ok === false) throw new CommandFailure(`--against: ${past.reason}`);
    const bundles = await bundleSubjects();
    if (past !== undefined) {
      const { warnings } = past.revision;
      if (warnings.length > 0) console.error(describeWarnings(warnings));
      try {
        bundles.past = await bundleReceiver(past.directory.path);
        const running = await tracked(startSubject('past', bundles));
        await requireAcknowledgement(running);
        await running.stop();
      } catch (error) {
        throw new CommandFailure(`--against: ${describePast(past.revision, error)}`);
      }
    }
    const bench: Bench = {
      plan,
      load,
      start: async (subject, options) => tracked(startSubject(subject, bundles, options)),
      progress: (what) => console.error(`… ${what}`),
    };
    const results: Results = {
      at: new Date().toISOString(),
      command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
      machine: describeMachine(),
      rounds: plan.rounds,
      subjects: plan.subjects,
      ...(past !== undefined && { against: past.revision }),
      aims: [],
    };
    if (plan.sections.includes('throughput')) {
      results.throughput = await measureThroughput(bench);
      results.shares = sharesOf(results.throughput);
    }
    if (plan.sections.includes('pace')) results.pace = await measurePace(bench);
    if (plan.sections.includes('cost')) results.cost = await measureCost(bench);
    if (plan.sections.includes('growth')) {
      results.growth = await measureGrowth({
        ...bench,
        startGrowing: async () => tracked(startReceiverBesideCounted(bundles)),
      });
    }
    if (past !== undefined) results.changes = changesOf(results);
    results.aims = aimsOf(results);
    present(run, results);
  } catch (error) {
    if (isStopping) return; // it failed because everything is being stopped
    throw error;
  } finally {
    if (!isStopping) await stopAll();
    if (past?.ok) await past.directory.remove();
  }
}

function describePast({ revision, commit }: Revision, error: unknown): string {
  const reason = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ');
  return `the receiver at ${revision} (${commit}) cannot be measured: ${reason}`;
}

function present({ json }: RunOptions, results: Results): void {
  const text = `${JSON.stringify(results, null, 2)}\n`;
  if (json === true) {
    process.stdout.write(text);
    return;
  }
  if (json !== undefined) writeFileSync(json, text);
  console.log(renderTable(results));
}
