// `npm run simulate`: behaves towards a running receiver as the platform does at its worst.
import { runCommand } from '../scripts/command-line.ts';
import { parseSimulateOptions, type SimulateOptions, USAGE } from './simulate/options.ts';
import { deliveryLine, planOf } from './simulate/plan.ts';
import { formatRows, formatVerdict, rowsOf } from './simulate/report.ts';
import { type SimulateReport, simulate } from './simulate/run.ts';

const EXIT_FAILED = 1;
const EXIT_UNUSABLE = 2;

await runCommand(
  'simulate',
  async () => {
    const options = parseSimulateOptions(process.argv.slice(2));
    if (options.kind === 'help') console.log(USAGE);
    else if (options.dryRun) printPlan(options);
    else {
      const report = await simulate(options);
      console.log(options.json ? JSON.stringify(report) : textOf(report));
      if (report.failures.length > 0) process.exitCode = EXIT_FAILED;
    }
  },
  { failureStatus: EXIT_UNUSABLE },
);

function printPlan(options: SimulateOptions): void {
  for (const delivery of planOf(options).deliveries) console.log(deliveryLine(delivery));
}

function textOf(report: SimulateReport): string {
  const rate = Math.round(report.requests.deliveries / Math.max(report.seconds, 0.001));
  return `
Receiver ${report.receiver}, integration ${report.integration}. Seed ${report.seed}${report.run && `, run ${report.run}`}, plan ${report.plan}.
${report.seconds.toFixed(1)} s, ${rate} deliveries/s.${paceOf(report)}

${formatRows(rowsOf(report))}

${formatVerdict(report)}`;
}

/** How fast it was sent, where no rate was given. */
function paceOf({ taken, rate }: SimulateReport): string {
  if (taken === null) return '';
  return ` It took some ${Math.round(taken)}/s in the warm-up, and was sent ${rate}/s; latencies are of then.`;
}
