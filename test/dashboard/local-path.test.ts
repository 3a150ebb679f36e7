import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { localPath, pagePath } from '../../src/dashboard/frame/local-path.ts';
import { expectHolds } from '../seeded.ts';

const BASES = [
  'https://receiver.example/sign-in',
  'http://localhost:8787/language',
  'https://receiver.example',
];

/** The parts of addresses that lead elsewhere. */
const piece = fc.constantFrom(
  ...['/', '/', '\\', '.', '..', '%2e', '%2E', '%2f', '%5c', '\t', '\n', '\r', ' ', '@', ':', '?', '#'],
  ...[
    'evil.example',
    'here',
    'x',
    'http:',
    'https:',
    'javascript:',
    '\u0000',
    '\u3002',
    '\uff0f',
    '\ud800',
    'é',
  ],
);
const hostile = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`);

describe('the address that somebody is led on to', () => {
  it('is one of this receiver, whatever was asked for', async () => {
    await expectHolds(
      fc.property(fc.oneof(hostile, fc.string(), fc.webUrl(), fc.anything()), (asked) => {
        const path = localPath(asked);
        for (const base of BASES) expect(new URL(path, base).origin).toBe(new URL(base).origin);
        expect(localPath(path)).toBe(path);
      }),
    );
  });

  it.each([
    '/',
    '/events',
    '/events?type=status&since=2026-03-01',
    '/contacts/%2B5544999999999',
    '/events/shop/a%2F%2Fb%3Aresponse',
    '/find?q=//evil.example',
  ])('is the page that was asked for: %s', (path) => {
    expect(localPath(path)).toBe(path);
  });
});

describe('the path of a page', () => {
  it('has its parts encoded', () => {
    expect(pagePath`/events/${'shop'}/${'a/b?c'}`).toBe('/events/shop/a%2Fb%3Fc');
  });

  it('has something for half of a surrogate pair, which no address can have', () => {
    expect(pagePath`/contacts/${'\ud800'}`).toBe('/contacts/%EF%BF%BD');
  });
});
