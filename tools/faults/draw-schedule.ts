// Draws the schedule of a seed.
import { Random } from '../random.ts';
import { type Burst, HOUR_MS, MINUTE_MS, randomTime, routesOf } from './draw-routes.ts';
import {
  BROKEN_KINDS,
  type Character,
  type ConsumerFault,
  type CronFault,
  type Death,
  FAULT_KINDS,
  type Fault,
  type Operation,
  type RouteNames,
  type Schedule,
  type Sending,
  SLUGS,
  USUAL_DATABASE_GB,
} from './schedule.ts';

/** Each integration, and each binding, as often as it is drawn. */
const BUSY_SLUGS = [...SLUGS, 'shop', 'shop'] as const;
const BUSY_TARGETS = ['d1', 'd1', 'd1', 'events', 'events', 'intake', 'intake', 'limiter'] as const;

const SECOND_MS = 1_000;

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
  // Half of everything happens at about the same time.
  const burst = { loadMs, atMs: random.fraction() * loadMs };
  const sendings = withEditions(
    new Random(`${seed} editions`),
    sendingsOf(new Random(`${seed} load`), new Random(`${seed} ways`), count, burst, isFaultFree),
  );
  const { boundRoutes, ...ofRoutes } = routesOf(new Random(`${seed} routes`), burst, isFaultFree);
  const operations = [
    ...operationsOf(new Random(`${seed} operators`), new Random(`${seed} replayed routes`), burst, {
      isFaultFree,
      isDeleting,
      boundRoutes,
    }),
    ...ofRoutes.operations,
  ];
  const drawn = isFaultFree
    ? { faults: [], deaths: [], cronFaults: [], consumerFaults: [] }
    : faultsOf(new Random(`${seed} faults`), burst, isolates);
  const failing = new Random(`${seed} failing routes`);
  const parts = {
    ...drawn,
    faults: [
      ...drawn.faults.map((fault) =>
        fault.target === 'events' ? { ...fault, target: failing.pick(boundRoutes) } : fault,
      ),
      ...ofRoutes.faults,
      ...(isFaultFree ? [] : replayFaultsOf(failing, operations, boundRoutes)),
    ],
    consumerFaults: drawn.consumerFaults.map((fault) => ({ ...fault, route: failing.pick(boundRoutes) })),
  };
  const ends = [
    ...sendings.map(({ atMs, repeatsAfterMs }) => atMs + Math.max(0, ...repeatsAfterMs)),
    ...[...parts.faults, ...parts.cronFaults, ...parts.consumerFaults, ...ofRoutes.poisons].map(
      ({ untilMs }) => untilMs,
    ),
    ...operations.map(
      (operation) =>
        operation.atMs + ('forMs' in operation && operation.forMs !== null ? operation.forMs : 0),
    ),
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
    limits: new Random(`${seed} limits`).chance(0.3) ? 'small' : 'usual',
    boundRoutes,
    routes: ofRoutes.routes,
    poisons: ofRoutes.poisons,
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

/** Gives some webhooks the ids of another one and other content. */
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
    const target = random.pick(BUSY_TARGETS);
    const window = windowMs();
    // The intake queue is used only while D1 fails.
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
  const consumerFaults = Array.from(
    { length: random.chance(0.4) ? 1 : 0 },
    (_, index): Omit<ConsumerFault, 'route'> => {
      const fromMs = Math.max(0, randomTime(random, burst) - random.whole(0, 5_000));
      return {
        name: `k${index + 1}`,
        fromMs,
        untilMs: fromMs + random.whole(SECOND_MS, 3 * MINUTE_MS),
        rate: random.pick([0.2, 0.9, 1, 1]),
      };
    },
  );
  return { faults, deaths, cronFaults, consumerFaults };
}

/** The queue of a replay's route fails while events are sent again. */
function replayFaultsOf(random: Random, operations: readonly Operation[], boundRoutes: RouteNames): Fault[] {
  return operations.flatMap((operation): Fault[] => {
    if (operation.what !== 'replay' || !random.chance(0.25)) return [];
    return [
      {
        name: `f-${operation.name}`,
        target: operation.route ?? random.pick(boundRoutes),
        kind: random.pick(['before', 'overloaded', 'hang', 'slow'] as const),
        fromMs: operation.atMs,
        untilMs: operation.atMs + random.whole(100, 90_000),
        rate: random.pick([0.5, 1]),
      },
    ];
  });
}

function operationsOf(
  random: Random,
  ofRoutes: Random,
  burst: Burst,
  {
    isFaultFree,
    isDeleting,
    boundRoutes,
  }: { isFaultFree: boolean; isDeleting: boolean; boundRoutes: RouteNames },
): Operation[] {
  const count = isDeleting ? random.whole(5, 20) : random.chance(0.5) ? random.whole(1, 5) : 0;
  return Array.from({ length: count }, (_, index): Operation => {
    const operation = { name: `o${index + 1}`, atMs: randomTime(random, burst) + random.whole(0, 2_000) };
    const slug = random.pick(SLUGS);
    const what =
      isDeleting && random.chance(0.8)
        ? random.pick(['erase', 'erase', 'delete'] as const)
        : random.pick(OPERATIONS);
    const route = ofRoutes.chance(0.5) ? ofRoutes.pick(boundRoutes) : null;
    switch (what) {
      case 'replay event':
        return { ...operation, what, route };
      case 'replay':
        return {
          ...operation,
          what,
          slug,
          kind: random.pick(['response', 'status', null] as const),
          route,
          afterwards: random.chance(0.15) ? 'cancel' : ofRoutes.chance(0.2) ? 'pause' : 'nothing',
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
  ...(['replay event', 'replay event', 'replay', 'replay', 'retry rejections', 'let in', 'let in'] as const),
  ...(['delete rejection', 'redrive', 'redrive one', 'rotate', 'disable', 'delete', 'erase'] as const),
] as const;
