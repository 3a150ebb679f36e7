// Why a webhook is refused, as operators are told. Its sender is told less: all that could help somebody to guess an address
// or a token is one answer to it.

import { REJECTION_REASONS } from './assess.ts';

/** Reasons that anybody can bring about, with no genuine token. */
export const UNPROVEN_REASONS = [
  'no-token',
  'wrong-token',
  'unknown-integration',
  'wrong-method',
  'wrong-address',
] as const;

/** A webhook that differs from the event that it repeats is kept too, but its sender is answered 200: nothing is refused. */
const REFUSED_REASONS = REJECTION_REASONS.filter((reason) => reason !== 'differs');

/**
 * All reasons: those of anybody, those of senders with a genuine token, and those for which what is authentic becomes no
 * event and is kept.
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
