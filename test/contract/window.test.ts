import { describe, expect, it } from 'vitest';
import { conversationWindow } from '../../src/contract/window.ts';

const WROTE_AT = '2026-03-01T12:00:00.000Z';
/** A response that arrived within the second in which it was written. */
const MESSAGE = { time: WROTE_AT, receivedtime: '2026-03-01T12:00:00.900Z' };
const CLOSES_AT = new Date('2026-03-02T12:00:00.000Z');

describe('the conversation window', () => {
  it.each([
    ['at once', '2026-03-01T12:00:00.000Z', true],
    ['until the last millisecond of 24 hours', '2026-03-02T11:59:59.999Z', true],
    ['not after 24 hours', '2026-03-02T12:00:00.000Z', false],
    ['also where the clocks differ', '2026-03-01T11:59:00.000Z', true],
  ])('is open %s', (_, now, open) => {
    expect(conversationWindow(MESSAGE, new Date(now))).toEqual({ open, closesAt: CLOSES_AT });
  });

  it('takes dates, texts and numbers as times', () => {
    for (const wroteAt of [WROTE_AT, '2026-03-01T09:00:00-03:00', Date.parse(WROTE_AT), new Date(WROTE_AT)]) {
      const message = { time: wroteAt, receivedtime: wroteAt };
      expect(conversationWindow(message, Date.parse(WROTE_AT)).closesAt).toEqual(CLOSES_AT);
    }
  });

  it('ends at most 24 hours after the message arrived, however far the sender’s clock is ahead', () => {
    for (const time of ['2026-03-01T12:00:01Z', '2026-03-02T09:00:00Z', '2027-03-01T12:00:00Z']) {
      const message = { time, receivedtime: WROTE_AT };
      expect(conversationWindow(message, new Date('2026-03-02T12:00:00Z'))).toEqual({
        open: false,
        closesAt: CLOSES_AT,
      });
    }
  });

  it('throws where a time is invalid', () => {
    for (const wrong of [{ time: 'yesterday' }, { receivedtime: 'yesterday' }]) {
      expect(() => conversationWindow({ ...MESSAGE, ...wrong }, 0)).toThrow(RangeError);
    }
  });
});
