// The sweep: forwards what is in the outbox although its own request should long have forwarded it, because the
// Worker died in between, the queue failed, or D1 answered too late.

import { log } from '../runtime/log.ts';
import { findPending, giveUpPending, listPending, noteRefusals, type WaitingEvent } from '../store/outbox.ts';
import { type ForwardingDeps, MAX_FORWARDED_PAYLOAD_BYTES } from './events.ts';
import { carefulForwarding } from './poison-events.ts';

const PAGE_EVENTS = 100;
/** Stays within the 1,000 statements of an invocation, with three to five for each page. */
export const MAX_PAGES = 150;

/** What one sweep may take. */
export interface SweepLimits {
  maxPages: number;
  /** Whether no further page is to begin. */
  isOver?: () => boolean;
}

/**
 * Forwards what the outbox holds, oldest first, but for what is so young that its own request may still be at it. What
 * cannot be sent holds back no other, and becomes a dead letter where the queue takes others again and again.
 *
 * @returns how many events were forwarded.
 */
export async function sweepOutbox(
  deps: ForwardingDeps,
  { maxPages, isOver = () => false }: SweepLimits,
): Promise<number> {
  const { db, now } = deps;
  const forwarding = carefulForwarding<WaitingEvent>(deps, {
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
