// What a schedule consists of: the load, what fails and when, who dies, what operators do. It is drawn in advance, so that
// parts of it can be left out while the rest stays as it was.

export const SLUGS = ['shop', 'mail', 'signed', 'fixed'] as const;
export type Slug = (typeof SLUGS)[number];

/** `mail` takes webhooks of this application alone. */
export const BOUND_APP = '5e138ee5d53f5b001b96fa54';
/** `fixed` takes webhooks from this address alone. */
export const ALLOWED_ADDRESS = '203.0.113.7';

/** The integration that answers 202 to rejections. */
export const ACCEPTING: Slug = 'fixed';

/** Large enough that nothing is deleted to make room. */
export const USUAL_DATABASE_GB = 8;

/** A webhook, and how it is sent. */
export interface Sending {
  name: string;
  atMs: number;
  slug: Slug;
  body:
    | {
        kind: 'response' | 'status';
        message: number;
        event: number;
        status: string;
        contact: number;
        bytes: number;
        /** 0: as it was first written; 1: edited; 2: another customer's, under the same ids. */
        edition: number;
      }
    | { kind: 'broken'; what: BrokenKind; nonce: string; bytes: number };
  auth: 'url' | 'bearer' | 'basic' | 'forged';
  /** When it is sent again, whatever was answered. */
  repeatsAfterMs: number[];
  /** How often it is tried again after a 503 or no answer. */
  tries: number;
  uploadMs: number;
  hangUpAfterMs: number | null;
  /** How its body is compressed; `null`: not at all. */
  encoding: 'gzip' | 'deflate' | null;
  /** Whether a signature is made before the compression. */
  isSignedFirst: boolean;
  /** Whether the address is probed before it is sent. */
  isProbed: boolean;
}

export const BROKEN_KINDS = ['not-json', 'not-utf8', 'contract', 'other-application'] as const;
export type BrokenKind = (typeof BROKEN_KINDS)[number];

/** The routes of a world are the first ones of these, and of some the next one is made although it has no binding. */
export const ROUTES = ['events', 'crm', 'desk', 'data'] as const;
export type RouteName = (typeof ROUTES)[number];
/** One and more. */
export type RouteNames = readonly [RouteName, ...RouteName[]];

/** As src/contract/routes.ts has it. */
export interface RouteFilter {
  integrations?: readonly string[];
  types?: readonly string[];
  statuses?: readonly string[];
}

/** A route that is there from the beginning. `events` always is: without this part of the schedule it wants everything. */
export interface RouteSetup {
  name: string;
  route: RouteName;
  filter: RouteFilter;
}

/** For a while, the queue of a route refuses what has an event of some messages in it. */
export interface Poison {
  name: string;
  route: RouteName;
  /** Of the messages, one in so many. */
  oneIn: number;
  fromMs: number;
  untilMs: number;
}

/** Whether a poison makes a queue refuse the events of a message. */
export function isPoison({ oneIn }: Poison, messageId: string): boolean {
  return Number(messageId.slice(-9)) % oneIn === 0;
}

/** The bindings that can fail: the queue of a route, or what all share. */
export type Target = 'd1' | RouteName | 'intake' | 'limiter';

export const FAULT_KINDS = [
  'before',
  'after',
  'hang',
  'hang-done',
  'slow',
  'late-answer',
  'overloaded',
] as const;
/**
 * `before`: it is not done and fails. `after`: it is done and fails. `hang`: it is not done and never answers. `hang-done`: it
 * is done and never answers. `slow`: it is done later. `late-answer`: it is done and answers later. `overloaded`: it is not done
 * and fails at once.
 */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** For a while, a share of a binding's calls fails. */
export interface Fault {
  name: string;
  target: Target;
  kind: FaultKind;
  fromMs: number;
  untilMs: number;
  rate: number;
}

/** An isolate, or a single invocation of it, dies at its next await after a moment. */
export interface Death {
  name: string;
  what: 'isolate' | 'invocation';
  atMs: number;
  isolate: number;
}

