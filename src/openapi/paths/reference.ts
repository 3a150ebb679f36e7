import * as z from 'zod';
import { SCHEMA_PATHS } from '../../contract/cloudevent.ts';
import { PROBLEMS, type ProblemCode, problemDetails } from '../../problem-details.ts';
import type { Paths } from '../../operation.ts';

const OF_SCHEMA = { event: 'an event, as consumers get it', response: 'a response', status: 'a status' };

const problemCodes = Object.keys(PROBLEMS) as ProblemCode[];

export const referencePaths = (): Paths => ({
  '/openapi.json': {
    get: {
      operationId: 'getDocument',
      tag: 'Reference',
      summary: 'This document',
      access: 'anyone',
      answers: {
        200: { description: 'OpenAPI 3.1.', schema: z.looseObject({ openapi: z.string().regex(/^3\.1\./) }) },
      },
    },
  },
  '/docs': {
    get: {
      operationId: 'getDocs',
      tag: 'Reference',
      summary: 'This document as a page',
      access: 'anyone',
      answers: { 200: { description: 'The page.', mediaType: 'text/html', schema: z.string() } },
    },
  },
  '/docs/{file}': {
    get: {
      operationId: 'getDocsFile',
      tag: 'Reference',
      summary: 'What the page is made of',
      access: 'anyone',
      answers: {
        200: { description: 'The file.', mediaType: '*/*', schema: z.string() },
        304: { description: 'It has not changed since.' },
      },
      problems: ['not-found'],
    },
  },
  ...Object.fromEntries(
    Object.entries(SCHEMA_PATHS).map(([name, path]) => [
      path,
      {
        get: {
          operationId: `get${name.replace(/^./, (letter) => letter.toUpperCase())}Schema`,
          tag: 'Reference',
          summary: `JSON Schema of ${OF_SCHEMA[name as keyof typeof SCHEMA_PATHS]}`,
          access: 'anyone',
          answers: {
            200: {
              description: 'JSON Schema 2020-12.',
              mediaType: 'application/schema+json',
              schema: z.looseObject({ $schema: z.string() }),
            },
          },
        },
      },
    ]),
  ),
  '/problems/{code}': {
    get: {
      operationId: 'getProblem',
      tag: 'Reference',
      summary: 'A problem that answers name as their `type`',
      description: `One of ${problemCodes.map((code) => `\`${code}\``).join(', ')}.`,
      access: 'anyone',
      answers: {
        200: {
          description: 'The problem.',
          schema: problemDetails.pick({ type: true, title: true, status: true }),
          example: { type: '/problems/conflict', ...PROBLEMS.conflict },
        },
      },
      problems: ['not-found'],
    },
  },
});
