// `npm run faults`: runs the receiver in a simulated world in which everything can fail.
import { randomInt } from 'node:crypto';
import { alignColumns, runCommand, showProgress, UsageError } from '../scripts/command-line.ts';
import { runBacklog } from './faults/backlog.ts';
import { scheduleOf } from './faults/draw-schedule.ts';
import { runMany, type Summary } from './faults/many.ts';
import { type FaultOptions, parseFaultOptions, USAGE } from './faults/options.ts';
import { bundleReceiver, Realms } from './faults/realm.ts';
import { RULES, type Violation } from './faults/rules.ts';
import { run } from './faults/run.ts';
import {
  CHARACTERS,
  describePart,
  INJECTED_KINDS,
  onlyParts,
  partNames,
  ROUTES,
  type Schedule,
} from './faults/schedule.ts';
import { shrink } from './faults/shrink.ts';
import { formatRows } from './simulate/report.ts';

const EXIT_VIOLATED = 1;
const EXIT_UNUSABLE = 2;
/** How many seeds with violations are explained. */
const MAX_TOLD = 3;
/** New seeds are none of the fixed ones, and short enough to be typed. */
const NEW_SEEDS = [1_000_000, 2_000_000_000] as const;

await runCommand(
  'faults',
  async () => {
    const options = parseFaultOptions(process.argv.slice(2), () => randomInt(...NEW_SEEDS));
    switch (options.kind) {
      case 'help':
        return console.log(USAGE);
      case 'many':
        return runAll(options);
      case 'only':
        return runOne(options);
      case 'backlog':
        return forwardBacklog(options.events);
    }
  },
  { failureStatus: EXIT_UNUSABLE },
);

async function runAll({ ranges, jobs, shrinks, progress }: Extract<FaultOptions, { kind: 'many' }>) {
  for (const { from, count } of ranges) console.log(`Seeds ${from} to ${from + count - 1}.`);
  const bundle = await bundleReceiver();
  const total = ranges.reduce((sum, { count }) => sum + count, 0);
  let line = `0 of ${total} schedules`;
  const shown = showProgress(() => line, { isWanted: progress });
  const say = progress ? shown.say : console.error;
  const summary = await runMany(ranges, {
    bundle,
    jobs,
    onDone: (done, { violated }, seed) => {
      const [violation] = violated.get(seed) ?? [];
      if (violation !== undefined) say(`seed ${seed}: ${violation.rule}: ${violation.what}`);
      line = `${done} of ${total} schedules, ${violated.size} violated`;
    },
  }).finally(shown.stop);
  console.log(`\n${tableOf(summary)}\n`);
  const seeds = [...summary.violated.keys()].sort((a, b) => a - b);
  if (seeds.length === 0) {
    console.log(`Everything held in ${summary.schedules} schedules.`);
    return;
  }
  process.exitCode = EXIT_VIOLATED;
  const realms = new Realms(bundle);
  for (const seed of seeds.slice(0, MAX_TOLD)) {
    await tell(scheduleOf(seed), summary.violated.get(seed) ?? [], realms, shrinks);
  }
  console.log(
    `Violated in ${seeds.length} of ${summary.schedules} schedules: seeds ${seeds.slice(0, 50).join(', ')}`,
  );
}

async function runOne({ seed, parts, verbose, shrinks }: Extract<FaultOptions, { kind: 'only' }>) {
  const whole = scheduleOf(seed);
  const unknown = parts?.find((name) => !partNames(whole).includes(name));
  if (unknown !== undefined) throw new UsageError(`schedule ${seed} has no part ${unknown}`);
  const schedule = parts === null ? whole : onlyParts(whole, new Set(parts));
  const realms = new Realms(await bundleReceiver());
  const { violations, digest, steps } = await run(schedule, realms, verbose ? tellStep : null);
  console.log(`Seed ${seed}: ${partNames(schedule).length} parts, ${steps} steps, ${digest}`);
  if (violations.length === 0) {
    console.log('Everything held.');
    return;
  }
  process.exitCode = EXIT_VIOLATED;
  await tell(schedule, violations, realms, shrinks && parts === null);
}

