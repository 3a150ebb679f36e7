// Limits so small that the few events of a schedule reach them: what is done page by page, or left to the next run, is so with
// every handful of events.

/** A change of the source before it is bundled. `file` is its path in the project. */
export interface Break {
  file: string;
  from: string;
  to: string;
}

export const SMALL_LIMITS: Break[] = [
  limit('src/maintenance.ts', '{ ms: 55_000, subrequests: 800 }', '{ ms: 55_000, subrequests: 60 }'),
  limit('src/maintenance.ts', '{ ms: 20_000, subrequests: 400 }', '{ ms: 20_000, subrequests: 60 }'),
  limit('src/forward/catch-up.ts', 'subrequests: 800', 'subrequests: 60'),
  limit('src/forward/sweep.ts', 'scanned: 10_000,', 'scanned: 7,'),
  limit('src/forward/sweep.ts', 'events: 2_000,', 'events: 3,'),
  limit('src/forward/sweep.ts', 'bytes: 2_000_000,', 'bytes: 2_000,'),
  limit('src/forward/poison-events.ts', 'GROUP_EVENTS = 50', 'GROUP_EVENTS = 2'),
  limit('src/forward/replay.ts', 'maxEvents: 2_000', 'maxEvents: 3'),
  limit('src/forward/replay.ts', 'maxItems: 1_000', 'maxItems: 2'),
  limit('src/forward/fresh-events.ts', 'maxItems: 500', 'maxItems: 5'),
  limit('src/forward/fresh-events.ts', 'maxItems: 100', 'maxItems: 3'),
  limit('src/forward/fresh-events.ts', 'MAX_HELD_BYTES = 16_000_000', 'MAX_HELD_BYTES = 4_000'),
  limit(
    'src/forward/intake-consumer.ts',
    'maxItems: 100, maxBytes: 2_000_000',
    'maxItems: 3, maxBytes: 2_000_000',
  ),
  limit('src/store/gaps.ts', 'MAX_READ_STRETCHES = 500', 'MAX_READ_STRETCHES = 20'),
  limit('src/store/gaps.ts', 'MAX_LISTED_GAPS = 100', 'MAX_LISTED_GAPS = 6'),
  limit(
    'src/store/event-listing.ts',
    'MAX_SCANNED_BY_ROUTE = MAX_SCANNED_ROWS / 5',
    'MAX_SCANNED_BY_ROUTE = 5',
  ),
  limit('src/store/events.ts', 'MAX_RECORD_EVENTS = 500', 'MAX_RECORD_EVENTS = 4'),
  limit('src/store/forwarded-counts.ts', 'CHUNK_EVENTS = 10_000', 'CHUNK_EVENTS = 3'),
  limit('src/store/replay-pages.ts', 'MAX_SCANNED_FOR_REPLAY = 10_000', 'MAX_SCANNED_FOR_REPLAY = 5'),
  limit('src/store/retention.ts', 'CHUNK_EVENTS = 1_000', 'CHUNK_EVENTS = 3'),
];

function limit(file: string, from: string, to: string): Break {
  return { file, from, to };
}
