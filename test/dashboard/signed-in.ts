// An operator with a browser, as tests of pages need one: with a cookie and a language, sending forms.

import { env } from 'cloudflare:workers';
import { ADMIN_TOKEN, ORIGIN } from '../webhooks.ts';

export const READ_TOKEN = 'read-token-of-all-the-tests';

/** Somebody who looks at pages. Redirections are not followed. */
export interface Browser {
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** The HTML of a page; throws where it is not answered 200. */
  page(path: string): Promise<string>;
  /** Sends a form. */
  post(
    path: string,
    form?: Record<string, string> | URLSearchParams,
    headers?: Record<string, string>,
  ): Promise<Response>;
}

/** Sends what a form sends to `/sign-in`. */
export async function signIn(token: string, form: Record<string, string> = {}): Promise<Response> {
  return env.RECEIVER.fetch(`${ORIGIN}/sign-in`, {
    method: 'POST',
    body: new URLSearchParams({ token, ...form }),
    redirect: 'manual',
  });
}

/** The cookies that an answer sets, as a browser sends them back. */
export function cookiesOf(response: Response): string {
  return response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');
}

/** A browser with some cookies. */
export function browserWith(cookie: string, language: 'en' | 'pt' = 'en'): Browser {
  const send = async (path: string, init: RequestInit, headers: Record<string, string> = {}) =>
    env.RECEIVER.fetch(`${ORIGIN}${path}`, {
      redirect: 'manual',
      ...init,
      headers: { 'accept-language': language, cookie, ...headers },
    });
  const get: Browser['get'] = async (path, headers) => send(path, {}, headers);
  return {
    get,
    async page(path) {
      const response = await get(path);
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${path} is answered ${response.status}: ${text}`);
      return text;
    },
    post: async (path, form = {}, headers = {}) =>
      send(path, { method: 'POST', body: new URLSearchParams(form) }, headers),
  };
}

/** The browser of somebody who has signed in with a token. */
export async function signedIn(token = ADMIN_TOKEN, language: 'en' | 'pt' = 'en'): Promise<Browser> {
  const response = await signIn(token);
  if (response.status !== 303) throw new Error(`signing in is answered ${response.status}`);
  return browserWith(cookiesOf(response), language);
}
