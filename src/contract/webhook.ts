// The contract for the bodies that the Instant Message platform sends. What identifies or routes an event must be right;
// everything else may be odd, and then counts as absent (documented-fields.ts). The payload that is stored and forwarded is
// the body as it came, never what was made of it here.

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

/** The steps of an outgoing message. The platform documents the first three; `failed` follows from its `failCode`. */
export const STATUSES = ['sent', 'delivered', 'read', 'failed'] as const;
export type Status = (typeof STATUSES)[number];

/** Whether the word of a status event is one of the known steps. */
export function isStatus(word: string | null): word is Status {
  return (STATUSES as readonly (string | null)[]).includes(word);
}

export const EVENT_TYPES = ['response', 'status'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** An identifier under which events are stored and found. */
export const identifier = z
  .string()
  .min(1)
  .max(MAX_IDENTIFIER_LENGTH)
  .refine((text) => !UNFAITHFUL.test(text), coded('unfaithful'));

/** Matches a word in any case, without a flag, which JSON Schema does not have. */
function anyCase(word: string): z.ZodString {
  const pattern = Array.from(word, (letter) => `[${letter.toUpperCase()}${letter}]`).join('');
  return z.string().regex(new RegExp(`^${pattern}$`));
}

const MAX_STATUS_LENGTH = 64;
/** One word or several. The placeholder in the documentation, `sent | delivered | read`, does not match. */
const STATUS_WORD = /^[\p{L}\p{N}](?:[ ._-]?[\p{L}\p{M}\p{N}])*$/u;

/** The step that a status event reports, in any case. The platform may introduce others than {@link STATUSES}. */
export const statusWord = z
  .string()
  .refine(
    (word) => word.toLowerCase().length <= MAX_STATUS_LENGTH && STATUS_WORD.test(word),
    coded('not-a-status', { known: [...STATUSES] }),
  )
  .meta({ description: `${STATUSES.join(', ')}, or a word that is not known yet; in any case.` });

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

/** Finds the problems of a body of an unknown type. */
const untypedIdentity = z.looseObject({
  event: z.looseObject({ messageId: identifier, type: z.enum(EVENT_TYPES) }),
  message,
});

/** A customer wrote. What the schema promises holds for the body as it came. */
export const responseWebhook = responseIdentity.extend({
  clientData: z
    .unknown()
    .meta({
      description:
        'Usually an object: `number`, the customer, `name`, and `timeLastMessage`, when the message was written.',
    })
    .optional(),
});

/** A message that was sent took a step. What the schema promises holds for the body as it came. */
export const statusWebhook = statusIdentity;

/**
 * A customer wrote. Documented fields hold what they should or are absent, and times are RFC 3339. Other fields are as they
 * came.
 */
export interface ResponseWebhook {
  event: { messageId: string; type: 'response'; [unknown: string]: unknown };
  clientData?: CheckedClientData | null;
  message: CheckedMessage & { messageId: string };
  [unknown: string]: unknown;
}

/** A message that was sent took a step; checked like {@link ResponseWebhook}. `Word`: the possible steps, in lower case. */
export interface StatusWebhook<Word extends string = string> {
  event: { messageId: string; type: 'status'; status: Word; [unknown: string]: unknown };
  clientData?: CheckedClientData | null;
  message: CheckedMessage & { messageId: string };
  [unknown: string]: unknown;
}

export type Webhook = ResponseWebhook | StatusWebhook;

/** A body that can be an event, and how it differs from the documentation. */
export interface CheckedWebhook {
  webhook: Webhook;
  oddities: Oddity[];
}

export type ParsedWebhook = ({ ok: true } & CheckedWebhook) | { ok: false; problems: ContractProblem[] };

/**
 * Checks a parsed JSON body against the contract and names every problem at once.
 *
 * @param arrivedAtMs when it was received, Unix ms, by which impossible times are recognized.
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

/** A body that is right in what identifies it. */
type Identified = z.infer<typeof responseIdentity | typeof statusIdentity>;

/** The webhook of an identified body: its documented fields checked, its type and status in lower case. */
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

/** The type of a body, in lower case; `null` where it is unknown. */
function typeOf(body: unknown): EventType | null {
  const type = (body as { event?: { type?: unknown } | null } | null | undefined)?.event?.type;
  if (typeof type !== 'string') return null;
  const lower = type.toLowerCase();
  return EVENT_TYPES.find((known) => known === lower) ?? null;
}
