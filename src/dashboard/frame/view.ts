// What every page is made with: the visitor, their language and time zone, and the API as they may use it.

import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import type { Actor } from '../../api/access/actor.ts';
import type { ApiClient } from './api-client.ts';
import { DEFAULT_TIME_ZONE, type Formats, formats, isTimeZone } from './formats.ts';
import { type Language, languageOf } from './language.ts';
import { localPath } from './local-path.ts';

/** Set by the browser, see browser/time-zone.ts. */
const TIME_ZONE_COOKIE = 'time-zone';

/** Whoever looks at a page, signed in or not. */
export interface Visitor {
  language: Language;
  timeZone: string;
  formats: Formats;
  nowMs: number;
  /** Path and query of this page. */
  address: string;
  /** The path of the files for browsers, without a slash at the end. */
  assetsPath: string;
}

/** Somebody who is signed in, and the API as they may use it. */
export interface View extends Visitor {
  actor: Actor;
  api: ApiClient;
  /** Whether Cloudflare Access identified them: then there is no session here to sign out of. */
  isByAccess: boolean;
}

/** The context of the dashboard's handlers. */
export interface DashboardEnv {
  Variables: { requestId: string; visitor: Visitor; view: View };
}

export function visitorOf(c: Context, { nowMs, assetsPath }: Pick<Visitor, 'nowMs' | 'assetsPath'>): Visitor {
  const language = languageOf(c);
  const asked = getCookie(c, TIME_ZONE_COOKIE) ?? '';
  const timeZone = isTimeZone(asked) ? asked : DEFAULT_TIME_ZONE;
  const url = new URL(c.req.url);
  return {
    language,
    timeZone,
    formats: formats(language, timeZone),
    nowMs,
    address: localPath(url.pathname + url.search),
    assetsPath,
  };
}
