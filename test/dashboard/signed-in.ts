// Pages as somebody who is signed in sees them, from outside.

import { env } from 'cloudflare:workers';
import { ADMIN_TOKEN, ORIGIN } from '../webhooks.ts';

export const READ_TOKEN = 'read-token-of-the-tests-only';

export type Asked = { language?: 'pt' | 'en'; headers?: Record<string, string> };

/** An answer with its text read. */
export interface Answered {
  status: number;
  headers: Headers;
  text: string;
  /** Where it leads to; `null`: nowhere. */
  location: string | null;
}

export interface Browser {
  /** A page; redirections are not followed. */
  see(path: string, asked?: Asked): Promise<Answered>;
  /** Sends a form. */
  send(path: string, fields?: Record<string, string>, asked?: Asked): Promise<Answered>;
}

/** Signs in with a token, as the form does. The receiver must have been reset with `{ READ_TOKEN }` for that of readers. */
export async function signedIn(token = ADMIN_TOKEN): Promise<Browser> {
  const signIn = await env.RECEIVER.fetch(`${ORIGIN}/sign-in`, {
    method: 'POST',
    body: new URLSearchParams({ token, next: '/' }),
    redirect: 'manual',
    headers: { origin: ORIGIN },
  });
  const [cookie] = (signIn.headers.get('set-cookie') ?? '').split(';');
  if (signIn.status !== 303 || !cookie) throw new Error(`could not sign in: ${signIn.status}`);

  const ask = async (path: string, init: RequestInit, { language = 'en', headers = {} }: Asked = {}) => {
    const response = await env.RECEIVER.fetch(`${ORIGIN}${path}`, {
      ...init,
      redirect: 'manual',
      headers: { cookie: `${cookie}; language=${language}; time-zone=America/Sao_Paulo`, ...headers },
    });
    const { status, headers: answered } = response;
    return { status, headers: answered, text: await response.text(), location: answered.get('location') };
  };
  return {
    see: async (path, asked) => ask(path, {}, asked),
    send: async (path, fields = {}, { headers, ...asked } = {}) =>
      ask(
        path,
        { method: 'POST', body: new URLSearchParams(fields) },
        { ...asked, headers: { origin: ORIGIN, ...headers } },
      ),
  };
}

/** The text of a page as a person reads it. */
export function readable(page: string): string {
  return page
    .replace(/<[^>]*>/g, ' ')
    .replaceAll('&#39;', "'")
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .replace(/\s+/g, ' ');
}
