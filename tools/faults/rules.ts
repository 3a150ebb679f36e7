// What has to hold, whatever fails.

export interface Violation {
  rule: Rule;
  what: string;
  atMs: number;
}

/** The rules that hold whatever fails. */
export const RULES = {
  durable:
    'What was answered 2xx is in D1 once, byte for byte, and came out at least once on each route that wants it; or it is ' +
    'kept as a rejection, where it differs from what has its ids.',
  kept: 'An authentic webhook that was refused is kept as a rejection.',
  quiet: 'Once faults are over nothing waits any more: gaps of active routes, replays, queues, dead letters.',
  invented: 'Nothing is there that nobody sent.',
  once: 'Where nothing failed, each event came out once on a route.',
  deliveries: 'The count of deliveries is right, where no fault leaves it open.',
  counters: 'Counters equal a full count.',
  answers: 'Answers are what they must be: never a 5xx but 503, never a 2xx when nothing took the webhook.',
  prompt: 'An answer within 3 s of the body, whatever hangs.',
  erased: 'What was erased is erased.',
  purged: 'Nothing that an active route has yet to forward is purged.',
  places: 'Places grow in commit order and are never given twice, and so do the versions of filters.',
  sequence: 'Every message tells the place of its event.',
  positions:
    'A position never goes back, and neither it nor a confirmed stretch holds an event that the route wants and its queue ' +
    'did not take.',
  routed:
    'Nothing comes out on a route that its filter does not want, from before it began, or while it is paused.',
  apart: 'A queue that is down costs other routes nothing: their events come out in time.',
  'given up': 'An event that no queue takes is a dead letter of its route, and holds up no other.',
  replayed:
    'A replay sends every event that it was asked for and its route wants, and no other, to its route alone.',
  told: 'What the API tells of routes, and of events on them, is so.',
  limits: 'The limits of the platform are kept: sizes, requests of an invocation, no work outside of it.',
} as const;
export type Rule = keyof typeof RULES;
