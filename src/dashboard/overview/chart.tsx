// What was received per minute, as a picture and as a table. It is drawn for two widths, of which the style sheet shows the
// one that fits, since scaling an SVG scales its letters, too.

import { scaleLinear, scaleUtc } from 'd3-scale';
import { area, curveMonotoneX, type SeriesPoint, stack } from 'd3-shape';
import type { FC } from 'hono/jsx';
import { type getStats, STEPS_MS } from '../../api/stats/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { Panel } from '../frame/components.tsx';
import { zoneOffsetMs } from '../frame/formats.ts';
import type { View } from '../frame/view.ts';
import { overviewTexts } from './texts.ts';

export type Stats = AnswerOf<typeof getStats>;

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

const HEIGHT = 220;
const MARGIN = { top: 12, right: 12, bottom: 24, left: 40 };
const WIDTHS = { wide: 720, narrow: 340 } as const;
const Y_TICKS = 4;
const PX_BETWEEN_X_TICKS = 90;
/** The rows of the table are sums of several steps where there are more steps than this. */
const MAX_TABLE_ROWS = 24;

const KINDS = ['statuses', 'replies'] as const;

interface Point {
  startMs: number;
  /** Per minute. */
  replies: number;
  statuses: number;
}

/** Rates per minute of the steps that are counted. The last step can be shorter than the others. */
export function pointsOf({
  series,
  step,
  countedUntil,
}: Pick<Stats, 'series' | 'step' | 'countedUntil'>): Point[] {
  const countedMs = Date.parse(countedUntil);
  return series.flatMap(({ start, received, responses }) => {
    const startMs = Date.parse(start);
    const minutes = Math.min(STEPS_MS[step], countedMs - startMs) / MINUTE_MS;
    if (minutes < 1) return []; // too short for a rate
    return [{ startMs, replies: responses / minutes, statuses: (received - responses) / minutes }];
  });
}

export const ReceivedChart: FC<{ view: View; stats: Stats }> = ({ view, stats }) => {
  const t = overviewTexts(view.language);
  const { number, dateTime, shortTime } = view.formats;
  const points = pointsOf(stats);
  const total = ({ replies, statuses }: Point) => replies + statuses;
  const [most] = points.toSorted((a, b) => total(b) - total(a));
  const average = sumOf(points, total) / Math.max(points.length, 1);
  const legend = (
    <ul class="legend">
      <li class="replies">{t.replies}</li>
      <li class="statuses">{t.statuses}</li>
    </ul>
  );
  const words =
    most === undefined || total(most) === 0
      ? t.chartNothing
      : t.chartWords(number(average), number(total(most)), shortTime(most.startMs, view.nowMs));
  return (
    <Panel id="chart" title={t.chartTitle} class="chart" beside={legend}>
      {Object.entries(WIDTHS).map(([name, width]) => (
        <Drawing view={view} points={points} width={width} name={name} label={`${t.chartTitle}. ${words}`} />
      ))}
      <p>
        {words} <span class="muted">{t.counted(shortTime(Date.parse(stats.countedUntil), view.nowMs))}</span>
      </p>
      <details>
        <summary>{t.asTable}</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">{t.begin}</th>
              <th scope="col">{t.replies}</th>
              <th scope="col">{t.statuses}</th>
            </tr>
          </thead>
          <tbody>
            {tableOf(stats).map(({ startMs, replies, statuses }) => (
              <tr>
                <th scope="row">{dateTime(startMs)}</th>
                <td>{number(replies)}</td>
                <td>{number(statuses)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </Panel>
  );
};

function sumOf<Item>(items: readonly Item[], count: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + count(item), 0);
}

/** Sums, not rates, in at most {@link MAX_TABLE_ROWS} rows. */
function tableOf({ series }: Stats): Point[] {
  const together = Math.ceil(series.length / MAX_TABLE_ROWS);
  const rows: Point[] = [];
  for (let from = 0; from < series.length; from += together) {
    const steps = series.slice(from, from + together);
    rows.push({
      startMs: Date.parse(steps[0]?.start ?? ''),
      replies: sumOf(steps, ({ responses }) => responses),
      statuses: sumOf(steps, ({ received, responses }) => received - responses),
    });
  }
  return rows;
}

const Drawing: FC<{ view: View; points: Point[]; width: number; name: string; label: string }> = ({
  view,
  points,
  width,
  name,
  label,
}) => {
  const { time, day, number } = view.formats;
  const firstMs = points[0]?.startMs ?? view.nowMs;
  const lastMs = points.at(-1)?.startMs ?? view.nowMs;
  // Ticks stand at whole hours and days of the reader's time zone, but the scale knows only UTC.
  const offsetMs = zoneOffsetMs(lastMs, view.timeZone);
  const x = scaleUtc()
    .domain([firstMs + offsetMs, lastMs + offsetMs])
    .range([MARGIN.left, width - MARGIN.right]);
  const layers = stack<Point>().keys([...KINDS])(points);
  const highest = Math.max(1, ...points.map(({ replies, statuses }) => replies + statuses));
  const y = scaleLinear()
    .domain([0, highest])
    .nice(Y_TICKS)
    .range([HEIGHT - MARGIN.bottom, MARGIN.top]);
  const shape = area<SeriesPoint<Point>>()
    .x(({ data }) => x(data.startMs + offsetMs))
    .y0((part) => y(part[0]))
    .y1((part) => y(part[1]))
    .curve(curveMonotoneX)
    .digits(1);
  const isDays = lastMs - firstMs > 2 * DAY_MS;
  return (
    <svg viewBox={`0 0 ${width} ${HEIGHT}`} class={`drawing ${name}`} role="img" aria-label={label}>
      {y.ticks(Y_TICKS).map((tick) => (
        <g class="grid">
          <line x1={MARGIN.left} x2={width - MARGIN.right} y1={y(tick)} y2={y(tick)} />
          <text x={MARGIN.left - 6} y={y(tick)} dy="0.32em" text-anchor="end">
            {number(tick)}
          </text>
        </g>
      ))}
      {layers.map((layer) => (
        <path class={layer.key} d={shape(layer) ?? ''} />
      ))}
      {x.ticks(Math.floor(width / PX_BETWEEN_X_TICKS)).map((tick) => {
        const ms = tick.getTime() - offsetMs;
        return (
          <text class="tick" x={x(tick).toFixed(1)} y={HEIGHT - 6} text-anchor="middle">
            {isDays ? day(ms) : time(ms)}
          </text>
        );
      })}
    </svg>
  );
};
