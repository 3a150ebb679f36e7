// The simulator's record of what it sent and what was answered, with which the receiver is compared afterwards.
import { Latencies } from './latencies.ts';
import type { Delivery, Plan } from './plan.ts';

/** The outcomes of an acknowledged webhook. */
export const OUTCOMES = ['stored', 'duplicate', 'deferred'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** How one attempt ended. */
export type AttemptEnd =
  | { kind: 'acknowledged'; status: number; outcome: Outcome | null; id: unknown }
  /** A final refusal, which sending again would not change. */
  | { kind: 'refused'; status: number }
  /** An answer that asks to send it again. */
  | { kind: 'rebuffed'; status: number; retryAfterMs: number }
  /** No answer. `reached`: the receiver may have stored it all the same. */
  | { kind: 'unanswered'; why: string; reached: boolean };

export interface EventRecord {
  /** Attempts that may have reached the receiver. */
  attempts: number;
  acknowledged: Record<Outcome, number>;
}

export class Ledger {
  readonly events = new Map<string, EventRecord>();
  readonly latencies = new Latencies();
  /** Attempts by the status of the answer, or by the reason why there was none. */
  readonly ends = new Map<string, number>();
  readonly acknowledged: Record<Outcome, number> = { stored: 0, duplicate: 0, deferred: 0 };
  begun = 0;
  attempts = 0;
  /** Deliveries of an event of which another delivery had begun before. */
  repeats = 0;
  abandoned = 0;
  brokenSent = 0;
  brokenRefused = 0;
  /** Deliveries that are over, however they ended. */
  settled = 0;
  readonly givenUp: string[] = [];
  /** Descriptions of answers that no correct receiver gives. */
  readonly wrongAnswers: string[] = [];

  constructor(plan: Pick<Plan, 'events'>) {
    for (const id of plan.events.keys()) {
      this.events.set(id, { attempts: 0, acknowledged: { stored: 0, duplicate: 0, deferred: 0 } });
    }
  }

  /** A delivery's first attempt goes out. */
  begin(delivery: Delivery): void {
    this.begun++;
    if (delivery.event === null) this.brokenSent++;
    else if ((this.#recordOf(delivery.event.id)?.attempts ?? 0) > 0) this.repeats++;
  }

  /** To be called before an attempt goes out, since the receiver may have it from then on. */
  attempt(delivery: Delivery): void {
    this.attempts++;
    const record = delivery.event && this.#recordOf(delivery.event.id);
    if (record) record.attempts++;
  }

  /** How an attempt ended. */
  end(delivery: Delivery, end: AttemptEnd, latencyMs: number): void {
    const name = end.kind === 'unanswered' ? end.why : String(end.status);
    this.ends.set(name, (this.ends.get(name) ?? 0) + 1);
    switch (end.kind) {
      case 'acknowledged':
        this.settled++;
        this.latencies.add(latencyMs);
        this.#acknowledge(delivery, end);
        return;
      case 'refused':
        this.settled++;
        this.latencies.add(latencyMs);
        if (delivery.event === null && isContractRefusal(end.status)) this.brokenRefused++;
        else this.wrongAnswers.push(`${nameOf(delivery)} was answered ${end.status}`);
        return;
      case 'rebuffed':
        this.latencies.add(latencyMs);
        return;
      case 'unanswered': {
        if (end.why === 'abandoned') this.abandoned++;
        const record = delivery.event && this.#recordOf(delivery.event.id);
        if (!end.reached && record) record.attempts--;
        return;
      }
    }
  }

  /** A delivery is given up without an acknowledgement. */
  giveUp(delivery: Delivery): void {
    this.settled++;
    this.givenUp.push(nameOf(delivery));
  }

  #acknowledge(
    delivery: Delivery,
    { status, outcome, id }: Extract<AttemptEnd, { kind: 'acknowledged' }>,
  ): void {
    if (delivery.event === null) {
      this.wrongAnswers.push(`${nameOf(delivery)} was answered ${status} although it breaks the contract`);
      return;
    }
    // Any 2xx is an acknowledgement, after which the platform does not send again.
    this.acknowledged[outcome ?? 'stored']++;
    const record = this.#recordOf(delivery.event.id);
    if (record) record.acknowledged[outcome ?? 'stored']++;
    if (outcome === null || id !== delivery.event.id) {
      this.wrongAnswers.push(`${nameOf(delivery)} was answered ${status} without its id and outcome`);
    }
  }

  #recordOf(id: string): EventRecord | undefined {
    return this.events.get(id);
  }
}

/** 400 is answered to what is not JSON, 422 to JSON that breaks the contract. */
export function isContractRefusal(status: number): boolean {
  return status === 400 || status === 422;
}

function nameOf({ event, flaw }: Delivery): string {
  return event === null ? `a broken body (${flaw})` : `event ${event.id}`;
}
