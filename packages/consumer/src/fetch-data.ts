// Fetches the data of events that were too large for a queue, from where their `dataref` says. The token is sent only to the
// configured receiver, whatever a `dataref` says.

import { parsePayload } from '../../../src/contract/payload.ts';

/** Fetches the data of an event. Where it rejects, the event is retried later. */
export type FetchData = (dataref: string, signal: AbortSignal) => Promise<unknown>;

/** The part of a service binding that is used. */
interface Service {
  fetch(url: string, init: RequestInit): Promise<Response>;
}

/** Service bindings ignore the host. */
const ANY_HOST = 'https://receiver.invalid';

/**
 * Reads data through a service binding to the receiver. Its entrypoint `Payloads` serves only payloads and needs no token:
 *
 * ```toml
 * [[services]]
 * binding = "RECEIVER"
 * service = "instant-message-receiver"
 * entrypoint = "Payloads"
 * ```
 *
 * @param token the admin token, for a binding to the receiver's default entrypoint.
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
 * @param receiverUrl address of the receiver. A `dataref` to another origin is refused and no redirect is followed, so that the
 *   token goes nowhere else.
 * @param token the receiver's admin token.
 * @throws TypeError where the address is not HTTPS, except on this machine.
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
