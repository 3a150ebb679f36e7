// Forwards events among which there may be poison: events that the queue of a route never takes. Poison must not hold up other
// events, and an outage of the queue must not make dead letters of good ones.
//
// A batch that is refused is halved until what is refused stands alone. When several attempts in a row fail, an event that
// the queue took before is sent once more, which consumers drop as a repeat: if that is refused as well, the queue is down,
// and no refusal counts. On a new route no such event is known, and one that seems to be may never have been sent, where the
// filter was another one: some others, and some of those that wait, are tried then before the queue counts as down.
//
// An event that was refused alone is tried again at the end of the run, and its refusal counts only if the queue took the
// other event both right before and right after. After ten counted refusals an event becomes a dead letter. A queue that
// refuses at random makes none: at any rate of refusal, an event is at least 11 times likelier to be taken in a run than to
// have a refusal counted, so that one in 10^10 would come to ten.

import type { NeverSentReason } from '../contract/dead-letters.ts';
import { log } from '../runtime/log.ts';
import type { NeverSent } from '../store/dead-letters.ts';
import { findForwarded, type WaitingEvent } from '../store/gaps.ts';
import type { PendingEvent } from '../store/pending-events.ts';
import { keptMessageOf, MAX_FORWARDED_PAYLOAD_BYTES } from './messages.ts';
import { type SentEvents, sendEvents, type Way } from './send.ts';

/** An event is given up after refusals in this many runs: ten minutes of the cron. */
const MAX_REFUSALS = 10;
/** After this many failures in a row the queue is probed; after each probe that it takes, twice as many are allowed. */
const FAILURES_IN_A_ROW = 3;
/** So many are tried of the events that were forwarded, of those read with them that wait, and of those behind. */
const SAMPLE_EVENTS = 3;
/** Events that are settled together, whose payloads are in memory. */
const GROUP_EVENTS = 50;

/** What is done to events where they wait. */
interface WaitingStore<Waiting extends WaitingEvent> {
  /** Notes that the queue has confirmed them. */
  confirm(events: readonly Waiting[]): Promise<void>;
  /** Reads those of the events that still wait. */
  read(events: readonly Waiting[]): Promise<Waiting[]>;
  /** Counts a refusal of each. Absent: all are tried until the run has taken them, or given them up. */
  noteRefusals?(events: readonly Waiting[]): Promise<void>;
  /** Draws events that wait behind those that are being forwarded. Absent: nothing does. */
  drawBehind?(count: number): Promise<Waiting[]>;
  /** Moves events to the dead letters, in one transaction. */
  giveUp(letters: readonly (NeverSent & { event: Waiting })[]): Promise<void>;
}

