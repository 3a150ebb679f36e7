// The figures as tables of text.
import { alignColumns } from '../../scripts/command-line.ts';
import type { Change } from './changes.ts';
import type { Growth } from './growth.ts';
import type { Cost, Pace, Throughput } from './measurements.ts';
import type { Load } from './plan.ts';
import { OPERATIONS_PER_MESSAGE } from './prices.ts';
import type { Aim, Results, Share } from './results.ts';
import type { Revision } from './revision.ts';
import { nameOf, type Subject } from './subjects.ts';

export function renderTable(results: Results): string {
  const { machine, throughput, shares = [], pace, cost, growth, against, changes = [], aims } = results;
  const sections = [
    [
      `${results.command}   ${results.at}`,
      `${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, ${machine.system}`,
      `node ${machine.node}, workerd ${machine.workerd}, miniflare ${machine.miniflare}`,
      `medians of ${results.rounds} ${results.rounds === 1 ? 'round' : 'rounds'}`,
      ...(against === undefined ? [] : describeRevision(against)),
    ].join('\n'),
    throughput && throughputTable(throughput, against),
    shares.length > 0 && sharesTable(shares, against),
    pace && paceTable(pace, against),
    cost && costTable(cost, against),
    growth && growthTable(growth),
    against && changes.length > 0 && changesTable(changes, against, results.rounds),
    aims.length > 0 && aimsTable(aims),
  ];
  return sections.filter((section) => typeof section === 'string').join('\n\n');
}

function describeRevision({ revision, commit, subject, warnings }: Revision): string[] {
  return [
    `c′ is ${revision}: ${commit} ${subject}`,
    ...(warnings.length > 0 ? [describeWarnings(warnings)] : []),
  ];
}

/** One line of {@link Revision.warnings}. */
export function describeWarnings(warnings: readonly string[]): string {
  return `warning: c′ is built with what is installed: ${warnings.join('; ')}`;
}

function throughputTable(rows: readonly Throughput[], against?: Revision): string {
  const table = align(
    ['connections', '', 'events/s', 'p50 ms', 'p99 ms', 'CPU ms/event', 'failed'],
    rows.map((row, index) => [
      rows[index - 1]?.connections === row.connections ? '' : String(row.connections),
      nameOf(row.subject, against),
      whole(row.eventsPerSecond),
      figure(row.p50Ms),
      figure(row.p99Ms),
      row.cpuMsPerEvent === null ? 'n/a' : row.cpuMsPerEvent.toFixed(2),
      whole(row.failures),
    ]),
    [1],
  );
  return `Throughput: each connection sends as soon as it is answered\n${table}`;
}

function sharesTable(shares: readonly Share[], against?: Revision): string {
  const of = [...new Set(shares.map((share) => share.of))];
  const connections = [...new Set(shares.map((share) => share.connections))];
  const table = align(
    ['connections', ...of.map((subject) => `of ${letterOf(subject, against)}`)],
    connections.map((count) => [
      String(count),
      ...of.map((subject) => {
        const found = shares.find((share) => share.connections === count && share.of === subject);
        return found === undefined ? '' : `${whole(found.share * 100)} %`;
      }),
    ]),
    [],
  );
  return `Shares: the events/s of this receiver (c) as a part of the others’\n${table}`;
}

/** What stands for a subject in headings, such as `c′`. */
function letterOf(subject: Subject, against?: Revision): string {
  return nameOf(subject, against).split(' ')[0] ?? '';
}

function paceTable(rows: readonly Pace[], against?: Revision): string {
  const table = align(
    ['', 'p50 ms', 'p99 ms', 'failed'],
    rows.map(({ subject, p50Ms, p99Ms, failures }) => [
      nameOf(subject, against),
      ...[figure(p50Ms), figure(p99Ms), whole(failures)],
    ]),
    [0],
  );
  return `Pace: one webhook at a time, ${rows[0]?.perSecond} a second\n${table}`;
}

const COST_COLUMNS =
  'events/group, D1 statements, rows written, rows read, queue calls, queue operations, US$/million'.split(
    ', ',
  );

