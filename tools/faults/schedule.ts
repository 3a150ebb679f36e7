// What a seed stands for: the load, what fails and when, who dies, what operators do. Drawn beforehand and whole, so that
// parts of it can be left out and the rest stays as it was.
import { Random } from '../random.ts';

export const SLUGS = ['shop', 'mail', 'signed', 'fixed'] as const;
export type Slug = (typeof SLUGS)[number];

/** As often as each is sent to. */
const BUSY_SLUGS = [...SLUGS, 'shop', 'shop'] as const;

/** `mail` takes webhooks of this application alone. */
export const BOUND_APP = '5e138ee5d53f5b001b96fa54';
/** `fixed` takes webhooks from this address alone. */
export const ALLOWED_ADDRESS = '203.0.113.7';

/** `fixed` answers 202 to what it keeps as rejections. */
export const ACCEPTING: Slug = 'fixed';

/** Where nothing is deleted to make room. */
export const USUAL_DATABASE_GB = 8;

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

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
  /** After how long it is sent again, whatever was answered. */
  repeatsAfterMs: number[];
  /** How often it is tried again after a 503 or no answer. */
  tries: number;
  uploadMs: number;
  hangUpAfterMs: number | null;
  /** How its body is compressed on its way; `null`: not at all. */
  encoding: 'gzip' | 'deflate' | null;
  /** Whether it is signed before it is compressed, where it is signed. */
  isSignedFirst: boolean;
  /** Whether the address is probed beforehand. */
  isProbed: boolean;
}

export const BROKEN_KINDS = ['not-json', 'not-utf8', 'contract', 'other-application'] as const;
export type BrokenKind = (typeof BROKEN_KINDS)[number];

/** Bindings that fail. */
export type Target = 'd1' | 'events' | 'intake' | 'limiter';

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
 * `before`: not done, says so. `after`: done, says it was not. `hang`: not done, says nothing. `hang-done`: done, says
 * nothing. `slow`: done later. `late-answer`: done, says so later. `overloaded`: not done, says so at once.
 */
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Calls of a binding that fail for a while, so many of them. */
export interface Fault {
  name: string;
  target: Target;
  kind: FaultKind;
  fromMs: number;
  untilMs: number;
  rate: number;
}

/** Who dies at the next await behind a moment: an isolate with all that it does, or a single invocation. */
export interface Death {
  name: string;
  what: 'isolate' | 'invocation';
  atMs: number;
  isolate: number;
}

/** The cron misbehaves for a while. */
export interface CronFault {
  name: string;
  kind: 'missing' | 'late' | 'twice';
  fromMs: number;
  untilMs: number;
}

/** The consumer of the events queue fails for a while. */
export interface ConsumerFault {
  name: string;
  fromMs: number;
  untilMs: number;
  rate: number;
}

/** What an operator does. */
export type Operation = { name: string; atMs: number } & (
  | { what: 'replay event' | 'retry rejections' | 'let in' | 'delete rejection' | 'redrive' | 'redrive one' }
  | { what: 'replay'; slug: Slug; kind: 'response' | 'status' | null; isCancelled: boolean }
  | { what: 'rotate'; slug: Slug; overlapHours: 0 | 1 }
  | { what: 'disable'; slug: Slug; forMs: number }
  | { what: 'delete'; slug: Slug }
  | { what: 'erase'; contact: number }
);

/**
 * What a schedule is about: `fault-free`, in which nothing fails; `deleting`, in which operators erase people and delete
 * integrations all the time, by clocks that are apart; `cronless`, in which the cron never fires.
 */
export const CHARACTERS = ['fault-free', 'deleting', 'cronless', 'mixed'] as const;
export type Character = (typeof CHARACTERS)[number];

