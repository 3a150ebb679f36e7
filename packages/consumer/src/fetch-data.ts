// Events too large for a queue come without data; their `dataref` says where the receiver keeps it. Where the token
// goes is decided here: to the configured receiver and nobody else, whatever a `dataref` says.

import { parsePayload } from '../../../src/contract/payload.ts';

/** Gives the data of an event. Rejects where it cannot, and the event is tried again later. */
export type FetchData = (dataref: string, signal: AbortSignal) => Promise<unknown>;

/** A service binding, as far as this needs it. */
interface Service {
  fetch(url: string, init: RequestInit): Promise<Response>;
}

/** Service bindings do not look at the host. */
const ANY_HOST = 'https://receiver.invalid';

/**
 * Reads data through a service binding to the receiver. Bind its entrypoint `Payloads`, which gives payloads only and
 * asks for no token:
 *
 * ```toml
 * [[services]]
 * binding = "RECEIVER"
 * service = "instant-message-receiver"
 * entrypoint = "Payloads"
 * ```
 *
 * @param token the admin token, needed where the binding is to the receiver as a whole.
 */
export function dataFromService(receiver: Service, token?: string): FetchData {
  return async (dataref, signal) => {
    const { pathname, search } = new URL(dataref, ANY_HOST);
    return read(receiver, ANY_HOST + pathname + search, token, signal);
  };
}

/**
 * Reads data over HTTPS.
 *
 * @param receiverUrl address of the receiver. A `dataref` that leads to another origin is refused, and no redirect is
 * followed: the token must not go anywhere else.
 * @param token the receiver's admin token.
 * @throws TypeError where the address is not HTTPS, other than on this machine.
 */
export function dataFromUrl(receiverUrl: string, token: string): FetchData {
  const base = new URL(receiverUrl);
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(base.hostname);
  if (base.protocol !== 'https:' && !(base.protocol === 'http:' && isLocal)) {
    throw new TypeError('the address of the receiver must begin with https://');
  }
  return async (dataref, signal) => {
    const url = new URL(dataref, base);
    if (url.origin !== base.origin) throw new Error('dataref leads to another origin than the receiver');
    return read({ fetch: (href, init) => fetch(href, init) }, url.href, token, signal);
  };
}

async function read(
  service: Service,
  url: string,
  token: string | undefined,
  signal: AbortSignal,
): Promise<unknown> {
  const answer = await service.fetch(url, {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    redirect: 'manual',
    signal,
  });
  if (answer.status !== 200) {
    await answer.body?.cancel();
    throw new Error(`the receiver answered ${answer.status} where data was asked for`);
  }
  return parsePayload(await answer.text());
}
