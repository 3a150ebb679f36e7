// The overview: is all well, what came, how messages fare, and what comes right now.

import { Hono } from 'hono';
import type { Child, FC } from 'hono/jsx';
import type * as z from 'zod';
import type { eventPage } from '../../api/events/routes.ts';
import type { health } from '../../api/health/routes.ts';
import type { stats } from '../../api/stats/routes.ts';
import { within } from '../../runtime/deadline.ts';
import { EventRow } from '../events/event-row.tsx';
import { LiveRows } from '../events/live-rows.tsx';
import { oddityTexts } from '../events/oddity-texts.ts';
import type { Answer } from '../frame/api-client.ts';
import { html, Notice, Page, type Tone, withQuery } from '../frame/page.tsx';
import type { DashboardEnv, View } from '../frame/view.ts';
import { ReceivedChart } from './chart.tsx';
import { overviewTexts } from './texts.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const PERIODS = {
  hour: { ms: HOUR_MS, step: '1m' },
  day: { ms: 24 * HOUR_MS, step: '15m' },
  week: { ms: 7 * 24 * HOUR_MS, step: '1h' },
} as const;
type Period = keyof typeof PERIODS;
const PERIOD_NAMES = Object.keys(PERIODS) as Period[];
/** Minutes are kept a week: what is asked for must not be older when it is read. */
const MARGIN_MS = 5_000;

/** The cron has been at it since: what waits longer is worth a look. */
const LONG_UNFORWARDED_MS = 2 * MINUTE_MS;

const NEWEST_EVENTS = 12;
const REFRESH_SECONDS = 30;
/** Whatever the database does, the page tells. */
const TIMEOUT_MS = 3_000;

type Stats = z.infer<typeof stats>;
type Health = z.infer<typeof health>;

/** To be mounted at `/`. */
export function overviewPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>().get('/', async (c) => {
    const view = c.get('view');
    const period = PERIOD_NAMES.find((name) => name === c.req.query('period')) ?? 'day';
    const { ms, step } = PERIODS[period];
    const since = new Date(view.nowMs - ms + MARGIN_MS).toISOString();
    const [healthAnswer, statsAnswer, events] = await Promise.all([
      inTime(view.api.find<Health>('/health')),
      inTime(view.api.find<Stats>('/stats', { since, step })),
      inTime(view.api.find<z.infer<typeof eventPage>>('/events', { limit: NEWEST_EVENTS })),
    ]);
    return c.html(
      html(
        <Overview
          view={view}
          period={period}
          since={since}
          health={healthAnswer}
          stats={statsAnswer}
          events={events}
        />,
      ),
    );
  });
}

async function inTime<Data>(answer: Promise<Answer<Data>>): Promise<Data | null> {
  const given = await within(TIMEOUT_MS, answer).catch(() => null);
  return given?.ok ? given.data : null;
}

const Overview: FC<{
  view: View;
  period: Period;
  since: string;
  health: Health | null;
  stats: Stats | null;
  events: z.infer<typeof eventPage> | null;
}> = ({ view, period, since, health, stats, events }) => {
  const t = overviewTexts(view.language);
  return (
    <Page view={view} title={t.title}>
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
            <Periods view={view} period={period} />
            <Figures
              view={view}
              stats={stats}
              since={since}
              viewedPeriod={period}
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
      <section class="panel" aria-labelledby="newest">
        <div class="panel-head">
          <h2 id="newest">{t.newest}</h2>
          <a href="/events">{t.allEvents}</a>
        </div>
        <LiveRows view={view} events={events?.data ?? []} query={{}} max={NEWEST_EVENTS}>
          {(events?.data ?? []).map((event) => (
            <EventRow view={view} event={event} />
          ))}
          {events?.data.length === 0 && <li class="empty">{t.noEvents}</li>}
        </LiveRows>
      </section>
    </Page>
  );
};

/** One sentence and a colour, and what is amiss where something is. */
const Wellbeing: FC<{ view: View; health: Health | null }> = ({ view, health }) => {
  const t = overviewTexts(view.language);
  const amiss = health === null ? [t.healthUnknown] : reasonsOf(health, view);
  return (
    <div class={`wellbeing ${amiss.length === 0 ? 'good' : 'bad'}`} role="status">
      {amiss.length === 0 ? <p>{t.allWell}</p> : amiss.map((reason) => <p>{reason}</p>)}
      {(health?.checks.refusals.unusual ?? []).length > 0 && (
        <p>
          <a href="/refusals?period=hour">{t.seeRefusals}</a>
        </p>
      )}
    </div>
  );
};

