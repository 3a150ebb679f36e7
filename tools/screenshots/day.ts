// The simulator's events as one day brings them: the same conversations, spread over the last 24 hours as customers of a
// shop write. Pure: the moment at which the day ends is given.

import { Random } from '../random.ts';
import type { SimulatedEvent } from '../simulate/conversations.ts';
import type { Delivery, Plan } from '../simulate/plan.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Of Brasília, whose shops these are. */
const OFFSET_MS = -3 * 3_600_000;
/** In transit from the platform. */
const TRANSIT_MS = [80, 900] as const;
const TIMESTAMP = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;

/** Of the customers' replies: not everybody answers everything. */
const REPLIES_KEPT = 0.3;

/** A plan of which each event has its moment. */
export interface Day {
  plan: Plan;
  /** When each event is to have been received, by its id. */
  receivedAtMs: Map<string, number>;
}

/** The day that ends at a moment. What would have come later is left out. */
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

/** With the dates in its body moved as its conversation was. */
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
