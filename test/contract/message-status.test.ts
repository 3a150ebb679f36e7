import { describe, expect, it } from 'vitest';
import type { StatusEvent } from '../../src/contract/cloudevent.ts';
import { messageStatus, statusRank } from '../../src/contract/message-status.ts';
import { STATUSES, type Status } from '../../src/contract/webhook.ts';
import { statusEvent } from '../consumer/events.ts';

/** Every order of a list. */
function permutations<T>(items: T[]): T[][] {
  if (items.length < 2) return [items];
  return items.flatMap((item, index) =>
    permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
  );
}

/** Every choice from the steps but the empty one. */
const CHOICES = Array.from({ length: 15 }, (_, index) =>
  STATUSES.filter((_, step) => ((index + 1) >> step) & 1),
);

describe('the effective status of a message', () => {
  it.each<[Status[], Status, Status[], Status[]]>([
    [['sent'], 'sent', ['sent'], []],
    [['sent', 'delivered', 'read'], 'read', ['sent', 'delivered', 'read'], []],
    [['read', 'sent'], 'read', ['sent', 'delivered', 'read'], ['delivered']],
    [['read'], 'read', ['sent', 'delivered', 'read'], ['sent', 'delivered']],
    [['delivered'], 'delivered', ['sent', 'delivered'], ['sent']],
    [['failed'], 'failed', ['failed'], []],
    [['sent', 'failed'], 'failed', ['sent', 'failed'], []],
    [['failed', 'delivered'], 'delivered', ['sent', 'failed', 'delivered'], ['sent']],
    [['read', 'failed'], 'read', ['sent', 'failed', 'delivered', 'read'], ['sent', 'delivered']],
  ])('follows from the reported steps %j: %s', (reported, status, steps, implied) => {
    expect(messageStatus(reported)).toEqual({ status, steps, implied });
  });

  it('depends neither on order nor on repeats', () => {
    for (const choice of CHOICES) {
      const expected = messageStatus(choice);
      for (const order of permutations(choice)) {
        expect(messageStatus(order)).toEqual(expected);
        expect(messageStatus([...order, ...order])).toEqual(expected);
      }
    }
  });

  it('never moves back, whatever is reported later', () => {
    for (const choice of CHOICES) {
      for (const step of STATUSES) {
        const [before, after] = [messageStatus(choice), messageStatus([...choice, step])];
        expect(statusRank(after?.status ?? 'sent')).toBeGreaterThanOrEqual(
          statusRank(before?.status ?? 'sent'),
        );
      }
    }
  });

  it('is the same when each event is combined with the status that was kept before', () => {
    for (const choice of CHOICES) {
      let kept: Status[] = [];
      for (const step of choice) kept = [messageStatus([...kept, step])?.status ?? step];
      expect(kept).toEqual([messageStatus(choice)?.status]);
    }
  });

  it('ignores events without data', () => {
    const read = statusEvent((body) => (body.event.status = 'read')) as StatusEvent;
    const { data: _, ...large } = read;
    expect(messageStatus(['sent', read])?.status).toBe('read');
    expect(messageStatus([{ ...large, dataref: '/x' }])).toBeNull();
  });

  it('is null where no known step was reported', () => {
    expect(messageStatus([])).toBeNull();
  });
});
