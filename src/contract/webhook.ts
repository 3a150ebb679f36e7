// The bodies that the Instant Message platform sends. What identifies or routes an event must be right, or the body is
// none; everything else may be odd, and then counts as absent where it is used (documented-fields.ts). The stored and
// forwarded payload is the body as it came, never what was made of it here.

import * as z from 'zod';
import {
  type CheckedClientData,
  type CheckedMessage,
  checkFields,
  MAX_IDENTIFIER_LENGTH,
  type Oddity,
  UNFAITHFUL,
} from './documented-fields.ts';
import { type ContractProblem, coded, problemsIn } from './problems.ts';

/** The steps an outgoing message can take. The platform documents the first three; `failed` follows from its `failCode`. */
export const STATUSES = ['sent', 'delivered', 'read', 'failed'] as const;
export type Status = (typeof STATUSES)[number];

/** Whether the word of a status event is one of the known steps. */
export function isStatus(word: string | null): word is Status {
  return (STATUSES as readonly (string | null)[]).includes(word);
}

export const EVENT_TYPES = ['response', 'status'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** What events are stored and found by. */
export const identifier = z
  .string()
  .min(1)
  .max(MAX_IDENTIFIER_LENGTH)
  .refine((text) => !UNFAITHFUL.test(text), coded('unfaithful'));

/** A word, in any case: JSON Schema has no flags. */
function anyCase(word: string): z.ZodString {
  const pattern = Array.from(word, (letter) => `[${letter.toUpperCase()}${letter}]`).join('');
  return z.string().regex(new RegExp(`^${pattern}$`));
}

/** Longer than any word that tells what became of a message. */
const MAX_STATUS_LENGTH = 64;
/** A word or a few. The documentation's placeholder for a status, `sent | delivered | read`, is none. */
const STATUS_WORD = /^[\p{L}\p{N}](?:[ ._-]?[\p{L}\p{M}\p{N}])*$/u;

/** The step that a status event reports, in any case; senders may come to know others than {@link STATUSES}. */
export const statusWord = z
  .string()
  .refine(
    (word) => word.toLowerCase().length <= MAX_STATUS_LENGTH && STATUS_WORD.test(word),
    coded('not-a-status', { known: [...STATUSES] }),
  )
  .meta({ description: `${STATUSES.join(', ')}, or a word that is not known yet; in any case.` });

const ANYTHING = z.unknown();
const message = z.looseObject({ messageId: identifier });

/** What must be right in a response. */
const responseIdentity = z.looseObject({
  event: z.looseObject({ messageId: identifier, type: anyCase('response') }),
  message,
});

/** What must be right in a status. */
const statusIdentity = z.looseObject({
  event: z.looseObject({ messageId: identifier, type: anyCase('status'), status: statusWord }),
  message,
});

/** Names the problems of a body whose type is none of the known. */
const untypedIdentity = z.looseObject({
  event: z.looseObject({
    messageId: identifier,
    type: z.enum(EVENT_TYPES),
  }),
  message,
});

/** A customer wrote: what is promised of the body, which is as it came. */
export const responseWebhook = responseIdentity.extend({
  clientData: ANYTHING.meta({
    description:
      'Usually an object: `number`, the customer, `name`, and `timeLastMessage`, when the message was written.',
  }).optional(),
});

/** A message that was sent took a step: what is promised of the body, which is as it came. */
export const statusWebhook = statusIdentity;

/**
 * A customer wrote. The fields that the platform documents hold what they should or are absent, times are RFC 3339; what
 * else there is is as it came.
 */
export interface ResponseWebhook {
  event: { messageId: string; type: 'response'; [unknown: string]: unknown };
  clientData?: CheckedClientData | null;
  message: CheckedMessage & { messageId: string };
  [unknown: string]: unknown;
}

/** A message that was sent took a step; checked in the same way. `Word`: which steps it can be, in lower case. */
export interface StatusWebhook<Word extends string = string> {
  event: { messageId: string; type: 'status'; status: Word; [unknown: string]: unknown };
  clientData?: CheckedClientData | null;
  message: CheckedMessage & { messageId: string };
  [unknown: string]: unknown;
}

export type Webhook = ResponseWebhook | StatusWebhook;

/** A body that can be an event, and in what it differs from the documentation. */
export interface CheckedWebhook {
  webhook: Webhook;
  oddities: Oddity[];
}

export type ParsedWebhook = ({ ok: true } & CheckedWebhook) | { ok: false; problems: ContractProblem[] };

/**
 * Checks a parsed JSON body against the contract; every problem is named at once.
 *
 * @param arrivedAtMs when it was received, Unix ms: some times cannot be.
 */
export function parseWebhook(body: unknown, arrivedAtMs: number): ParsedWebhook {
  const type = typeOf(body);
  const result = (type === null ? untypedIdentity : IDENTITIES[type]).safeParse(body);
  if (type === null || !result.success) {
    return { ok: false, problems: result.error === undefined ? [] : problemsIn(result.error, body) };
  }
  return { ok: true, ...checkedWebhook(type, body as Identified, arrivedAtMs) };
}

const IDENTITIES = { response: responseIdentity, status: statusIdentity };

/** A body of which is known that what identifies it is right. */
type Identified = z.infer<typeof responseIdentity | typeof statusIdentity>;

/** What there is in a body that is identified: its documented fields checked, its type and status in lower case. */
export function checkedWebhook(type: EventType, body: Identified, arrivedAtMs: number): CheckedWebhook {
  const oddities: Oddity[] = [];
  const fields = checkFields(type, body, arrivedAtMs, oddities);
  const { event } = body;
  const status = type === 'status' ? String(event.status).toLowerCase() : null;
  if (status !== null && !isStatus(status))
    oddities.unshift({ path: 'event.status', code: 'unknown-status' });
  const isWritten = event.type === type && (status === null || event.status === status);
  const webhook = isWritten
    ? fields
    : { ...fields, event: { ...event, type, ...(status !== null && { status }) } };
  return { webhook: webhook as Webhook, oddities };
}

/** The type that a body says it has, in any case; `null`: none that is known. */
function typeOf(body: unknown): EventType | null {
  const type = (body as { event?: { type?: unknown } | null } | null | undefined)?.event?.type;
  if (typeof type !== 'string') return null;
  const lower = type.toLowerCase();
  return EVENT_TYPES.find((known) => known === lower) ?? null;
}
