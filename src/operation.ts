// What is said of one operation of the receiver: plain data, with the zod schemas that its route validates with and
// answers by. What becomes of it in OpenAPI is in document.ts.

import type * as z from 'zod';
import type { ProblemCode } from './problem-details.ts';

/** Operations by path, as OpenAPI writes it: `/api/events/{integration}/{id}`. */
export type Paths = Record<string, PathItem>;

export const METHODS = ['get', 'post', 'patch', 'delete'] as const;

/** What a path has: an operation for a method, and parameters where they are not what {@link PATH_PARAMETERS} says. */
export type PathItem = Partial<Record<(typeof METHODS)[number], Operation>> & {
  parameters?: Record<string, PathParameter>;
};

export interface PathParameter {
  description: string;
  example: string;
}

/**
 * Who may call it. `reader`: who has the read token, and all who may change something; `changer`: the admin token, and
 * identities of Access; `sender`: who has a webhook token, in a header; `anyone`: no credential beside the URL itself.
 */
export type Access = 'anyone' | 'sender' | 'reader' | 'changer';

export interface Operation {
  /** Names it in generated clients. Unique. */
  operationId: string;
  tag: Tag;
  summary: string;
  description?: string;
  access: Access;
  /** Its query parameters, and below its headers: a schema of an object with a property for each. */
  query?: z.ZodType;
  headers?: z.ZodType;
  body?: Body;
  answers: Record<number, Answer>;
  /** What it refuses with, beside what {@link Access}, `query` and `body` bring with them. */
  problems?: ProblemCode[];
}

export interface Body {
  schema: z.ZodType;
  description?: string;
  isOptional?: boolean;
  /** By name. */
  examples: Record<string, unknown>;
  /** Whether it is read by src/api/request-body.ts, with all the refusals of that. */
  isOfApi: boolean;
}

export interface Answer {
  description: string;
  /** Absent: it has no body. */
  schema?: z.ZodType;
  /** `application/json` unless said otherwise. */
  mediaType?: string;
  example?: unknown;
  /** Headers that it has beside those of every answer, with their descriptions. */
  headers?: Record<string, string>;
}

/** What operations are grouped by. */
export const TAGS = {
  Webhooks: 'What the Instant Message platform sends, and what consumers get of it.',
  Events: 'Accepted webhooks: find them, read them.',
  Messages: 'What became of one message: its timeline.',
  Contacts: 'What is held on one customer: conversation, export, erasure.',
  Replay: 'Forward events again.',
  'Dead letters': 'What consumers gave up on.',
  Rejections: 'Authentic webhooks that broke the contract.',
  Integrations: 'Registered webhook addresses.',
  Watching: 'Counters, health, and events as they come.',
  Audit: 'Who changed what, and when.',
  Reference: 'What this receiver says about itself.',
} as const;

export type Tag = keyof typeof TAGS;

/** The parameters that stand in paths, and mean the same in most. */
export const PATH_PARAMETERS: Record<string, PathParameter> = {
  integration: { description: 'Slug of the integration.', example: 'shop' },
  slug: { description: 'Slug of the integration.', example: 'shop' },
  token: { description: 'As it stands in the registered URL.', example: `1.${'A'.repeat(43)}` },
  id: { description: 'Its `id`.', example: '1772330400000000' },
  job: { description: 'Its `id`.', example: '1772330400000123' },
  messageId: { description: '`message.messageId` of its webhooks.', example: '5e178088a88ad9001b6e1914' },
  number: {
    description:
      'A phone number in any written form, with its area code; or the identity of a customer whose number WhatsApp ' +
      'hides, as it stands (`178095544332211@lid`).',
    example: '+5544999999999',
  },
  file: { description: 'A name.', example: 'swagger-ui.css' },
  code: { description: 'Code of a problem, as its `type` ends.', example: 'contract-broken' },
};