/** Begins a run. */
export function startPoisonSafeRun<Waiting extends WaitingEvent>(
  db: D1Database,
  way: Way,
  waiting: WaitingStore<Waiting>,
) {
  let forwarded = 0;
  let batches = 0;
  let isDown = false;
  let isOverloaded = false;
  let failuresInARow = 0;
  let failuresAllowed = FAILURES_IN_A_ROW;
  let lastTaken: Waiting | undefined;
  /** What was given to be forwarded last. */
  let page: readonly Waiting[] = [];
  /** Samples that need nothing more, by their places. */
  const settledAsSamples = new Set<number>();
  const broken: Waiting[] = [];
  const refusedAlone: Waiting[] = [];

  /** Sends events, and gives those that were refused. */
  async function attempt(events: readonly Waiting[]): Promise<Waiting[]> {
    const sent = await send(events);
    broken.push(...sent.broken.map(withoutPayload));
    await waiting.confirm(sent.taken);
    forwarded += sent.taken.length;
    lastTaken = sent.taken.at(-1) ?? lastTaken;
    if (sent.taken.length > 0) failuresInARow = 0;
    else if (sent.refused.length > 0) failuresInARow++;
    return sent.refused;
  }

  async function send<Event extends PendingEvent>(
    events: readonly Event[],
    replay = way.replay,
  ): Promise<SentEvents<Event>> {
    const sent = await sendEvents({ ...way, replay }, events);
    batches += sent.batches;
    isOverloaded ||= sent.isOverloaded;
    isDown ||= isOverloaded;
    return sent;
  }

  async function forward(given: readonly Waiting[]): Promise<void> {
    const events = given.filter(({ seq }) => !settledAsSamples.has(seq));
    if (events.length === 0 || isDown) return;
    const refused = await attempt(events);
    if (refused.length === 0) return;
    if (events.length === 1) {
      refusedAlone.push(...refused.map(withoutPayload));
      for (const { seq, head } of refused) {
        const { integration } = head;
        log('error', 'event could not be forwarded', { route: way.route, seq, integration });
      }
      return probeAfterFailures();
    }
    await probeAfterFailures();
    const half = Math.ceil(refused.length / 2);
    await forward(refused.slice(0, half));
    await forward(refused.slice(half));
  }

  async function probeAfterFailures(): Promise<void> {
    if (isDown || failuresInARow < failuresAllowed) return;
    failuresAllowed *= 2;
    isDown = !(await probeQueue());
  }

  /** Sends an event again that the queue took before, and gives whether it takes anything. */
  async function probeQueue(): Promise<boolean> {
    const isUp = lastTaken === undefined ? await tryForwarded() : (await send([lastTaken])).taken.length > 0;
    if (isUp) failuresInARow = 0;
    return isUp;
  }

  /** Sends again what was forwarded before this run: one event, and if that is refused others, which may yet be taken. */
  async function tryForwarded(): Promise<boolean> {
    const limits = { events: SAMPLE_EVENTS, maxPayloadBytes: MAX_FORWARDED_PAYLOAD_BYTES };
    const [first, ...others] = await findForwarded(db, way.route, limits);
    const isTaken = async (event: PendingEvent) => (await send([event], null)).taken.length > 0;
    if (first !== undefined && (await isTaken(first))) return true;
    return (await Promise.all([trySamples(), ...others.map(isTaken)])).includes(true);
  }

  /** Tries some of the events that wait, and gives whether the queue took one. */
  async function trySamples(): Promise<boolean> {
    const alone = new Set(refusedAlone.map(({ seq }) => seq));
    const untried = page.filter(({ seq }) => !alone.has(seq) && !settledAsSamples.has(seq));
    const behind = (await waiting.drawBehind?.(SAMPLE_EVENTS)) ?? [];
    const samples = [...drawSome(untried, SAMPLE_EVENTS), ...behind];
    const forwardedBefore = forwarded;
    const refused = (await Promise.all(samples.map(async (event) => attempt([event])))).flat();
    for (const event of samples) if (!refused.includes(event)) settledAsSamples.add(event.seq);
    return forwarded > forwardedBefore;
  }

  async function settleRefused(): Promise<void> {
    if (refusedAlone.length > 0 && !isDown) isDown = !(await probeQueue());
    for (let from = 0; from < refusedAlone.length; from += GROUP_EVENTS) {
      let group = refusedAlone.slice(from, from + GROUP_EVENTS);
      while (group.length > 0 && !isDown) group = await settle(await waiting.read(group));
    }
  }

  /** Tries each event once more. Gives those that are to be tried again in this run, with their refusals. */
  async function settle(group: readonly Waiting[]): Promise<Waiting[]> {
    const refused: Waiting[] = [];
    for (const event of group) refused.push(...(await attempt([event])));
    if (refused.length === 0) return [];
    isDown ||= !(await probeQueue());
    if (isDown) return [];
    const noted = refused.filter(({ refusals }) => refusals + 1 < MAX_REFUSALS);
    await giveUp(
      refused.filter(({ refusals }) => refusals + 1 >= MAX_REFUSALS),
      'refused',
    );
    if (waiting.noteRefusals === undefined) {
      return noted.map((event) => ({ ...withoutPayload(event), refusals: event.refusals + 1 }));
    }
    if (noted.length > 0) await waiting.noteRefusals(noted);
    return [];
  }

  async function giveUp(events: readonly Waiting[], reason: NeverSentReason): Promise<void> {
    for (let from = 0; from < events.length; from += GROUP_EVENTS) {
      const letters = events.slice(from, from + GROUP_EVENTS).map((event) => ({
        event,
        route: way.route,
        replay: way.replay,
        reason,
        body: JSON.stringify(keptMessageOf(event, way.publicUrl, way.replay)),
      }));
      await waiting.giveUp(letters);
      log('error', 'events given up: they are dead letters', {
        route: way.route,
        events: letters.length,
        reason,
      });
    }
  }

  return {
    async forward(events: readonly Waiting[]): Promise<void> {
      page = events;
      // What was refused in an earlier run goes alone, since it would have its whole batch refused.
      await forward(events.filter(({ refusals }) => refusals === 0));
      for (const event of events.filter(({ refusals }) => refusals > 0)) await forward([event]);
    },
    /** Whether the queue takes nothing. Events are then left to the next run. */
    isQueueDown: () => isDown,
    /** Whether that is since it asks to be spared for a while. */
    isQueueOverloaded: () => isOverloaded,
    /** How many batches were sent. */
    batches: () => batches,
    /** Decides what becomes of refused events. To be called once, last. Gives how many were forwarded. */
    async end(): Promise<number> {
      await giveUp(broken, 'no-message');
      await settleRefused();
      return forwarded;
    },
  };
}

/** Draws some of the items, each at most once, and gives all where there are no more. */
export function drawSome<Item>(items: readonly Item[], count: number): Item[] {
  const left = [...items];
  return Array.from({ length: Math.min(count, left.length) }, () => {
    const [drawn] = left.splice(Math.floor(Math.random() * left.length), 1);
    return drawn as Item;
  });
}

/** Events that are remembered have no payload: many would fill the memory. */
function withoutPayload<Waiting extends WaitingEvent>(event: Waiting): Waiting {
  return { ...event, payload: null };
}
