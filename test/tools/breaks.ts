// Ways to break the receiver, for the test that the fault simulation finds them.

import type { Rule } from '../../tools/faults/rules.ts';
import type { Break } from '../../tools/faults/small-limits.ts';

export interface BrokenReceiver {
  /** What it does. */
  name: string;
  changes: Break[];
  /** One of which is then violated. */
  rules: Rule[];
  /** The first seed that is tried: one whose schedule shows it, in less time than most. */
  firstSeed: number;
}

export const BREAKS: BrokenReceiver[] = [
  {
    name: 'acknowledges before the write',
    firstSeed: 3,
    changes: [
      {
        file: 'src/receive/pipeline.ts',
        from: 'const group = await recordEvents(deps.db, events, deps.now());',
        to: `const recorded = events.map(() => ({ seq: 0, afterSeq: 0, isNew: false }));
         const group = { recorded, stretch: null, routes: [] };
         lifetime.waitUntil(recordEvents(deps.db, events, deps.now()).catch(() => undefined));`,
      },
    ],
    rules: ['durable', 'answers'],
  },
  {
    name: 'forgets the sweep',
    firstSeed: 3,
    changes: [
      {
        file: 'src/forward/sweep.ts',
        from: 'const found = await findRoutesBehind(deps.db, deps.now());',
        to: 'const found: RouteBehind[] = [];',
      },
    ],
    rules: ['quiet'],
  },
  {
    name: 'confirms before it sends',
    firstSeed: 3,
    changes: [
      {
        file: 'src/forward/routes.ts',
        from: 'const sent = await sendEvents(',
        to: `await confirm(events.map(({ stretch }) => ({ route, version, ...stretch })));
         const sent = await sendEvents(`,
      },
    ],
    rules: ['positions'],
  },
  {
    name: 'purges what is not forwarded',
    firstSeed: 15,
    changes: [
      {
        file: 'src/store/stretches.ts',
        from: `coalesce((SELECT min(counted) FROM routes WHERE state = 'active'), \${Number.MAX_SAFE_INTEGER})`,
        to: `\${Number.MAX_SAFE_INTEGER}`,
      },
    ],
    rules: ['purged'],
  },
  {
    name: 'counts twice',
    firstSeed: 4,
    changes: [
      {
        file: 'src/store/progress.ts',
        from: 'seq = excluded.seq, at = max(at',
        to: 'DO UPDATE SET seq = seq, at',
      },
    ],
    rules: ['counters'],
  },
  {
    name: 'loses a member of a group',
    firstSeed: 4,
    changes: [
      {
        file: 'src/store/events.ts',
        from: 'const isRecorded = events.map(({ event, json }) => {',
        to: `const isRecorded = events.map(({ event, json }, index) => {
          if (index > 0 && index === events.length - 1) return true;`,
      },
      {
        file: 'src/store/events.ts',
        from: 'if (row === undefined) return null;',
        to: 'if (row === undefined) return { seq: 0, afterSeq: 0, isNew: false };',
      },
    ],
    rules: ['durable', 'answers'],
  },
  {
    name: 'has no deadline',
    firstSeed: 14,
    changes: [
      {
        file: 'src/runtime/deadline.ts',
        from: 'return await Promise.race([work, timedOut.promise]);',
        to: 'timedOut.promise.catch(() => undefined); return await work;',
      },
    ],
    rules: ['prompt'],
  },
  {
    name: 'gives a place again',
    firstSeed: 82,
    changes: [
      {
        file: 'src/store/places.ts',
        from: 'SELECT seq FROM last_places WHERE',
        to: 'SELECT 0 FROM last_places WHERE',
      },
    ],
    rules: ['places'],
  },
  {
    name: 'acknowledges deferred webhooks before they are recorded',
    firstSeed: 6,
    changes: [
      {
        file: 'src/forward/record-messages.ts',
        from: 'await record(messages.map(({ content }) => content));',
        to: `for (const { message } of messages) message.ack();
         await record(messages.map(({ content }) => content));`,
      },
    ],
    rules: ['durable', 'kept'],
  },
  {
    name: 'forgets to keep what it refuses',
    firstSeed: 3,
    changes: [
      {
        file: 'src/store/rejections.ts',
        from: 'await db.batch(rows);',
        to: 'if (rows.length > 1) await db.batch(rows);',
      },
    ],
    rules: ['kept'],
  },
  {
    name: 'redrives dead letters without sending them',
    firstSeed: 25,
    changes: [{ file: 'src/forward/dead-letters.ts', from: 'await sendAgain(deps, letters);', to: '' }],
    rules: ['durable'],
  },
  {
    name: 'moves a replay on over a page that is lost',
    firstSeed: 12,
    changes: [
      {
        file: 'src/forward/replay.ts',
        from: 'splitIntoBatches(page.found,',
        to: 'splitIntoBatches(page.found.slice(1),',
      },
    ],
    rules: ['replayed'],
  },
  {
    name: 'moves a replay on over a page that the queue did not take',
    firstSeed: 41,
    changes: [{ file: 'src/forward/replay.ts', from: 'return !run.isQueueDown();', to: 'return true;' }],
    rules: ['replayed'],
  },
  {
    name: 'sends a replay to whatever route has its turn',
    firstSeed: 21,
    changes: [
      {
        file: 'src/store/replay-pages.ts',
        from: 'NOT paused AND route = ?1 ORDER BY',
        to: 'NOT paused AND ?1 IS NOT NULL ORDER BY',
      },
    ],
    rules: ['replayed'],
  },
  {
    name: 'counts a delivery again that stored the event',
    firstSeed: 10,
    changes: [
      {
        file: 'src/store/events.ts',
        from: "WHERE instr(' ' || events.request_id",
        to: "WHERE true OR instr(' ' || events.request_id",
      },
    ],
    rules: ['deliveries'],
  },
  {
    name: 'takes what differs for a repeat',
    firstSeed: 4,
    changes: [
      {
        file: 'src/store/events.ts',
        from: 'WHERE payload = excluded.payload OR iif(',
        to: 'WHERE true OR iif(',
      },
    ],
    rules: ['durable'],
  },
  {
    name: 'forgets what differs and came by way of the intake queue',
    firstSeed: 18,
    changes: [
      {
        file: 'src/forward/intake-consumer.ts',
        from: 'differing.push(differingRejection(event, done, generation));',
        to: 'void differing;',
      },
    ],
    rules: ['durable'],
  },
  {
    name: 'answers before what differs is kept',
    firstSeed: 169,
    changes: [
      {
        file: 'src/receive/pipeline.ts',
        from: 'await reject(differingRejection(event, compared, generation), lifetime, leftMs());',
        to: 'reject(differingRejection(event, compared, generation), lifetime, leftMs()).catch(() => undefined);',
      },
    ],
    rules: ['durable'],
  },
  {
    name: 'forgets rejections when it erases',
    firstSeed: 28,
    changes: [
      {
        file: 'src/store/contact-erasure.ts',
        from: 'for (const kind of MENTIONING) await eraseMentions(run, kind);',
        to: "for (const kind of MENTIONING) if (kind !== 'rejection') await eraseMentions(run, kind);",
      },
    ],
    rules: ['erased'],
  },
  {
    name: 'turns away whom it cannot look up',
    firstSeed: 10,
    changes: [
      {
        file: 'src/receive/registrations.ts',
        from: "return { kind: 'unverifiable' };",
        to: "return { kind: 'unknown' };",
      },
    ],
    rules: ['answers'],
  },
  {
    name: 'takes what the queue refused for sent',
    firstSeed: 7,
    changes: [
      {
        file: 'src/forward/send.ts',
        from: 'OVERLOADED.test(failure);\n        sent.refused.push',
        to: 'OVERLOADED.test(failure);\n        sent.taken.push',
      },
    ],
    rules: ['positions'],
  },
  {
    name: 'confirms a stretch that was not sent',
    firstSeed: 5,
    changes: [
      {
        file: 'src/forward/routes.ts',
        from: 'sent.taken.map(({ stretch }) => stretch)',
        to: 'events.map(({ stretch }) => stretch)',
      },
    ],
    rules: ['positions'],
  },
  {
    name: 'moves a position over a gap',
    firstSeed: 3,
    changes: [
      {
        file: 'src/store/stretches.ts',
        from: 'routes.position >= given.after AND routes.position <',
        to: 'routes.position <',
      },
    ],
    rules: ['positions'],
  },
  {
    name: 'moves a position back',
    firstSeed: 10,
    changes: [{ file: 'src/store/stretches.ts', from: 'AND routes.position < given.last`', to: '`' }],
    rules: ['positions'],
  },
  {
    name: 'begins the stretch of a group too early',
    firstSeed: 3,
    changes: [
      {
        file: 'src/store/events.ts',
        from: '? { after: lastPlace, last: lastSeq }',
        to: '? { after: lastPlace - 2_000_000, last: lastSeq }',
      },
    ],
    rules: ['positions'],
  },
  {
    name: 'ignores by which version of the filter something was sent',
    firstSeed: 73,
    changes: [
      {
        file: 'src/store/stretches.ts',
        from: 'ON r.name = given.route AND r.version = given.version`',
        to: 'ON r.name = given.route`',
      },
      {
        file: 'src/store/stretches.ts',
        from: 'WHERE routes.name = given.route AND routes.version = given.version',
        to: 'WHERE routes.name = given.route',
      },
    ],
    rules: ['positions'],
  },
  {
    name: 'ignores the filter when it forwards fresh events',
    firstSeed: 14,
    changes: [
      {
        file: 'src/forward/fresh-events.ts',
        from: 'outgoing.filter(({ head }) => wants(route.filter, head))',
        to: 'outgoing.filter(() => wants({}, { integration: route.name, type: "status", status: null }))',
      },
    ],
    rules: ['routed'],
  },
  {
    name: 'ignores the filter in the sweep',
    firstSeed: 7,
    changes: [
      {
        file: 'src/store/gaps.ts',
        from: `FROM (\${SCANNED})) AND \${wantsSql('?3')}`,
        to: `FROM (\${SCANNED}))`,
      },
    ],
    rules: ['routed'],
  },
  {
    name: 'forwards to a route that is paused',
    firstSeed: 6,
    changes: [
      { file: 'src/store/gaps.ts', from: "WHERE state = 'active' AND position <", to: 'WHERE position <' },
    ],
    rules: ['routed'],
  },
  {
    name: 'begins a new route with what was stored before',
    firstSeed: 10,
    changes: [
      {
        file: 'src/store/routes.ts',
        from: 'began.seq, began.seq, began.seq, ?3, ?3',
        to: 'began.seq, 0, 0, ?3, ?3',
      },
    ],
    rules: ['routed'],
  },
  {
    name: 'lets the queue of a route hold up the others',
    firstSeed: 16,
    changes: [
      {
        file: 'src/forward/fresh-events.ts',
        from: `await Promise.all(
      routes.map(async (route) => {`,
        to: `await routes.reduce(
      async (before, route) => {
        await before;`,
      },
      {
        file: 'src/forward/fresh-events.ts',
        from: `          lifetime,
        );
      }),`,
        to: `          lifetime,
        );
      }, Promise.resolve(),`,
      },
    ],
    rules: ['apart'],
  },
  {
    name: 'counts what a route did not want as forwarded',
    firstSeed: 7,
    changes: [
      {
        file: 'src/store/forwarded-counts.ts',
        from: `WHERE \${wantsSql('r.filter')}\n    AND NOT EXISTS`,
        to: 'WHERE NOT EXISTS',
      },
    ],
    rules: ['counters'],
  },
  {
    name: 'redrives dead letters to the first route',
    firstSeed: 31,
    changes: [
      { file: 'src/forward/dead-letters.ts', from: 'letter.route ?? FIRST_ROUTE)', to: 'FIRST_ROUTE)' },
    ],
    rules: ['routed', 'durable', 'quiet'],
  },
  {
    name: 'tells consumers another place than that of the event',
    firstSeed: 3,
    changes: [
      {
        file: 'src/contract/cloudevent.ts',
        from: 'sequence: sequenceOf(seq)',
        to: 'sequence: sequenceOf(event.receivedAtMs * 1_000)',
      },
    ],
    rules: ['sequence'],
  },
  {
    name: 'takes the queue of a new route for down where the first events are poison',
    firstSeed: 344_112_901,
    changes: [
      {
        file: 'src/forward/poison-events.ts',
        from: '[trySamples(), ...others.map(isTaken)]',
        to: 'others.map(isTaken)',
      },
    ],
    rules: ['apart', 'given up'],
  },
  {
    name: 'takes what it gave up for what the queue took',
    firstSeed: 800_612,
    changes: [
      {
        file: 'src/store/forwarded-counts.ts',
        from: 'AND (NOT given_up OR seq < coalesce((SELECT min(seq) FROM events), seq + 1))',
        to: '',
      },
      {
        file: 'src/forward/poison-events.ts',
        from: '...others.map(isTaken)',
        to: '',
      },
    ],
    rules: ['apart', 'given up'],
  },
];
