import { describe, expect, it } from 'vitest';
import {
  formats,
  isTimeZone,
  localTimeOf,
  momentOf,
  phone,
  zoneOffsetMs,
} from '../../src/dashboard/frame/formats.ts';

const SAO_PAULO = 'America/Sao_Paulo';
const NEW_YORK = 'America/New_York';

describe('formats', () => {
  const pt = formats('pt', SAO_PAULO);
  const en = formats('en', NEW_YORK);
  const at = Date.parse('2026-03-01T02:30:05Z');

  it('write numbers as each language does', () => {
    expect([pt.number(1234.56), en.number(1234.56)]).toEqual(['1.234,6', '1,234.6']);
    expect([pt.percent(0.6812), en.percent(0.6812)]).toEqual(['68,1%', '68.1%']);
    expect([pt.bytes(1), pt.bytes(448), pt.bytes(1_500_000)]).toEqual(['1 byte', '448 bytes', '1,5 MB']);
    expect([en.bytes(0), en.bytes(448), en.bytes(1_500), en.bytes(8e9), en.bytes(8e13)]).toEqual([
      '0 bytes',
      '448 bytes',
      '1.5 kB',
      '8 GB',
      '80,000 GB',
    ]);
  });

  it('write times in the time zone, with the day only where it is another one', () => {
    expect(pt.dateTime(at)).toBe('28 de fev. de 2026, 23:30:05');
    expect(en.dateTime(at)).toBe('Feb 28, 2026, 9:30:05 PM');
    expect(pt.shortTime(at, at + 60_000)).toBe('23:30:05');
    expect(pt.shortTime(at, at + 3_600_000)).toBe('28 de fev., 23:30');
    expect(en.shortTime(at, at + 3_600_000)).toBe('09:30:05 PM');
  });

  it.each([
    [0, '0 ms', '0ms'],
    [999, '999 ms', '999ms'],
    [1_000, '1 s', '1s'],
    [61_000, '1 min 1 s', '1m 1s'],
    [3_600_000, '1 h', '1h'],
    [7_500_000, '2 h 5 min', '2h 5m'],
    [-7_500_000, '2 h 5 min', '2h 5m'],
    [90_000_000, '1 dia 1 h', '1d 1h'],
  ])('write a time span in its two largest units: %d ms', (ms, portuguese, english) => {
    expect([pt.duration(ms), en.duration(ms)]).toEqual([portuguese, english]);
  });
});

describe('a time zone', () => {
  it('is recognised by its name', () => {
    expect(['America/Sao_Paulo', 'UTC', 'Asia/Kathmandu'].map(isTimeZone)).toEqual([true, true, true]);
    expect(['', 'Nowhere/Town', '<script>'].map(isTimeZone)).toEqual([false, false, false]);
  });

  it('has the offset from UTC of the moment that is asked about', () => {
    const hours = (time: string, zone: string) => zoneOffsetMs(Date.parse(time), zone) / 3_600_000;
    expect(hours('2026-03-01T00:00:00.999Z', SAO_PAULO)).toBe(-3);
    expect(hours('2026-01-01T00:00:00Z', NEW_YORK)).toBe(-5);
    expect(hours('2026-07-01T00:00:00Z', NEW_YORK)).toBe(-4);
    expect(hours('2026-07-01T00:00:00Z', 'Asia/Kathmandu')).toBe(5.75);
    expect(hours('1969-12-31T23:59:59.500Z', SAO_PAULO)).toBe(-3);
  });
});

describe('a local time', () => {
  it.each([
    ['2026-03-01T23:30', SAO_PAULO, '2026-03-02T02:30:00.000Z'],
    ['2026-03-01T23:30:15.5', SAO_PAULO, '2026-03-02T02:30:15.500Z'],
    ['2026-07-01T00:00', NEW_YORK, '2026-07-01T04:00:00.000Z'],
    ['2026-03-08T01:59', NEW_YORK, '2026-03-08T06:59:00.000Z'], // the last minute before clocks go forward
    ['2026-03-08T03:00', NEW_YORK, '2026-03-08T07:00:00.000Z'], // the first after
    ['2026-11-01T00:59', NEW_YORK, '2026-11-01T04:59:00.000Z'],
    ['2026-11-01T02:00', NEW_YORK, '2026-11-01T07:00:00.000Z'], // clocks have gone back
  ])('is converted to a moment and back: %s in %s', (local, zone, moment) => {
    const ms = momentOf(local, zone);
    expect(new Date(ms ?? Number.NaN).toISOString()).toBe(moment);
    expect(localTimeOf(ms ?? Number.NaN, zone)).toBe(local.slice(0, 16));
  });

  it('that the clocks skip or show twice is one of the nearest moments', () => {
    const skipped = momentOf('2026-03-08T02:30', NEW_YORK) ?? Number.NaN;
    expect(['2026-03-08T06:30:00.000Z', '2026-03-08T07:30:00.000Z']).toContain(
      new Date(skipped).toISOString(),
    );
    const twice = momentOf('2026-11-01T01:30', NEW_YORK) ?? Number.NaN;
    expect(['2026-11-01T05:30:00.000Z', '2026-11-01T06:30:00.000Z']).toContain(new Date(twice).toISOString());
  });

  it.each(['', 'yesterday', '2026-03-01', '2026-13-01T00:00', '2026-03-01T00:00Z', '2026-03-01T25:00'])(
    'is none: %j',
    (text) => {
      expect(momentOf(text, SAO_PAULO)).toBeNull();
    },
  );
});

describe('a phone number', () => {
  it.each([
    ['+5544999999999', '+55 44 99999-9999'],
    ['+554133334444', '+55 41 3333-4444'],
    ['+351934522511', '+351934522511'],
    ['+55119', '+55119'],
  ])('is written in readable form: %s', (contact, written) => {
    expect(phone(contact)).toBe(written);
  });
});
