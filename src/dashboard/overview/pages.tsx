// The overview: whether all is well, what was received, how messages fare, and the newest events.

import type { FC } from 'hono/jsx';
import type { listEvents } from '../../api/events/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import { EventRow } from '../events/event-row.tsx';
import { LiveRows } from '../events/live-rows.tsx';
import { oddityTexts } from '../events/texts.ts';
import { Notice, Panel, type Tone } from '../frame/components.tsx';
import { withQuery } from '../frame/local-path.ts';
import { Page } from '../frame/page.tsx';
import { type Period, PeriodTabs } from '../frame/periods.tsx';
import { commonTexts } from '../frame/texts.ts';
import type { View } from '../frame/view.ts';
import { ReceivedChart, type Stats } from './chart.tsx';
import { type Health, reasonsOf } from './health-words.ts';
import { overviewTexts } from './texts.ts';

/** The cron forwards what waits every minute: an event that waits longer than this is worth a look. */
const LONG_UNFORWARDED_MS = 120_000;

export const NEWEST_EVENTS = 12;
const REFRESH_SECONDS = 30;

/** What could not be read in time is `null`. */
export const Overview: FC<{
  view: View;
  period: Period;
  since: string;
  health: Health | null;
  stats: Stats | null;
  events: AnswerOf<typeof listEvents> | null;
}> = ({ view, period, since, health, stats, events }) => {
  const t = overviewTexts(view.language);
  return (
    <Page view={view} title={commonTexts(view.language).overview}>
      <div
        id="now"
        hx-get={view.address}
        hx-trigger={`every ${REFRESH_SECONDS}s`}
        hx-select="#now"
        hx-swap="outerHTML"
      >
        <Wellbeing view={view} health={health} />
        {stats === null ? (
          <Notice tone="warn">{t.countsUnknown}</Notice>
        ) : (
          <>
            <PeriodTabs view={view} period={period} />
            <Figures
              view={view}
              stats={stats}
              since={since}
              period={period}
              deadLetters={health?.checks.deadLetters.messages ?? null}
            />
            <Oddities view={view} stats={stats} since={since} />
            <div class="columns">
              <ReceivedChart view={view} stats={stats} />
              <Funnel view={view} stats={stats} />
            </div>
          </>
        )}
      </div>
      <Panel id="newest" title={t.newest} beside={<a href="/events">{t.allEvents}</a>}>
        <LiveRows view={view} events={events?.data ?? []} query={{}} max={NEWEST_EVENTS}>
          {(events?.data ?? []).map((event) => (
            <EventRow view={view} event={event} />
          ))}
          {events?.data.length === 0 && <li class="empty">{t.noEvents}</li>}
        </LiveRows>
      </Panel>
    </Page>
  );
};

/** One sentence where all is well, otherwise one for each thing that is wrong. */
const Wellbeing: FC<{ view: View; health: Health | null }> = ({ view, health }) => {
  const t = overviewTexts(view.language);
  const wrong = health === null ? [t.healthUnknown] : reasonsOf(health, view);
  return (
    <div class={`wellbeing ${wrong.length === 0 ? 'good' : 'bad'}`} role="status">
      {wrong.length === 0 ? <p>{t.allWell}</p> : wrong.map((reason) => <p>{reason}</p>)}
      {health?.checks.routes.data != null && health.checks.routes.status === 'degraded' && (
        <p>
          <a href="/routes">{t.seeRoutes}</a>
        </p>
      )}
      {(health?.checks.refusals.unusual ?? []).length > 0 && (
        <p>
          <a href="/refusals?period=hour">{t.seeRefusals}</a>
        </p>
      )}
    </div>
  );
};

const Figures: FC<{
  view: View;
  stats: Stats;
  since: string;
  period: Period;
  deadLetters: number | null;
}> = ({ view, stats: { totals, routes }, since, period, deadLetters }) => {
  const t = overviewTexts(view.language);
  const { number } = view.formats;
  const inPeriod = new URLSearchParams({ since }).toString();
  /** @param tone shown where the count is not 0. */
  const figure = (href: string, count: number | null, name: string, hint: string, tone: Tone) => (
    <li class={`figure ${count ? tone : 'plain'}`}>
      <a href={href}>
        <strong>{count === null ? '–' : number(count)}</strong> <span>{name}</span>
      </a>
      <small>{hint}</small>
    </li>
  );
  const { waiting, hint, isLong } = waitingOn(routes, view);
  return (
    <ul class="figures">
      {figure(
        `/events?${inPeriod}`,
        totals.received,
        t.received,
        t.receivedHint(number(totals.responses)),
        'plain',
      )}
      {figure('/routes', waiting, t.unforwarded, hint, isLong ? 'warn' : 'plain')}
      {figure(`/events?deferred=true&${inPeriod}`, totals.deferred, t.deferred, t.deferredHint, 'warn')}
      {figure(`/rejections?${inPeriod}`, totals.rejected, t.rejected, t.rejectedHint, 'warn')}
      {figure(`/refusals?period=${period}`, totals.refused, t.refused, t.refusedHint, 'warn')}
      {figure('/dead-letters', deadLetters, t.deadLetters, t.deadLettersHint, 'bad')}
    </ul>
  );
};

