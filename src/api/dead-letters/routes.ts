// /api/dead-letters: what consumers gave up on, webhooks that could not be stored, and events that no queue takes, to be
// looked at, sent again or discarded.

import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { DEAD_LETTER_KINDS, NEVER_SENT_REASONS } from '../../contract/dead-letters.ts';
import { bindingOf } from '../../contract/routes.ts';
import { rfc3339 } from '../../contract/timestamp.ts';
import { EVENT_TYPES } from '../../contract/webhook.ts';
import {
  discardDeadLetters as discardMatching,
  type RedriveDeps,
  RouteWithoutQueue,
  redriveDeadLetters as redriveMatching,
  sendAgain,
} from '../../forward/dead-letters.ts';
import { EVENT, RESPONSE_EVENT } from '../../http/examples.ts';
import { named } from '../../http/named-schemas.ts';
import { json, operationsOf } from '../../http/operation.ts';
import { problem } from '../../http/problem-details.ts';
import type { AuditAction } from '../../store/audit.ts';
import * as store from '../../store/dead-letters.ts';
import type { ActorEnv } from '../access/actor.ts';
import { auditEntry } from '../audit/entry.ts';
import { eventFilters } from '../events/routes.ts';
import { count, moment, textOrNull } from '../fields.ts';
import { finishInBackground } from '../finish-in-background.ts';
import {
  asCursor,
  asFilter,
  asListing,
  asPage,
  listingParameters,
  pageOf,
  requireFilterOrAll,
  seqOf,
  shownPeriod,
  storedAt,
} from '../query-parameters.ts';
import { answer, serve } from '../serve.ts';

const INTERRUPTION = {
  logged: 'change of dead letters interrupted',
  detail: 'The request was interrupted. What was done until then is done: send it again.',
};

const { integration, type, contact } = eventFilters;
const { since, until, limit, cursor } = listingParameters;
const kind = z
  .enum(DEAD_LETTER_KINDS)
  .describe(
    '`given-up`: a consumer failed on it. `intake`: a webhook that was acknowledged and could not be stored. ' +
      '`never-sent`: an event that the queue never takes.',
  );
const route = z.string().min(1).meta({ description: 'Of this route.', example: 'crm' });
const filters = { kind: kind.optional(), route: route.optional(), integration, type, contact, since, until };

const bulkRequest = z
  .strictObject({
    ...filters,
    all: z.literal(true).optional().describe('In place of filters.'),
    cursor,
  })
  .superRefine(requireFilterOrAll(filters))
  .meta({ example: { integration: 'shop', type: 'response' } });

const DEAD_LETTER = {
  id: '1772330400000000',
  kind: 'given-up',
  route: 'events',
  event: EVENT.id,
  integration: EVENT.integration,
  type: EVENT.type,
  contact: EVENT.contact,
  reason: null,
  attempts: 1,
  messageId: '3f1c1a3d8f2b4c0e9a7d6b5c4e3f2a1b',
  messageBytes: 1204,
  sentAt: '2026-03-01T17:07:52.100Z',
  keptAt: '2026-03-01T17:12:00.000Z',
};

const deadLetterAnswer = z
  .object({
    id: z.string(),
    kind,
    route: textOrNull.describe(
      'The route whose consumer gave up on it, or whose queue refused it. null: a webhook.',
    ),
    event: textOrNull.describe(
      'The id of its event. null: the message is a webhook that never became one, or nothing of this receiver, ' +
        'which cannot be redriven.',
    ),
    integration: textOrNull,
    type: z.enum(EVENT_TYPES).nullable(),
    contact: textOrNull.describe("The customer's number in canonical form, or the identity in place of one."),
    reason: z
      .enum(NEVER_SENT_REASONS)
      .nullable()
      .describe(
        'Why it was never sent: `no-message`, none can be made of it; `refused`, the queue refused it again and again, ' +
          'and took others. null for other kinds.',
      ),
    attempts: count.describe('How often the dead-letter queue delivered it.'),
    messageId: z.string().describe("The queue's."),
    messageBytes: count,
    sentAt: moment.describe(
      'When the message was sent, as the queue says; when it was given up, where it never was.',
    ),
    keptAt: moment,
  })
  .meta({ example: DEAD_LETTER });
named('DeadLetter', deadLetterAnswer);

const deadLetterPage = pageOf(deadLetterAnswer);