function costTable(rows: readonly Cost[], against?: Revision): string {
  const table = align(
    ['connections', '', ...COST_COLUMNS],
    rows.map((row, index) => [
      leadingLoad(row, rows[index - 1]),
      row.routes > 1 ? `${nameOf(row.subject, against)}, ${row.routes} routes` : nameOf(row.subject, against),
      figure(row.eventsPerGroup),
      row.perEvent.statements.toFixed(2),
      row.perEvent.rowsWritten.toFixed(2),
      row.perEvent.rowsRead.toFixed(2),
      row.sendsPerEvent.toFixed(2),
      (row.perEvent.messages * OPERATIONS_PER_MESSAGE).toFixed(2),
      row.millionEvents.total.toFixed(2),
    ]),
    [1],
  );
  return `Cost: for each event, and of a million at the published prices beyond what is included\n${table}`;
}

function growthTable({ listings, ingest }: Growth): string {
  const sizes = listings[0]?.bySize.map(({ stored }) => stored) ?? [];
  const listed = align(
    ['listing', ...sizes.flatMap((stored) => [`${whole(stored)} stored`, 'ms', 'listed'])],
    listings.map(({ listing, bySize }) => [
      listing,
      ...bySize.flatMap(({ cost }) => [
        `${whole(cost.rowsRead)} rows`,
        figure(cost.p50Ms),
        cost.listed === null ? '' : whole(cost.listed),
      ]),
    ]),
    [0],
  );
  const taken = align(
    ['stored before', 'events/s', 'p99 ms', 'failed'],
    ingest.map((row) => [
      whole(row.stored),
      whole(row.eventsPerSecond),
      figure(row.p99Ms),
      whole(row.failures),
    ]),
    [],
  );
  return `Growth: rows read and time of a listing of up to 50, and of a run of the cron\n${listed}\n\nGrowth: ingest at 64 connections\n${taken}`;
}

function changesTable(changes: readonly Change[], { revision }: Revision, rounds: number): string {
  const table = align(
    ['connections', '', 'c / c′', 'least', 'most', ''],
    changes.map((change, index) => [
      leadingLoad(change, changes[index - 1]),
      change.figure,
      change.ratio.toFixed(2),
      change.least.toFixed(2),
      change.most.toFixed(2),
      agreement(change, rounds),
    ]),
    [1, 5],
  );
  const chance = `  Where rounds disagree it may be noise; by chance alone all ${rounds} agree on 1 of ${2 ** (rounds - 1)} figures.`;
  return `Now and then: this receiver (c) / at ${revision} (c′), round by round\n${table}${rounds > 1 ? `\n${chance}` : ''}`;
}

/** The first cell of a row, which is empty where the row before has the same load. */
function leadingLoad(row: { load: Load }, before: { load: Load } | undefined): string {
  const text = describeLoad(row.load);
  return before !== undefined && describeLoad(before.load) === text ? '' : text;
}

function describeLoad(load: Load): string {
  return 'connections' in load ? String(load.connections) : `${load.perSecond} a second`;
}

/** Nothing where rounds disagree, or where there is only one. */
function agreement({ roundsBetter, roundsWorse }: Change, rounds: number): string {
  if (rounds === 1) return '';
  if (roundsBetter === rounds) return 'better in every round';
  if (roundsWorse === rounds) return 'worse in every round';
  return '';
}

function aimsTable(aims: readonly Aim[]): string {
  const table = align(
    ['', 'aim', 'measured', ''],
    aims.map((aim) => [
      aim.what,
      aim.atLeast !== undefined ? `≥ ${aim.atLeast.toFixed(2)}` : `≤ ${aim.atMost?.toFixed(2)}`,
      aim.actual.toFixed(2),
      aim.isReached ? 'reached' : 'MISSED',
    ]),
    [0, 3],
  );
  return `Aims\n${table}`;
}

/** Columns aligned to the right, those of `leftAligned` to the left. */
function align(head: string[], rows: string[][], leftAligned: readonly number[]): string {
  const right = [...head.keys()].filter((column) => !leftAligned.includes(column));
  return alignColumns([head, ...rows], right)
    .map((line) => `  ${line}`)
    .join('\n');
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** Three figures are as many as mean something. */
export function figure(value: number): string {
  if (Number.isNaN(value)) return 'n/a';
  if (value >= 99.95) return whole(value);
  return value.toFixed(value >= 9.995 ? 1 : 2);
}
