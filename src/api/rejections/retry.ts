// Tries rejections again, by the contract and the registrations of today. Owns what is let in and the order of the steps;
// makes no answers.
//
// The order is: the event is recorded; the rejection is deleted, in one transaction with the audit entry; the event is
// forwarded. If a retry ends in between, the next one completes it: the event carries the request id of the rejection, so it
// is recorded and counted once, and what was not forwarded is left to the sweep.

import { type Assessment, assessBody } from '../../contract/assess.ts';
import { versionId } from '../../contract/event.ts';
import { type ContractProblem, problemAt } from '../../contract/problems.ts';
import { type ForwardingDeps, forwardStored } from '../../forward/routes.ts';
import { splitIntoBatches } from '../../runtime/batching.ts';
import { withTimeoutOrNull } from '../../runtime/deadline.ts';
import type { Lifetime } from '../../runtime/group-commit.ts';
import { describeError, log } from '../../runtime/log.ts';
import { requiringTokenOnly, verifySender } from '../../sender/verify-sender.ts';
import type { AuditEntry } from '../../store/audit.ts';
import { isDatabaseHealthy } from '../../store/database-health.ts';
import { type RecordOutcome, recordOrCompare } from '../../store/differing-repeats.ts';
import {
  MAX_RECORD_BYTES,
  MAX_RECORD_EVENTS,
  type RecordableEvent,
  toRecordable,
} from '../../store/events.ts';
import { findIntegrations, type Integration, listIntegrations } from '../../store/integrations.ts';
import {
  bodyBytes,
  findOldestRejections,
  findRejections,
  type KeptRejection,
  type Rejection,
  type RejectionFilter,
  settleRejections,
  type TriedRejections,
} from '../../store/rejections.ts';
import type { Stretch } from '../../store/stretches.ts';

/**
 * Rejections that are read and tried together. Their bodies are in memory in several forms, of the 128 MB that an
 * isolate has for all its requests: https://developers.cloudflare.com/workers/platform/limits/
 */
const GROUP_LIMITS = { maxItems: 300, maxBytes: 4_000_000 };
/** With bodies of the usual size and one route a request then needs fewer than the 50 subrequests that the free plan has. */
const MAX_GROUPS = 4;
/** No group begins later than this, so that the answer comes before proxies and clients lose patience. */
const MAX_RUN_MS = 20_000;
/** When D1 refuses so many events in a row, it takes none at all; fewer can each have a reason of their own. */
const MAX_FAILURES_IN_A_ROW = 3;

/** The name of these events in the log of forwarding. */
const RETRIED = 'retried rejections';

/** What a retry made of a rejection. */
type Retried =
  | Settled
  /** It stays as it was, because of a bug, or because D1 refuses this one. */
  | { outcome: 'failed'; error: unknown };

/** What a retry made of a rejection if it did not fail. */
export type Settled =
  /** It became an event, by this retry or by an earlier one that was interrupted. */
  | { outcome: 'stored'; eventId: string }
  /** Another delivery had brought its event already. */
  | { outcome: 'duplicate'; eventId: string }
  /** It stays, now with these reasons. */
  | ({ outcome: 'rejected' } & Pick<Rejection, 'reason' | 'problems' | 'eventId'>);

/**
 * Tries one rejection again. An operator has looked at it, so it is let in even where the token that it came with was
 * rotated away or revoked, or where its address or signature was objected to; but not where the integration is unknown or
 * disabled. One that was kept because it differs from the event that it repeats becomes an event of its own; one that turns
 * out to differ only now stays, for that reason. Its event counts one delivery, however often it had been rejected.
 *
 * Rejects, and leaves the rejection as it was, when D1 does not answer or does not take the event.
 *
 * @param auditOf makes the audit entry, given what became of the rejection.
 */
export async function retryOne(
  deps: ForwardingDeps,
  rejection: KeptRejection,
  lifetime: Lifetime,
  auditOf: (settled: Settled) => AuditEntry,
): Promise<Settled> {
  const integrations = await findIntegrations(deps.db, [rejection.integration]);
  const trial = await tryTogether(deps, [rejection], (one) =>
    judge(one, integrations[0], { isLookedAt: true }),
  );
  const retried = trial.retried.get(rejection) as Retried;
  if (retried.outcome === 'failed') throw retried.error;
  lifetime.waitUntil(forwardStored(deps, await settle(deps, trial, auditOf(retried)), RETRIED));
  return retried;
}

/** How many rejections were tried, and what became of them. */
export interface RetryCounts {
  retried: number;
  stored: number;
  duplicates: number;
  /** How many stay. */
  rejected: number;
}

/** What a retry of many rejections did. */
export interface BulkRetry extends RetryCounts {
  /** The next request goes on behind this place; `null`: none is left to be tried. */
  nextAfterSeq: number | null;
}

/**
 * Tries rejections again, oldest first, as many as one request can. Repeating that is harmless. Rejects when D1 does not
 * answer; the groups before that are done, and in the audit trail.
 *
 * Nobody has looked at each of them. So those stay whose token was not valid when they came, and those whose address or
 * signature was objected to, as these are not kept and cannot be checked again. Those that differ from the event that they
 * repeat are let in only where the filter asks for them.
 *
 * @param auditOf makes the audit entry of each group, given what became of it.
 */