const keptDeadLetterAnswer = deadLetterAnswer.extend({
  message: z
    .unknown()
    .describe(
      'The message as it was: usually a CloudEvent. Of a webhook, what is known of its arrival, with its body as `payload`, ' +
        'or as `base64` where it is no text.',
    ),
});

const redriveAnswer = z.object({
  event: textOrNull.describe(
    'The id of the event that was sent again. null: it was a webhook, and is in the intake queue again.',
  ),
  integration: z.string(),
});

const next = textOrNull.describe('The `cursor` to go on with; null at the end.');

const bulkRedriveAnswer = z.object({
  redriven: count,
  skipped: count.describe(
    'Those that stay: they are nothing of this receiver, or their route has no queue that the receiver is bound to.',
  ),
  next,
});

const bulkDiscardAnswer = z.object({ discarded: count, next });

const operation = operationsOf({ name: 'Dead letters', description: 'What consumers gave up on.' });

const deadLetterPath = z.object({
  id: z.string().meta({ description: 'Its `id`.', example: '1772330400000000' }),
});

const BULK_BODY = {
  schema: bulkRequest,
  examples: { some: { integration: 'shop', type: 'response' }, all: { all: true } },
};

export const listDeadLetters = operation('listDeadLetters', 'GET /api/dead-letters', {
  summary: 'List dead letters, newest first',
  query: z.strictObject({ ...filters, limit, cursor }), // the period is of `keptAt`
  answers: { 200: json('A page of them, without their messages.', deadLetterPage) },
});

export const getDeadLetter = operation('getDeadLetter', 'GET /api/dead-letters/:id', {
  summary: 'Read a dead letter',
  param: deadLetterPath,
  answers: {
    200: json('The dead letter, with its message.', keptDeadLetterAnswer, {
      ...DEAD_LETTER,
      message: RESPONSE_EVENT,
    }),
  },
  problems: ['not-found'],
});

export const discardDeadLetter = operation('discardDeadLetter', 'DELETE /api/dead-letters/:id', {
  summary: 'Discard a dead letter',
  param: deadLetterPath,
  answers: { 204: { description: 'It is discarded.' } },
  problems: ['not-found'],
});

export const redriveDeadLetter = operation('redriveDeadLetter', 'POST /api/dead-letters/:id/redrive', {
  summary: 'Send a dead letter again',
  param: deadLetterPath,
  answers: {
    200: json('It is in the queue again, and gone from here.', redriveAnswer, {
      event: EVENT.id,
      integration: EVENT.integration,
    }),
  },
  problems: ['not-found', 'conflict', 'unavailable'],
});

export const redriveDeadLetters = operation('redriveDeadLetters', 'POST /api/dead-letters/redrive', {
  summary: 'Send many dead letters again',
  description: 'As many as one request can. Repeat it with `cursor` until `next` is null.',
  body: BULK_BODY,
  answers: {
    200: json('What became of them.', bulkRedriveAnswer, { redriven: 12, skipped: 0, next: null }),
  },
  problems: ['conflict', 'unavailable'],
});

export const discardDeadLetters = operation('discardDeadLetters', 'POST /api/dead-letters/discard', {
  summary: 'Discard many dead letters',
  description: 'As many as one request can. Repeat it with `cursor` until `next` is null.',
  body: BULK_BODY,
  answers: {
    200: json('How many are gone.', bulkDiscardAnswer, { discarded: 12, next: null }),
  },
  problems: ['unavailable'],
});

