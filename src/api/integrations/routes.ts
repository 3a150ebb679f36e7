// /api/integrations: registering webhook addresses, each with the URL to register with the platform. Deleting one is in
// deletion.ts.

import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { coded, patterned } from '../../contract/problems.ts';
import { rfc3339 } from '../../contract/timestamp.ts';
import { identifier } from '../../contract/webhook.ts';
import { named } from '../../http/named-schemas.ts';
import { json, operationsOf } from '../../http/operation.ts';
import { problem } from '../../http/problem-details.ts';
import { parseAddressRange } from '../../sender/ip-ranges.ts';
import { type WebhookTokens, writtenSigningSecret } from '../../sender/webhook-token.ts';
import * as store from '../../store/integrations.ts';
import type { ActorEnv } from '../access/actor.ts';
import { moment, textOrNull } from '../fields.ts';
import { answer, serve } from '../serve.ts';

const MAX_DESCRIPTION_LENGTH = 500;
const MAX_ADDRESS_RANGES = 100;
export const MAX_OVERLAP_HOURS = 720;
export const DEFAULT_OVERLAP_HOURS = 24;
const HOUR_MS = 3_600_000;

/** A slug needs no encoding in URLs. */
export const slug = patterned(/^[a-z0-9-]{3,64}$/, 'slug');

/** The same identifier as in webhooks: one that cannot stand there would let no webhook through. */
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

const onRejection = z
  .enum(store.ON_REJECTION)
  .describe(
    'What the sender of a webhook that is kept as a rejection is answered: `refuse`, 400 or 422; `accept`, 202 with ' +
      'the same problems, for senders that give up on an address or repeat what it refuses for days.',
  );

/** The settings of a new integration. */
export const newIntegration = z.strictObject({
  slug: slug.meta({ description: 'Stands in the URL to register.', example: 'shop' }),
  appId: appId.nullable().default(null).describe('Take webhooks of this application only.'),
  description: description.nullable().default(null),
  allowedIps: allowedIps.nullable().default(null),
  requireSignature: z.boolean().default(false),
  onRejection: onRejection.default('refuse'),
});

const integrationPatch = z
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
    when: ({ issues }) => issues.length === 0, // a request with only an unknown field is refused for that field
  });

const rotation = z.strictObject({
  overlapHours: z.number().min(0).max(MAX_OVERLAP_HOURS).default(DEFAULT_OVERLAP_HOURS),
});

const integrationAnswer = z.object({
  slug: z.string(),
  appId: textOrNull.describe('Only webhooks of this application are taken.'),
  description: textOrNull,
  enabled: z.boolean(),
  generation: z.int().min(1).describe('Of its token; each rotation raises it.'),
  previous: z
    .array(z.object({ generation: z.int().min(1), validUntil: moment }))
    .describe('Earlier generations that are still valid, newest first.'),
  allowedIps: z.array(z.string()).nullable().describe('null: any address may deliver.'),
  requireSignature: z.boolean(),
  onRejection,
  createdAt: moment,
  lastEventAt: moment
    .nullable()
    .describe('When its newest event was stored, noted once a minute. null: there was none.'),
  url: textOrNull.describe(
    'To be registered with the platform. null for who may not see it: it holds the token.',
  ),
  signingSecret: textOrNull.describe('For a sender that signs. null for who may not see it.'),
});
named('Integration', integrationAnswer);
export type ShownIntegration = z.infer<typeof integrationAnswer>;

const integrationList = z.object({ data: z.array(integrationAnswer) });

/** What the answer about an integration depends on beside the integration itself. */
interface Presentation {
  tokens: WebhookTokens;
  /** The address of the receiver, without a slash at the end. */
  baseUrl: string;
  /** Whether the asker may see the URL and the signing secret, with which one can deliver webhooks. */
  showsSecrets: boolean;
  nowMs: number;
}

