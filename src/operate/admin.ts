// Who may use the operators' API.

import { createMiddleware } from 'hono/factory';
import { problem } from '../problem.ts';

const encoder = new TextEncoder();

/** Lets through what bears the admin token. Digests are compared, in constant time. */
export function requireAdmin(adminToken: string) {
  return createMiddleware(async (c, next) => {
    const [, presented = ''] = /^bearer +(\S+) *$/i.exec(c.req.header('authorization') ?? '') ?? [];
    const [expected, actual] = await Promise.all([digest(adminToken), digest(presented)]);
    if (!crypto.subtle.timingSafeEqual(expected, actual)) {
      return problem('unauthorized', 'Send the admin token as `Authorization: Bearer <token>`.', {
        headers: { 'www-authenticate': 'Bearer' },
      });
    }
    await next();
    c.res.headers.set('cache-control', 'no-store'); // events are personal data
  });
}

async function digest(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest('SHA-256', encoder.encode(text));
}
