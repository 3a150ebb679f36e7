// The figures as a picture: an SVG written by hand, as wide as a column of text, readable on white and on dark pages.
import type { Growth } from './growth.ts';
import type { Machine } from './machine.ts';
import type { Cost, Pace, Throughput } from './measurements.ts';
import type { Results } from './results.ts';
import { median } from './statistics.ts';
import type { Subject } from './subjects.ts';
import { figure } from './table.ts';

const WIDTH = 800;
const MARGIN = 24;
const GAP = 32;
const PANEL_WIDTH = (WIDTH - 2 * MARGIN - GAP) / 2;
const PANEL_HEIGHT = 236;
const HEADER_HEIGHT = 92;
const FOOTER_HEIGHT = 40;
/** Of a panel, above and below its bars. */
const TITLE_HEIGHT = 46;
const LABEL_HEIGHT = 24;

const INK = '#1f2933';
const FAINT_INK = '#616e7c';
const GRID = '#e4e7eb';
/** Told apart without colour vision too (Okabe and Ito's palette). */
const COLOURS: Record<Subject, string> = {
  limit: '#b8c2cc',
  naive: '#e69f00',
  past: '#56b4e9',
  receiver: '#0072b2',
};
const LEGEND: Record<Exclude<Subject, 'past'>, string> = {
  limit: 'a · reads and answers, the limit',
  naive: 'b · an afternoon’s, no guarantees',
  receiver: 'c · this receiver, all guarantees',
};
/** Of the legend; a fourth subject begins another line. */
const LEGEND_COLUMNS = 3;

interface Bar {
  value: number;
  colour: string;
}

/** Bars in groups. */
export interface Panel {
  title: string;
  subtitle: string;
  groups: { label: string; bars: Bar[] }[];
  /** For values that are far apart. */
  isLogarithmic?: boolean;
}

