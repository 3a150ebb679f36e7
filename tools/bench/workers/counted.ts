// Bindings that count what a Worker uses, in the units that are billed.

import type { Counts } from '../counts.ts';
import { intercept, watchedD1 } from './watched-d1.ts';

let counts = nothing();

function nothing(): Counts {
  return { statements: 0, rowsRead: 0, rowsWritten: 0, messages: 0, sends: 0 };
}

/** The counts since they were last taken. */
export function takeCounts(): Counts {
  const taken = counts;
  counts = nothing();
  return taken;
}

export function countedD1(db: D1Database): D1Database {
  return watchedD1(db, {
    answered: (_, meta) => {
      counts.statements++;
      counts.rowsRead += meta.rows_read;
      counts.rowsWritten += meta.rows_written;
    },
  });
}

export function countedQueue(queue: Queue): Queue {
  return intercept(queue, {
    send: async (...message: Parameters<Queue['send']>) => {
      counts.sends++;
      counts.messages++;
      return queue.send(...message);
    },
    sendBatch: async (messages: Iterable<MessageSendRequest>) => {
      const batch = [...messages];
      counts.sends++;
      counts.messages += batch.length;
      return queue.sendBatch(batch);
    },
  });
}
