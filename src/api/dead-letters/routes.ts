// /api/dead-letters: what consumers gave up on, webhooks that could not be stored, and events that no queue takes, to be
// looked at, sent again or discarded.

import { zValidator } from '@hono/zod-validator';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { coded } from '../../contract/problems.ts';
import { EVENT_TYPES } from '../../contract/webhook.ts';
import {
  discardDeadLetters,
  type RedriveDeps,
  redriveDeadLetters,
  sendAgain,
} from '../../forward/dead-letters.ts';
import { problem } from '../../problem-details.ts';
import type { AuditAction, AuditEntry } from '../../store/audit.ts';
import {
  DEAD_LETTER_KINDS,
  type DeadLetter,
  deleteDeadLetter,
  findDeadLetters,
  type KeptDeadLetter,
  listDeadLetters,
  NEVER_SENT_REASONS,
} from '../../store/dead-letters.ts';
import type { ActorEnv } from '../access/actor.ts';
import { eventFilters } from '../events/routes.ts';
import { toItsEndOr } from '../finish-in-background.ts';
import { listingParameters, pageOf, refuseParameters } from '../query-parameters.ts';
import { jsonBody } from '../request-body.ts';

/** As its `id` is written. */
const ID = /^[1-9]\d{0,15}$/;
const toItsEnd = toItsEndOr({
  logged: 'change of dead letters interrupted',
  detail: 'The request was interrupted. What was done until then is done: send it again.',
});

const { integration, type, contact } = eventFilters;
const { since, until, limit, cursor } = listingParameters;
const kind = z.enum(DEAD_LETTER_KINDS).meta({
  description:
    '`given-up`: a consumer failed on it. `intake`: a webhook that was acknowledged and could not be stored. ' +
    '`never-sent`: an event that the queue never takes.',
});
const filters = { kind: kind.optional(), integration, type, contact, since, until };

/** Names in {@link deadLetterRun} that choose dead letters. */
const FILTERS = Object.keys(filters) as (keyof typeof filters)[];

/** What `GET /api/dead-letters` takes. The period is that in which they were kept. */
export const deadLetterListing = z.strictObject({ ...filters, limit, cursor });

/** What `POST /api/dead-letters/redrive` and `…/discard` take. All of them only for who says so: nobody does by a slip. */
export const deadLetterRun = z
  .strictObject({
    ...filters,
    all: z.literal(true).optional().meta({
      description: 'In place of filters.',
    }),
    cursor,
  })
  .superRefine((request, context) => {
    const isFiltered = FILTERS.some((name) => request[name] !== undefined);
    if (isFiltered === (request.all === undefined)) return;
    const why = coded(isFiltered ? 'all-with-filter' : 'all-or-filter');
    context.addIssue({ code: 'custom', path: ['all'], ...why });
  })
  .meta({ example: { integration: 'shop', type: 'response' } });

/** A dead letter. */
export const deadLetterAnswer = z
  .object({
    id: z.string(),
    kind,
    event: z
      .string()
      .nullable()
      .meta({
        description:
          'The id of its event. null: the message is a webhook that never became one, or nothing of this receiver, ' +
          'which cannot be redriven.',
      }),
    integration: z.string().nullable(),
    type: z.enum(EVENT_TYPES).nullable(),
    contact: z
      .string()
      .nullable()
      .meta({ description: "The customer's number in canonical form, or the identity in place of one." }),
    reason: z
      .enum(NEVER_SENT_REASONS)
      .nullable()
      .meta({
        description:
          'Why it was never sent: `no-message`, none can be made of it; `refused`, the queue refused it again and again, ' +
          'and took others. null for other kinds.',
      }),
    attempts: z.int().min(0).meta({ description: 'How often the dead-letter queue delivered it.' }),
    messageId: z.string().meta({ description: "The queue's." }),
    messageBytes: z.int().min(0),
    sentAt: z.iso.datetime().meta({
      description: 'When the message was sent, as the queue says; when it was given up, where it never was.',
    }),
    keptAt: z.iso.datetime(),
  })
  .meta({
    example: {
      id: '1772330400000000',
      kind: 'given-up',
      event: '5e178088a88ad9001b6e1914:i3i4321d:response',
      integration: 'shop',
      type: 'response',
      contact: '+5541988956674',
      reason: null,
      attempts: 1,
      messageId: '3f1c1a3d8f2b4c0e9a7d6b5c4e3f2a1b',
      messageBytes: 1204,
      sentAt: '2026-03-01T01:55:00.000Z',
      keptAt: '2026-03-01T02:00:00.000Z',
    },
  });

/** What `GET /api/dead-letters` answers. */
export const deadLetterPage = pageOf(deadLetterAnswer);

/** What `GET /api/dead-letters/:id` answers. */
export const keptDeadLetterAnswer = deadLetterAnswer.extend({
  message: z.unknown().meta({
    description:
      'The message as it was: usually a CloudEvent. Of a webhook, what is known of its arrival, with its body as `payload`, ' +
      'or as `base64` where it is no text.',
  }),
});

/** What `POST /api/dead-letters/:id/redrive` answers. */
export const redriveAnswer = z.object({
  event: z.string().nullable().meta({
    description:
      'The id of the event that was sent again. null: it was a webhook, and is in the intake queue again.',
  }),
  integration: z.string(),
});

const next = z.string().nullable().meta({ description: 'The `cursor` to go on with; null at the end.' });

/** What `POST /api/dead-letters/redrive` answers. */
export const redriveRunAnswer = z.object({
  redriven: z.int().min(0),
  skipped: z.int().min(0).meta({ description: 'Those that stay: they are nothing of this receiver.' }),
  next,
});

