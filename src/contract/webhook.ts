// The bodies that the Instant Message platform sends: what must be there, what may be, and what breaks the
// contract. Checks only: the stored and forwarded payload is the body as it came, never what zod made of it.

import * as z from 'zod';
import { canonicalContact } from './contact.ts';

/** Longest identifier taken. The platform's own have 8 to 36 characters. */
export const MAX_IDENTIFIER_LENGTH = 256;

/** The steps an outgoing message can take. The platform documents the first three; `failed` follows from its `failCode`. */
export const STATUSES = ['sent', 'delivered', 'read', 'failed'] as const;
export type Status = (typeof STATUSES)[number];

export const EVENT_TYPES = ['response', 'status'] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** Text that no store and no URL can carry faithfully: control characters and lone surrogates. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: naming them is the point
const UNFAITHFUL = /[\u0000-\u001f\u007f]|\p{Surrogate}/u;

/** Text that names something. */
const label = z
  .string()
  .min(1, 'must not be empty')
  .max(MAX_IDENTIFIER_LENGTH, `must have at most ${MAX_IDENTIFIER_LENGTH} characters`);

/** A label that events are stored and found by. */
const identifier = label.refine(
  (text) => !UNFAITHFUL.test(text),
  'must not contain control characters or lone surrogates',
);

const phoneNumber = z
  .string()
  .refine((text) => canonicalContact(text) !== null, 'must be a phone number with its country code');

/** ISO 8601 with `Z` or an offset. */
const timestamp = z.iso.datetime({
  offset: true,
  error: 'must be an ISO 8601 date and time with Z or an offset',
});

const mediaData = z.looseObject({
  link: z.string().nullish(), // not always a usable URL, at times the text "null"
  id: z.string().nullish(),
  caption: z.string().nullish(),
  filename: z.string().nullish(),
});

const numberOrText = z.union([z.number(), z.string()], 'must be a number or a text');

const location = z.looseObject({
  address: z.string().nullish(),
  latitude: numberOrText.nullish(),
  longitude: numberOrText.nullish(),
  name: z.string().nullish(),
});

const message = z.looseObject({
  messageId: identifier,
  contextId: label.nullish(), // free text chosen by the application
  interactionsId: label.nullish(),
  mediaType: z.string().nullish(), // any word
  message: z.string().nullish(),
  mediaData: mediaData.nullish(),
  location: location.nullish(),
  to: phoneNumber,
  from: phoneNumber,
  appId: identifier,
  status: z.string().nullish(), // the platform's own storage state, not the step of a status event
  failCode: numberOrText.nullish(),
  failMessage: z.string().nullish(),
  createdAt: timestamp.nullish(),
  updatedAt: timestamp.nullish(),
});

const clientData = z.looseObject({
  number: phoneNumber,
  name: z.string().nullish(),
  timeLastMessage: timestamp.nullish(),
});
/** Documented with a response only; tolerated, and checked, elsewhere. */
const strayClientData = clientData.extend({ number: phoneNumber.nullish() });

/** A customer wrote. */
export const responseWebhook = z.looseObject({
  event: z.looseObject({ messageId: identifier, type: z.literal('response') }),
  clientData,
  message,
});

/** A message that was sent took a step. */
export const statusWebhook = z.looseObject({
  event: z.looseObject({
    messageId: identifier,
    type: z.literal('status'),
    status: z.enum(STATUSES, `must be one of ${STATUSES.join(', ')}`),
  }),
  clientData: strayClientData.nullish(),
  message,
});

/** Names the problems of a body whose type is none of the known. */
const untypedWebhook = z.looseObject({
  event: z.looseObject({
    messageId: identifier,
    type: z.enum(EVENT_TYPES, `must be one of ${EVENT_TYPES.join(', ')}`),
  }),
  message,
});

export type ResponseWebhook = z.infer<typeof responseWebhook>;
export type StatusWebhook = z.infer<typeof statusWebhook>;
export type Webhook = ResponseWebhook | StatusWebhook;

/** One way in which a body breaks the contract. Carries no value of the body: those may be personal data. */
export interface ContractProblem {
  /** Where, with dots: `message.to`. Empty for the body itself. */
  path: string;
  /** What is wrong, for a person. */
  message: string;
}

export type ParsedWebhook = { ok: true; webhook: Webhook } | { ok: false; problems: ContractProblem[] };

/** Checks a parsed JSON body against the contract; every problem is named at once. */
export function parseWebhook(body: unknown): ParsedWebhook {
  const schema = schemaFor(body);
  const result = schema.safeParse(body);
  if (result.success) return { ok: true, webhook: result.data as Webhook };
  return { ok: false, problems: contractProblems(result.error) };
}

/** What zod found, without the values in which it found it. */
export function contractProblems(error: z.core.$ZodError): ContractProblem[] {
  return error.issues.map((issue) => ({
    path: issue.path.map(String).join('.'),
    message: describeIssue(issue),
  }));
}

function schemaFor(body: unknown) {
  const type = (body as { event?: { type?: unknown } | null } | null | undefined)?.event?.type;
  switch (type) {
    case 'response':
      return responseWebhook;
    case 'status':
      return statusWebhook;
    default:
      return untypedWebhook;
  }
}

/** zod's own messages name types, never values; a missing field reads better as such. */
function describeIssue(issue: z.core.$ZodIssue): string {
  const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return missing ? 'is required' : issue.message;
}
