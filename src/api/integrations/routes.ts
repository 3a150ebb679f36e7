// /api/integrations: registering webhook addresses, each with the URL to register with the platform.

import { zValidator } from '@hono/zod-validator';
import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { coded, patterned } from '../../contract/problems.ts';
import { identifier } from '../../contract/webhook.ts';
import { problem } from '../../problem-details.ts';
import { parseAddressRange } from '../../sender/ip-ranges.ts';
import { type WebhookTokens, writtenSigningSecret } from '../../sender/webhook-token.ts';
import {
  type Deleted,
  deleteEmptyIntegration,
  deleteIntegrationAndContents,
  type Holdings,
} from '../../store/integration-deletion.ts';
import {
  type Change,
  createIntegration,
  findIntegrations,
  type Integration,
  listIntegrations,
  MAX_INTEGRATIONS,
  ON_REJECTION,
  rotateIntegration,
  setEnabled,
  updateIntegration,
  validPrevious,
} from '../../store/integrations.ts';
import type { ActorEnv } from '../access/actor.ts';
import { numericCursor, refuseParameters, trueOrFalse } from '../query-parameters.ts';
import { jsonBody } from '../request-body.ts';

const MAX_DESCRIPTION_LENGTH = 500;
const MAX_ADDRESS_RANGES = 100;
const MAX_OVERLAP_HOURS = 720;
const DEFAULT_OVERLAP_HOURS = 24;
const HOUR_MS = 3_600_000;

/** Stands in URLs as it is. */
const slug = patterned(/^[a-z0-9-]{3,64}$/, 'slug');

/** As it is in webhooks: what cannot be there would let none through. */
const appId = identifier;

const description = patterned(/^[^\p{Control}\p{Surrogate}]*$/u, 'one-line')
  .min(1)
  .max(MAX_DESCRIPTION_LENGTH);

const addressRange = z.string().transform((text, context) => {
  const range = parseAddressRange(text);
  if (range !== null) return range;
  context.addIssue({ code: 'custom', ...coded('not-an-address-range') });
  return z.NEVER;
});

const allowedIps = z
  .array(addressRange)
  .min(1)
  .max(MAX_ADDRESS_RANGES)
  .transform((ranges) => [...new Set(ranges)]);

const onRejection = z.enum(ON_REJECTION).meta({
  description:
    'What the sender of a webhook that is kept as a rejection is answered: `refuse`, 400 or 422; `accept`, 202 with ' +
    'the same problems, for senders that give up on an address or repeat what it refuses for days.',
});

/** What `POST /api/integrations` takes. */
export const newIntegration = z.strictObject({
  slug: slug.meta({ description: 'Stands in the URL to register.', example: 'shop' }),
  appId: appId.nullable().default(null).meta({ description: 'Take webhooks of this application only.' }),
  description: description.nullable().default(null),
  allowedIps: allowedIps.nullable().default(null),
  requireSignature: z.boolean().default(false),
  onRejection: onRejection.default('refuse'),
});

/** What `PATCH /api/integrations/:slug` takes: null clears. */
export const integrationPatch = z
  .strictObject({
    appId: appId.nullable(),
    description: description.nullable(),
    allowedIps: allowedIps.nullable(),
    requireSignature: z.boolean(),
    onRejection,
  })
  .partial()
  .refine((patch) => Object.keys(patch).length > 0, {
    ...coded('nothing-to-change'),
    when: ({ issues }) => issues.length === 0, // else a field that nobody knows would count as nothing
  });

/** What `POST /api/integrations/:slug/rotate` takes. */
export const rotation = z.strictObject({
  overlapHours: z.number().min(0).max(MAX_OVERLAP_HOURS).default(DEFAULT_OVERLAP_HOURS),
});

/** What `DELETE /api/integrations/:slug` takes. */
export const integrationDeletion = z
  .strictObject({
    force: trueOrFalse.default(false),
    cursor: numericCursor.optional(),
  })
  .refine(({ force, cursor }) => force || cursor === undefined, {
    path: ['cursor'],
    ...coded('goes-with', { parameter: 'force' }),
  });

