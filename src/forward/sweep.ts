// The sweep: forwards what is in the outbox although its own request should long have forwarded it, because the
// Worker died in between, the queue failed, or D1 answered too late.

import { log } from '../log.ts';
import { listPending, type PendingEvent } from '../store/outbox.ts';
import { type Confirm, type ForwardingDeps, forwardEvents, MAX_FORWARDED_PAYLOAD_BYTES } from './events.ts';

/** Younger events are left to the requests that brought them. `waitUntil` ends 30 s after the answer. */
const GRACE_MS = 30_000;
const PAGE_EVENTS = 100;
/** Stays within the 1,000 subrequests of an invocation, with three to five for each page. */
const MAX_PAGES = 150;
/** So many failures one after the other mean that the queue is down, not that one event cannot be sent. */
const MAX_FAILURES_IN_A_ROW = 3;

/**
 * Forwards what the outbox holds, oldest first. A batch that fails is tried again one by one, so that an event that
 * cannot be sent holds back no other.
 *
 * @returns how many events were forwarded.
 */
export async function sweepOutbox(
  deps: ForwardingDeps,
  nowMs: number,
  maxPages = MAX_PAGES,
): Promise<number> {
  const range = {
    afterSeq: 0,
    beforeSeq: (nowMs - GRACE_MS) * 1000,
    limit: PAGE_EVENTS,
    maxPayloadBytes: MAX_FORWARDED_PAYLOAD_BYTES,
  };
  let forwarded = 0;
  for (let page = 0; page < maxPages; page++) {
    const pending = await listPending(deps.db, range);
    const failed = await forwardEvents(deps, pending);
    forwarded += pending.length - failed.length;
    const { sent, gaveUp } = await forwardOneByOne(deps, failed);
    forwarded += sent;
    const last = pending.at(-1);
    if (gaveUp || last === undefined || pending.length < PAGE_EVENTS) break;
    range.afterSeq = last.seq;
  }
  if (forwarded > 0) log('warn', 'sweep forwarded what was left in the outbox', { events: forwarded });
  return forwarded;
}

/**
 * Forwards each by itself, until so many fail one after the other that the queue must be down.
 *
 * @param confirm for events that wait elsewhere than in the outbox.
 */
export async function forwardOneByOne<Pending extends PendingEvent>(
  deps: ForwardingDeps,
  events: Pending[],
  confirm?: Confirm<Pending>,
): Promise<{ sent: number; stuck: Pending[]; gaveUp: boolean }> {
  let failuresInARow = 0;
  let sent = 0;
  const stuck: Pending[] = [];
  for (const event of events) {
    const [failed] = await forwardEvents(deps, [event], confirm);
    failuresInARow = failed === undefined ? 0 : failuresInARow + 1;
    if (failed === undefined) {
      sent++;
    } else {
      stuck.push(event);
      log('error', 'event could not be forwarded', { seq: event.seq, integration: event.head.integration });
    }
    if (failuresInARow === MAX_FAILURES_IN_A_ROW) return { sent, stuck, gaveUp: true };
  }
  return { sent, stuck, gaveUp: false };
}
