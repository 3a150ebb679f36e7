// Reads timestamps in the spellings that senders use, and writes RFC 3339. Pure.
//
// No library does just this: Date.parse, day.js and date-fns read a text without a zone as local time. So does luxon, which
// reads all these spellings, but is larger than the rest of the contract together.

/** Why a value is no timestamp. */
export type TimestampError = 'wrong-type' | 'empty' | 'not-a-time' | 'no-zone' | 'impossible-time';

/** Earlier times are unset ones: programs begin to count in the years 1, 1601, 1900, 1970 and 1980. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);
/** How far a sender's clock may be ahead. A local time that is marked as UTC is ahead by at most 14 hours. */
const MAX_AHEAD_MS = 24 * 3_600_000;

/** Smaller Unix times are seconds, which reach the year 5138; from here on they are milliseconds, which begin in 1973. */
const MIN_UNIX_MS = 1e11;

/** Longer texts are not read. The number of decimals has no limit otherwise. */
const MAX_LENGTH = 1_000;

/**
 * Reads a timestamp as Unix milliseconds: ISO 8601 in any of its spellings, RFC 2822, or Unix seconds or milliseconds, also
 * as a text of digits. Fractions of a millisecond are cut off.
 *
 * @param arrivedAtMs when it was received, Unix ms. A time more than a day later is impossible.
 * @returns the reason where the value is no timestamp.
 */
export function parseTimestamp(written: unknown, arrivedAtMs: number): number | TimestampError {
  const ms = parseUnbounded(written);
  if (typeof ms === 'string') return ms;
  return ms >= EARLIEST_MS && ms <= arrivedAtMs + MAX_AHEAD_MS ? ms : 'impossible-time';
}

/** RFC 3339 has the years 0 to 9999. Events of early versions, which did not bound times, can lie outside of them. */
const YEAR_0_MS = Date.parse('0000-01-01T00:00:00Z');
const YEAR_9999_END_MS = Date.parse('9999-12-31T23:59:59.999Z');

/** Writes Unix milliseconds as RFC 3339. */
export function rfc3339(ms: number): string {
  return new Date(Math.min(Math.max(ms, YEAR_0_MS), YEAR_9999_END_MS)).toISOString();
}

/** The form that most senders use. Leap seconds, which RFC 3339 allows, are left out: `Date` cannot read them. */
const RFC_3339 = /^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** Writes a timestamp that {@link parseTimestamp} can read as RFC 3339, unchanged where it is that already. */
export function normalizeToRfc3339(written: unknown, arrivedAtMs: number): string {
  if (typeof written === 'string' && RFC_3339.test(written)) return written;
  return rfc3339(Number(parseTimestamp(written, arrivedAtMs)));
}

function parseUnbounded(written: unknown): number | TimestampError {
  if (typeof written === 'number') return parseUnixTime(written);
  if (typeof written !== 'string') return 'wrong-type';
  if (written.length > MAX_LENGTH) return 'not-a-time';
  const text = written.trim();
  if (text === '') return 'empty';
  const iso = ISO_8601.exec(text);
  if (iso?.groups !== undefined) return parseIso8601(iso.groups);
  const rfc = RFC_2822.exec(text);
  if (rfc?.groups !== undefined) return parseRfc2822(rfc.groups);
  return /^\d+(?:\.\d+)?$/.test(text) ? parseUnixTime(Number(text)) : 'not-a-time';
}

function parseUnixTime(unix: number): number {
  return unix < MIN_UNIX_MS ? Math.round(unix * 1000) : Math.trunc(unix);
}

type Parts = Record<string, string | undefined>;

/**
 * ISO 8601 with or without dashes and colons, by calendar, week or day of the year, to hours, minutes or seconds with
 * decimals. A blank may stand in place of the T, as in RFC 3339, and the name of the zone may follow (RFC 9557).
 */
const ISO_8601 = new RegExp(
  [
    String.raw`^(?<year>[+-]\d{6}|\d{4})(?<dash>-?)`,
    String.raw`(?:(?<month>\d\d)\k<dash>(?<day>\d\d)|W(?<week>\d\d)\k<dash>(?<weekday>[1-7])|(?<dayOfYear>\d{3}))`,
    String.raw`(?:(?:T|\s+)(?<hour>\d\d)(?:(?<colon>:?)(?<minute>\d\d)(?:\k<colon>(?<second>\d\d))?)?`,
    String.raw`(?:[.,](?<decimals>\d+))?\s*(?<zone>Z|UTC|GMT|[-+\u2212]\d\d(?::?\d\d)?)?(?:\[[^[\]]+\])*)?$`,
  ].join(''),
  'i',
);

