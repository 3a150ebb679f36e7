// The OpenAPI document of the receiver, made of the schemas that its routes validate with and answer by. Nothing is
// made of it until somebody asks: webhooks do not wait for it.

import type * as z from 'zod';
import { version } from '../../../package.json';
import { auditAnswer } from '../audit/routes.ts';
import { conversationEntry, exportLine } from '../contacts/routes.ts';
import { deadLetterAnswer } from '../dead-letters/routes.ts';
import { eventAnswer, wholeEventAnswer } from '../events/routes.ts';
import { integrationAnswer } from '../integrations/routes.ts';
import { contentAnswer } from '../messages/routes.ts';
import { keptRejectionAnswer, rejectionAnswer } from '../rejections/routes.ts';
import { replayAnswer } from '../replays/routes.ts';
import { responseWebhook, statusWebhook } from '../../contract/webhook.ts';
import { PROBLEMS, type ProblemCode, problemDetails, problemError } from '../../problem-details.ts';
import { acceptedRejection, webhookAnswer } from '../../receive/webhook.ts';
import { type Direction, type JsonObject, type JsonSchemas, jsonSchemas } from './json-schema.ts';
import {
  type Access,
  METHODS,
  type Operation,
  PATH_PARAMETERS,
  type PathItem,
  type Paths,
  TAGS,
} from '../../operation.ts';
import { auditPaths } from '../../openapi/paths/audit.ts';
import { contactPaths } from '../../openapi/paths/contacts.ts';
import { deadLetterPaths } from '../../openapi/paths/dead-letters.ts';
import { eventPaths } from '../../openapi/paths/events.ts';
import { integrationPaths } from '../../openapi/paths/integrations.ts';
import { messagePaths } from '../../openapi/paths/messages.ts';
import { referencePaths } from '../../openapi/paths/reference.ts';
import { rejectionPaths } from '../../openapi/paths/rejections.ts';
import { replayPaths } from '../../openapi/paths/replay.ts';
import { watchingPaths } from '../../openapi/paths/watching.ts';
import { webhookPaths } from '../../openapi/paths/webhooks.ts';
import { type Message, responseEvent, statusEvent, webhooks } from '../../openapi/webhooks.ts';

/** The schemas that go by a name. */
const NAMED: Record<string, z.ZodType> = {
  Problem: problemDetails,
  ProblemError: problemError,
  ResponseWebhook: responseWebhook,
  StatusWebhook: statusWebhook,
  ResponseEvent: responseEvent,
  StatusEvent: statusEvent,
  WebhookAnswer: webhookAnswer,
  AcceptedRejection: acceptedRejection,
  Event: eventAnswer,
  WholeEvent: wholeEventAnswer,
  Integration: integrationAnswer,
  Rejection: rejectionAnswer,
  KeptRejection: keptRejectionAnswer,
  AuditEntry: auditAnswer,
  Content: contentAnswer,
  ConversationEntry: conversationEntry,
  Held: exportLine,
  Replay: replayAnswer,
  DeadLetter: deadLetterAnswer,
};

/** All that the app routes. */
export const documentedPaths = (): Paths => ({
  ...webhookPaths(),
  ...eventPaths(),
  ...messagePaths(),
  ...contactPaths(),
  ...replayPaths(),
  ...deadLetterPaths(),
  ...rejectionPaths(),
  ...integrationPaths(),
  ...watchingPaths(),
  ...auditPaths(),
  ...referencePaths(),
});

const DESCRIPTION = `Receives the webhooks of the Instant Message platform, stores them, and forwards them to a queue.

Errors are problem details (RFC 9457). Every answer has its id in the \`x-request-id\` header, and the log names it. \
Listings are newest first; the \`next\` of a page is the \`cursor\` of the one after it.`;

const SECURITY_SCHEMES: Record<string, JsonObject> = {
  adminToken: { type: 'http', scheme: 'bearer', description: 'ADMIN_TOKEN: may do everything.' },
  readToken: { type: 'http', scheme: 'bearer', description: 'READ_TOKEN: may read, and sees no secrets.' },
  access: {
    type: 'apiKey',
    in: 'header',
    name: 'cf-access-jwt-assertion',
    description: 'Set by Cloudflare Access where it stands in front: may do everything.',
  },
  webhookToken: {
    type: 'http',
    scheme: 'bearer',
    description: 'The token of an integration, for a sender that keeps it out of the URL.',
  },
  webhookPassword: { type: 'http', scheme: 'basic', description: 'The same token as password of any user.' },
};