export function deadLetterRoutes(deps: RedriveDeps): Hono<ActorEnv> {
  const { db, now } = deps;
  const routes = new Hono<ActorEnv>();

  serve(routes, listDeadLetters, async (_, { query }) => {
    const { filter, page } = asListing(query);
    const { items: letters, nextBeforeSeq } = await store.listDeadLetters(db, filter, page);
    return asPage(letters.map(shownDeadLetter), nextBeforeSeq);
  });

  serve(routes, getDeadLetter, async (c, { param }) => {
    const letter = await find(param.id);
    if (letter === undefined) return noSuchLetter();
    // The message is put in as the text that is stored: parsing and writing it again would cost more.
    const shown = `${JSON.stringify(shownDeadLetter(letter)).slice(0, -1)},"message":${letter.body}}`;
    return c.body(shown, 200, { 'content-type': 'application/json' });
  });

  serve(routes, discardDeadLetter, async (c, { param }) => {
    const letter = await find(param.id);
    const isDeleted = letter !== undefined && (await remove(c, letter, 'dead-letter.discard'));
    return isDeleted ? answer(discardDeadLetter, 204, null) : noSuchLetter();
  });

  serve(routes, redriveDeadLetters, async (c, { body }) =>
    finishInBackground(c, INTERRUPTION, async () => {
      if (body.route !== undefined && !deps.queues.has(body.route)) return unboundRoute(body.route);
      const { filter, afterSeq, audit } = bulkOf(c, 'dead-letter.redrive-many', body);
      const run = await redriveMatching(deps, filter, afterSeq, audit);
      if (run.interruption !== null) throw run.interruption.error;
      return { redriven: run.done, skipped: run.skipped, next: asCursor(run.nextAfterSeq) };
    }),
  );

  serve(routes, discardDeadLetters, async (c, { body }) =>
    finishInBackground(c, INTERRUPTION, async () => {
      const { filter, afterSeq, audit } = bulkOf(c, 'dead-letter.discard-many', body);
      const run = await discardMatching(deps, filter, afterSeq, audit);
      if (run.interruption !== null) throw run.interruption.error;
      return { discarded: run.done, next: asCursor(run.nextAfterSeq) };
    }),
  );

  serve(routes, redriveDeadLetter, async (c, { param }) =>
    finishInBackground(c, INTERRUPTION, async () => {
      const letter = await find(param.id);
      if (letter === undefined) return noSuchLetter();
      const { kind, integration, event } = letter;
      if (integration === null || (event === null && kind !== 'intake')) {
        return problem('conflict', 'The message is nothing of this receiver: it can only be discarded.', {
          reason: 'not-redrivable',
        });
      }
      try {
        await sendAgain(deps, [letter]);
      } catch (error) {
        if (error instanceof RouteWithoutQueue) return unboundRoute(error.route);
        throw error;
      }
      await remove(c, letter, 'dead-letter.redrive');
      return { event: event?.id ?? null, integration };
    }),
  );

  async function find(id: string): Promise<store.KeptDeadLetter | undefined> {
    const seq = seqOf(id);
    const [letter] = seq === null ? [] : await store.findDeadLetters(db, [seq]);
    return letter;
  }

  async function remove(
    c: Context<ActorEnv>,
    letter: store.DeadLetter,
    action: AuditAction,
  ): Promise<boolean> {
    const { seq, kind, route, integration, event } = letter;
    const detail = { kind, route, integration, event: event?.id ?? null };
    return store.deleteDeadLetter(db, seq, auditEntry(c, now(), action, String(seq), detail));
  }

  /** The dead letters that a bulk request is for, and the audit entry of each group of them, without the contact's number. */
  function bulkOf(
    c: Context<ActorEnv>,
    action: AuditAction,
    { all, cursor, ...asked }: z.output<typeof bulkRequest>,
  ) {
    const filter = asFilter(asked);
    const { contact, since: _, until: __, ...impersonal } = asked;
    const detail = {
      ...impersonal,
      ...(all && { all }),
      ...(contact !== undefined && { byContact: true }),
      ...shownPeriod(filter),
      ...(cursor !== undefined && { cursor: String(cursor) }),
    };
    const audit = () => auditEntry(c, now(), action, asked.integration ?? '*', detail);
    return { filter, afterSeq: cursor ?? 0, audit };
  }

  return routes;
}

function noSuchLetter(): Response {
  return problem(
    'not-found',
    'There is no such dead letter: it was redriven or discarded, or is past its retention.',
  );
}

function unboundRoute(name: string): Response {
  const detail = `The receiver is deployed without ${bindingOf(name)}, the binding of the queue of this route.`;
  return problem('conflict', detail, { reason: 'route-unbound' });
}

function shownDeadLetter(letter: store.DeadLetter): z.infer<typeof deadLetterAnswer> {
  const { kind, route, event, integration, reason } = letter;
  return {
    id: String(letter.seq),
    kind,
    route,
    event: event?.id ?? null,
    integration,
    type: event?.type ?? null,
    contact: event?.contact ?? null,
    reason,
    attempts: letter.attempts,
    messageId: letter.messageId,
    messageBytes: letter.bodyBytes,
    sentAt: rfc3339(letter.sentAtMs),
    keptAt: storedAt(letter.seq),
  };
}
