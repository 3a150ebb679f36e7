import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { presentedToken, webhookTokens, writtenSigningSecret } from '../../src/sender/webhook-token.ts';

const SECRET = 'a secret of the tests, 32 letters';
const tokens = webhookTokens(SECRET);
/** HMAC-SHA-256 of `webhook-token:shop:1` under SECRET, made by another implementation. */
const SHOP_1 = '1.brGWtRkBIklXrwbxuHbFm6hS6XGhqKnYdbszgwi3GjU';
const SHOP_12 = '12.xCOO5Em0k7tmLTe2fZ5vJea8CdyM_1LZ5kJyr2_QNOk';

describe('a derived token', () => {
  it('is the generation and the HMAC of purpose, slug and generation', async () => {
    expect(await tokens.derive('shop', 1)).toBe(SHOP_1);
    expect(await tokens.derive('shop', 12)).toBe(SHOP_12);
  });

  it('stands in a URL as it is', async () => {
    for (let generation = 1; generation <= 50; generation++) {
      const token = await tokens.derive('shop', generation);
      expect(encodeURIComponent(token)).toBe(token);
    }
  });

  it('is genuine for its generation', async () => {
    expect(await tokens.verify('shop', SHOP_1)).toBe(1);
    expect(await tokens.verify('shop', SHOP_12)).toBe(12);
    expect(await webhookTokens(SECRET).verify('shop', SHOP_1)).toBe(1);
  });

  it('is genuine for no other slug, secret or generation', async () => {
    expect(await tokens.verify('shop2', SHOP_1)).toBeNull();
    expect(await tokens.verify('SHOP', SHOP_1)).toBeNull();
    expect(await tokens.verify('', SHOP_1)).toBeNull();
    expect(await webhookTokens(`${SECRET}.`).verify('shop', SHOP_1)).toBeNull();
    expect(await tokens.verify('shop', SHOP_1.replace('1.', '2.'))).toBeNull();
    expect(await tokens.verify('shop', SHOP_12.replace('12.', '1.'))).toBeNull();
  });

  it('cannot be had by moving a digit between slug and generation', async () => {
    const [, mac] = (await tokens.derive('shop:1', 2)).split('.');
    expect(await tokens.verify('shop', `1.${mac}`)).toBeNull();
    expect(await tokens.verify('shop', `12.${mac}`)).toBeNull();
  });

  it.each([
    ['nothing', ''],
    ['a dot', '.'],
    ['no generation', SHOP_1.slice(2)],
    ['generation 0', SHOP_1.replace('1.', '0.')],
    ['a generation with a leading zero', `0${SHOP_1}`],
    ['a negative generation', `-${SHOP_1}`],
    ['a fraction of a generation', SHOP_1.replace('1.', '1.0.')],
    ['a generation in other writing', SHOP_1.replace('1.', '1e0.')],
    ['a huge generation', SHOP_1.replace('1.', '9999999999.')],
    ['no digest', '1.'],
    ['a digest of zeros', `1.${'A'.repeat(43)}`],
    ['a digest cut short', SHOP_1.slice(0, -1)],
    ['a digest and more', `${SHOP_1}A`],
    ['padding', `${SHOP_1}=`],
    ['the other base64 alphabet', '1.++++++++++++++++++++++++++++++++++++++++++0'],
    ['a space after it', `${SHOP_1} `],
    ['a line after it', `${SHOP_1}\n`],
    ['a changed letter', SHOP_1.replace(/\.(.)/, (_, letter) => `.${letter === 'x' ? 'y' : 'x'}`)],
    ['the digest in other case', SHOP_1.toLowerCase()],
  ])('is told from %s', async (_, token) => {
    expect(await tokens.verify('shop', token)).toBeNull();
  });
});

describe('a derived signing secret', () => {
  it('is the HMAC of its own purpose, slug and generation, written as Standard Webhooks has it', async () => {
    // made by another implementation
    for (const [generation, written] of [
      [1, 'whsec_EXnDWJ08KYMhQe6b/ZNY8ZjWvsD6rT0tq4YuF5G+2I0='],
      [12, 'whsec_t3q9qir/ofBEuFrr+apjHN0NgDXcKxZG6s3+Jm2CjXc='],
    ] as const) {
      const secret = await tokens.deriveSigningSecret('shop', generation);
      expect(secret).toHaveLength(32);
      expect(writtenSigningSecret(secret)).toBe(written);
    }
  });

  it('is what a sender signs with, by the library of Standard Webhooks', async () => {
    const secret = await tokens.deriveSigningSecret('shop', 1);
    const key = await crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, [
      'sign',
    ]);
    const at = new Date('2020-06-18T17:07:51Z');
    const signed = new TextEncoder().encode(`msg_1.${at.getTime() / 1000}.{"a":1}`);
    const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, signed)).toBase64();
    expect(new Webhook(writtenSigningSecret(secret)).sign('msg_1', at, '{"a":1}')).toBe(`v1,${mac}`);
  });

  it('is another one for each slug, generation and secret, and none of them is a token', async () => {
    const secrets = await Promise.all([
      tokens.deriveSigningSecret('shop', 1),
      tokens.deriveSigningSecret('shop', 2),
      tokens.deriveSigningSecret('shop2', 1),
      webhookTokens(`${SECRET}.`).deriveSigningSecret('shop', 1),
    ]);
    const written = secrets.map((secret) => secret.toBase64({ alphabet: 'base64url', omitPadding: true }));
    expect(new Set(written).size).toBe(4);
    for (const mac of written) expect(await tokens.verify('shop', `1.${mac}`)).toBeNull();
  });
});

describe('the presented token', () => {
  it.each([
    ['in the URL', 'in-url', undefined, 'in-url'],
    ['in the URL before any other', 'in-url', 'Bearer in-header', 'in-url'],
    ['as Bearer', undefined, 'Bearer in-header', 'in-header'],
    ['as Bearer in any case', undefined, 'bEARER in-header', 'in-header'],
    ['as Bearer with spaces', undefined, 'Bearer   in-header ', 'in-header'],
    ['as Basic password', undefined, `Basic ${btoa('anybody:in-header')}`, 'in-header'],
    ['as Basic password without a user', undefined, `basic ${btoa(':in-header')}`, 'in-header'],
    ['as Basic password with colons', undefined, `Basic ${btoa('anybody:a:b')}`, 'a:b'],
  ])('is taken %s', (_, inUrl, authorization, token) => {
    expect(presentedToken(inUrl, authorization)).toBe(token);
  });

  it.each([
    ['no header', undefined],
    ['an empty header', ''],
    ['a scheme alone', 'Bearer'],
    ['a scheme and a space', 'Bearer '],
    ['a token without scheme', 'in-header'],
    ['another scheme', 'Digest in-header'],
    ['two tokens', 'Bearer in-header another'],
    ['Basic that is no base64', 'Basic ***'],
    ['Basic without a password', `Basic ${btoa('anybody:')}`],
  ])('is empty with %s', (_, authorization) => {
    expect(presentedToken(undefined, authorization)).toBe('');
  });
});
