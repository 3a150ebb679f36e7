import { describe, expect, it } from 'vitest';
import { ConfigurationError, settingsFrom } from '../src/env.ts';

const WEBHOOK_SECRET = 'a-webhook-secret-with-32-letters';
const ADMIN_TOKEN = 'admin-token-of-24-letter';

/** An environment as wrangler.toml and the secrets give it, with some of it changed. */
function environment(changed: Record<string, unknown> = {}): Env {
  return {
    RETENTION_DAYS: '30',
    MAX_DATABASE_GB: '8',
    PUBLIC_URL: '',
    WEBHOOK_SECRET,
    ADMIN_TOKEN,
    ...changed,
  } as unknown as Env;
}

function errorOf(changed: Record<string, unknown>): Error {
  try {
    settingsFrom(environment(changed));
  } catch (error) {
    return error as Error;
  }
  throw new Error('the settings were taken');
}

describe('settings', () => {
  it('are what the environment says, in the units of the code', () => {
    expect(settingsFrom(environment({ PUBLIC_URL: 'https://webhooks.example.com' }))).toEqual({
      retentionMs: 30 * 24 * 60 * 60 * 1000,
      maxDatabaseBytes: 8_000_000_000,
      publicUrl: 'https://webhooks.example.com',
      webhookSecret: WEBHOOK_SECRET,
      adminToken: ADMIN_TOKEN,
    });
  });

  it('have defaults for what is not set', () => {
    const unset = { RETENTION_DAYS: undefined, MAX_DATABASE_GB: undefined, PUBLIC_URL: undefined };
    expect(settingsFrom(environment(unset))).toEqual(settingsFrom(environment()));
  });

  it.each([
    ['RETENTION_DAYS', '0.5', { retentionMs: 43_200_000 }],
    ['RETENTION_DAYS', 7, { retentionMs: 604_800_000 }],
    ['MAX_DATABASE_GB', '10', { maxDatabaseBytes: 10_000_000_000 }],
    ['MAX_DATABASE_GB', '0.5', { maxDatabaseBytes: 500_000_000 }],
    ['PUBLIC_URL', 'https://webhooks.example.com/', { publicUrl: 'https://webhooks.example.com' }],
    ['PUBLIC_URL', 'https://example.com/base//', { publicUrl: 'https://example.com/base' }],
    ['PUBLIC_URL', 'http://localhost:8787', { publicUrl: 'http://localhost:8787' }],
  ])('take %s %o', (name, value, expected) => {
    expect(settingsFrom(environment({ [name]: value }))).toMatchObject(expected);
  });

  it.each([
    ['RETENTION_DAYS', '0', 'must be greater than 0'],
    ['RETENTION_DAYS', '-1', 'must be greater than 0'],
    ['RETENTION_DAYS', '', 'must be greater than 0'],
    ['RETENTION_DAYS', 'forever', 'must be a number'],
    ['RETENTION_DAYS', 'Infinity', 'must be a number'],
    ['MAX_DATABASE_GB', '0', 'must be greater than 0'],
    ['MAX_DATABASE_GB', '10.1', 'must be at most 10, where D1 ends'],
    ['MAX_DATABASE_GB', '8GB', 'must be a number'],
    ['PUBLIC_URL', 'webhooks.example.com', 'must be an http(s) URL'],
    ['PUBLIC_URL', 'ftp://webhooks.example.com', 'must be an http(s) URL'],
    ['WEBHOOK_SECRET', 'x'.repeat(31), 'must have at least 32 characters'],
    ['WEBHOOK_SECRET', '', 'must have at least 32 characters'],
    [
      'WEBHOOK_SECRET',
      undefined,
      'is not set: `npx wrangler secret put` sets it, `npm start` writes a local one',
    ],
    ['ADMIN_TOKEN', 'x'.repeat(23), 'must have at least 24 characters'],
    [
      'ADMIN_TOKEN',
      undefined,
      'is not set: `npx wrangler secret put` sets it, `npm start` writes a local one',
    ],
  ])('refuse %s %o, saying what is wrong', (name, value, message) => {
    const error = errorOf({ [name]: value });
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toBe(`${name} ${message}`);
  });

  it('that make no sense are all named, and none is quoted', () => {
    const { message } = errorOf({
      RETENTION_DAYS: 'quoted-1',
      PUBLIC_URL: 'quoted-2',
      WEBHOOK_SECRET: 'quoted-3',
      ADMIN_TOKEN: 'quoted-4',
    });
    for (const name of ['RETENTION_DAYS', 'PUBLIC_URL', 'WEBHOOK_SECRET', 'ADMIN_TOKEN']) {
      expect(message).toContain(name);
    }
    expect(message).not.toContain('quoted');
  });
});
