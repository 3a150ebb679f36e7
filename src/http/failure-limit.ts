// Limits failed authentications for each address: owns what counts as one address, and the answer past the limit. Only
// failures are counted, so authentic traffic is never limited, whatever address it comes from.

import { describeError, log } from '../runtime/log.ts';
import { parseAddressRange } from '../sender/ip-ranges.ts';
import { problem } from './problem-details.ts';

/** The period of the limits in wrangler.toml, after which a failure no longer counts. */
const RETRY_AFTER_SECONDS = 60;
/** A subscriber has at least a /64 (RFC 6177, section 2), and can change between all of its addresses. */
const IPV6_SUBNET_BITS = 64;
/** The key that all requests of unknown addresses share. */
const NO_ADDRESS = 'unknown';

/**
 * Makes the limit of one kind of authentication: a function that counts a failure and gives the refusal, or past the limit
 * a 429 instead. Where the limiter itself fails, the refusal is given.
 *
 * ```ts
 * const answerFailure = failureLimit(env.API_FAILURES);
 * if (!isAuthentic) return answerFailure(c.req.raw, () => problem('unauthorized', '…'));
 * ```
 */
export function failureLimit(limiter: RateLimit) {
  return async function answerFailure(request: Request, refusal: () => Response): Promise<Response> {
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

/** The address that is counted: an IPv4 address, mapped into IPv6 or not, or the /64 of an IPv6 address. */
function addressOf(request: Request): string {
  const address = parseAddressRange(request.headers.get('cf-connecting-ip') ?? '');
  const counted = address?.includes(':') ? parseAddressRange(`${address}/${IPV6_SUBNET_BITS}`) : address;
  return counted ?? NO_ADDRESS;
}