/** RFC 2822, section 3.3, with the obsolete forms of section 4.3 and those of HTTP (RFC 9110, section 5.6.7). */
const RFC_2822 =
  /^(?:[a-z]+,\s*)?(?<day>\d\d?)[\s-](?<monthName>[a-z]{3})[\s-](?<year>\d{2,4})\s+(?<hour>\d\d):(?<minute>\d\d)(?::(?<second>\d\d))?\s*(?<zone>[-+]\d{4}|[a-z]{1,3})?(?:\s*\([^()]*\))?$/i;

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** By how many hours named zones are ahead of UTC. */
const NAMED_ZONES = new Map([
  ...(['Z', 'UT', 'UTC', 'GMT'] as const).map((name) => [name, 0] as const),
  ...(['EST', 'CST', 'MST', 'PST'] as const).map((name, west) => [name, -5 - west] as const),
  ...(['EDT', 'CDT', 'MDT', 'PDT'] as const).map((name, west) => [name, -4 - west] as const),
]);

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

function parseIso8601(parts: Parts): number | TimestampError {
  const dayMs = startOfDay(parts);
  return dayMs === null ? 'not-a-time' : timestampOf(dayMs, parts);
}

function parseRfc2822(parts: Parts): number | TimestampError {
  const month = MONTHS.indexOf((parts.monthName ?? '').toLowerCase()) + 1;
  const dayMs = calendarDay(fullYear(parts.year ?? ''), month, Number(parts.day));
  return dayMs === null ? 'not-a-time' : timestampOf(dayMs, parts);
}

/** By RFC 2822, section 4.3, two digits mean 1950 to 2049, and three count from 1900. */
function fullYear(written: string): number {
  const year = Number(written);
  if (written.length === 4) return year;
  return written.length === 2 && year < 50 ? year + 2000 : year + 1900;
}

/** The beginning of a day in UTC; `null` where there is no such day. */
function startOfDay({ year: writtenYear, month, day, week, weekday, dayOfYear }: Parts): number | null {
  const year = Number(writtenYear);
  if (month !== undefined) return calendarDay(year, Number(month), Number(day));
  const newYear = calendarDay(year, 1, 1) ?? Number.NaN;
  if (dayOfYear !== undefined) {
    const ms = newYear + (Number(dayOfYear) - 1) * DAY_MS;
    return new Date(ms).getUTCFullYear() === year ? ms : null;
  }
  const fourth = newYear + 3 * DAY_MS; // 4 January is always in the first week, and weeks begin with a Monday
  const thursday = fourth + (4 - (new Date(fourth).getUTCDay() || 7) + (Number(week) - 1) * 7) * DAY_MS;
  if (new Date(thursday).getUTCFullYear() !== year) return null; // a week belongs to the year of its Thursday
  return thursday + (Number(weekday) - 4) * DAY_MS;
}

function calendarDay(year: number, month: number, day: number): number | null {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day); // Date.UTC reads the years 0 to 99 as 1900 to 1999
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : null;
}

function timestampOf(
  dayMs: number,
  { hour, minute, second, decimals, zone }: Parts,
): number | TimestampError {
  if (hour === undefined) return 'no-zone'; // a day alone
  const [hours, minutes, seconds] = [Number(hour), Number(minute ?? 0), Number(second ?? 0)];
  if (minutes > 59 || seconds > 60) return 'not-a-time'; // 60: a leap second
  if (hours > 23 && !(hours === 24 && minutes === 0 && seconds === 0)) return 'not-a-time';
  const offsetMs = zone === undefined ? null : zoneOffset(zone);
  if (offsetMs === null) return 'no-zone';
  if (Number.isNaN(offsetMs)) return 'not-a-time';
  const unitMs = second !== undefined ? 1000 : minute !== undefined ? MINUTE_MS : HOUR_MS;
  const nanos = Number((decimals ?? '').slice(0, 9).padEnd(9, '0'));
  const clockMs = hours * HOUR_MS + minutes * MINUTE_MS + seconds * 1000;
  return dayMs + clockMs + Math.floor((nanos * unitMs) / 1e9) - offsetMs;
}

/** By how many ms a zone is ahead of UTC; `null` where its name is unknown, NaN where there is no such offset. */
function zoneOffset(zone: string): number | null {
  const [, sign, hours, minutes = '0'] = /^([-+\u2212])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
  if (sign === undefined) {
    const ahead = NAMED_ZONES.get(zone.toUpperCase() as 'Z');
    return ahead === undefined ? null : ahead * HOUR_MS;
  }
  if (Number(hours) > 23 || Number(minutes) > 59) return Number.NaN;
  return (sign === '+' ? 1 : -1) * (Number(hours) * HOUR_MS + Number(minutes) * MINUTE_MS);
}
