// Why a webhook is refused, as operators are told. Senders are told less: everything that could help to guess an address or
// a token is answered alike.

import { REJECTION_REASONS } from './assess.ts';

/** Reasons that anybody can cause, without a genuine token. */
export const UNPROVEN_REASONS = [
  'no-token',
  'wrong-token',
  'unknown-integration',
  'wrong-method',
  'wrong-address',
] as const;

/** A webhook that differs from the event that it repeats is kept as well, but it is answered 200 and not refused. */
const REFUSED_REASONS = REJECTION_REASONS.filter((reason) => reason !== 'differs');

/**
 * All reasons: those that anybody can cause, those of senders with a genuine token, and those for which an authentic webhook
 * becomes no event and is kept.
 */
export const REFUSAL_REASONS = [
  ...UNPROVEN_REASONS,
  'old-token',
  'disabled',
  'address',
  'signature',
  'encoded',
  'too-large',
  'too-slow',
  'busy',
  'unavailable',
  ...REFUSED_REASONS,
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];
