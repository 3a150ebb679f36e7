// Bindings and settings: what wrangler.toml and the secrets give, checked once for each isolate.

import * as z from 'zod';

/** Settings as the code uses them. */
export interface Settings {
  retentionMs: number;
  /** Past this size of the database the oldest events go early. */
  maxDatabaseBytes: number;
  /** Without a slash at the end; empty: the address that a request came to. */
  publicUrl: string;
  webhookSecret: string;
  adminToken: string;
}

/** Settings that make no sense, each named. Carries no value: some are secrets. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError';
}

const DAY_MS = 86_400_000;
const MIN_WEBHOOK_SECRET_LENGTH = 32;
const MIN_ADMIN_TOKEN_LENGTH = 24;
/** D1 takes no more: https://developers.cloudflare.com/d1/platform/limits/ */
const D1_MAX_GB = 10;

const positive = z.coerce.number('must be a number').positive('must be greater than 0');

const settings = z.object({
  RETENTION_DAYS: positive.default(30),
  MAX_DATABASE_GB: positive.max(D1_MAX_GB, `must be at most ${D1_MAX_GB}, where D1 ends`).default(8),
  PUBLIC_URL: z
    .union([z.literal(''), z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' })])
    .default(''),
  WEBHOOK_SECRET: secret(MIN_WEBHOOK_SECRET_LENGTH),
  ADMIN_TOKEN: secret(MIN_ADMIN_TOKEN_LENGTH),
});

function secret(minLength: number) {
  return z
    .string('is not set: `npx wrangler secret put` sets it, `npm start` writes a local one')
    .min(minLength, `must have at least ${minLength} characters`);
}

/** The settings of an environment. Throws {@link ConfigurationError} naming all that is wrong. */
export function settingsFrom(env: Env): Settings {
  const result = settings.safeParse(env);
  if (!result.success) {
    const problems = result.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
    throw new ConfigurationError(problems.join('; '));
  }
  const { RETENTION_DAYS, MAX_DATABASE_GB, PUBLIC_URL, WEBHOOK_SECRET, ADMIN_TOKEN } = result.data;
  return {
    retentionMs: RETENTION_DAYS * DAY_MS,
    maxDatabaseBytes: MAX_DATABASE_GB * 1e9,
    publicUrl: PUBLIC_URL.replace(/\/+$/, ''),
    webhookSecret: WEBHOOK_SECRET,
    adminToken: ADMIN_TOKEN,
  };
}