/** The picture of a run. Sections that were not measured are left out. */
export function plot(results: Results): string {
  const { throughput, pace, cost, growth, machine } = results;
  const panels = [
    ...(throughput === undefined ? [] : throughputPanels(throughput, results.subjects)),
    ...(pace === undefined ? [] : [pacePanel(pace)]),
    ...(cost === undefined ? [] : [costPanel(cost)]),
    ...(growth === undefined ? [] : growthPanels(growth)),
  ];
  const rows = Math.ceil(panels.length / 2);
  const height = HEADER_HEIGHT + rows * (PANEL_HEIGHT + GAP) + FOOTER_HEIGHT;
  const drawn = panels.map((panel, index) => {
    const x = MARGIN + (index % 2) * (PANEL_WIDTH + GAP);
    const y = HEADER_HEIGHT + Math.floor(index / 2) * (PANEL_HEIGHT + GAP);
    return `<g transform="translate(${x} ${y})">\n${drawPanel(panel)}\n</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" role="img" aria-label="Benchmark of the webhook receiver">
<rect width="${WIDTH}" height="${height}" rx="8" fill="#ffffff"/>
${text(MARGIN, 36, 'Webhooks on one machine, local runtime', { size: 18, weight: 600 })}
${legend(results)}
${drawn.join('\n')}
${text(MARGIN, height - 20, footer(machine, results), { size: 11, colour: FAINT_INK })}
</svg>
`;
}

function throughputPanels(rows: readonly Throughput[], measured: readonly Subject[]): Panel[] {
  const panel = (
    title: string,
    subtitle: string,
    figureOf: (row: Throughput) => number | null,
    options: { subjects?: readonly Subject[]; isLogarithmic?: boolean } = {},
  ): Panel => {
    const { subjects = measured, isLogarithmic = false } = options;
    const connections = [...new Set(rows.map((row) => row.connections))];
    const groups = connections.map((count) => ({
      label: count === 1 ? '1 connection' : String(count),
      bars: rows
        .filter((row) => row.connections === count && subjects.includes(row.subject))
        .flatMap((row) => {
          const value = figureOf(row);
          return value === null ? [] : [{ value, colour: COLOURS[row.subject] }];
        }),
    }));
    return { title, subtitle, groups, isLogarithmic };
  };
  const receivers = measured.filter((subject) => subject !== 'limit');
  return [
    panel('Events a second', 'more is better', (row) => row.eventsPerSecond, { subjects: receivers }),
    ...(measured.includes('limit')
      ? [
          panel(
            'Events a second, with the limit',
            'more is better · logarithmic',
            (row) => row.eventsPerSecond,
            { isLogarithmic: true },
          ),
        ]
      : []),
    panel('99 of 100 answered within', 'ms, less is better', (row) => row.p99Ms, { subjects: receivers }),
    panel('CPU for each event', 'ms of the whole runtime, less is better', (row) => row.cpuMsPerEvent),
  ].filter(({ groups }) => groups.some(({ bars }) => bars.length > 0));
}

function pacePanel(rows: readonly Pace[]): Panel {
  const group = (label: string, figureOf: (row: Pace) => number) => ({
    label,
    bars: rows.map((row) => ({ value: figureOf(row), colour: COLOURS[row.subject] })),
  });
  return {
    title: `One webhook at a time, ${rows[0]?.perSecond} a second`,
    subtitle: 'ms until the answer, less is better',
    groups: [group('50 of 100', ({ p50Ms }) => p50Ms), group('99 of 100', ({ p99Ms }) => p99Ms)],
  };
}

function costPanel(rows: readonly Cost[]): Panel {
  const atMost = rows.filter(
    (row) => row.connections === Math.max(...rows.map(({ connections }) => connections)),
  );
  const group = (label: string, figureOf: (row: Cost) => number) => ({
    label,
    bars: atMost.map((row) => ({ value: figureOf(row), colour: COLOURS[row.subject] })),
  });
  return {
    title: 'Cost of a million events',
    subtitle: 'US$ at the published prices, less is better',
    groups: [
      group('D1', ({ millionEvents }) => millionEvents.rowsWritten + millionEvents.rowsRead),
      group('Queues', ({ millionEvents }) => millionEvents.queueOperations),
      group('Workers', ({ millionEvents }) => millionEvents.requests + (millionEvents.cpu ?? 0)),
    ],
  };
}

function growthPanels({ listings, ingest }: Growth): Panel[] {
  const colour = COLOURS.receiver;
  const sizes = listings[0]?.bySize.map(({ stored }) => stored) ?? [];
  const medianListing = (index: number) =>
    median(listings.flatMap(({ bySize }) => bySize[index]?.cost.p50Ms ?? []));
  const slowestListing = (index: number) =>
    Math.max(...listings.flatMap(({ bySize }) => bySize[index]?.cost.p50Ms ?? []));
  return [
    {
      title: 'Listings, by events stored',
      subtitle: 'ms: the median listing, and the slowest',
      groups: sizes.map((stored, index) => ({
        label: stored.toLocaleString('en'),
        bars: [
          { value: medianListing(index), colour },
          { value: slowestListing(index), colour: '#56b4e9' },
        ],
      })),
    },
    {
      title: 'Ingest at 64 connections, by events stored',
      subtitle: 'events a second, more is better',
      groups: ingest.map(({ stored, eventsPerSecond }) => ({
        label: stored === 0 ? 'none' : stored.toLocaleString('en'),
        bars: [{ value: eventsPerSecond, colour }],
      })),
    },
  ];
}

function legend({ subjects, against }: Results): string {
  const width = (WIDTH - 2 * MARGIN) / LEGEND_COLUMNS;
  return subjects
    .map((subject, index) => {
      const x = MARGIN + (index % LEGEND_COLUMNS) * width;
      const y = 53 + Math.floor(index / LEGEND_COLUMNS) * 18;
      const words = subject === 'past' ? `c′ · this receiver at ${against?.commit}` : LEGEND[subject];
      return `<rect x="${x}" y="${y}" width="12" height="12" rx="2" fill="${COLOURS[subject]}"/>${text(x + 18, y + 10, words, { size: 12 })}`;
    })
    .join('\n');
}

function drawPanel({ title, subtitle, groups, isLogarithmic = false }: Panel): string {
  const top = TITLE_HEIGHT + 14; // room for a number on the highest bar
  const bottom = PANEL_HEIGHT - LABEL_HEIGHT;
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value));
  const heightOf = scale(values, bottom - top, isLogarithmic);
  const groupWidth = PANEL_WIDTH / groups.length;
  const mostBars = Math.max(...groups.map(({ bars }) => bars.length));
  const barWidth = Math.min(40, (groupWidth * 0.82) / mostBars);
  const parts = [
    text(0, 14, title, { size: 14, weight: 600 }),
    text(0, 31, subtitle, { size: 11, colour: FAINT_INK }),
    `<line x1="0" x2="${PANEL_WIDTH}" y1="${bottom}" y2="${bottom}" stroke="${GRID}"/>`,
  ];
  for (const [index, { label, bars }] of groups.entries()) {
    const middle = (index + 0.5) * groupWidth;
    const left = middle - (bars.length * barWidth) / 2;
    for (const [place, { value, colour }] of bars.entries()) {
      const height = heightOf(value);
      const x = left + place * barWidth;
      parts.push(
        `<rect x="${round(x + 1)}" y="${round(bottom - height)}" width="${round(barWidth - 2)}" height="${round(height)}" rx="2" fill="${colour}"/>`,
        text(round(x + barWidth / 2), round(bottom - height - 4), shortFigure(value), {
          size: Math.min(10, round(barWidth * 0.41)), // of four bars in a group, figures would stand over each other
          anchor: 'middle',
        }),
      );
    }
    parts.push(
      text(round(middle), PANEL_HEIGHT - 8, label, { size: 11, anchor: 'middle', colour: FAINT_INK }),
    );
  }
  return parts.join('\n');
}

/** Gives a value's height. A logarithmic axis begins a decade below the least value, so that none vanishes. */
export function scale(
  values: readonly number[],
  height: number,
  isLogarithmic: boolean,
): (value: number) => number {
  const most = Math.max(...values);
  if (!isLogarithmic) return (value) => (value / most) * height;
  const least = Math.log10(Math.min(...values)) - 1;
  return (value) => ((Math.log10(value) - least) / (Math.log10(most) - least)) * height;
}

/** `12,968` → `13.0k`: what fits on a bar. */
function shortFigure(value: number): string {
  return value >= 9_999.5 ? `${(value / 1000).toFixed(1)}k` : figure(value);
}

function footer({ cores, cpu, node, workerd }: Machine, { at, rounds }: Results): string {
  const medians = `medians of ${rounds} ${rounds === 1 ? 'round' : 'rounds'}`;
  return `${cores} cores (${cpu}) · node ${node} · workerd ${workerd} · ${medians} · ${at.slice(0, 10)}`;
}

interface TextStyle {
  size: number;
  weight?: number;
  anchor?: 'start' | 'middle';
  colour?: string;
}

function text(x: number, y: number, content: string, style: TextStyle): string {
  const { size, weight = 400, anchor = 'start', colour = INK } = style;
  return `<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" text-anchor="${anchor}" fill="${colour}">${escapeXml(content)}</text>`;
}

function escapeXml(content: string): string {
  return content.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