/** What is amiss, in the reader's language: the same checks that the API's own words are made of. */
export function reasonsOf(
  { checks }: Health,
  { language, formats, nowMs }: Pick<View, 'language' | 'formats' | 'nowMs'>,
): string[] {
  const t = overviewTexts(language);
  if (checks.d1.databaseBytes === null) return [t.d1Silent];
  const ago = (at: string) => formats.duration(nowMs - Date.parse(at));
  const reasons: string[] = [];
  if (checks.d1.status === 'degraded') {
    reasons.push(t.d1Full(formats.percent(checks.d1.databaseBytes / checks.d1.maxDatabaseBytes)));
  }
  if (checks.cron.status === 'degraded') {
    reasons.push(checks.cron.lastRunAt === null ? t.cronNever : t.cronLate(ago(checks.cron.lastRunAt)));
  }
  if (checks.sweep.status === 'degraded') {
    reasons.push(checks.sweep.lastRunAt === null ? t.sweepNever : t.sweepLate(ago(checks.sweep.lastRunAt)));
  }
  if (checks.rollUp.status === 'degraded') {
    reasons.push(
      checks.rollUp.lastRunAt === null ? t.rollUpNever : t.rollUpLate(ago(checks.rollUp.lastRunAt)),
    );
  }
  if (checks.outbox.status === 'degraded') {
    reasons.push(t.outboxWaits(formats.duration(checks.outbox.oldestAgeMs ?? 0)));
  }
  const { unstored, neverSent } = checks.deadLetters;
  if (unstored !== null && unstored > 0) reasons.push(t.unstored(formats.number(unstored)));
  if (neverSent !== null && neverSent > 0) reasons.push(t.neverSent(formats.number(neverSent)));
  for (const { integration, refused, webhooks } of checks.refusals.unusual ?? []) {
    const [part, whole] = [formats.number(refused), formats.number(webhooks)];
    reasons.push(
      integration === null ? t.refusedUnusually(part, whole) : t.refusedOf(integration, part, whole),
    );
  }
  for (const { integration, lastEventAt } of checks.silence.silent ?? []) {
    reasons.push(t.silent(integration, ago(lastEventAt)));
  }
  return reasons;
}

const Periods: FC<{ view: View; period: Period }> = ({ view, period }) => {
  const t = overviewTexts(view.language);
  return (
    <nav class="tabs" aria-label={t.period}>
      {PERIOD_NAMES.map((name) => (
        <a
          href={withQuery(view.address, { period: name })}
          {...(name === period && { 'aria-current': 'true' as const })}
        >
          {t[name]}
        </a>
      ))}
    </nav>
  );
};

const Figures: FC<{
  view: View;
  stats: Stats;
  since: string;
  viewedPeriod: Period;
  deadLetters: number | null;
}> = ({ view, stats, since, viewedPeriod, deadLetters }) => {
  const t = overviewTexts(view.language);
  const { number, duration } = view.formats;
  const { totals, outbox, oldestUnforwarded } = stats;
  const period = new URLSearchParams({ since }).toString();
  return (
    <ul class="figures">
      <Figure href={`/events?${period}`} value={number(totals.received)} name={t.received}>
        {t.receivedHint(number(totals.responses))}
      </Figure>
      <Figure
        href="/events?forwarded=false"
        value={number(outbox)}
        name={t.unforwarded}
        tone={(oldestUnforwarded?.ageMs ?? 0) > LONG_UNFORWARDED_MS ? 'warn' : 'plain'}
      >
        {oldestUnforwarded === null
          ? t.unforwardedNone
          : t.unforwardedHint(duration(oldestUnforwarded.ageMs))}
      </Figure>
      <Figure
        href={`/events?deferred=true&${period}`}
        value={number(totals.deferred)}
        name={t.deferred}
        tone={totals.deferred > 0 ? 'warn' : 'plain'}
      >
        {t.deferredHint}
      </Figure>
      <Figure
        href={`/rejections?${period}`}
        value={number(totals.rejected)}
        name={t.rejected}
        tone={totals.rejected > 0 ? 'warn' : 'plain'}
      >
        {t.rejectedHint}
      </Figure>
      <Figure
        href={`/refusals?period=${viewedPeriod}`}
        value={number(totals.refused)}
        name={t.refused}
        tone={totals.refused > 0 ? 'warn' : 'plain'}
      >
        {t.refusedHint}
      </Figure>
      <Figure
        href="/dead-letters"
        value={deadLetters === null ? '–' : number(deadLetters)}
        name={t.deadLetters}
        tone={deadLetters ? 'bad' : 'plain'}
      >
        {t.deadLettersHint}
      </Figure>
    </ul>
  );
};

/** The most frequent differences; the list behind the link has them all. */
const MAX_ODDITIES = 5;

/** In what the events of the period differ from the documentation: a sender has changed. Nothing where nothing does. */
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

const Figure: FC<{ href: string; value: string; name: string; tone?: Tone; children: Child }> = ({
  href,
  value,
  name,
  tone = 'plain',
  children,
}) => (
  <li class={`figure ${tone}`}>
    <a href={href}>
      <strong>{value}</strong> <span>{name}</span>
    </a>
    <small>{children}</small>
  </li>
);

/** How many messages came how far, and how long they took. */
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
    <section class="panel funnel" aria-labelledby="funnel">
      <h2 id="funnel">{t.funnelTitle}</h2>
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
    </section>
  );
};
