// Where Cloudflare Access stands in front of the API: the identity that it gives a request, verified by its signature.
// Anybody can write the header; only Access can sign it.
// https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/

import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { AccessSettings } from '../../env.ts';
import { describeError, log } from '../../runtime/log.ts';

/** How far the clocks of Access and of the Worker may be apart. */
const CLOCK_TOLERANCE_SECONDS = 30;
/** Short, as Access publishes its keys from the network that the Worker runs on. */
const KEYS_TIMEOUT_MS = 2_000;

/** The result of verifying an identity. `unverifiable`: the keys of Access could not be fetched. */
export type AccessIdentity =
  | { kind: 'verified'; name: string }
  | { kind: 'refused' }
  | { kind: 'unverifiable' };

/** Verifies the value of `Cf-Access-Jwt-Assertion`. */
export type VerifyAccess = (assertion: string) => Promise<AccessIdentity>;

class KeysNotFetched extends Error {
  override name = 'KeysNotFetched';
}

/**
 * Makes the verifier for one Access application. There is one for each isolate, as it caches the keys of Access for ten
 * minutes. It fetches unknown keys at most every 30 s, since anybody can make up names of keys.
 */
export function accessVerifier(
  { teamDomain, audience }: AccessSettings,
  now: () => number = Date.now,
): VerifyAccess {
  const remoteKeys = createRemoteJWKSet(new URL('/cdn-cgi/access/certs', teamDomain), {
    timeoutDuration: KEYS_TIMEOUT_MS,
  });

  const key: JWTVerifyGetKey = async (header, token) => {
    try {
      return await remoteKeys(header, token);
    } catch (error) {
      const isOfToken =
        error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
      if (isOfToken) throw error;
      throw new KeysNotFetched('', { cause: error });
    }
  };

  return async function verifyAccess(assertion) {
    try {
      const { payload } = await jwtVerify(assertion, key, {
        algorithms: ['RS256'],
        issuer: teamDomain,
        audience,
        requiredClaims: ['exp'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(now()),
      });
      const name = nameOf(payload);
      return name === null ? { kind: 'refused' } : { kind: 'verified', name };
    } catch (error) {
      if (error instanceof KeysNotFetched) {
        log('error', 'keys of Access not fetched', { error: describeError(error.cause) });
        return { kind: 'unverifiable' };
      }
      if (!(error instanceof errors.JOSEError)) throw error;
      if (error instanceof errors.JWTClaimValidationFailed) {
        // the signature is genuine, so ACCESS_AUD most likely is that of another application
        log('warn', 'identity of Access refused', { reason: `${error.claim} ${error.reason}` });
      }
      return { kind: 'refused' };
    }
  };
}

/** Users have an email, service tokens a common name. */
function nameOf({ email, common_name: service }: JWTPayload): string | null {
  if (typeof email === 'string' && email !== '') return `access:${email}`;
  if (typeof service === 'string' && service !== '') return `access-service:${service}`;
  return null;
}
