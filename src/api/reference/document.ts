// The OpenAPI document of the receiver, made of its operations and of the schemas that they check requests with and answer
// by. Nothing is made of it until somebody asks: webhooks do not wait for it.

import type * as z from 'zod';
import { version } from '../../../package.json';
import { namedSchemas } from '../../http/named-schemas.ts';
import type { Access, Answer, Message, Operation } from '../../http/operation.ts';
import { PROBLEMS, type ProblemCode, problemDetails } from '../../http/problem-details.ts';
import { type JsonObject, type JsonSchemas, jsonSchemas } from './json-schema.ts';

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

/** What can befall any request that the door of the API (src/api/access/actor.ts) has let through, and at the door. */
const PROBLEMS_OF_READERS: ProblemCode[] = [
  'unauthorized',
  'too-many-failures',
  'internal',
  'database-unavailable',
  'unavailable',
];

/** The schemes of which one is enough, and what an operation refuses with for being open to these. */
const OF_ACCESS: Record<Access, { schemes: (keyof typeof SECURITY_SCHEMES)[]; problems: ProblemCode[] }> = {
  anyone: { schemes: [], problems: [] },
  sender: { schemes: ['webhookToken', 'webhookPassword'], problems: [] },
  reader: { schemes: ['adminToken', 'readToken', 'access'], problems: PROBLEMS_OF_READERS },
  changer: { schemes: ['adminToken', 'access'], problems: [...PROBLEMS_OF_READERS, 'forbidden'] },
};
/** Of src/api/query-parameters.ts. */
const PROBLEMS_OF_QUERY: ProblemCode[] = ['invalid-parameters'];
/** Of src/api/request-body.ts, which reads what operators send. */
const PROBLEMS_OF_BODY: ProblemCode[] = [
  'not-utf8',
  'not-json',
  'body-too-large',
  'not-json-type',
  'invalid-body',
];
/** Those that say when to try again. */
const WITH_RETRY_AFTER: readonly ProblemCode[] = ['too-many-failures', 'database-unavailable', 'unavailable'];

const OF_EVERY_ANSWER = { 'x-request-id': { $ref: '#/components/headers/RequestId' } };

/** The document, without its `servers`. */
export function openApiDocument(
  operations: readonly Operation[],
  messages: Readonly<Record<string, Message>>,
): JsonObject {
  const described = [...operations, ...Object.values(messages)];
  const answers = described.flatMap((one): Answer[] => Object.values(one.answers));
  const schemas = jsonSchemas(namedSchemas, {
    input: described.flatMap(({ param, query, header, body }) =>
      [param, query, header, body?.schema].flatMap((schema) => schema ?? []),
    ),
    output: answers.flatMap(({ schema }) => schema ?? []),
  });
  const responses: Record<string, JsonObject> = {};
  const paths: Record<string, JsonObject> = {};
  for (const operation of operations) {
    const path = operation.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = {
      ...paths[path],
      [operation.method.toLowerCase()]: writeOperation(operation, schemas, responses),
    };
  }
  const webhooks = Object.entries(messages).map(([name, message]) => [
    name,
    { post: writeOperation(message, schemas, responses) },
  ]);
  const tags = new Map(described.map(({ tag }) => [tag.name, tag]));

  return {
    openapi: '3.1.1',
    info: {
      title: 'Instant Message receiver',
      version,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    tags: [...tags.values()],
    paths,
    webhooks: Object.fromEntries(webhooks),
    components: {
      schemas: schemas.components,
      responses,
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

/** @param shared gets the answers that many operations give. */
function writeOperation(
  operation: Message,
  schemas: JsonSchemas,
  shared: Record<string, JsonObject>,
): JsonObject {
  const { operationId, tag, summary, description, access, param, query, header, body } = operation;
  const parameters = [
    ...writeParameters('path', param, schemas),
    ...writeParameters('query', query, schemas),
    ...writeParameters('header', header, schemas),
  ];
  const responses = writeResponses(operation, schemas, shared);
  return {
    operationId,
    tags: [tag.name],
    summary,
    ...(description !== undefined && { description }),
    security: OF_ACCESS[access].schemes.map((scheme) => ({ [scheme]: [] })),
    ...(parameters.length > 0 && { parameters }),
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
    ...(Object.keys(responses).length > 0 && { responses }),
  };
}

/** A parameter for each property. */
function writeParameters(
  place: 'path' | 'query' | 'header',
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

/** By status, which can be that of an answer and of a problem. */
function writeResponses(
  operation: Message,
  schemas: JsonSchemas,
  shared: Record<string, JsonObject>,
): Record<string, JsonObject> {
  const responses = Object.fromEntries(
    Object.entries(operation.answers).map(([status, answer]) => [status, writeAnswer(answer, schemas)]),
  );
  for (const [status, codes] of problemsByStatus(operation)) {
    const answer = responses[status];
    const refusal = problemResponse(codes, schemas);
    if (answer === undefined) {
      const name = codes.join('.');
      shared[name] ??= refusal;
      responses[status] = { $ref: `#/components/responses/${name}` };
    } else {
      responses[status] = {
        description: `${answer.description} Or: ${refusal.description}`,
        headers: { ...(answer.headers as JsonObject), ...(refusal.headers as JsonObject) },
        content: { ...(answer.content as JsonObject), ...(refusal.content as JsonObject) },
      };
    }
  }
  return responses;
}

function writeAnswer(answer: Answer, schemas: JsonSchemas): JsonObject {
  const { description, schema, mediaType = 'application/json', example, headers = {} } = answer;
  const own = Object.entries(headers).map(([name, told]) => [
    name,
    { description: told, schema: { type: 'string' } },
  ]);
  return {
    description,
    headers: { ...OF_EVERY_ANSWER, ...Object.fromEntries(own) },
    ...(schema && {
      content: {
        [mediaType]: {
          schema: schemas.schemaOf(schema, 'output'),
          ...(example !== undefined && { example }),
        },
      },
    }),
  };
}

function problemsByStatus({ access, query, body, problems = [] }: Message): Map<number, ProblemCode[]> {
  const { problems: ofAccess } = OF_ACCESS[access];
  const isOfOperators = ofAccess.length > 0;
  const codes = new Set([
    ...ofAccess,
    ...(query === undefined ? [] : PROBLEMS_OF_QUERY),
    ...(body !== undefined && isOfOperators ? PROBLEMS_OF_BODY : []),
    ...problems,
  ]);
  return Map.groupBy([...codes].sort(), (code) => PROBLEMS[code].status);
}

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
