// Failed authentications, as the tests of both doors count them.

import { env } from 'cloudflare:workers';
import { ORIGIN } from './webhooks.ts';

/** As in wrangler.toml, from which the tests have their limits. */
export const MAX_FAILURES = 20;

const PERIOD_MS = 60_000;
/** What counting to the limit takes, at the most. */
const COUNTING_MS = 5_000;

/** The local limiter begins anew with each minute of the clock: waits where the next one is too close. */
export async function withinOnePeriod(): Promise<void> {
  const remainingMs = PERIOD_MS - (Date.now() % PERIOD_MS);
  if (remainingMs < COUNTING_MS) await new Promise((resolve) => setTimeout(resolve, remainingMs));
}

/** Comes to a door from an address: `null` for a request that names none. */
export async function comeFrom(
  address: string | null,
  path: string,
  { headers, ...init }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  const from = address === null ? undefined : { 'cf-connecting-ip': address };
  return env.RECEIVER.fetch(`${ORIGIN}${path}`, { ...init, headers: { ...headers, ...from } });
}

/** Fails as often as a door lets an address fail. Gives the statuses that it was answered with. */
export async function failToTheLimit(
  address: string | null,
  path: string,
  init: Parameters<typeof comeFrom>[2] = {},
): Promise<number[]> {
  await withinOnePeriod();
  const statuses: number[] = [];
  for (let failure = 0; failure < MAX_FAILURES; failure++) {
    statuses.push((await comeFrom(address, path, init)).status);
  }
  return statuses;
}
