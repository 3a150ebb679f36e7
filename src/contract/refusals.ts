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
  ...REJECTION_REASONS,
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];
