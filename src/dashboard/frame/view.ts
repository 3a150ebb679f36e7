// What every page is made with: who looks at it, in which language and time zone, and the API as they may use it.

import type { Context } from 'hono';
import { getCookie } from 'hono/cookie';
import type { Actor } from '../../api/access/actor.ts';
import type { ApiClient } from './api-client.ts';
import { DEFAULT_TIME_ZONE, type Formats, formats, isTimeZone } from './formats.ts';
import { type Language, languageOf } from './language.ts';
import { localPath } from './local-path.ts';

/** Where the browser leaves its time zone, see browser/time-zone.ts. */
const TIME_ZONE_COOKIE = 'time-zone';

/** What is known of whoever looks at a page, signed in or not. */
export interface Visitor {
  language: Language;
  timeZone: string;
  formats: Formats;
  nowMs: number;
  /** Path and query of this page. */
  address: string;
  /** E.g. `https://receiver.example`, without a slash at the end: where people reach the receiver. */
  origin: string;
  /** Where the files for browsers are, without a slash at the end. */
  assetsPath: string;
}

/** A page's view of the receiver. */
export interface View extends Visitor {
  actor: Actor;
  api: ApiClient;
  /** By Cloudflare Access: then there is nothing here to sign out of. */
  isByAccess: boolean;
}

/** What the dashboard's handlers find in their context. */
export interface DashboardEnv {
  Variables: { requestId: string; visitor: Visitor; view: View };
}

export function visitorOf(
  c: Context,
  { nowMs, publicUrl, assetsPath }: { nowMs: number; publicUrl: string; assetsPath: string },
): Visitor {
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
    origin: publicUrl || url.origin,
    assetsPath,
  };
}
