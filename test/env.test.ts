import { describe, expect, it } from 'vitest';
import { ConfigurationError, settingsFrom } from '../src/env.ts';

const WEBHOOK_SECRET = 'a-webhook-secret-with-32-letters';
const ADMIN_TOKEN = 'admin-token-of-24-letter';
const READ_TOKEN = 'read-token-of-24-letters';

const ORIGINS = ['https://a.example', 'http://localhost:3000'];
const NO_TEAM_DOMAIN = 'must be like https://example.cloudflareaccess.com';
const NO_ORIGINS = 'must be origins, like https://ops.example.com';

/** An environment as wrangler.toml and the secrets give it, with some of it changed. */
function environment(changed: Record<string, unknown> = {}): Env {
  return {
    RETENTION_DAYS: '30',
    MAX_DATABASE_GB: '8',
    PUBLIC_URL: '',
    REJECTION_DAYS: '7',
    ALLOWED_ORIGINS: '',
    ACCESS_TEAM_DOMAIN: '',
    ACCESS_AUD: '',
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
    const all = {
      PUBLIC_URL: 'https://webhooks.example.com',
      READ_TOKEN,
      ACCESS_TEAM_DOMAIN: 'https://team.cloudflareaccess.com',
      ACCESS_AUD: 'audience',
      ALLOWED_ORIGINS: 'https://ops.example.com',
    };
    expect(settingsFrom(environment(all))).toEqual({
      retentionMs: 30 * 24 * 60 * 60 * 1000,
      rejectionMs: 7 * 24 * 60 * 60 * 1000,
      maxDatabaseBytes: 8_000_000_000,
      publicUrl: 'https://webhooks.example.com',
      webhookSecret: WEBHOOK_SECRET,
      adminToken: ADMIN_TOKEN,
      readToken: READ_TOKEN,
      access: { teamDomain: 'https://team.cloudflareaccess.com', audience: 'audience' },
      allowedOrigins: ['https://ops.example.com'],
    });
  });

  it('have defaults for what is not set', () => {
    expect(settingsFrom({ WEBHOOK_SECRET, ADMIN_TOKEN } as Env)).toEqual(settingsFrom(environment()));
  });

  it('that are empty count as missing, where they are optional', () => {
    expect(settingsFrom(environment({ READ_TOKEN: '' }))).toMatchObject({
      publicUrl: '',
      readToken: null,
      access: null,
      allowedOrigins: [],
    });
  });

  it.each([
    ['RETENTION_DAYS', '0.5', { retentionMs: 43_200_000 }],
    ['RETENTION_DAYS', 7, { retentionMs: 604_800_000 }],
    ['MAX_DATABASE_GB', '10', { maxDatabaseBytes: 10_000_000_000 }],
    ['MAX_DATABASE_GB', '0.5', { maxDatabaseBytes: 500_000_000 }],
    ['PUBLIC_URL', 'https://webhooks.example.com/', { publicUrl: 'https://webhooks.example.com' }],
    ['PUBLIC_URL', 'https://example.com/base//', { publicUrl: 'https://example.com/base' }],
    ['PUBLIC_URL', 'http://localhost:8787', { publicUrl: 'http://localhost:8787' }],
    ['REJECTION_DAYS', '0.5', { rejectionMs: 43_200_000 }],
    ['READ_TOKEN', READ_TOKEN, { readToken: READ_TOKEN }],
    ['ALLOWED_ORIGINS', 'https://a.example,http://localhost:3000', { allowedOrigins: ORIGINS }],
    ['ALLOWED_ORIGINS', ' https://a.example , http://localhost:3000 ', { allowedOrigins: ORIGINS }],
    ['ALLOWED_ORIGINS', 'https://a.example http://localhost:3000', { allowedOrigins: ORIGINS }],
    ['ALLOWED_ORIGINS', 'HTTPS://A.example:443/,http://localhost:3000/', { allowedOrigins: ORIGINS }],
    ['ALLOWED_ORIGINS', 'https://ação.example', { allowedOrigins: ['https://xn--ao-siap.example'] }],
    ['ALLOWED_ORIGINS', ' , ', { allowedOrigins: [] }],
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
    ['READ_TOKEN', 'x'.repeat(23), 'must have at least 24 characters'],
    ['READ_TOKEN', ADMIN_TOKEN, 'must not be the ADMIN_TOKEN'],
    ['REJECTION_DAYS', '0', 'must be greater than 0'],
    ['REJECTION_DAYS', 'a week', 'must be a number'],
    ['ACCESS_TEAM_DOMAIN', 'example', NO_TEAM_DOMAIN],
    ['ACCESS_TEAM_DOMAIN', 'example.cloudflareaccess.com', NO_TEAM_DOMAIN],
    ['ACCESS_TEAM_DOMAIN', 'http://example.cloudflareaccess.com', NO_TEAM_DOMAIN],
    ['ACCESS_TEAM_DOMAIN', 'https://example.cloudflareaccess.com/cdn-cgi/access/certs', NO_TEAM_DOMAIN],
    [
      'ACCESS_TEAM_DOMAIN',
      'https://example.cloudflareaccess.com',
      'and ACCESS_AUD must both be set, or neither',
    ],
    ['ALLOWED_ORIGINS', '*', NO_ORIGINS],
    ['ALLOWED_ORIGINS', 'null', NO_ORIGINS],
    ['ALLOWED_ORIGINS', 'ops.example.com', NO_ORIGINS],
    ['ALLOWED_ORIGINS', 'https://*.example.com', NO_ORIGINS],
    ['ALLOWED_ORIGINS', 'https://ops.example.com/path', NO_ORIGINS],
    ['ALLOWED_ORIGINS', 'https://user@ops.example.com', NO_ORIGINS],
    ['ALLOWED_ORIGINS', 'ftp://ops.example.com', NO_ORIGINS],
    ['ALLOWED_ORIGINS', 'https://ops.example.com;https://a.example', NO_ORIGINS],
    ['ALLOWED_ORIGINS', '*, https://ops.example.com, null', NO_ORIGINS],
  ])('refuse %s %o, saying what is wrong', (name, value, message) => {
    const error = errorOf({ [name]: value });
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.message).toBe(`${name} ${message}`);
  });

  describe.each([['WEBHOOK_SECRET'], ['ADMIN_TOKEN'], ['READ_TOKEN']])('refuse a %s', (name) => {
    const LONG = 'quoted-and-long-enough-for-any-of-them';

    it.each([
      ['a line end behind it', `${LONG}\n`, 'must not have a line end'],
      ['a line end of Windows behind it', `${LONG}\r\n`, 'must not have a line end'],
      ['a line end within', `${LONG}\n${LONG}`, 'must not have a line end'],
      ['the line end of a web page', `${LONG}\u2028`, 'must not have a line end'],
      ['a blank behind it', `${LONG} `, 'must not have a blank'],
      ['a blank before it', ` ${LONG}`, 'must not have a blank'],
      ['a blank within', `${LONG} ${LONG}`, 'must not have a blank'],
      ['a tab', `${LONG}\t`, 'must not have a blank'],
      ['a blank of a web page', `${LONG}\u00a0`, 'must not have a blank'],
      ['a byte order mark', `\ufeff${LONG}`, 'must not have a byte order mark'],
      ['an accent', `${LONG}-não`, 'must have visible ASCII characters only'],
      ['a quotation mark of an editor', `“${LONG}”`, 'must have visible ASCII characters only'],
      ['an invisible mark', `${LONG}\u200b`, 'must have visible ASCII characters only'],
      ['a control character', `${LONG}\u0000`, 'must have visible ASCII characters only'],
      ['a lone surrogate', `${LONG}\ud83d`, 'must have visible ASCII characters only'],
    ])('with %s, naming it and quoting nothing', (_, value, message) => {
      const error = errorOf({ [name]: value });
      expect(error).toBeInstanceOf(ConfigurationError);
      expect(error.message).toBe(`${name} ${message}`);
    });
  });

  it('take every visible character of ASCII in a secret', () => {
    const visible = Array.from({ length: 0x7e - 0x20 }, (_, index) => String.fromCharCode(0x21 + index)).join(
      '',
    );
    expect(settingsFrom(environment({ ADMIN_TOKEN: visible })).adminToken).toBe(visible);
  });

  it('of Access are taken together, and refused one without the other', () => {
    const both = { ACCESS_TEAM_DOMAIN: 'https://Team.cloudflareaccess.com/', ACCESS_AUD: 'audience' };
    expect(settingsFrom(environment(both)).access).toEqual({
      teamDomain: 'https://team.cloudflareaccess.com',
      audience: 'audience',
    });
    expect(errorOf({ ACCESS_AUD: 'audience' }).message).toBe(
      'ACCESS_TEAM_DOMAIN and ACCESS_AUD must both be set, or neither',
    );
  });

  it('that are wrong are all named, and none is quoted', () => {
    const { message } = errorOf({
      RETENTION_DAYS: 'quoted-1',
      PUBLIC_URL: 'quoted-2',
      WEBHOOK_SECRET: 'quoted-3',
      ADMIN_TOKEN: 'quoted-4',
      READ_TOKEN: 'quoted-5',
      ACCESS_TEAM_DOMAIN: 'quoted-6',
      ALLOWED_ORIGINS: 'quoted-7',
      REJECTION_DAYS: 'quoted-8',
    });
    expect(message.split('; ').map((problem) => problem.split(' ')[0])).toEqual([
      'RETENTION_DAYS',
      'PUBLIC_URL',
      'WEBHOOK_SECRET',
      'ADMIN_TOKEN',
      'READ_TOKEN',
      'ACCESS_TEAM_DOMAIN',
      'ALLOWED_ORIGINS',
      'REJECTION_DAYS',
    ]);
    expect(message).not.toContain('quoted');
  });
});
