import { env } from 'cloudflare:workers';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { comeFrom, failToTheLimit } from '../failures.ts';
import { ADMIN_TOKEN, ask, ORIGIN, reset, seen } from '../webhooks.ts';

const READ_TOKEN = 'read-token-of-all-the-tests';
const TEAM_DOMAIN = 'https://team.cloudflareaccess.example';
const AUDIENCE = 'audience-of-the-tests';
const WITH_ACCESS = { READ_TOKEN, ACCESS_TEAM_DOMAIN: TEAM_DOMAIN, ACCESS_AUD: AUDIENCE };
const MINUTE_MS = 60_000;
const KEY_ID = 'current';

const AS_ADMIN = { authorization: `Bearer ${ADMIN_TOKEN}` };
const AS_READER = { authorization: `Bearer ${READ_TOKEN}` };

/** An answer of Access without keys. */
const FAILED = { status: 500, body: '' };

const UNSAFE_METHODS = ['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'];

interface Sent {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  path?: string;
}

/** There is nothing at this address: 404 tells that the door was open. */
const INSIDE = '/api/nothing';
const LET_IN = 404;

async function send({ path = INSIDE, ...init }: Sent = {}): Promise<Response> {
  return env.RECEIVER.fetch(`${ORIGIN}${path}`, init);
}

async function sent(request: Sent) {
  const response = await send(request);
  return { status: response.status, answer: await response.json() };
}

/** The problem that the door answers with. */
const UNAUTHORIZED = {
  status: 401,
  answer: {
    type: '/problems/unauthorized',
    title: 'Not authorized',
    status: 401,
    detail: 'Send a valid token as `Authorization: Bearer <token>`.',
  },
};

describe('a token', () => {
  beforeEach(async () => reset({ READ_TOKEN }));

  const TOKENS: [string, Record<string, string>][] = [
    ['the admin token', AS_ADMIN],
    ['the read token', AS_READER],
  ];

  it.each(TOKENS)('%s opens the API for reading, its scheme in any case', async (_, headers) => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      const authorization = `${scheme} ${headers.authorization?.split(' ').at(-1)}`;
      for (const method of ['GET', 'HEAD']) {
        expect((await send({ path: '/api/events', method, headers: { authorization } })).status).toBe(200);
      }
    }
  });

  it.each<[string, Record<string, string>]>([
    ['missing', {}],
    ['empty', { authorization: 'Bearer ' }],
    ['wrong', { authorization: 'Bearer wrong' }],
    ['the admin token cut short', { authorization: AS_ADMIN.authorization.slice(0, -1) }],
    ['the admin token and more', { authorization: `${AS_ADMIN.authorization}x` }],
    ['the admin token twice', { authorization: `${AS_ADMIN.authorization} ${ADMIN_TOKEN}` }],
    ['the admin token in capitals', { authorization: `Bearer ${ADMIN_TOKEN.toUpperCase()}` }],
    ['the admin token without its scheme', { authorization: ADMIN_TOKEN }],
    ['the admin token in another scheme', { authorization: `Basic ${btoa(`admin:${ADMIN_TOKEN}`)}` }],
    ['both tokens', { authorization: `Bearer ${ADMIN_TOKEN}, Bearer ${READ_TOKEN}` }],
    ['the read token cut short', { authorization: AS_READER.authorization.slice(0, -1) }],
  ])('opens nothing when it is %s', async (_, headers) => {
    for (const path of ['/api/events', '/api/integrations', '/api/audit', INSIDE, '/api']) {
      const response = await send({ path, headers });
      expect(response.headers.get('www-authenticate')).toBe('Bearer');
      expect({ status: response.status, answer: await response.json() }).toEqual(UNAUTHORIZED);
    }
  });

  it('is not accepted in the URL', async () => {
    expect((await send({ path: `/api/events?token=${ADMIN_TOKEN}` })).status).toBe(401);
  });

  it('opens nothing where no read token is set and none, or an empty one, is presented', async () => {
    await reset();
    for (const headers of [{}, { authorization: '' }, { authorization: 'Bearer' }, AS_READER]) {
      expect((await send({ headers })).status).toBe(401);
    }
  });

  it('is compared by the same number of digests whatever it is', async () => {
    const costs: number[] = [];
    const presented = [...TOKENS.map(([, headers]) => headers), {}, { authorization: 'Bearer wrong' }];
    for (const headers of presented) {
      const before = (await seen()).digests;
      await send({ headers });
      costs.push((await seen()).digests - before);
    }
    expect(costs).toEqual([3, 3, 3, 3]);
  });

  it.each(UNSAFE_METHODS)('for reading changes nothing, the admin token may: %s', async (method) => {
    expect(await sent({ method, headers: AS_READER })).toEqual({
      status: 403,
      answer: {
        type: '/problems/forbidden',
        title: 'Not allowed',
        status: 403,
        detail: 'This token may read and change nothing. Changes need the admin token.',
      },
    });
    expect((await send({ method, headers: AS_ADMIN })).status).toBe(LET_IN);
  });

  it('for reading is not counted as a failure when it tries to change something', async () => {
    for (let request = 0; request < 25; request++) {
      expect((await send({ method: 'POST', headers: AS_READER })).status).toBe(403);
    }
  });

  it('changes something for a page of another origin, too: no browser adds it by itself', async () => {
    const headers = { ...AS_ADMIN, origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' };
    expect((await send({ method: 'POST', headers })).status).toBe(LET_IN);
  });
});

