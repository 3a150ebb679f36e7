// What is wrong with a route, in words: on the pages of routes, and where the health check complains.

import type * as z from 'zod';
import { type health, MAX_PAUSED_MS, MAX_WAITING_MS } from '../../api/health/routes.ts';
import { bindingOf } from '../../contract/routes.ts';
import type { View } from '../frame/view.ts';
import { routeWarningTexts } from './texts.ts';

type Checked = NonNullable<z.infer<typeof health>['checks']['routes']['data']>[number];

/** Says why the health check complains of a route; `null`: it does not. */
export function warningOf(
  { name, bound, state, stateSince, oldestAgeMs }: Omit<Checked, 'status' | 'waiting'>,
  { language, formats, nowMs }: Pick<View, 'language' | 'formats' | 'nowMs'>,
): string | null {
  const t = routeWarningTexts(language);
  if (!bound) return t.unbound(name, bindingOf(name));
  const stateAgeMs = nowMs - Date.parse(stateSince);
  if (state === 'paused') {
    return stateAgeMs > MAX_PAUSED_MS ? t.pausedLong(name, formats.duration(stateAgeMs)) : null;
  }
  const waitedMs = Math.min(oldestAgeMs ?? 0, stateAgeMs);
  return waitedMs > MAX_WAITING_MS ? t.behind(name, formats.duration(waitedMs)) : null;
}