/** One of the schemes is enough. */
const SECURITY: Record<Access, (keyof typeof SECURITY_SCHEMES)[]> = {
  anyone: [],
  sender: ['webhookToken', 'webhookPassword'],
  reader: ['adminToken', 'readToken', 'access'],
  changer: ['adminToken', 'access'],
};

/** What the door of the API refuses with (src/api/access/actor.ts), and what can befall any request behind it. */
const PROBLEMS_OF_ACCESS: Record<Access, ProblemCode[]> = {
  anyone: [],
  sender: [],
  reader: ['unauthorized', 'too-many-failures', 'internal', 'database-unavailable', 'unavailable'],
  changer: [
    'unauthorized',
    'forbidden',
    'too-many-failures',
    'internal',
    'database-unavailable',
    'unavailable',
  ],
};
/** Of src/api/query-parameters.ts. */
const PROBLEMS_OF_QUERY: ProblemCode[] = ['invalid-parameters'];
/** Of src/api/request-body.ts. */
const PROBLEMS_OF_BODY: ProblemCode[] = [
  'not-utf8',
  'not-json',
  'body-too-large',
  'not-json-type',
  'invalid-body',
];

/** The document, without its `servers`. */
export function openApiDocument(): JsonObject {
  const paths = documentedPaths();
  const calls = webhooks();
  const schemas = jsonSchemas(NAMED, usedSchemas([...operationsOf(paths), ...Object.values(calls)]));
  const responses = new Map<string, JsonObject>();
  const write = (operation: Operation | Message) => writeOperation(operation, schemas, responses);

  const written = Object.entries(paths).map(([path, item]) => {
    const operations = METHODS.flatMap((method) => {
      const operation = item[method];
      return operation === undefined ? [] : [[method, write(operation)]];
    });
    return [path, { ...pathParameters(path, item), ...Object.fromEntries(operations) }];
  });
  const called = Object.entries(calls).map(([name, one]) => [name, { post: write(one) }]);

  return {
    openapi: '3.1.1',
    info: {
      title: 'Instant Message receiver',
      version,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: Object.fromEntries(written),
    webhooks: Object.fromEntries(called),
    components: {
      schemas: schemas.components,
      responses: Object.fromEntries(responses),
      headers: {
        RequestId: {
          description: 'Names the answer for the logs of both sides.',
          schema: { type: 'string', format: 'uuid' },
        },
      },
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

function operationsOf(paths: Paths): Operation[] {
  return Object.values(paths).flatMap((item) => METHODS.flatMap((method) => item[method] ?? []));
}

function usedSchemas(operations: readonly (Operation | Message)[]): Record<Direction, z.ZodType[]> {
  return {
    input: operations.flatMap(({ query, headers, body }) =>
      [query, headers, body?.schema].flatMap((one) => one ?? []),
    ),
    output: operations.flatMap((operation) =>
      'answers' in operation ? Object.values(operation.answers).flatMap(({ schema }) => schema ?? []) : [],
    ),
  };
}

function pathParameters(path: string, { parameters: told }: PathItem): JsonObject {
  const names = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = '']) => name);
  if (names.length === 0) return {};
  return {
    parameters: names.map((name) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
      ...(told?.[name] ?? PATH_PARAMETERS[name]),
    })),
  };
}

function writeOperation(
  operation: Operation | Message,
  schemas: JsonSchemas,
  responses: Map<string, JsonObject>,
): JsonObject {
  const { operationId, tag, summary, description, query, headers, body } = operation;
  const taken = [...parameters('query', query, schemas), ...parameters('header', headers, schemas)];
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    ...('access' in operation && {
      security: SECURITY[operation.access].map((scheme) => ({ [scheme]: [] })),
    }),
    ...(taken.length > 0 && { parameters: taken }),
    ...(body !== undefined && {
      requestBody: {
        ...(body.description !== undefined && { description: body.description }),
        required: body.isOptional !== true,
        content: {
          'application/json': {
            schema: schemas.schemaOf(body.schema, 'input'),
            examples: Object.fromEntries(
              Object.entries(body.examples).map(([name, value]) => [name, { value }]),
            ),
          },
        },
      },
    }),
    ...('answers' in operation && { responses: writeResponses(operation, schemas, responses) }),
  };
}