export async function retryMatching(
  deps: ForwardingDeps,
  filter: RejectionFilter,
  afterSeq: number,
  lifetime: Lifetime,
  auditOf: (counts: RetryCounts) => AuditEntry,
): Promise<BulkRetry> {
  const deadlineMs = deps.now() + MAX_RUN_MS;
  const run: BulkRetry = { ...NONE_RETRIED, nextAfterSeq: afterSeq };
  const walk = { limit: MAX_GROUPS * GROUP_LIMITS.maxItems, afterSeq };
  const { places, searchedToSeq } = await findOldestRejections(deps.db, filter, walk);
  const integrations = await listIntegrations(deps.db);
  const registered = new Map(integrations.map((integration) => [integration.slug, integration]));
  const groups = splitIntoBatches(places, ({ storedBytes }) => storedBytes, GROUP_LIMITS);
  let forwarding: Promise<void> = Promise.resolve();

  for (const group of groups.slice(0, MAX_GROUPS)) {
    await withTimeoutOrNull(deadlineMs - deps.now(), forwarding); // otherwise a queue that hangs would fill the memory with events to forward
    if (deps.now() >= deadlineMs) return run;
    const rejections = await findRejections(
      deps.db,
      group.map(({ seq }) => seq),
    );
    const trial = await tryTogether(deps, rejections, (one) =>
      one.reason === 'differs' && filter.reason !== 'differs'
        ? { ok: false, reason: one.reason, problems: one.problems }
        : judge(one, registered.get(one.integration), { isLookedAt: false }),
    );
    const counts = countOf(trial.retried.values());
    const stored = await settle(deps, trial, auditOf(counts));
    for (const name of COUNTS) run[name] += counts[name];
    forwarding = forwardStored(deps, stored, RETRIED);
    run.nextAfterSeq = group.at(-1)?.seq ?? null;
    lifetime.waitUntil(forwarding);
  }
  if (groups.length <= MAX_GROUPS) run.nextAfterSeq = searchedToSeq;
  return run;
}

const NONE_RETRIED: RetryCounts = { retried: 0, stored: 0, duplicates: 0, rejected: 0 };
const COUNTS = ['retried', 'stored', 'duplicates', 'rejected'] as const satisfies (keyof RetryCounts)[];

function countOf(retried: Iterable<Retried>): RetryCounts {
  const counts = { ...NONE_RETRIED };
  for (const { outcome } of retried) {
    counts.retried++;
    switch (outcome) {
      case 'stored':
        counts.stored++;
        break;
      case 'duplicate':
        counts.duplicates++;
        break;
      case 'rejected':
      case 'failed':
        counts.rejected++;
        break;
    }
  }
  return counts;
}

/**
 * Whether a problem keeps a rejection out until somebody has looked at it: one of the sender's address or signature, which
 * are not kept, and one that an earlier version stored without a code, which may be of the same kind.
 */
function isStanding({ path, code }: ContractProblem): boolean {
  return code === 'address' || code === 'signature' || (code === 'other' && path === '');
}

/** Judges a rejection by today's contract and its integration's registration. */
function judge(
  rejection: KeptRejection,
  integration: Integration | undefined,
  { isLookedAt }: { isLookedAt: boolean },
): Assessment {
  const { generation, lastReceivedAtMs: receivedAtMs, integration: slug, requestId } = rejection;
  // Its address and signature were checked when it came; objections to them are among its problems.
  const asked = integration && {
    ...requiringTokenOnly(integration),
    ...(isLookedAt && { generation }),
  };
  const objection = verifySender({ generation, receivedAtMs, address: null, signature: null }, asked);
  const standing = rejection.problems.filter(isStanding);
  if (objection !== null || (standing.length > 0 && !isLookedAt)) {
    const problems = objection === null ? [] : [problemAt('', objection)];
    return { ok: false, reason: 'unauthorized', problems: [...problems, ...standing] };
  }
  const judged = assessBody(bodyBytes(rejection.body, rejection.bodyEncoding), {
    integration: slug,
    requestId,
    receivedAtMs: rejection.receivedAtMs,
    appId: integration?.appId ?? null,
  });
  return judged.ok ? judged : { ...judged, problems: [...judged.problems, ...standing] };
}

/** The outcome for rejections that were tried together, before the table of rejections is changed. */
interface Trial {
  retried: Map<Rejection, Retried>;
  /** The rejections whose events are recorded, by this or by another delivery. */
  letIn: Map<Rejection, RecordedEvent>;
}

type RecordedEvent = Exclude<RecordOutcome, { outcome: 'differs' }>;