async function shownIntegration(
  integration: store.Integration,
  { tokens, baseUrl, showsSecrets, nowMs }: Presentation,
): Promise<ShownIntegration> {
  const { slug, generation, lastEventAtMs } = integration;
  return {
    slug,
    appId: integration.appId,
    description: integration.description,
    enabled: integration.isEnabled,
    generation,
    previous: store.validPrevious(integration.previous, nowMs).map(({ generation, untilMs }) => ({
      generation,
      validUntil: rfc3339(untilMs),
    })),
    allowedIps: integration.allowedIps,
    requireSignature: integration.requireSignature,
    onRejection: integration.onRejection,
    createdAt: rfc3339(integration.createdAtMs),
    lastEventAt: lastEventAtMs === null ? null : rfc3339(lastEventAtMs),
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

export const integrationOperation = operationsOf({
  name: 'Integrations',
  description: 'Registered webhook addresses.',
});

/** The parameter of a path that names an integration. */
export const integrationPath = z.object({
  slug: z.string().meta({ description: 'Slug of the integration.', example: 'shop' }),
});

const INTEGRATION: ShownIntegration = {
  slug: 'shop',
  appId: '5e138ee5d53f5b001b96fa54',
  description: 'The online shop',
  enabled: true,
  generation: 2,
  previous: [{ generation: 1, validUntil: '2026-03-02T02:00:00.000Z' }],
  allowedIps: ['203.0.113.0/24'],
  requireSignature: false,
  onRejection: 'refuse',
  createdAt: '2026-02-01T12:00:00.000Z',
  lastEventAt: '2026-03-01T17:07:52.004Z',
  url: `https://webhooks.example.com/webhooks/shop/2.${'A'.repeat(43)}`,
  signingSecret: `whsec_${'A'.repeat(43)}=`,
};

const shownAs = (description: string) => ({ description, schema: integrationAnswer, example: INTEGRATION });

export const listIntegrations = integrationOperation('listIntegrations', 'GET /api/integrations', {
  summary: 'List integrations',
  answers: {
    200: json('All of them.', integrationList, { data: [INTEGRATION] }),
  },
});

export const createIntegration = integrationOperation('createIntegration', 'POST /api/integrations', {
  summary: 'Create an integration',
  description: 'The answer has the URL to register with the platform.',
  body: {
    schema: newIntegration,
    examples: { plain: { slug: 'shop' }, bound: { slug: 'shop', appId: INTEGRATION.appId } },
  },
  answers: { 201: { ...shownAs('It is created.'), headers: { location: 'Where it is.' } } },
  problems: ['conflict'],
});

export const getIntegration = integrationOperation('getIntegration', 'GET /api/integrations/:slug', {
  summary: 'Read an integration',
  param: integrationPath,
  answers: { 200: shownAs('The integration.') },
  problems: ['not-found'],
});

export const updateIntegration = integrationOperation('updateIntegration', 'PATCH /api/integrations/:slug', {
  summary: 'Change an integration',
  description: 'What is not named stays; null clears.',
  param: integrationPath,
  body: {
    schema: integrationPatch,
    examples: { addresses: { allowedIps: ['203.0.113.0/24'] }, cleared: { description: null } },
  },
  answers: { 200: shownAs('As it is now.') },
  problems: ['not-found'],
});

export const rotateIntegration = integrationOperation(
  'rotateIntegration',
  'POST /api/integrations/:slug/rotate',
  {
    summary: 'Replace the token',
    description: 'The one before stays valid for the overlap. Register the new URL with the platform.',
    param: integrationPath,
    body: {
      schema: rotation,
      isOptional: true,
      examples: { leaked: { overlapHours: 0 }, week: { overlapHours: 168 } },
    },
    answers: { 200: shownAs('With the new URL.') },
    problems: ['not-found'],
  },
);

export const enableIntegration = integrationOperation(
  'enableIntegration',
  'POST /api/integrations/:slug/enable',
  {
    summary: 'Let webhooks in again',
    param: integrationPath,
    answers: { 200: shownAs('As it is now.') },
    problems: ['not-found'],
  },
);

export const disableIntegration = integrationOperation(
  'disableIntegration',
  'POST /api/integrations/:slug/disable',
  {
    summary: 'Let no webhooks in',
    param: integrationPath,
    answers: { 200: shownAs('As it is now.') },
    problems: ['not-found'],
  },
);

export function integrationRoutes({ db, tokens, publicUrl, now }: IntegrationDeps): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  const baseUrlOf = (c: Context) => publicUrl || new URL(c.req.url).origin;
  const shown = async (c: Context<ActorEnv>, integration: store.Integration) =>
    shownIntegration(integration, {
      tokens,
      baseUrl: baseUrlOf(c),
      showsSecrets: c.get('actor').mayChange,
      nowMs: now(),
    });
  const shownOrNone = async (c: Context<ActorEnv>, integration: store.Integration | null | undefined) =>
    integration ? shown(c, integration) : noSuchIntegration();
  const changeBy = (c: Context<ActorEnv>): store.ChangeAuthor => ({
    actor: c.get('actor').name,
    nowMs: now(),
  });

  serve(routes, listIntegrations, async (c) => {
    const integrations = await store.listIntegrations(db);
    return { data: await Promise.all(integrations.map(async (one) => shown(c, one))) };
  });

  serve(routes, createIntegration, async (c, { body }) => {
    const creation = await store.createIntegration(db, body, changeBy(c));
    switch (creation.outcome) {
      case 'created': {
        const { integration } = creation;
        const location = `${baseUrlOf(c)}/api/integrations/${integration.slug}`;
        return answer(createIntegration, 201, await shown(c, integration), { location });
      }
      case 'taken':
        return problem('conflict', 'There is an integration with this slug already.', {
          reason: 'slug-taken',
        });
      case 'full':
        return problem(
          'conflict',
          `There are ${store.MAX_INTEGRATIONS} integrations, the most there can be.`,
          {
            reason: 'too-many-integrations',
          },
        );
    }
  });

  serve(routes, getIntegration, async (c, { param }) => {
    const [integration] = await store.findIntegrations(db, [param.slug]);
    return shownOrNone(c, integration);
  });

  serve(routes, updateIntegration, async (c, { param, body }) =>
    shownOrNone(c, await store.updateIntegration(db, param.slug, body, changeBy(c))),
  );

  serve(routes, rotateIntegration, async (c, { param, body }) => {
    const overlapMs = Math.round(body.overlapHours * HOUR_MS);
    return shownOrNone(c, await store.rotateIntegration(db, param.slug, overlapMs, changeBy(c)));
  });

  serve(routes, enableIntegration, async (c, { param }) =>
    shownOrNone(c, await store.setIntegrationEnabled(db, param.slug, true, changeBy(c))),
  );

  serve(routes, disableIntegration, async (c, { param }) =>
    shownOrNone(c, await store.setIntegrationEnabled(db, param.slug, false, changeBy(c))),
  );

  return routes;
}

export function noSuchIntegration(): Response {
  return problem('not-found', 'There is no integration with this slug.');
}