/** An integration as its operators see it. */
export const integrationAnswer = z.object({
  slug: z.string(),
  appId: z.string().nullable().meta({ description: 'Only webhooks of this application are taken.' }),
  description: z.string().nullable(),
  enabled: z.boolean(),
  generation: z.int().min(1).meta({ description: 'Of its token; each rotation raises it.' }),
  previous: z
    .array(z.object({ generation: z.int().min(1), validUntil: z.iso.datetime() }))
    .meta({ description: 'Earlier generations that are still valid, newest first.' }),
  allowedIps: z.array(z.string()).nullable().meta({ description: 'null: any address may deliver.' }),
  requireSignature: z.boolean(),
  onRejection,
  createdAt: z.iso.datetime(),
  lastEventAt: z.iso.datetime().nullable().meta({
    description: 'When its newest event was stored, noted once a minute. null: there was none.',
  }),
  url: z.string().nullable().meta({
    description: 'To be registered with the platform. null for who may not see it: it holds the token.',
  }),
  signingSecret: z.string().nullable().meta({
    description: 'For a sender that signs. null for who may not see it.',
  }),
});
export type ShownIntegration = z.infer<typeof integrationAnswer>;

/** What `GET /api/integrations` answers: all, there are few. */
export const integrationList = z.object({ data: z.array(integrationAnswer) });

const deleted = z.object({
  events: z.int().min(0),
  unforwarded: z.int().min(0).meta({ description: 'Of the events, those that waited to be forwarded.' }),
  rejections: z.int().min(0),
  deadLetters: z.int().min(0),
});

/** What `DELETE /api/integrations/:slug` answers when it is done. */
export const deletionAnswer = z.object({ complete: z.literal(true), deleted });

/** What it answers when there is more to delete than one request can. */
export const unfinishedDeletionAnswer = z.object({
  complete: z.literal(false),
  deleted,
  next: z.string().meta({ description: 'The `cursor` to repeat it with.' }),
  detail: z.string(),
});

/** How to show an integration. */
export interface Presentation {
  tokens: WebhookTokens;
  /** Where the receiver is reached, without a slash at the end. */
  baseUrl: string;
  /** Whether URL and signing secret may be seen: with them one can deliver webhooks. */
  showsSecrets: boolean;
  nowMs: number;
}

export async function shownIntegration(
  integration: Integration,
  { tokens, baseUrl, showsSecrets, nowMs }: Presentation,
): Promise<ShownIntegration> {
  const { slug, generation, lastEventAtMs } = integration;
  return {
    slug,
    appId: integration.appId,
    description: integration.description,
    enabled: integration.isEnabled,
    generation,
    previous: validPrevious(integration.previous, nowMs).map(({ generation, untilMs }) => ({
      generation,
      validUntil: new Date(untilMs).toISOString(),
    })),
    allowedIps: integration.allowedIps,
    requireSignature: integration.requireSignature,
    onRejection: integration.onRejection,
    createdAt: new Date(integration.createdAtMs).toISOString(),
    lastEventAt: lastEventAtMs === null ? null : new Date(lastEventAtMs).toISOString(),
    url: showsSecrets ? `${baseUrl}/webhooks/${slug}/${await tokens.derive(slug, generation)}` : null,
    signingSecret: showsSecrets
      ? writtenSigningSecret(await tokens.deriveSigningSecret(slug, generation))
      : null,
  };
}

export interface IntegrationDeps {
  db: D1Database;
  tokens: WebhookTokens;
  /** Empty: the address that the request came to. */
  publicUrl: string;
  now: () => number;
}

