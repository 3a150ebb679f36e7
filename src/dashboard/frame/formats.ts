// Numbers, times and phone numbers as a language writes them, in a time zone. Pure.

import { type Language, LOCALES } from './language.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** That of most Brazilian operators, until the browser says which is theirs. */
export const DEFAULT_TIME_ZONE = 'America/Sao_Paulo';

export interface Formats {
  number(value: number): string;
  /** Of a share from 0 to 1. */
  percent(share: number): string;
  bytes(bytes: number): string;
  /** With seconds, so that it can be found in a log. */
  dateTime(ms: number): string;
  /** On the day of `nowMs` the time with seconds, otherwise day and time. */
  shortTime(ms: number, nowMs: number): string;
  time(ms: number): string;
  day(ms: number): string;
  /** With weekday and year. */
  longDay(ms: number): string;
  /** The two largest units of a time span: `2 h 5 min`. */
  duration(ms: number): string;
}

/** Whether a text names a time zone. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export function formats(language: Language, timeZone: string): Formats {
  const locale = LOCALES[language];
  const inZone = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(locale, { ...options, timeZone });
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 });
  const duration = new Intl.DurationFormat(locale, { style: 'narrow' });
  const short = new Intl.DurationFormat(locale, { style: 'narrow', millisecondsDisplay: 'always' });
  const dateTime = inZone({ dateStyle: 'medium', timeStyle: 'medium' });
  const dayAndTime = inZone({ day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
  const time = inZone({ hour: '2-digit', minute: '2-digit' });
  const timeWithSeconds = inZone({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
  const day = inZone({ day: 'numeric', month: 'short' });
  const date = inZone({ dateStyle: 'short' });
  const longDay = inZone({ dateStyle: 'full' });

  return {
    number: (value) => number.format(value),
    percent: (share) => percent.format(share),
    bytes(bytes) {
      const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;
      const exponent = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
      const unit = units[exponent] ?? 'byte';
      return new Intl.NumberFormat(locale, {
        style: 'unit',
        unit,
        unitDisplay: exponent === 0 ? 'long' : 'short', // its short form has no plural in English
        maximumFractionDigits: 1,
      }).format(bytes / 1000 ** exponent);
    },
    dateTime: (ms) => dateTime.format(ms),
    shortTime: (ms, nowMs) =>
      date.format(ms) === date.format(nowMs) ? timeWithSeconds.format(ms) : dayAndTime.format(ms),
    time: (ms) => time.format(ms),
    day: (ms) => day.format(ms),
    longDay: (ms) => longDay.format(ms),
    duration(ms) {
      const span = Math.abs(ms);
      if (span < 1_000) return short.format({ milliseconds: Math.round(span) });
      const days = Math.floor(span / DAY_MS);
      const hours = Math.floor((span % DAY_MS) / HOUR_MS);
      const minutes = Math.floor((span % HOUR_MS) / MINUTE_MS);
      const seconds = Math.floor((span % MINUTE_MS) / 1_000);
      if (days > 0) return duration.format({ days, hours });
      if (hours > 0) return duration.format({ hours, minutes });
      if (minutes > 0) return duration.format({ minutes, seconds });
      return duration.format({ seconds });
    },
  };
}

/** How many milliseconds a time zone is ahead of UTC at a moment. */
export function zoneOffsetMs(ms: number, timeZone: string): number {
  const format = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' });
  const name = format.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  // `GMT`, `GMT-03:00`, or for times long ago `GMT-03:06:28`.
  const [, sign, hours = 0, minutes = 0, seconds = 0] = /([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(name) ?? [];
  const offsetMs = Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS + Number(seconds) * 1_000;
  return sign === '-' ? -offsetMs : offsetMs;
}

/**
 * The moment, in Unix ms, of the local time that `<input type="datetime-local">` sends; `null` where it is no such time.
 * For a time that the clocks skip or show twice it is one of the nearest moments.
 */
export function momentOf(local: string, timeZone: string): number | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?$/.test(local)) return null;
  const asUtc = Date.parse(`${local}Z`);
  if (Number.isNaN(asUtc)) return null;
  const guess = asUtc - zoneOffsetMs(asUtc, timeZone);
  return asUtc - zoneOffsetMs(guess, timeZone);
}

/** The reverse of {@link momentOf}, to the minute. */
export function localTimeOf(ms: number, timeZone: string): string {
  return new Date(ms + zoneOffsetMs(ms, timeZone)).toISOString().slice(0, 16);
}

/** A canonical phone number in readable form: `+55 44 99999-9999`. Numbers of other countries stay as they are. */
export function phone(contact: string): string {
  const [, area, first, last] = /^\+55(\d\d)(\d{4,5})(\d{4})$/.exec(contact) ?? [];
  return area === undefined ? contact : `+55 ${area} ${first}-${last}`;
}
