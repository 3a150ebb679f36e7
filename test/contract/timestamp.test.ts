import { describe, expect, it } from 'vitest';
import { normalizeToRfc3339, parseTimestamp, rfc3339 } from '../../src/contract/timestamp.ts';

const NOON = Date.UTC(2026, 10, 27, 12);
/** When all of it arrived: half an hour later. */
const ARRIVED_AT_MS = NOON + 30 * 60_000;

describe('a timestamp', () => {
  it.each([
    '2026-11-27T12:00:00.000Z',
    '2026-11-27T12:00:00Z',
    '2026-11-27T09:00:00.000-0300',
    '2026-11-27T09:00:00.000-03',
    '2026-11-27T09:00:00.000-03:00',
    '2026-11-27T09:00:00.000\u221203:00',
    '2026-11-27 12:00:00Z',
    '2026-11-27 12:00:00 UTC',
    '2026-11-27 09:00:00 -0300',
    '2026-11-27t12:00:00z',
    '2026-11-27T12:00Z',
    '2026-11-27T12Z',
    '2026-11-27T12.5+00:30',
    '2026-11-27T12:00:00,000Z',
    '2026-11-27T11:59:60Z',
    '2026-11-26T24:00:00-12:00',
    '20261127T120000Z',
    '20261127T1200+0000',
    '20261127T090000.000-0300',
    '2026-W48-5T12:00:00Z',
    '2026W485T120000Z',
    '2026-331T12:00:00Z',
    '2026331T12Z',
    '+002026-11-27T12:00:00Z',
    '2026-11-27T09:00:00-03:00[America/Sao_Paulo]',
    ' 2026-11-27T12:00:00Z\n',
    'Fri, 27 Nov 2026 12:00:00 +0000',
    'Fri, 27 Nov 2026 09:00:00 -0300 (BRT)',
    'fri, 27 nov 2026 12:00:00 gmt',
    '27 Nov 2026 12:00 GMT',
    'Fri, 27 Nov 26 07:00:00 EST',
    'Friday, 27-Nov-26 12:00:00 GMT',
    '1795780800',
    1_795_780_800,
    '1795780800000',
    1_795_780_800_000,
    1_795_780_800.0001,
  ])('is read from %j', (written) => {
    expect(parseTimestamp(written, ARRIVED_AT_MS)).toBe(NOON);
  });

  it.each([
    ['1764244800', '2025-11-27T12:00:00.000Z'],
    [1_764_244_800_123, '2025-11-27T12:00:00.123Z'],
    [1_764_244_800.123, '2025-11-27T12:00:00.123Z'],
    ['2020-02-29T23:59:59.1239999Z', '2020-02-29T23:59:59.123Z'],
    ['2020-12-31T23:30:00-03:00', '2021-01-01T02:30:00.000Z'],
    ['2021-W01-1T00:00Z', '2021-01-04T00:00:00.000Z'],
    ['2020-W53-7T00:00Z', '2021-01-03T00:00:00.000Z'],
    ['2020-366T00:00Z', '2020-12-31T00:00:00.000Z'],
    ['2020-01-01T10.25Z', '2020-01-01T10:15:00.000Z'],
    ['2020-01-01T10:30,5Z', '2020-01-01T10:30:30.000Z'],
  ])('is read from %j as %s', (written, expected) => {
    expect(rfc3339(Number(parseTimestamp(written, ARRIVED_AT_MS)))).toBe(expected);
  });

  it.each([
    ['2026-11-27T12:00:00', 'no-zone'],
    ['2026-11-27 12:00', 'no-zone'],
    ['2026-11-27', 'no-zone'],
    ['Fri, 27 Nov 2026 12:00:00', 'no-zone'],
    ['Fri, 27 Nov 2026 12:00:00 BRT', 'no-zone'],
    ['27/11/2026 09:00:00', 'not-a-time'],
    ['2026-02-30T12:00:00Z', 'not-a-time'],
    ['2026-13-01T12:00:00Z', 'not-a-time'],
    ['2026-W54-1T12:00:00Z', 'not-a-time'],
    ['2026-W53-5T12:00:00Z', 'impossible-time'],
    ['2025-366T12:00:00Z', 'not-a-time'],
    ['2026-11-27T25:00:00Z', 'not-a-time'],
    ['2026-11-27T24:00:01Z', 'not-a-time'],
    ['2026-11-27T12:60:00Z', 'not-a-time'],
    ['2026-11-27T12:00:00+24:00', 'not-a-time'],
    ['2026-1127T12:00:00Z', 'not-a-time'],
    ['yesterday', 'not-a-time'],
    ['null', 'not-a-time'],
    ['x'.repeat(2_000), 'not-a-time'],
    ['', 'empty'],
    [' \n', 'empty'],
    [true, 'wrong-type'],
    [{}, 'wrong-type'],
    [['2026-11-27T12:00:00Z'], 'wrong-type'],
    ['0001-01-01T00:00:00Z', 'impossible-time'],
    ['0000-01-01T00:00:00Z', 'impossible-time'],
    ['9999-12-31T23:59:59Z', 'impossible-time'],
    ['+275760-09-13T00:00:00Z', 'impossible-time'],
    ['1970-01-01T00:00:00Z', 'impossible-time'],
    ['1969-12-31T21:00:00-03:00', 'impossible-time'],
    ['1900-01-01T00:00:00Z', 'impossible-time'],
    ['2026-12-27T12:00:00.000Z', 'impossible-time'],
    [0, 'impossible-time'],
    [-1, 'impossible-time'],
    [Number.POSITIVE_INFINITY, 'impossible-time'],
    [Number.NEGATIVE_INFINITY, 'impossible-time'],
    ['1795780800000000', 'impossible-time'],
  ])('is not read from %j: %s', (written, code) => {
    expect(parseTimestamp(written, ARRIVED_AT_MS)).toBe(code);
  });

  it('may be at most a day ahead of its arrival', () => {
    const ahead = (ms: number) => parseTimestamp(ARRIVED_AT_MS + ms, ARRIVED_AT_MS);
    expect(ahead(86_400_000)).toBe(ARRIVED_AT_MS + 86_400_000);
    expect(ahead(86_400_001)).toBe('impossible-time');
  });

  it('is written as RFC 3339, unchanged where it is that already', () => {
    const given = (written: unknown) => normalizeToRfc3339(written, ARRIVED_AT_MS);
    expect(given('2026-11-27T09:00:00-03:00')).toBe('2026-11-27T09:00:00-03:00');
    for (const written of ['2026-11-27T09:00-03', '2026-11-27T11:59:60Z', '1795780800', 1_795_780_800]) {
      expect(given(written)).toBe('2026-11-27T12:00:00.000Z');
    }
    expect(rfc3339(Date.parse('9999-12-31T23:59:59-12:00'))).toBe('9999-12-31T23:59:59.999Z');
    expect(rfc3339(Date.parse('0000-01-01T00:00:00+12:00'))).toBe('0000-01-01T00:00:00.000Z');
  });
});