/** To be mounted at `/api/integrations`. */
export function integrationRoutes({ db, tokens, publicUrl, now }: IntegrationDeps): Hono<ActorEnv> {
  const baseUrlOf = (c: Context) => publicUrl || new URL(c.req.url).origin;
  const shown = async (c: Context<ActorEnv>, integration: Integration) =>
    shownIntegration(integration, {
      tokens,
      baseUrl: baseUrlOf(c),
      showsSecrets: c.get('actor').mayChange,
      nowMs: now(),
    });
  const answer = async (c: Context<ActorEnv>, integration: Integration | null | undefined) =>
    integration ? c.json(await shown(c, integration)) : noSuchIntegration();
  const changeBy = (c: Context<ActorEnv>): Change => ({ actor: c.get('actor').name, nowMs: now() });

  return new Hono<ActorEnv>()
    .get('/', async (c) => {
      const integrations = await listIntegrations(db);
      return c.json({ data: await Promise.all(integrations.map(async (one) => shown(c, one))) });
    })
    .post('/', jsonBody(newIntegration), async (c) => {
      const creation = await createIntegration(db, c.req.valid('json'), changeBy(c));
      switch (creation.outcome) {
        case 'created': {
          const { integration } = creation;
          const location = `${baseUrlOf(c)}/api/integrations/${integration.slug}`;
          return c.json(await shown(c, integration), 201, { location });
        }
        case 'taken':
          return problem('conflict', 'There is an integration with this slug already.', {
            reason: 'slug-taken',
          });
        case 'full':
          return problem('conflict', `There are ${MAX_INTEGRATIONS} integrations, the most there can be.`, {
            reason: 'too-many-integrations',
          });
      }
    })
    .get('/:slug', async (c) => {
      const [integration] = await findIntegrations(db, [c.req.param('slug')]);
      return answer(c, integration);
    })
    .patch('/:slug', jsonBody(integrationPatch), async (c) =>
      answer(c, await updateIntegration(db, c.req.param('slug'), c.req.valid('json'), changeBy(c))),
    )
    .post('/:slug/rotate', jsonBody(rotation, { isOptional: true }), async (c) => {
      const overlapMs = Math.round(c.req.valid('json').overlapHours * HOUR_MS);
      return answer(c, await rotateIntegration(db, c.req.param('slug'), overlapMs, changeBy(c)));
    })
    .post('/:slug/enable', async (c) =>
      answer(c, await setEnabled(db, c.req.param('slug'), true, changeBy(c))),
    )
    .post('/:slug/disable', async (c) =>
      answer(c, await setEnabled(db, c.req.param('slug'), false, changeBy(c))),
    )
    .delete('/:slug', zValidator('query', integrationDeletion, refuseParameters), async (c) => {
      const slug = c.req.param('slug');
      const { force, cursor } = c.req.valid('query');
      const deleter = { actor: c.get('actor').name, now };
      const deletion = force
        ? await deleteIntegrationAndContents(db, slug, { ...deleter, walkedSeq: cursor })
        : await deleteEmptyIntegration(db, slug, deleter);
      switch (deletion.outcome) {
        case 'deleted':
          return c.json({
            complete: true,
            deleted: deletion.deleted,
          } satisfies z.infer<typeof deletionAnswer>);
        case 'unknown':
          return noSuchIntegration();
        case 'holding':
          return refusedDeletion(deletion.holdings);
        case 'unfinished': {
          const next = String(deletion.walkedSeq);
          const detail = `One request does not delete it all. Repeat it with ?force=true&cursor=${next}.`;
          const { deleted } = deletion;
          return c.json(
            { complete: false, deleted, next, detail } satisfies z.infer<typeof unfinishedDeletionAnswer>,
            202,
          );
        }
        case 'enabled': {
          const { unforwarded: _, ...deleted } = deletion.deleted;
          return problem(
            'conflict',
            `It was enabled while it was being deleted, and stays. ${contents(deleted)} are gone.`,
            { reason: 'enabled-meanwhile', deleted },
          );
        }
      }
    });
}

function noSuchIntegration(): Response {
  return problem('not-found', 'There is no integration with this slug.');
}

function refusedDeletion({ isEveryEventCounted: complete, ...counts }: Holdings): Response {
  const { events, rejections, deadLetters } = counts;
  const isUnknown = !complete && events + rejections + deadLetters === 0;
  const detail = isUnknown
    ? 'One request does not tell whether it has events. With ?force=true it is deleted, whatever it has.'
    : `It has ${complete ? '' : 'at least '}${contents(counts)}. With ?force=true it is deleted, and they with it.`;
  const holdings = { events, rejections, deadLetters, complete };
  return problem('conflict', detail, { reason: 'holds-data', holdings });
}

function contents({ events, rejections, deadLetters }: Omit<Deleted, 'unforwarded'>): string {
  const counts = [counted(events, 'event'), counted(rejections, 'rejection')];
  return `${counts.join(', ')} and ${counted(deadLetters, 'dead letter')}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