export interface Schedule {
  seed: number;
  character: Character;
  /** Unix ms at which virtual time begins. */
  startMs: number;
  /** How far the clock of each isolate is ahead. */
  skewsMs: number[];
  retentionDays: number;
  maxDatabaseGb: number;
  duplicateRate: number;
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
export const PARTS = ['sendings', 'faults', 'deaths', 'cronFaults', 'consumerFaults', 'operations'] as const;

/** The schedule of a seed. */
export function scheduleOf(seed: number): Schedule {
  const random = new Random(`fault simulation ${seed}`);
  const character = characterOf(random.fraction());
  const isFaultFree = character === 'fault-free';
  const isDeleting = character === 'deleting';
  const length = random.fraction();
  const loadMs =
    length < 0.7
      ? random.whole(10 * SECOND_MS, 4 * MINUTE_MS)
      : length < 0.94
        ? random.whole(4 * MINUTE_MS, 40 * MINUTE_MS)
        : random.whole(HOUR_MS, 5 * HOUR_MS);
  const size = random.fraction();
  const count =
    size < 0.7 ? random.whole(20, 40) : size < 0.95 ? random.whole(40, 100) : random.whole(100, 300);
  const isolates = random.whole(1, 4);
  const areClocksApart = isDeleting || random.chance(0.4);
  const skewsMs = Array.from({ length: isolates }, () =>
    areClocksApart ? random.whole(-4 * SECOND_MS, 4 * SECOND_MS) : 0,
  );
  // Half of all that happens, happens at about the same time.
  const burst = { loadMs, atMs: random.fraction() * loadMs };
  const sendings = withEditions(
    new Random(`${seed} editions`),
    sendingsOf(new Random(`${seed} load`), new Random(`${seed} ways`), count, burst, isFaultFree),
  );
  const operations = operationsOf(new Random(`${seed} operators`), burst, { isFaultFree, isDeleting });
  const parts = isFaultFree
    ? { faults: [], deaths: [], cronFaults: [], consumerFaults: [] }
    : faultsOf(new Random(`${seed} faults`), burst, isolates);
  const ends = [
    ...sendings.map(({ atMs, repeatsAfterMs }) => atMs + Math.max(0, ...repeatsAfterMs)),
    ...[...parts.faults, ...parts.cronFaults, ...parts.consumerFaults].map(({ untilMs }) => untilMs),
    ...operations.map((operation) => operation.atMs + ('forMs' in operation ? operation.forMs : 0)),
    ...parts.deaths.map(({ atMs }) => atMs),
  ];
  return {
    seed,
    character,
    startMs: Date.UTC(2026, 2, 1, 12) + random.whole(0, 86_400) * SECOND_MS,
    skewsMs,
    retentionDays: random.chance(0.15) ? 0.0015 : 30, // two minutes, or longer than any schedule

    maxDatabaseGb: random.chance(0.12) ? 0.0005 : USUAL_DATABASE_GB,
    duplicateRate: isFaultFree ? 0 : random.chance(0.5) ? 0.03 : 0,
    sendings,
    operations,
    ...parts,
    endMs: Math.max(...ends),
  };
}

function characterOf(fraction: number): Character {
  if (fraction < 0.08) return 'fault-free';
  if (fraction < 0.18) return 'cronless';
  return fraction < 0.33 ? 'deleting' : 'mixed';
}

/** A stretch of time, and the moment in it at which most happens. */
interface Burst {
  loadMs: number;
  atMs: number;
}

/** How long a burst lasts. */
const BURST_MS = 3_000;

/** A moment of the load: as likely as not in the burst. */
function randomTime(random: Random, { loadMs, atMs }: Burst): number {
  const at = random.fraction();
  return random.chance(0.5) ? atMs + at * BURST_MS : at * loadMs;
}

function sendingsOf(
  random: Random,
  ways: Random,
  count: number,
  burst: Burst,
  isFaultFree: boolean,
): Sending[] {
  const { loadMs } = burst;
  const messages = Math.ceil(count / 3);
  const contacts = random.whole(2, 8);
  return Array.from({ length: count }, (_, index): Sending => {
    const atMs = randomTime(random, burst);
    const isBroken = random.chance(0.1);
    const isLarge = random.chance(0.03);
    const bytes = isLarge ? random.whole(20_000, 1_040_000) : 0;
    const message = random.whole(1, messages);
    const repeats = random.fraction();
    const repeatsAfterMs =
      repeats < 0.75
        ? []
        : repeats < 0.85
          ? [0]
          : repeats < 0.92
            ? [random.whole(1, 5_000)]
            : [0, random.whole(5_000, loadMs)];
    return {
      name: `w${index + 1}`,
      atMs,
      slug: random.pick(BUSY_SLUGS),
      body: isBroken
        ? { kind: 'broken', what: random.pick(BROKEN_KINDS), nonce: random.hex(6), bytes }
        : {
            kind: random.chance(0.35) ? 'response' : 'status',
            message,
            event: random.whole(1, 2),
            status: random.pick(['sent', 'delivered', 'read', 'failed'] as const),
            contact: (message % contacts) + 1,
            bytes,
            edition: 0,
          },
      auth: random.chance(0.06) ? 'forged' : random.pick(['url', 'url', 'url', 'bearer', 'basic'] as const),
      repeatsAfterMs,
      tries: random.pick([1, 1, 3, 6]),
      uploadMs: !isFaultFree && random.chance(0.04) ? random.whole(500, 20_000) : 0,
      hangUpAfterMs: !isFaultFree && random.chance(0.06) ? random.whole(0, 2_500) : null,
      encoding: ways.pick([null, null, null, 'gzip', 'deflate'] as const),
      isSignedFirst: ways.chance(0.5),
      isProbed: ways.chance(0.05),
    };
  });
}

/** Some webhooks come under the ids of another one, and say something else. */
function withEditions(random: Random, sendings: readonly Sending[]): Sending[] {
  return sendings.map((sending) => {
    const other = sendings[random.whole(0, sendings.length - 1)];
    const edition = random.whole(1, 2);
    if (!random.chance(0.12) || other === undefined || other.body.kind === 'broken') return sending;
    return { ...sending, slug: other.slug, body: { ...other.body, edition } };
  });
}

function faultsOf(random: Random, burst: Burst, isolates: number) {
  const { loadMs } = burst;
  const windowMs = (): { fromMs: number; untilMs: number } => {
    const fromMs = Math.max(0, randomTime(random, burst) - random.whole(0, 1_000));
    const length = random.fraction();
    const lasts =
      length < 0.4
        ? random.whole(1, 200)
        : length < 0.8
          ? random.whole(1_000, 60_000)
          : random.fraction() * Math.max(loadMs, 2 * MINUTE_MS);
    return { fromMs, untilMs: fromMs + lasts };
  };
  const faults: Fault[] = [];
  for (let index = random.whole(0, 7); index > 0; index--) {
    const target = random.pick([
      'd1',
      'd1',
      'd1',
      'events',
      'events',
      'intake',
      'intake',
      'limiter',
    ] as const);
    const window = windowMs();
    // The intake queue is asked for something while D1 fails.
    const during = faults.find((fault) => fault.target === 'd1');
    const { fromMs, untilMs } = target === 'intake' && during !== undefined ? during : window;
    faults.push({
      name: `f${index}`,
      target,
      kind: random.pick(FAULT_KINDS),
      fromMs,
      untilMs,
      rate: random.pick([0.05, 0.3, 0.7, 1]),
    });
  }
  const deaths = Array.from(
    { length: random.chance(0.6) ? random.whole(1, 6) : 0 },
    (_, index): Death => ({
      name: `d${index + 1}`,
      what: random.chance(0.4) ? 'isolate' : 'invocation',
      atMs: randomTime(random, burst),
      isolate: random.whole(0, isolates - 1),
    }),
  );
  const cronFaults = Array.from(
    { length: random.chance(0.4) ? random.whole(1, 2) : 0 },
    (_, index): CronFault => {
      const fromMs = random.chance(0.3) ? 0 : random.fraction() * loadMs;
      return {
        name: `c${index + 1}`,
        kind: random.pick(['missing', 'late', 'twice'] as const),
        fromMs,
        untilMs: fromMs + random.fraction() * Math.max(loadMs, 5 * MINUTE_MS),
      };
    },
  );
  const consumerFaults = Array.from({ length: random.chance(0.4) ? 1 : 0 }, (_, index): ConsumerFault => {
    const fromMs = Math.max(0, randomTime(random, burst) - random.whole(0, 5_000));
    return {
      name: `k${index + 1}`,
      fromMs,
      untilMs: fromMs + random.whole(SECOND_MS, 3 * MINUTE_MS),
      rate: random.pick([0.2, 0.9, 1, 1]),
    };
  });
  return { faults, deaths, cronFaults, consumerFaults };
}

function operationsOf(
  random: Random,
  burst: Burst,
  { isFaultFree, isDeleting }: { isFaultFree: boolean; isDeleting: boolean },
): Operation[] {
  const count = isDeleting ? random.whole(5, 20) : random.chance(0.5) ? random.whole(1, 5) : 0;
  return Array.from({ length: count }, (_, index): Operation => {
    const operation = { name: `o${index + 1}`, atMs: randomTime(random, burst) + random.whole(0, 2_000) };
    const slug = random.pick(SLUGS);
    const what =
      isDeleting && random.chance(0.8)
        ? random.pick(['erase', 'erase', 'delete'] as const)
        : random.pick(OPERATIONS);
    switch (what) {
      case 'replay':
        return {
          ...operation,
          what,
          slug,
          kind: random.pick(['response', 'status', null] as const),
          isCancelled: random.chance(0.15),
        };
      case 'rotate':
        return { ...operation, what, slug, overlapHours: random.pick([0, 1] as const) };
      case 'disable':
        return { ...operation, what, slug, forMs: random.fraction() * (isFaultFree ? 5_000 : burst.loadMs) };
      case 'delete':
        return { ...operation, what, slug };
      case 'erase':
        return { ...operation, what, contact: random.whole(1, 8) };
      default:
        return { ...operation, what };
    }
  });
}

const OPERATIONS = [
  'replay event',
  'replay event',
  'replay',
  'replay',
  'retry rejections',
  'let in',
  'let in',
  'delete rejection',
  'redrive',
  'redrive one',
  'rotate',
  'disable',
  'delete',
  'erase',
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

/** What a part of a schedule is, in a line. */
export function describePart(schedule: Schedule, name: string): string {
  for (const part of PARTS) {
    const found = (schedule[part] as { name: string }[]).find((one) => one.name === name);
    if (found !== undefined) return JSON.stringify(found);
  }
  return name;
}