/** What `POST /api/dead-letters/discard` answers. */
export const discardRunAnswer = z.object({ discarded: z.int().min(0), next });

/** To be mounted at `/api/dead-letters`. */
export function deadLetterRoutes(deps: RedriveDeps): Hono<ActorEnv> {
  const { db, now } = deps;
  const routes = new Hono<ActorEnv>();

  routes.get('/', zValidator('query', deadLetterListing, refuseParameters), async (c) => {
    const { limit, cursor, since, until, ...filter } = c.req.valid('query');
    const { items: letters, nextBeforeSeq } = await listDeadLetters(
      db,
      { ...filter, sinceMs: since, untilMs: until },
      { limit, beforeSeq: cursor },
    );
    const page: z.infer<typeof deadLetterPage> = { data: letters.map(shown), next: cursorOf(nextBeforeSeq) };
    return c.json(page);
  });

  routes.get('/:id', async (c) => {
    const letter = await find(c.req.param('id'));
    if (letter === undefined) return noSuchLetter();
    // The message goes in as the text that it is: writing it again would cost more.
    const answer = `${JSON.stringify(shown(letter)).slice(0, -1)},"message":${letter.body}}`;
    return c.body(answer, 200, { 'content-type': 'application/json' });
  });

  routes.delete('/:id', async (c) => {
    const letter = await find(c.req.param('id'));
    const isDeleted = letter !== undefined && (await remove(c, letter, 'dead-letter.discard'));
    return isDeleted ? c.body(null, 204) : noSuchLetter();
  });

  routes.post('/redrive', jsonBody(deadLetterRun), async (c) =>
    toItsEnd(c, async () => {
      const request = c.req.valid('json');
      const { filter, afterSeq } = asked(request);
      const audit = auditOf(c, 'dead-letter.redrive-many', request);
      const run = await redriveDeadLetters(deps, filter, afterSeq, audit);
      if (run.interruption !== null) throw run.interruption.error;
      const answer: z.infer<typeof redriveRunAnswer> = {
        redriven: run.done,
        skipped: run.skipped,
        next: cursorOf(run.nextAfterSeq),
      };
      return c.json(answer);
    }),
  );

  routes.post('/discard', jsonBody(deadLetterRun), async (c) =>
    toItsEnd(c, async () => {
      const request = c.req.valid('json');
      const { filter, afterSeq } = asked(request);
      const audit = auditOf(c, 'dead-letter.discard-many', request);
      const run = await discardDeadLetters(deps, filter, afterSeq, audit);
      if (run.interruption !== null) throw run.interruption.error;
      const answer: z.infer<typeof discardRunAnswer> = {
        discarded: run.done,
        next: cursorOf(run.nextAfterSeq),
      };
      return c.json(answer);
    }),
  );

  routes.post('/:id/redrive', async (c) =>
    toItsEnd(c, async () => {
      const letter = await find(c.req.param('id'));
      if (letter === undefined) return noSuchLetter();
      const { kind, integration, event } = letter;
      if (integration === null || (event === null && kind !== 'intake')) {
        return problem('conflict', 'The message is nothing of this receiver: it can only be discarded.', {
          reason: 'not-redrivable',
        });
      }
      await sendAgain(deps, [letter]);
      await remove(c, letter, 'dead-letter.redrive');
      const answer: z.infer<typeof redriveAnswer> = { event: event?.id ?? null, integration };
      return c.json(answer);
    }),
  );

  async function find(id: string): Promise<KeptDeadLetter | undefined> {
    const [letter] = ID.test(id) ? await findDeadLetters(db, [Number(id)]) : [];
    return letter;
  }

  async function remove(c: Context<ActorEnv>, letter: DeadLetter, action: AuditAction): Promise<boolean> {
    const { kind, integration, event } = letter;
    return deleteDeadLetter(db, letter.seq, {
      actor: c.get('actor').name,
      action,
      object: String(letter.seq),
      detail: { kind, integration, event: event?.id ?? null },
      atMs: now(),
    });
  }

  /** What is recorded of each group of a run. */
  function auditOf(
    c: Context<ActorEnv>,
    action: AuditAction,
    { contact, since, until, cursor, ...impersonal }: z.output<typeof deadLetterRun>,
  ): () => AuditEntry {
    return () => ({
      actor: c.get('actor').name,
      action,
      object: impersonal.integration ?? '*',
      detail: {
        ...impersonal,
        ...(contact !== undefined && { byContact: true }),
        ...(since !== undefined && { since: new Date(since).toISOString() }),
        ...(until !== undefined && { until: new Date(until).toISOString() }),
        ...(cursor !== undefined && { cursor: String(cursor) }),
      },
      atMs: now(),
    });
  }

  return routes;
}

function asked({ all: _, cursor = 0, since, until, ...filter }: z.output<typeof deadLetterRun>) {
  return { filter: { ...filter, sinceMs: since, untilMs: until }, afterSeq: cursor };
}

function noSuchLetter(): Response {
  return problem(
    'not-found',
    'There is no such dead letter: it was redriven or discarded, or is past its retention.',
  );
}

function cursorOf(seq: number | null): string | null {
  return seq === null ? null : String(seq);
}

function shown(letter: DeadLetter): z.infer<typeof deadLetterAnswer> {
  const { kind, event, integration, reason } = letter;
  return {
    id: String(letter.seq),
    kind,
    event: event?.id ?? null,
    integration,
    type: event?.type ?? null,
    contact: event?.contact ?? null,
    reason,
    attempts: letter.attempts,
    messageId: letter.messageId,
    messageBytes: letter.bodyBytes,
    sentAt: new Date(letter.sentAtMs).toISOString(),
    keptAt: new Date(Math.floor(letter.seq / 1000)).toISOString(),
  };
}