describe('an identity of Cloudflare Access', () => {
  const access = generateKeyPair('RS256', { extractable: true });
  const stranger = generateKeyPair('RS256', { extractable: true });
  const USER = { email: 'ana@example.com', sub: 'user-1', type: 'app' };
  let jwks = '';

  beforeAll(async () => {
    const { publicKey } = await access;
    jwks = JSON.stringify({
      keys: [{ ...(await exportJWK(publicKey)), kid: KEY_ID, alg: 'RS256', use: 'sig' }],
    });
  });

  beforeEach(async () => {
    await env.ACCESS.answerWith({ status: 200, body: jwks });
    await reset(WITH_ACCESS);
  });

  const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;

  /** A token as Access gives it, with some of it changed; what is changed to `undefined` is not in it. */
  async function assertionOf(
    claims: Record<string, unknown> = {},
    { header = { kid: KEY_ID }, key = access }: { header?: { kid?: string }; key?: typeof access } = {},
  ): Promise<string> {
    const issued = { iss: TEAM_DOMAIN, aud: [AUDIENCE], iat: inSeconds(0), exp: inSeconds(60), ...USER };
    return new SignJWT({ ...issued, ...claims })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...header })
      .sign((await key).privateKey);
  }

  async function by(assertion: string | Promise<string>): Promise<Record<string, string>> {
    return { 'cf-access-jwt-assertion': await assertion };
  }

  async function statusOf(assertion: string | Promise<string>): Promise<number> {
    return (await send({ headers: await by(assertion) })).status;
  }

  it('opens the API, with one request for the keys', async () => {
    expect(await statusOf(assertionOf())).toBe(LET_IN);
    expect(await statusOf(assertionOf())).toBe(LET_IN);
    expect(await env.ACCESS.requested()).toEqual([`${TEAM_DOMAIN}/cdn-cgi/access/certs`]);
  });

  it.each<[string, Record<string, unknown>]>([
    ['a user', {}],
    ['a service token', { email: undefined, sub: '', common_name: 'client-id.access' }],
    ['an application among several', { aud: ['another', AUDIENCE] }],
    ['clocks that differ a little', { exp: inSeconds(-20), nbf: inSeconds(20) }],
  ])('is taken from %s', async (_, claims) => {
    expect(await statusOf(assertionOf(claims))).toBe(LET_IN);
  });

  it('is named in the audit trail by its email or its common name, and a token by its kind', async () => {
    const service = { email: undefined, sub: '', common_name: 'client-id.access' };
    const identities = [await by(assertionOf()), await by(assertionOf(service)), AS_ADMIN];
    for (const [index, headers] of identities.entries()) {
      const body = JSON.stringify({ slug: `shop-${index}` });
      const json = { 'content-type': 'application/json' };
      const path = '/api/integrations';
      expect((await send({ path, method: 'POST', headers: { ...json, ...headers }, body })).status).toBe(201);
    }
    const { answer } = await ask('/api/audit');
    expect(answer.data.map(({ actor, object }) => [actor, object])).toEqual([
      ['admin-token', 'shop-2'],
      ['access-service:client-id.access', 'shop-1'],
      ['access:ana@example.com', 'shop-0'],
    ]);
  });

  it.each<[string, Record<string, unknown>]>([
    ['has expired', { exp: inSeconds(-60) }],
    ['is not valid yet', { nbf: inSeconds(120) }],
    ['never expires', { exp: undefined }],
    ['expires at no time', { exp: 'tomorrow' }],
    ['is of another team', { iss: 'https://other.cloudflareaccess.example' }],
    ['is of another team that only begins alike', { iss: `${TEAM_DOMAIN}.other.example` }],
    ['names no team', { iss: undefined }],
    ['is for another application', { aud: ['another'] }],
    ['is for no application', { aud: undefined }],
    ['is nobody', { email: undefined }],
    ['is nobody by name', { email: '' }],
    ['is nobody that can be named', { email: ['ana@example.com'] }],
  ])('is refused that %s', async (_, claims) => {
    expect(await sent({ headers: await by(assertionOf(claims)) })).toEqual(UNAUTHORIZED);
  });

  it('is refused without a signature', async () => {
    const claims = { iss: TEAM_DOMAIN, aud: [AUDIENCE], exp: inSeconds(60), ...USER };
    expect(await statusOf(new UnsecuredJWT(claims).encode())).toBe(401);
  });

  it('is refused when it is signed with the public key as if that were a shared secret', async () => {
    const secret = new TextEncoder().encode(jwks);
    const claims = { iss: TEAM_DOMAIN, aud: [AUDIENCE], exp: inSeconds(60), ...USER };
    const forged = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: KEY_ID }).sign(secret);
    expect(await statusOf(forged)).toBe(401);
  });

  it('is refused when somebody else signed it', async () => {
    expect(await statusOf(assertionOf({}, { key: stranger }))).toBe(401);
  });

  it('is refused when Access does not know its key, and many of these fetch the keys only once', async () => {
    for (const kid of ['unknown', 'made-up', 'invented']) {
      expect(await statusOf(assertionOf({}, { key: stranger, header: { kid } }))).toBe(401);
    }
    expect(await env.ACCESS.requested()).toHaveLength(1);
  });

  it('is accepted when it names a key that Access is about to retire, and refused when it names no key', async () => {
    const retired = {
      ...(await exportJWK((await stranger).publicKey)),
      kid: 'retired',
      alg: 'RS256',
      use: 'sig',
    };
    const { keys } = JSON.parse(jwks);
    await env.ACCESS.answerWith({ status: 200, body: JSON.stringify({ keys: [...keys, retired] }) });
    expect(await statusOf(assertionOf())).toBe(LET_IN);
    expect(await statusOf(assertionOf({}, { key: stranger, header: { kid: 'retired' } }))).toBe(LET_IN);
    expect(await statusOf(assertionOf({}, { key: stranger }))).toBe(401);
    expect(await statusOf(assertionOf({}, { header: {} }))).toBe(401);
  });

  it('is refused when it was changed after it was signed', async () => {
    const [header = '', , signature = ''] = (await assertionOf()).split('.');
    const [, payload = ''] = (await assertionOf({ email: 'eve@example.com' })).split('.');
    expect(await statusOf([header, payload, signature].join('.'))).toBe(401);
  });

  it.each(['', 'garbage', 'a.b.c', '..', 'eyJhbGciOiJSUzI1NiJ9.e30.', '{}'])(
    'is refused that is none: %j',
    async (garbage) => {
      expect(await statusOf(garbage)).toBe(401);
    },
  );

  it('is not read from the cookie that browsers keep it in', async () => {
    expect((await send({ headers: { cookie: `CF_Authorization=${await assertionOf()}` } })).status).toBe(401);
  });

  it('is refused where no Access is configured', async () => {
    await reset({ READ_TOKEN });
    expect(await statusOf(assertionOf())).toBe(401);
    expect(await env.ACCESS.requested()).toEqual([]);
  });

  it('lasts as long as it says, by the clock of the receiver', async () => {
    const assertion = await assertionOf();
    expect(await statusOf(assertion)).toBe(LET_IN);
    await env.PROBE.setClock(2 * MINUTE_MS);
    expect(await statusOf(assertion)).toBe(401);
  });

  it('of another application is noted in the log, without its claims', async () => {
    await statusOf(assertionOf({ aud: ['another'] }));
    expect((await seen()).logged.map((line) => JSON.parse(line))).toEqual([
      { level: 'warn', what: 'identity of Access refused', reason: 'aud check_failed' },
    ]);
  });

  it('that is refused counts as a failed attempt of the address that it came from', async () => {
    const headers = await by('garbage');
    await failToTheLimit('192.0.2.1', INSIDE, { headers });
    expect((await comeFrom('192.0.2.1', INSIDE, { headers })).status).toBe(429);
    expect((await comeFrom('192.0.2.1', INSIDE, { headers: await by(assertionOf()) })).status).toBe(LET_IN);
  });

  describe('when the keys of Access cannot be fetched', () => {
    const ANSWERS: [string, Parameters<typeof env.ACCESS.answerWith>[0]][] = [
      ['an error', FAILED],
      ['a redirection', { status: 302, body: '' }],
      ['something that is not JSON', { status: 200, body: '<html>' }],
      ['JSON that is no set of keys', { status: 200, body: '{}' }],
    ];

    it.each(ANSWERS)('is answered 503, valid or not: %s', async (_, answer) => {
      await env.ACCESS.answerWith(answer);
      const response = await send({ headers: await by(assertionOf()) });
      expect(response.headers.get('retry-after')).toBe('10');
      expect({ status: response.status, answer: await response.json() }).toEqual({
        status: 503,
        answer: {
          type: '/problems/unavailable',
          title: 'Temporarily unavailable',
          status: 503,
          detail: 'The keys of Cloudflare Access could not be fetched. Try again.',
        },
      });
    });

    it('is answered 503 without waiting long for Access', async () => {
      await env.ACCESS.answerWith({ status: 200, body: jwks, afterMs: 6_000 });
      const startedAtMs = Date.now();
      expect(await statusOf(assertionOf())).toBe(503);
      expect(Date.now() - startedAtMs).toBeLessThan(4_000);
    });

    it('is accepted again as soon as the keys can be fetched', async () => {
      await env.ACCESS.answerWith(FAILED);
      expect(await statusOf(assertionOf())).toBe(503);
      await env.ACCESS.answerWith({ status: 200, body: jwks });
      expect(await statusOf(assertionOf())).toBe(LET_IN);
    });

    it('is not needed for a token, right or wrong, nor for a request with neither', async () => {
      await env.ACCESS.answerWith(FAILED);
      const identity = await by(assertionOf());
      expect((await send({ headers: { ...identity, ...AS_ADMIN } })).status).toBe(LET_IN);
      expect((await send({ headers: AS_READER })).status).toBe(LET_IN);
      expect((await send({ headers: { ...identity, authorization: 'Bearer wrong' } })).status).toBe(401);
      expect((await send()).status).toBe(401);
      expect(await env.ACCESS.requested()).toEqual([]);
    });

    it('is refused without the keys when its algorithm is none of Access', async () => {
      await env.ACCESS.answerWith(FAILED);
      const forged = new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).sign(new Uint8Array(32));
      expect(await statusOf(forged)).toBe(401);
      expect(await env.ACCESS.requested()).toEqual([]);
    });
  });

  describe('beside a token', () => {
    it('does not open the API to a wrong one', async () => {
      const identity = await by(assertionOf());
      for (const authorization of ['Bearer wrong', 'Bearer', `Basic ${btoa('ana:secret')}`]) {
        expect((await send({ headers: { ...identity, authorization } })).status).toBe(401);
      }
    });

    it('may do no more than the token', async () => {
      const identity = await by(assertionOf());
      expect((await send({ headers: { ...identity, ...AS_READER } })).status).toBe(LET_IN);
      expect((await send({ method: 'POST', headers: { ...identity, ...AS_READER } })).status).toBe(403);
      expect((await send({ method: 'POST', headers: { ...identity, ...AS_ADMIN } })).status).toBe(LET_IN);
    });

    it('takes nothing from it when the identity is worthless', async () => {
      expect((await send({ headers: { ...(await by('garbage')), ...AS_ADMIN } })).status).toBe(LET_IN);
    });
  });

  describe('that a browser adds to a request', () => {
    const FOREIGN_PAGES: [string, Record<string, string>][] = [
      ['another site', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
      [
        'another host of the same site',
        { origin: 'https://x.receiver.example', 'sec-fetch-site': 'same-site' },
      ],
      ['an opaque origin', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
      ['another site, in a browser without Sec-Fetch-Site', { origin: 'https://evil.example' }],
      ['an opaque origin, in such a browser', { origin: 'null' }],
      ['the same host without TLS', { origin: 'http://receiver.example' }],
      ['another port', { origin: 'https://receiver.example:8443' }],
      ['an origin that only ends alike', { origin: 'https://evilreceiver.example' }],
      ['a relation that is not known yet', { 'sec-fetch-site': 'adjacent' }],
    ];

    /** What a page can send without a preflight, and what Access can be set to answer preflights for. */
    const BODIES: [string, Sent][] = [
      ['no body', {}],
      ['a form', { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=b' }],
      ['text', { headers: { 'content-type': 'text/plain' }, body: '{}' }],
      ['JSON', { headers: { 'content-type': 'application/json' }, body: '{}' }],
    ];

    it.each(FOREIGN_PAGES)('changes nothing for a page of %s', async (_, page) => {
      const identity = await by(assertionOf());
      for (const method of ['POST', 'PATCH', 'DELETE']) {
        for (const [, { headers, ...body }] of BODIES) {
          expect(await sent({ method, headers: { ...headers, ...identity, ...page }, ...body })).toEqual({
            status: 403,
            answer: {
              type: '/problems/forbidden',
              title: 'Not allowed',
              status: 403,
              detail:
                'A page of another origin sent this. Pages that may change something are named in ALLOWED_ORIGINS.',
            },
          });
        }
      }
    });

    it.each<[string, Record<string, string>]>([
      ['a page of the receiver', { origin: ORIGIN, 'sec-fetch-site': 'same-origin' }],
      ['a page of the receiver, in a browser without Sec-Fetch-Site', { origin: ORIGIN }],
      [
        'a form of the receiver, which sends no referrer',
        { origin: 'null', 'sec-fetch-site': 'same-origin' },
      ],
      ['the user, without any page', { 'sec-fetch-site': 'none' }],
      ['a page of ALLOWED_ORIGINS', { origin: 'https://ops.example', 'sec-fetch-site': 'cross-site' }],
      ['a page at PUBLIC_URL', { origin: 'https://hooks.example', 'sec-fetch-site': 'cross-site' }],
      ['a program, which is no browser', {}],
    ])('changes something for %s', async (_, page) => {
      await reset({
        ...WITH_ACCESS,
        ALLOWED_ORIGINS: 'https://ops.example',
        PUBLIC_URL: 'https://hooks.example/base',
      });
      const identity = await by(assertionOf());
      for (const method of ['POST', 'PATCH', 'DELETE']) {
        for (const [, { headers, ...body }] of BODIES) {
          const { status } = await send({ method, headers: { ...headers, ...identity, ...page }, ...body });
          expect(status).toBe(LET_IN);
        }
      }
    });

    it.each(FOREIGN_PAGES)('reads for a page of %s, which is not given the answer', async (_, page) => {
      const response = await send({
        path: '/api/events',
        headers: { ...(await by(assertionOf())), ...page },
      });
      expect(response.status).toBe(200);
      expect(response.headers.get('access-control-allow-origin')).toBeNull();
      expect(response.headers.get('cross-origin-resource-policy')).toBe('same-origin');
    });
  });
});
