// `npm run crash`: kills the runtime under load, again and again, and asks whether anything is missing.

import { runCommand } from '../scripts/command-line.ts';
import { type CrashOptions, parseCrashOptions, USAGE } from './crash/options.ts';
import { type CrashReport, crash } from './crash/run.ts';
import { MortalRuntime } from './crash/runtime.ts';
import { formatRows, formatVerdict, rowsOf } from './simulate/report.ts';

const EXIT_FAILED = 1;
const EXIT_UNUSABLE = 2;
const EXIT_INTERRUPTED = 130;

await runCommand(
  'crash',
  async () => {
    const options = parseCrashOptions(process.argv.slice(2));
    if (options.kind === 'help') console.log(USAGE);
    else await run(options);
  },
  { failureStatus: EXIT_UNUSABLE },
);
if (process.exitCode === EXIT_UNUSABLE) process.exit(); // the sender may still be at it

async function run(options: CrashOptions): Promise<void> {
  const runtime = await MortalRuntime.prepare();
  process.once('exit', () => runtime.killNow());
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.once(signal, () => process.exit(EXIT_INTERRUPTED));
  const report = await crash(runtime, options);
  await runtime.kill();
  console.log(options.json ? JSON.stringify(report) : textOf(report));
  if (report.failures.length === 0) await runtime.removeState();
  else {
    console.error(`The database is kept in ${runtime.directory}.`);
    process.exitCode = EXIT_FAILED;
  }
}

function textOf(report: CrashReport): string {
  const { kills, events, requests } = report;
  return `
Seed ${report.seed}, plan ${report.plan}. ${report.seconds.toFixed(1)} s.

${formatRows([
  ['kills of workerd (SIGKILL)', kills.count, `${kills.underLoad} of them with requests under way`],
  ['  requests cut off', kills.requestsCut],
  ['  events left to forward', kills.strandedInGaps, 'stored, their forwarding on a route cut off'],
  ['  longest restart', '', `${kills.longestStartMs} ms`],
  ['not forwarded before the last sweep', report.leftForLastSweep, 'on one route or the other'],
  ['counters compared with the full count', report.counters],
  ...rowsOf(report),
  [
    'deferred, not counted as lost',
    events.deferredOnly,
    `events; ${events.deferredMissing} of them are missing`,
  ],
])}

Local queues live in memory: a deferred event can die with the runtime (${requests.acknowledged.deferred} deliveries were deferred), and
"forwarded" means that the local queues of both routes confirmed. What this proves is D1 and its log, against the death of
the process, not of the machine.

${formatVerdict(report)}`;
}
