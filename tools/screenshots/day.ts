// Spreads the conversations of the simulator over the 24 hours before a moment, as customers of a shop write. Pure.

import { Random } from '../random.ts';
import type { SimulatedEvent } from '../simulate/conversations.ts';
import type { Delivery, Plan } from '../simulate/plan.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** The time of Brasília, where the shops are. */
const OFFSET_MS = -3 * 3_600_000;
/** The time that the platform takes to deliver. */
const TRANSIT_MS = [80, 900] as const;
const TIMESTAMP = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;

/** The share of replies that are kept, since not everybody answers everything. */
const REPLIES_KEPT = 0.3;

/** A plan with the moment of each event. */
export interface Day {
  plan: Plan;
  /** The moment at which each event is to have been received, by its id. */
  receivedAtMs: Map<string, number>;
}

/** The day that ends at a moment. Events after it are left out. */
export function dayOf(plan: Plan, endsAtMs: number): Day {
  const random = new Random(`${plan.namespace}:day`);
  const shifts = new Map<string, number>();
  const receivedAtMs = new Map<string, number>();
  for (const event of plan.events.values()) {
    const conversation = conversationOf(event);
    const shiftMs = shifts.get(conversation) ?? someTime(random, endsAtMs) - event.happenedAtMs;
    shifts.set(conversation, shiftMs);
    const isKept = random.chance(REPLIES_KEPT) || event.type === 'status';
    const atMs = event.happenedAtMs + shiftMs + random.whole(...TRANSIT_MS);
    if (isKept && atMs <= endsAtMs) receivedAtMs.set(event.id, atMs);
  }
  const deliveries = plan.deliveries
    .filter(({ event }) => event === null || receivedAtMs.has(event.id))
    .map((delivery) => moved(delivery, shifts));
  return { plan: { ...plan, deliveries }, receivedAtMs };
}

/** Message ids begin with the run and the conversation, see simulate/conversations.ts. */
function conversationOf({ messageId }: SimulatedEvent): string {
  return messageId.slice(0, 14);
}

/** The event with the dates in its body moved like its conversation. */
function moved(delivery: Delivery, shifts: ReadonlyMap<string, number>): Delivery {
  const { event, body } = delivery;
  const shiftMs = event === null ? undefined : shifts.get(conversationOf(event));
  if (shiftMs === undefined) return delivery;
  const later = (written: string) => new Date(Date.parse(written) + shiftMs).toISOString();
  return { ...delivery, body: Buffer.from(body.toString('utf8').replace(TIMESTAMP, later)) };
}

/** A moment of the day, more likely when many write. */
function someTime(random: Random, endsAtMs: number): number {
  for (;;) {
    const atMs = endsAtMs - random.whole(MINUTE_MS, DAY_MS);
    const hour = ((((atMs + OFFSET_MS) % DAY_MS) + DAY_MS) % DAY_MS) / 3_600_000;
    if (
      random.chance(0.06 + bell(hour, 10.5, 2) + 0.75 * bell(hour, 15.5, 2.2) + 0.35 * bell(hour, 20, 1.6))
    ) {
      return atMs;
    }
  }
}

function bell(hour: number, peak: number, width: number): number {
  return Math.exp(-(((hour - peak) / width) ** 2)) * 0.9;
}