/** Prints what was done in each minute until everything that waited was forwarded. */
async function forwardBacklog(events: number): Promise<void> {
  const realms = new Realms(await bundleReceiver());
  console.log(`${events} events wait for a route. The cron fires every minute:`);
  const { tookMs, missing, repeated, violations } = await runBacklog(events, realms, (minute, left) =>
    console.log(
      `  ${minute.forwarded} forwarded by ${minute.invocations} invocations of at most ${minute.subrequests} subrequests ` +
        `(${minute.spent} with each statement of D1), ${minute.refusals} times "overloaded"; ${left} left`,
    ),
  );
  for (const violation of violations) console.log(`  ${RULES.limits}\n    ${violation}`);
  const end =
    missing > 0
      ? `${missing} were never forwarded`
      : `The last was forwarded after ${(tookMs / 60_000).toFixed(1)} minutes`;
  console.log(`${end}; ${repeated} were forwarded more than once.`);
  if (missing > 0 || violations.length > 0) process.exitCode = EXIT_VIOLATED;
}

function tellStep(atMs: number, what: string): void {
  console.log(`${(atMs / 1000).toFixed(3).padStart(10)} s  ${what}`);
}

/** Prints what was violated, and the shortest schedule that shows it. */
async function tell(schedule: Schedule, violations: readonly Violation[], realms: Realms, shrinks: boolean) {
  const { seed } = schedule;
  console.log(`\nSeed ${seed}:`);
  for (const { rule, what, atMs } of violations.slice(0, 5)) {
    console.log(`  ${rule} (${RULES[rule]})\n    at ${(atMs / 1000).toFixed(3)} s: ${what}`);
  }
  const [first] = violations;
  let parts = partNames(schedule);
  if (shrinks && first !== undefined) {
    const shrunken = await shrink(
      schedule,
      first.rule,
      async (shorter) => (await run(shorter, realms)).violations,
    );
    parts = shrunken.parts;
    console.log(`  The shortest schedule found that violates it, of ${partNames(schedule).length} parts:`);
    for (const part of parts) console.log(`    ${describePart(schedule, part)}`);
    const [still] = shrunken.violations;
    if (still !== undefined) console.log(`    → ${still.what}`);
  }
  console.log(`  npm run faults -- --only ${seed} --parts ${parts.join(',')} --verbose`);
}

function tableOf({
  injected,
  characters,
  routes,
  operations,
  violated,
  seconds,
  ...counts
}: Summary): string {
  const rows: [string, number, string?][] = [
    ['schedules', counts.schedules, `${seconds.toFixed(0)} s`],
    ...CHARACTERS.map((character): [string, number] => [`  ${character}`, characters.get(character) ?? 0]),
    ...ROUTES.map((_, index): [string, number] => [
      `  with ${index + 1} ${index === 0 ? 'route' : 'routes'}`,
      routes.get(index + 1) ?? 0,
    ]),
    ['  with small limits', counts.small],
    ['webhooks', counts.webhooks],
    ['requests', counts.requests],
    ['events stored', counts.events],
    ['steps', counts.steps],
    ['schedules violated', violated.size],
  ];
  const sorted = [...injected].toSorted(([a], [b]) => a.localeCompare(b));
  const faults = Map.groupBy(sorted, ([name]) => name.split(' ')[0] ?? '');
  const lines = [...faults].map(([target, counts]) => {
    const byKind = new Map(counts.map(([name, count]) => [name.split(' ')[1], count]));
    return [target, ...INJECTED_KINDS.map((kind) => String(byKind.get(kind) ?? 0))];
  });
  const [head = '', ...targets] = alignColumns(
    [['injected', ...INJECTED_KINDS], ...lines],
    INJECTED_KINDS.map((_, index) => index + 1),
  );
  const operated = [...operations]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([what, count]): [string, number] => [`  ${what}`, count]);
  const all = operated.reduce((sum, [, count]) => sum + count, 0);
  return [
    formatRows(rows),
    formatRows([['operators', all], ...operated]),
    [head, ...targets].join('\n'),
  ].join('\n\n');
}
