// The sweep: forwards events that their own requests left in the outbox, because the isolate died, the queue failed, or D1
// answered too late.

import { log } from '../runtime/log.ts';
import { findPending, giveUpPending, listPending, noteRefusals, type WaitingEvent } from '../store/outbox.ts';
import { type ForwardingDeps, MAX_FORWARDED_PAYLOAD_BYTES } from './events.ts';
import { startPoisonSafeRun } from './poison-events.ts';

const PAGE_EVENTS = 100;
/** Each page takes three to five of the 1,000 statements of an invocation. */
export const MAX_PAGES = 150;

/**
 * Forwards what the outbox holds, oldest first, except for events so young that their own requests may still forward them.
 * An event that cannot be sent holds back no other, and becomes a dead letter in the end.
 *
 * @param isOver whether its time is over, so that no further page is to begin.
 * @returns how many events were forwarded.
 */
export async function sweepOutbox(
  deps: ForwardingDeps,
  { maxPages, isOver = () => false }: { maxPages: number; isOver?: () => boolean },
): Promise<number> {
  const { db, now } = deps;
  const forwarding = startPoisonSafeRun<WaitingEvent>(deps, {
    read: async (events) =>
      findPending(
        db,
        events.map(({ seq }) => seq),
        MAX_FORWARDED_PAYLOAD_BYTES,
      ),
    noteRefusals: async (events) => noteRefusals(db, events),
    giveUp: async (letters) => giveUpPending(db, letters, now()),
  });
  const page = {
    afterSeq: 0,
    nowMs: now(),
    limit: PAGE_EVENTS,
    maxPayloadBytes: MAX_FORWARDED_PAYLOAD_BYTES,
  };
  for (let pages = 0; pages < maxPages && !isOver(); pages++) {
    const pending = await listPending(db, page);
    await forwarding.forward(pending);
    const last = pending.at(-1);
    if (forwarding.isQueueDown() || last === undefined || pending.length < PAGE_EVENTS) break;
    page.afterSeq = last.seq;
  }
  const { forwarded } = await forwarding.end();
  if (forwarded > 0) log('warn', 'sweep forwarded what was left in the outbox', { events: forwarded });
  return forwarded;
}
