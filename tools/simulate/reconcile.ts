// Compares what the receiver shows with the simulator's record, event by event. Pure.
import { isDeepStrictEqual } from 'node:util';
import type { SimulatedEvent } from './conversations.ts';
import type { EventRecord, Ledger } from './ledger.ts';
import type { Plan } from './plan.ts';
import type { ListedEvent } from './receiver-api.ts';

/** What does not agree: the ids of the events, with what is wrong where there are several possibilities. */
export interface Findings {
  /** How many events of the run the receiver shows. */
  stored: number;
  /** How many of them it had before the run. */
  storedEarlier: number;
  /** Acknowledged, but not there. */
  lost: string[];
  /** Acknowledged only as deferred, and not there yet. */
  deferredMissing: string[];
  /** There, but never sent, or not as it was sent. */
  invented: string[];
  unforwarded: string[];
  /** With fewer deliveries than were acknowledged, or more than can have arrived. */
  wrongDeliveries: string[];
  /** Answered `stored` more than once, although an event is new only once. */
  storedTwice: string[];
}

/** Deliveries that each event had before the run, by id. */
export type Baseline = ReadonlyMap<string, number>;

/** Whether a listed event belongs to the run: by its id, or by its contact should the id be wrong. */
export function isOfRun({ namespace, contacts }: Pick<Plan, 'namespace' | 'contacts'>) {
  return ({ id, contact }: ListedEvent) =>
    String(id).startsWith(namespace) || (typeof contact === 'string' && contacts.has(contact));
}

/** @param listed the events of the run that the receiver shows. */
export function reconcile(
  plan: Pick<Plan, 'events'>,
  ledger: Pick<Ledger, 'events'>,
  integration: string,
  baseline: Baseline,
  listed: readonly ListedEvent[],
): Findings {
  const findings: Findings = {
    stored: 0,
    storedEarlier: 0,
    lost: [],
    deferredMissing: [],
    invented: [],
    unforwarded: [],
    wrongDeliveries: [],
    storedTwice: [],
  };
  const shown = new Set<string>();
  for (const event of listed) {
    const sent = plan.events.get(event.id);
    const record = ledger.events.get(event.id);
    const earlier = baseline.get(event.id) ?? 0;
    if (!event.forwarded) findings.unforwarded.push(event.id);
    if (sent === undefined || record === undefined || (record.attempts === 0 && earlier === 0)) {
      findings.invented.push(`${event.id}: never sent`);
      continue;
    }
    const difference = shown.has(event.id) ? 'stored more than once' : differenceOf(sent, event, integration);
    shown.add(event.id);
    if (difference !== null) {
      findings.invented.push(`${event.id}: ${difference}`);
      continue;
    }
    findings.stored++;
    if (earlier > 0) findings.storedEarlier++;
    const miscount = miscountOf(record, event.deliveries - earlier);
    if (miscount !== null) findings.wrongDeliveries.push(`${event.id}: ${miscount}`);
  }
  for (const [id, { acknowledged }] of ledger.events) {
    if (acknowledged.stored > (baseline.has(id) ? 0 : 1)) findings.storedTwice.push(id);
    if (shown.has(id)) continue;
    if (acknowledged.stored + acknowledged.duplicate > 0) findings.lost.push(id);
    else if (acknowledged.deferred > 0) findings.deferredMissing.push(id);
    else if (baseline.has(id)) findings.lost.push(id);
  }
  return findings;
}

/** How an event differs from what was sent; `null` where it does not. */
function differenceOf(sent: SimulatedEvent, listed: ListedEvent, integration: string): string | null {
  const expected = {
    integration,
    type: sent.type,
    status: sent.status,
    contact: sent.contact,
    appId: sent.appId,
    messageId: sent.messageId,
    occurredAt: sent.occurredAtMs === null ? listed.receivedAt : new Date(sent.occurredAtMs).toISOString(),
  };
  for (const [name, value] of Object.entries(expected)) {
    if (listed[name as keyof typeof expected] !== value) return `its ${name} is not what was sent`;
  }
  const payload: unknown = JSON.parse(sent.body.toString('utf8'));
  return isDeepStrictEqual(listed.payload, payload) ? null : 'its payload is not what was sent';
}

function miscountOf({ attempts, acknowledged }: EventRecord, deliveries: number): string | null {
  const confirmed = acknowledged.stored + acknowledged.duplicate;
  if (deliveries < confirmed) return `counts ${deliveries} deliveries, acknowledged ${confirmed}`;
  // The intake queue delivers at least once, so one deferred delivery may rightly be counted twice.
  if (deliveries > attempts && acknowledged.deferred === 0) {
    return `counts ${deliveries} deliveries, at most ${attempts} arrived`;
  }
  return null;
}