/** How many events wait on all routes, and how long the oldest of them has. */
function waitingOn(routes: Stats['routes'], { language, formats }: View) {
  const t = overviewTexts(language);
  const waiting = routes.reduce((sum, route) => sum + route.waiting, 0);
  const ages = routes.flatMap(({ name, oldestWaiting }) =>
    oldestWaiting === null ? [] : [{ name, ageMs: oldestWaiting.ageMs }],
  );
  const [oldest] = ages.toSorted((a, b) => b.ageMs - a.ageMs);
  if (oldest === undefined) return { waiting, hint: t.unforwardedNone, isLong: false };
  const age = formats.duration(oldest.ageMs);
  const hint = routes.length === 1 ? t.unforwardedHint(age) : t.unforwardedOn(age, oldest.name);
  return { waiting, hint, isLong: oldest.ageMs > LONG_UNFORWARDED_MS };
}

/** The most frequent ones are shown; the list behind the link has them all. */
const MAX_ODDITIES = 5;

/** How the events of the period differ from the documentation, where any does: a sender has changed. */
const Oddities: FC<{ view: View; stats: Stats; since: string }> = ({ view, stats, since }) => {
  const { number } = view.formats;
  const t = overviewTexts(view.language);
  const words = oddityTexts(view.language);
  if (stats.totals.odd === 0) return null;
  return (
    <Notice tone="warn">
      <a href={`/events?${new URLSearchParams({ odd: 'true', since })}`}>{t.odd(number(stats.totals.odd))}</a>
      {': '}
      {stats.oddities.slice(0, MAX_ODDITIES).map(({ path, code, count }, index) => (
        <>
          {index > 0 && '; '}
          <code>{path}</code> {words[code]} ({number(count)})
        </>
      ))}
      {stats.oddities.length > MAX_ODDITIES && '; …'}
    </Notice>
  );
};

/** How many messages were sent, delivered, read and replied to, and how long each step took. */
const Funnel: FC<{ view: View; stats: Stats }> = ({ view, stats }) => {
  const t = overviewTexts(view.language);
  const { number, percent, duration } = view.formats;
  const { funnel, totals } = stats;
  const { rates, times } = funnel;
  const steps = [
    { name: t.sent, count: funnel.sent, rate: null, time: null },
    { name: t.delivered, count: funnel.delivered, rate: rates.delivered, time: times.sentToDelivered },
    { name: t.read, count: funnel.read, rate: rates.read, time: times.deliveredToRead },
    { name: t.replied, count: funnel.replied, rate: rates.replied, time: times.readToReplied },
  ];
  const most = Math.max(1, ...steps.map(({ count }) => count));
  return (
    <Panel id="funnel" title={t.funnelTitle} class="funnel">
      <ol>
        {steps.map(({ name, count, rate, time }, index) => (
          <li>
            <div class="step-head">
              <span>{name}</span>
              <strong>{number(count)}</strong>
            </div>
            <svg
              viewBox="0 0 100 6"
              preserveAspectRatio="none"
              aria-hidden="true"
              class={`bar step-${index}`}
            >
              <rect class="track" width="100" height="6" />
              <rect class="fill" width={((100 * count) / most).toFixed(2)} height="6" />
            </svg>
            {rate !== null && (
              <small>
                {
                  rate <= 1
                    ? t.ofBefore(percent(rate))
                    : t.moreThanBefore /* customers write more than once, or first */
                }
                {time !== null && time.p50Ms !== null && time.p95Ms !== null && (
                  <>
                    {' · '}
                    {t.lag(duration(time.p50Ms), duration(time.p95Ms))}
                  </>
                )}
              </small>
            )}
          </li>
        ))}
      </ol>
      {totals.statuses.failed > 0 && (
        <p>
          <a href={withQuery('/events?status=failed', { since: stats.since })}>
            {t.failedSteps(number(totals.statuses.failed))}
          </a>
        </p>
      )}
    </Panel>
  );
};
