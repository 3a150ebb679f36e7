// Sessions: a cookie with a role and a time until which it is valid, signed with a key made of the token that somebody
// signed in with. Nothing is stored, so a stolen cookie is valid until that time or until the token is changed, which
// ends all sessions at once.

import type { Context } from 'hono';
import { deleteCookie, getSignedCookie, setSignedCookie } from 'hono/cookie';
import { type Actor, ADMIN, READER } from '../../api/access/actor.ts';

export const SESSION_HOURS = 12;

export interface SessionDeps {
  adminToken: string;
  /** `null`: there is none. */
  readToken: string | null;
  now: () => number;
}

const ROLES = { admin: ADMIN, reader: READER } as const;
type Role = keyof typeof ROLES;

/**
 * Over HTTPS with the prefix that keeps other hosts of the domain from setting it (RFC 6265bis, section 4.1.3.2). Over
 * HTTP, which is on one's own machine only, not every browser takes a `Secure` cookie.
 */
function cookieOf(c: Context): { name: string; secure: boolean } {
  const secure = new URL(c.req.url).protocol === 'https:';
  return { name: secure ? '__Host-session' : 'session', secure };
}

/** The key that signs the cookies of a role. Its prefix keeps it apart from any other key made of the same token. */
function keyOf(role: Role, { adminToken, readToken }: SessionDeps): string | null {
  const token = role === 'admin' ? adminToken : readToken;
  return token && `dashboard session as ${role}: ${token}`;
}

export async function beginSession(c: Context, actor: Actor, deps: SessionDeps): Promise<void> {
  const role: Role = actor.mayChange ? 'admin' : 'reader';
  const key = keyOf(role, deps);
  if (key === null) throw new Error(`there is no token for the role ${role}`);
  const { name, secure } = cookieOf(c);
  const untilMs = deps.now() + SESSION_HOURS * 3_600_000;
  await setSignedCookie(c, name, `${role}.${untilMs}`, key, {
    path: '/',
    httpOnly: true,
    sameSite: 'Strict',
    secure,
    maxAge: SESSION_HOURS * 3600,
  });
}

/** Who is signed in; `null`: nobody is. */
export async function sessionActor(c: Context, deps: SessionDeps): Promise<Actor | null> {
  const { name } = cookieOf(c);
  for (const role of Object.keys(ROLES) as Role[]) {
    const key = keyOf(role, deps);
    const value = key === null ? undefined : await getSignedCookie(c, key, name);
    if (!value) continue;
    const [signedRole, untilMs] = value.split('.');
    if (signedRole === role && Number(untilMs) > deps.now()) return ROLES[role];
  }
  return null;
}

export function endSession(c: Context): void {
  const { name, secure } = cookieOf(c);
  deleteCookie(c, name, { path: '/', secure });
}
