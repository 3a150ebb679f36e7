// The settings from wrangler.toml and the secrets, checked once for each isolate.

import * as z from 'zod';
import type { CloudEvent } from './contract/cloudevent.ts';
import { routeOfBinding } from './contract/routes.ts';
import { flawOfSecret, MIN_API_TOKEN_LENGTH, MIN_WEBHOOK_SECRET_LENGTH } from './secrets.ts';

/** What identifies the operator's own Cloudflare Access. */
export interface AccessSettings {
  /** E.g. `https://example.cloudflareaccess.com`, which is the issuer of its tokens. */
  teamDomain: string;
  /** The audience tag of the Access application. */
  audience: string;
}

/** Names all settings that are wrong, without their values: some are secrets. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError';
}

const DAY_MS = 86_400_000;
/** The limit of D1: https://developers.cloudflare.com/d1/platform/limits/ */
const D1_MAX_GB = 10;

const positive = z.coerce.number('must be a number').positive('must be greater than 0');

const environment = z.object({
  RETENTION_DAYS: positive.default(30),
  MAX_DATABASE_GB: positive.max(D1_MAX_GB, `must be at most ${D1_MAX_GB}, where D1 ends`).default(8),
  PUBLIC_URL: z
    .union([z.literal(''), z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' })])
    .default(''),
  WEBHOOK_SECRET: secret(MIN_WEBHOOK_SECRET_LENGTH),
  ADMIN_TOKEN: secret(MIN_API_TOKEN_LENGTH),
  READ_TOKEN: optional(secret(MIN_API_TOKEN_LENGTH)),
  ACCESS_TEAM_DOMAIN: optional(
    z.string().transform((text, context) => {
      const origin = originOf(text);
      if (origin?.startsWith('https:')) return origin;
      context.addIssue({ code: 'custom', message: 'must be like https://example.cloudflareaccess.com' });
      return z.NEVER;
    }),
  ),
  ACCESS_AUD: optional(z.string()),
  ALLOWED_ORIGINS: z
    .string()
    .transform((list, context) => {
      const origins = list.split(/[\s,]+/).flatMap((text) => (text === '' ? [] : [originOf(text)]));
      if (origins.every((origin) => origin !== null)) return origins;
      context.addIssue({ code: 'custom', message: 'must be origins, like https://ops.example.com' });
      return z.NEVER;
    })
    .default([]),
  REJECTION_DAYS: positive.default(7),
});

/** The settings as the code uses them, after the rules that concern two of them. */
const settings = environment
  .refine(({ READ_TOKEN, ADMIN_TOKEN }) => READ_TOKEN !== ADMIN_TOKEN, {
    path: ['READ_TOKEN'],
    error: 'must not be the ADMIN_TOKEN',
  })
  .refine(({ ACCESS_TEAM_DOMAIN, ACCESS_AUD }) => (ACCESS_TEAM_DOMAIN === null) === (ACCESS_AUD === null), {
    path: ['ACCESS_TEAM_DOMAIN'],
    error: 'and ACCESS_AUD must both be set, or neither',
  })
  .transform(({ ACCESS_TEAM_DOMAIN: teamDomain, ACCESS_AUD: audience, ...set }) => ({
    retentionMs: set.RETENTION_DAYS * DAY_MS,
    rejectionMs: set.REJECTION_DAYS * DAY_MS,
    /** Events go early when the database is larger. */
    maxDatabaseBytes: set.MAX_DATABASE_GB * 1e9,
    /** Without a slash at the end; empty for the address that a request came to. */
    publicUrl: set.PUBLIC_URL.replace(/\/+$/, ''),
    webhookSecret: set.WEBHOOK_SECRET,
    adminToken: set.ADMIN_TOKEN,
    /** Opens the API for reading only; `null` where it is not set. */
    readToken: set.READ_TOKEN,
    /** `null` where no Cloudflare Access stands in front of the API. */
    access: teamDomain === null || audience === null ? null : { teamDomain, audience },
    /** Origins whose pages may use the API from a browser. */
    allowedOrigins: set.ALLOWED_ORIGINS,
  }));
export type Settings = z.infer<typeof settings>;

/** A setting that may be missing. An empty variable counts as missing. */
function optional<Setting extends z.ZodType>(setting: Setting) {
  return z.preprocess((value) => (value === '' ? null : value), setting.nullable()).default(null);
}

/** The origin that a text is, as browsers write it; `null` where it is none, or stands for several. */
function originOf(text: string): string | null {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname.includes('*')) return null;
  return url.href === `${url.origin}/` ? url.origin : null;
}

function secret(minLength: number) {
  return z
    .string('is not set: `npx wrangler secret put` sets it, `npm start` writes a local one')
    .min(minLength, `must have at least ${minLength} characters`)
    .superRefine((value, context) => {
      const message = flawOfSecret(value);
      if (message !== null) context.addIssue({ code: 'custom', message });
    });
}

/** The queues of the routes, by the routes' names. Their bindings are `EVENTS` and `EVENTS_<NAME>`. */
export function routeQueuesOf(env: Env): Map<string, Queue<CloudEvent>> {
  return new Map(
    Object.entries(env).flatMap(([binding, value]) => {
      const route = routeOfBinding(binding);
      return route !== null && isQueue(value) ? [[route, value] as const] : [];
    }),
  );
}

function isQueue(binding: unknown): binding is Queue<CloudEvent> {
  return typeof binding === 'object' && binding !== null && 'sendBatch' in binding;
}

/** Reads the settings. Throws {@link ConfigurationError}. */
export function settingsFrom(env: Env): Settings {
  const { data, error } = settings.safeParse(env);
  if (data !== undefined) return data;
  const problems = error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
  throw new ConfigurationError(problems.join('; '));
}