/** A parameter for each property. */
function parameters(
  place: 'query' | 'header',
  schema: z.ZodType | undefined,
  schemas: JsonSchemas,
): JsonObject[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemas.schemaOf(schema, 'input') as {
    properties?: Record<string, JsonObject>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...told }]) => ({
    name,
    in: place,
    ...(required.includes(name) && { required: true }),
    ...(description !== undefined && { description }),
    schema: told,
  }));
}

const OF_EVERY_ANSWER = { 'x-request-id': { $ref: '#/components/headers/RequestId' } };

/** A status can be that of an answer and of a problem. */
function writeResponses(
  operation: Operation,
  schemas: JsonSchemas,
  shared: Map<string, JsonObject>,
): JsonObject {
  const answers = writeAnswers(operation, schemas);
  const problems = problemsByStatus(operation);
  for (const [status, codes] of problems) {
    const name = codes.join('.');
    const answer = answers[status];
    if (answer !== undefined) {
      const refusal = problemResponse(codes, schemas);
      answers[status] = {
        description: `${answer.description} Or: ${refusal.description}`,
        headers: { ...(answer.headers as JsonObject), ...(refusal.headers as JsonObject) },
        content: { ...(answer.content as JsonObject), ...(refusal.content as JsonObject) },
      };
    } else {
      if (!shared.has(name)) shared.set(name, problemResponse(codes, schemas));
      answers[status] = { $ref: `#/components/responses/${name}` };
    }
  }
  return answers;
}

function writeAnswers({ answers }: Operation, schemas: JsonSchemas): Record<string, JsonObject> {
  const written = Object.entries(answers).map(([status, answer]) => {
    const { description, schema, mediaType = 'application/json', example, headers = {} } = answer;
    const own = Object.entries(headers).map(([name, told]) => [
      name,
      { description: told, schema: { type: 'string' } },
    ]);
    const content = schema && {
      [mediaType]: {
        schema: schemas.schemaOf(schema, 'output'),
        ...(example !== undefined && { example }),
      },
    };
    return [
      status,
      {
        description,
        headers: { ...OF_EVERY_ANSWER, ...Object.fromEntries(own) },
        ...(content && { content }),
      },
    ];
  });
  return Object.fromEntries(written);
}

function problemsByStatus({ access, query, body, problems = [] }: Operation): Map<number, ProblemCode[]> {
  const codes = new Set([
    ...PROBLEMS_OF_ACCESS[access],
    ...(query === undefined ? [] : PROBLEMS_OF_QUERY),
    ...(body?.isOfApi ? PROBLEMS_OF_BODY : []),
    ...problems,
  ]);
  return Map.groupBy([...codes].sort(), (code) => PROBLEMS[code].status);
}

/** Those that say when to try again. */
const WITH_RETRY_AFTER: readonly ProblemCode[] = ['too-many-failures', 'database-unavailable', 'unavailable'];

function problemResponse(codes: readonly ProblemCode[], schemas: JsonSchemas): JsonObject {
  const types = codes.map((code) => `/problems/${code}`);
  const examples = codes.map((code) => {
    const detail = 'What is wrong in this case, and what to do about it.';
    return [code, { value: { type: `/problems/${code}`, ...PROBLEMS[code], detail } }];
  });
  return {
    description: `${codes.map((code) => PROBLEMS[code].title).join('; or: ')}.`,
    headers: {
      ...OF_EVERY_ANSWER,
      ...(codes.some((code) => WITH_RETRY_AFTER.includes(code)) && {
        'retry-after': { description: 'Seconds to wait.', schema: { type: 'string', pattern: '^\\d+$' } },
      }),
    },
    content: {
      'application/problem+json': {
        schema: {
          allOf: [schemas.schemaOf(problemDetails, 'output'), { properties: { type: { enum: types } } }],
        },
        examples: Object.fromEntries(examples),
      },
    },
  };
}
