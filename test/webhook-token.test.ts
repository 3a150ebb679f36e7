import { describe, expect, it } from 'vitest';
import { presentedToken, webhookTokens } from '../src/webhook-token.ts';

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
  ])('is not: %s', async (_, token) => {
    expect(await tokens.verify('shop', token)).toBeNull();
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
  ])('is none: %s', (_, authorization) => {
    expect(presentedToken(undefined, authorization)).toBe('');
  });
});
