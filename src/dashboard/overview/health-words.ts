// The health check in words.

import type { getHealth } from '../../api/health/routes.ts';
import type { AnswerOf } from '../../http/operation.ts';
import type { View } from '../frame/view.ts';
import { routeWarningTexts } from '../routes/texts.ts';
import { warningOf } from '../routes/warnings.ts';
import { overviewTexts } from './texts.ts';

export type Health = AnswerOf<typeof getHealth>;

/** What is wrong, by the same checks as the API's own words; empty where all is well. */
export function reasonsOf({ checks }: Health, view: Pick<View, 'language' | 'formats' | 'nowMs'>): string[] {
  const { language, formats, nowMs } = view;
  const t = overviewTexts(language);
  if (checks.d1.databaseBytes === null) return [t.d1Silent];
  const ago = (at: string) => formats.duration(nowMs - Date.parse(at));
  const reasons: string[] = [];
  if (checks.d1.status === 'degraded') {
    reasons.push(t.d1Full(formats.percent(checks.d1.databaseBytes / checks.d1.maxDatabaseBytes)));
  }
  const late = (
    { status, lastRunAt }: Health['checks']['cron'],
    never: string,
    last: (ago: string) => string,
  ) => {
    if (status === 'degraded') reasons.push(lastRunAt === null ? never : last(ago(lastRunAt)));
  };
  late(checks.cron, t.cronNever, t.cronLate);
  late(checks.sweep, t.sweepNever, t.sweepLate);
  late(checks.rollUp, t.rollUpNever, t.rollUpLate);
  for (const binding of checks.routes.unrouted ?? [])
    reasons.push(routeWarningTexts(language).unrouted(binding));
  for (const route of checks.routes.data ?? []) {
    const warning = route.status === 'degraded' ? warningOf(route, view) : null;
    if (warning !== null) reasons.push(warning);
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