/** The cron does not fire, fires late or twice for a while. */
export interface CronFault {
  name: string;
  kind: 'missing' | 'late' | 'twice';
  fromMs: number;
  untilMs: number;
}

/** The consumer of a route fails for a while. */
export interface ConsumerFault {
  name: string;
  route: RouteName;
  fromMs: number;
  untilMs: number;
  rate: number;
}

/** An operation of an operator. */
export type Operation = { name: string; atMs: number } & (
  | { what: 'retry rejections' | 'let in' | 'delete rejection' | 'redrive' | 'redrive one' }
  /** Without a route it goes to all that there are. */
  | { what: 'replay event'; route: RouteName | null }
  | {
      what: 'replay';
      slug: Slug;
      kind: 'response' | 'status' | null;
      route: RouteName | null;
      afterwards: 'nothing' | 'cancel' | 'pause';
    }
  | { what: 'rotate'; slug: Slug; overlapHours: 0 | 1 }
  | { what: 'disable'; slug: Slug; forMs: number }
  | { what: 'delete'; slug: Slug }
  | { what: 'erase'; contact: number }
  /** `fromMs`: of virtual time, which may be before it begins. */
  | { what: 'add route'; route: RouteName; filter: RouteFilter; from: 'now' | 'oldest' | { fromMs: number } }
  | { what: 'remove route'; route: RouteName; again: { afterMs: number; from: 'now' | 'oldest' } | null }
  /** `null`: it stays paused. */
  | { what: 'pause route'; route: RouteName; forMs: number | null }
  /** One after the other. */
  | { what: 'filter route'; route: RouteName; filters: readonly RouteFilter[] }
);

/**
 * In `fault-free` schedules nothing fails; in `deleting` ones operators keep erasing people and deleting integrations while the
 * isolates' clocks differ; in `cronless` ones the cron never fires.
 */
export const CHARACTERS = ['fault-free', 'deleting', 'cronless', 'mixed'] as const;
export type Character = (typeof CHARACTERS)[number];

/** What is injected into a binding: its faults, and what it refuses. */
export const INJECTED_KINDS = [...FAULT_KINDS, 'poison'] as const;

export interface Schedule {
  seed: number;
  character: Character;
  /** Unix ms at which virtual time begins. */
  startMs: number;
  /** By how much the clock of each isolate is ahead. */
  skewsMs: number[];
  retentionDays: number;
  maxDatabaseGb: number;
  duplicateRate: number;
  /** Whether the receiver has limits so small that these few events reach them, see small-limits.ts. */
  limits: 'usual' | 'small';
  /** Those that have a binding. */
  boundRoutes: RouteNames;
  routes: RouteSetup[];
  poisons: Poison[];
  sendings: Sending[];
  faults: Fault[];
  deaths: Death[];
  cronFaults: CronFault[];
  consumerFaults: ConsumerFault[];
  operations: Operation[];
  /** When the last of all this is over. */
  endMs: number;
}

/** The parts that can be left out, by name. */
export const PARTS = [
  'routes',
  'sendings',
  'faults',
  'poisons',
  'deaths',
  'cronFaults',
  'consumerFaults',
  'operations',
] as const;

/** A schedule without the parts that are not named. */
export function onlyParts(schedule: Schedule, names: ReadonlySet<string>): Schedule {
  const kept = { ...schedule };
  for (const part of PARTS) {
    kept[part] = schedule[part].filter(({ name }) => names.has(name)) as never;
  }
  return kept;
}

/** The names of all parts, in order. */
export function partNames(schedule: Schedule): string[] {
  return PARTS.flatMap((part) => schedule[part].map(({ name }) => name));
}

/** Describes a part of a schedule in a line. */
export function describePart(schedule: Schedule, name: string): string {
  for (const part of PARTS) {
    const found = (schedule[part] as { name: string }[]).find((one) => one.name === name);
    if (found !== undefined) return JSON.stringify(found);
  }
  return name;
}
