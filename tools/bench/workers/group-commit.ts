// This receiver's group commits and nothing else: what a receiver of this design could reach on this runtime at most. It uses
// the receiver's own groupCommit() within the same limits, writes as many rows for each event and as many statements for
// each group, and sends as many messages. Nobody is authenticated, nothing is parsed, checked or told apart: a repeat is
// stored again, and what fails to be forwarded stays unforwarded.

import { FORWARD_GROUP } from '../../../src/forward/fresh-events.ts';
import { BATCH_LIMITS, METADATA_BYTES } from '../../../src/forward/messages.ts';
import { D1_TIMEOUT_MS } from '../../../src/receive/pipeline.ts';
import { splitIntoBatches } from '../../../src/runtime/batching.ts';
import { groupCommit, type Lifetime } from '../../../src/runtime/group-commit.ts';
import { MAX_RECORD_BYTES, MAX_RECORD_EVENTS } from '../../../src/store/events.ts';

export interface GroupCommitEnv {
  DB: D1Database;
  EVENTS: Queue<string>;
}

/** A group that was recorded. */
interface Recorded {
  /** The place of its last event. */
  lastSeq: number;
  bodies: string[];
}

/** ?1 the bodies, a JSON array of texts; ?2 now, Unix ms. */
const RECORD = `
  INSERT INTO events (seq, id, received_at, body)
  SELECT next.seq + body.key, hex(randomblob(16)), ?2, body.value
  FROM (SELECT max(?2 * 1000, coalesce(max(seq), 0) + 1) AS seq FROM events) AS next, json_each(?1) AS body`;

/** ?1 the place of the last event that the queue took. */
const CONFIRM = `UPDATE routes SET position = max(position, ?1) WHERE name = 'events'`;

function createStages({ DB, EVENTS }: GroupCommitEnv) {
  const forward = groupCommit<Recorded, void>({
    ...FORWARD_GROUP,
    bytesOf: ({ bodies }) => bodies.reduce((sum, body) => sum + body.length, 0),
    work: async (groups) => {
      const bodies = groups.flatMap((group) => group.bodies);
      const batches = splitIntoBatches(bodies, (body) => body.length + METADATA_BYTES, BATCH_LIMITS);
      await Promise.all(
        batches.map(async (batch) => EVENTS.sendBatch(batch.map((body) => ({ body, contentType: 'text' })))),
      );
      const lastSeq = Math.max(...groups.map((group) => group.lastSeq));
      await DB.prepare(CONFIRM).bind(lastSeq).run();
      return [];
    },
  });

  return groupCommit<string, void>({
    maxItems: MAX_RECORD_EVENTS,
    maxBytes: MAX_RECORD_BYTES,
    workTimeoutMs: D1_TIMEOUT_MS,
    bytesOf: (body) => body.length,
    work: async (bodies, lifetime) => {
      const { meta } = await DB.prepare(RECORD).bind(JSON.stringify(bodies), Date.now()).run();
      const recorded = { lastSeq: meta.last_row_id, bodies };
      lifetime.waitUntil(forward(recorded, lifetime, FORWARD_GROUP.workTimeoutMs));
      return [];
    },
  });
}

let record: ReturnType<typeof createStages> | undefined;

export default {
  async fetch(request: Request, env: GroupCommitEnv, lifetime: Lifetime): Promise<Response> {
    record ??= createStages(env);
    await record(await request.text(), lifetime, D1_TIMEOUT_MS);
    return Response.json({ received: true });
  },
} satisfies ExportedHandler<GroupCommitEnv>;
