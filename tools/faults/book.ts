// The record of a run: what was answered, stored, taken by queues and consumed, numbered in the order in which it happened.
// Violations that show when something happens are noted at once.
import type { CloudEvent } from '../../src/contract/cloudevent.ts';
import { firstVersionId } from '../../src/contract/event.ts';
import type { Change } from './database.ts';
import { RouteBook, type StoredEvent } from './route-book.ts';
import type { Rule, Violation } from './rules.ts';
import { keyOf, type Webhook } from './webhooks.ts';

export interface Answered {
  webhook: Webhook;
  /** The generation of the token with which it was sent. */
  generation: number;
  status: number;
  body: Record<string, unknown> | null;
  requestId: string;
  no: number;
  atMs: number;
}

export interface Consumed {
  route: string;
  event: CloudEvent;
  atMs: number;
  no: number;
}

export class Book {
  readonly violations: Violation[] = [];
  readonly stored = new Map<number, StoredEvent>();
  /** The stored events by key, in the order in which they were stored. */
  readonly storedByKey = new Map<string, StoredEvent[]>();
  readonly answered: Answered[] = [];
  readonly consumed: Consumed[] = [];
  readonly routes: RouteBook;
  /** Request ids that the intake queue took. */
  readonly deferred = new Set<string>();
  /** The people whom the payloads of a key name. */
  readonly people = new Map<string, readonly string[]>();
  readonly countedUpTo: { no: number; seq: number }[] = [];
  /** Integrations that an operator disabled or deleted, which may turn webhooks away. */
  readonly disturbed = new Set<string>();
  /** Integrations whose earlier tokens an operator revoked: deferred webhooks may then not be let in. */
  readonly revoked = new Set<string>();
  readonly deletedSlugs = new Set<string>();
  /** Numbers that an operator asked to erase. */
  readonly erasing = new Set<string>();
  /** The numbers at which rows were kept, by their places. */
  readonly keptNo = { rejections: new Map<number, number>(), dead_letters: new Map<number, number>() };
  /** Ids of rejections that an operator deleted. */
  readonly deletedRejections = new Set<string>();
  /** When isolates or invocations died. */
  readonly deathsAtMs: number[] = [];
  rejectedCount = 0;
  no = 0;
  #lastPlace: Record<'event' | 'rejection' | 'dead letter', number> = {
    event: 0,
    rejection: 0,
    'dead letter': 0,
  };
  readonly #nowMs: () => number;

  /** @param underWayMs how long something can be under way, see route-book.ts. */
  constructor(nowMs: () => number, underWayMs: number) {
    this.#nowMs = nowMs;
    this.routes = new RouteBook(this, underWayMs);
  }

  get nowMs(): number {
    return this.#nowMs();
  }

  violated(rule: Rule, what: string): void {
    this.violations.push({ rule, what, atMs: this.#nowMs() });
  }

  /** Whether an operator may have deleted an event: with its integration, or by erasing somebody whom it names. */
  mayBeTaken(integration: string, key: string): boolean {
    const people = this.people.get(firstVersionId(key)) ?? [];
    return this.deletedSlugs.has(integration) || people.some((person) => this.erasing.has(person));
  }

  /** Notes the changes of one transaction. */
  changed(changes: readonly Change[]): void {
    const no = ++this.no;
    for (const change of changes) {
      this.routes.changed(change);
      switch (change.what) {
        case 'event stored': {
          this.#place('event', change.seq);
          const { seq, id, integration, type, status, contact, deferred } = change;
          const event: StoredEvent = {
            seq,
            id,
            integration,
            type,
            status,
            contact,
            isDeferred: deferred === 1,
            storedNo: no,
            storedAtMs: this.#nowMs(),
            deletedNo: null,
            deletedAtMs: null,
          };
          this.stored.set(seq, event);
          const key = keyOf(integration, id);
          this.storedByKey.set(key, [...(this.storedByKey.get(key) ?? []), event]);
          break;
        }
        case 'event deleted': {
          const event = this.stored.get(change.seq);
          if (event === undefined) break;
          event.deletedNo = no;
          event.deletedAtMs = this.nowMs;
          break;
        }
        case 'rejection kept':
          this.#place('rejection', change.seq);
          this.keptNo.rejections.set(change.seq, no);
          this.rejectedCount += change.deliveries;
          break;
        case 'rejection delivered again':
          this.rejectedCount += change.more;
          break;
        case 'dead letter kept':
          this.#place('dead letter', change.seq);
          this.keptNo.dead_letters.set(change.seq, no);
          break;
        case 'counted up to':
          this.countedUpTo.push({ no, seq: change.seq });
          break;
      }
    }
  }

  /** Whether the roll-up has counted an event, which existed when the roll-up passed its place. */
  isCounted({ seq, deletedNo }: StoredEvent): boolean {
    const passed = this.countedUpTo.find((mark) => mark.seq >= seq);
    return passed !== undefined && (deletedNo === null || deletedNo > passed.no);
  }

  #place(table: 'event' | 'rejection' | 'dead letter', seq: number): void {
    if (seq <= this.#lastPlace[table]) {
      this.violated('places', `${table} at ${seq}, behind or at ${this.#lastPlace[table]}`);
    }
    this.#lastPlace[table] = seq;
  }
}