/** Judges rejections, and records the events of those that pass. */
async function tryTogether(
  deps: ForwardingDeps,
  rejections: readonly KeptRejection[],
  judgeOne: (rejection: KeptRejection) => Assessment | StillRejected,
): Promise<Trial> {
  const retried = new Map<Rejection, Retried>();
  const letIn = new Map<Rejection, RecordedEvent>();
  const passed = new Map<RecordableEvent, Rejection>();
  for (const rejection of rejections) {
    try {
      const judged = judgeOne(rejection);
      if (judged.ok) passed.set(toRecordable(judged.event), rejection);
      else retried.set(rejection, stillRejected(judged, rejection));
    } catch (error) {
      retried.set(rejection, failedBy(error, rejection));
    }
  }
  const versions = new Map<RecordableEvent, Rejection>();
  for (const [event, recorded] of await recordEach(deps, [...passed.keys()])) {
    const rejection = passed.get(event) as Rejection;
    if ('outcome' in recorded && recorded.outcome === 'differs' && rejection.reason === 'differs') {
      versions.set(versionOf(event, recorded.digest), rejection);
    } else note(rejection, recorded);
  }
  for (const [event, recorded] of await recordEach(deps, [...versions.keys()])) {
    note(versions.get(event) as Rejection, recorded);
  }
  return { retried, letIn };

  function note(rejection: Rejection, recorded: RecordOutcome | { error: unknown }): void {
    if ('error' in recorded) {
      retried.set(rejection, failedBy(recorded.error, rejection));
    } else if (recorded.outcome === 'differs') {
      const { problems, eventId } = recorded;
      retried.set(rejection, { outcome: 'rejected', reason: 'differs', problems, eventId });
    } else {
      letIn.set(rejection, recorded);
      retried.set(rejection, { outcome: recorded.outcome, eventId: recorded.id });
    }
  }
}

/** Why a rejection stays, by a new judgment or by its old one. */
type StillRejected = { ok: false } & Pick<Rejection, 'reason' | 'problems'>;

function stillRejected({ reason, problems }: StillRejected, { eventId }: Rejection): Retried {
  return { outcome: 'rejected', reason, problems, eventId: reason === 'differs' ? eventId : null };
}

/** The event of a body that differs from the event stored under its id, under an id of its own. */
function versionOf({ event }: RecordableEvent, digest: string): RecordableEvent {
  return toRecordable({ ...event, id: versionId(event.id, digest) });
}

/**
 * Deletes the rejections that were let in, gives those that stay their new reasons, and records who did that.
 *
 * @returns the stretches of the events to forward. When two requests try the same rejection at once, the one that finds it
 *   deleted by the other does not forward its event.
 */
async function settle(
  { db }: ForwardingDeps,
  { retried, letIn }: Trial,
  audit: AuditEntry,
): Promise<Stretch[]> {
  const tried = { letIn: [...letIn.keys()], rejectedAgain: withNewReasons(retried) };
  const own = await settleRejections(db, tried, audit);
  return [...letIn].flatMap(([rejection, { seq, afterSeq, outcome }]) =>
    outcome === 'stored' && own.has(rejection.seq) ? [{ after: afterSeq, last: seq }] : [],
  );
}

function failedBy(error: unknown, { seq, integration }: Rejection): Retried {
  log('error', 'rejection could not be retried', { seq, integration, error: describeError(error) });
  return { outcome: 'failed', error };
}

/** The rejections that stay, but for other reasons than before. */
function withNewReasons(retried: Map<Rejection, Retried>): TriedRejections['rejectedAgain'] {
  return [...retried].flatMap(([rejection, now]) => {
    if (now.outcome !== 'rejected') return [];
    const { reason, problems, eventId } = now;
    const isSame =
      reason === rejection.reason && JSON.stringify(problems) === JSON.stringify(rejection.problems);
    const { seq, requestId } = rejection;
    return isSame ? [] : [{ seq, requestId, reason, problems, eventId }];
  });
}

/**
 * Records events in as few statements as the limits allow. The events of a statement that D1 refuses are recorded one by
 * one, so that an event that cannot be recorded keeps no other out; its result is the error. Rejects when D1 does not
 * answer or takes nothing.
 */
async function recordEach(
  { db, now }: ForwardingDeps,
  events: readonly RecordableEvent[],
): Promise<Map<RecordableEvent, RecordOutcome | { error: unknown }>> {
  const recorded = new Map<RecordableEvent, RecordOutcome | { error: unknown }>();
  const record = async (group: readonly RecordableEvent[]) => {
    const results = await recordOrCompare(db, group, now);
    for (const [index, event] of group.entries()) recorded.set(event, results[index] as RecordOutcome);
  };
  const refusedByD1: RecordableEvent[] = [];
  const limits = { maxItems: MAX_RECORD_EVENTS, maxBytes: MAX_RECORD_BYTES };
  for (const group of splitIntoBatches(events, ({ bytes }) => bytes, limits)) {
    try {
      await record(group);
    } catch (error) {
      if (!(await isDatabaseHealthy(db))) throw error;
      log('warn', 'retried rejections not recorded together', {
        events: group.length,
        error: describeError(error),
      });
      refusedByD1.push(...group);
    }
  }
  let failuresInARow = 0;
  for (const event of refusedByD1) {
    try {
      await record([event]);
      failuresInARow = 0;
    } catch (error) {
      failuresInARow++;
      if (failuresInARow === MAX_FAILURES_IN_A_ROW) throw error;
      recorded.set(event, { error });
    }
  }
  return recorded;
}
