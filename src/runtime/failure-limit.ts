// Failed authentications, limited for each address: whoever guesses is answered cheaply and told to wait. Owns what
// counts as one address and what is answered past the limit. Is asked about failures alone: authentic traffic is
// never limited, from whichever address it comes.

import { problem } from '../problem-details.ts';
import { parseAddressRange } from '../sender/ip-ranges.ts';
import { describeError, log } from './log.ts';

/** The period of the limits in wrangler.toml: a failure older than this no longer counts. */
const RETRY_AFTER_SECONDS = 60;
/** What one subscriber is given at the least, with 2^64 addresses to change between (RFC 6177, section 2). */
const IPV6_SUBNET_BITS = 64;
/** All whose address cannot be told, together. */
const NO_ADDRESS = 'unknown';

/** Counts a failed authentication and gives its answer: the refusal, or past the limit a 429 in place of it. */
export type AnswerFailure = (request: Request, refusal: () => Response) => Promise<Response>;

/**
 * The limit of one door.
 *
 * ```ts
 * const answerFailure = failureLimit(env.API_FAILURES);
 * if (!isAuthentic) return answerFailure(c.req.raw, () => problem('unauthorized', '…'));
 * ```
 *
 * Where the limiter itself fails, the refusal stands.
 */
export function failureLimit(limiter: RateLimit): AnswerFailure {
  return async function answerFailure(request, refusal) {
    try {
      const { success } = await limiter.limit({ key: addressOf(request) });
      if (success) return refusal();
    } catch (error) {
      log('warn', 'failed authentication not counted', { error: describeError(error) });
      return refusal();
    }
    const detail = 'Too many requests from your address had no valid token. Correct it, then wait a minute.';
    return problem('too-many-failures', detail, { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } });
  };
}

/** What is counted as one: an IPv4 address, an IPv4-mapped one too, or the /64 of an IPv6 address. */
function addressOf(request: Request): string {
  const address = parseAddressRange(request.headers.get('cf-connecting-ip') ?? '');
  const counted = address?.includes(':') ? parseAddressRange(`${address}/${IPV6_SUBNET_BITS}`) : address;
  return counted ?? NO_ADDRESS;
}
