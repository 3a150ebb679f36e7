// What anybody may ask of the receiver itself: the document of its API, as JSON and as a page, the schemas of events, the
// problems that answers name, and whether it runs.

import { Hono } from 'hono';
import * as z from 'zod';
import type { Message, Operation } from '../../http/operation.ts';
import { json } from '../../http/operation.ts';
import { PROBLEMS, type ProblemCode, problem, problemDetails } from '../../http/problem-details.ts';
import type { ActorEnv } from '../access/actor.ts';
import { watchingOperation } from '../health/routes.ts';
import { serve } from '../serve.ts';
import { docsRoutes } from './docs.ts';
import { openApiDocument } from './document.ts';
import { referenceOperation } from './reference.ts';
import { schemaRoutes } from './schemas.ts';

/** Short, as a deployment changes the document. */
const MAX_AGE_SECONDS = 300;

const problemCodes = Object.keys(PROBLEMS) as ProblemCode[];

export const getDocument = referenceOperation('getDocument', 'GET /openapi.json', {
  summary: 'This document',
  access: 'anyone',
  answers: {
    200: json('OpenAPI 3.1.', z.looseObject({ openapi: z.string().regex(/^3\.1\./) })),
  },
});

export const getLiveness = watchingOperation('getLiveness', 'GET /healthz', {
  summary: 'Check that the Worker runs',
  access: 'anyone',
  answers: {
    200: json('It does.', z.object({ status: z.literal('ok') }), { status: 'ok' }),
  },
});

export const getProblem = referenceOperation('getProblem', 'GET /problems/:code', {
  summary: 'A problem that answers name as their `type`',
  description: `One of ${problemCodes.map((code) => `\`${code}\``).join(', ')}.`,
  access: 'anyone',
  param: z.object({
    code: z.string().meta({
      description: 'Code of a problem, as its `type` ends.',
      example: 'contract-broken',
    }),
  }),
  answers: {
    200: json('The problem.', problemDetails.pick({ type: true, title: true, status: true }), {
      type: '/problems/conflict',
      ...PROBLEMS.conflict,
    }),
  },
  problems: ['not-found'],
});

export interface ReferenceDeps {
  /** The files of the documentation's viewer. */
  assets: Fetcher;
  /** Empty: the address that the request came to. */
  publicUrl: string;
  /** What the document describes. Called only once all routes are mounted. */
  operations: () => readonly Operation[];
  messages: Readonly<Record<string, Message>>;
}

export function referenceRoutes({ assets, publicUrl, operations, messages }: ReferenceDeps): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  /** Made by the first request, and the same for every other one of the isolate. */
  let written: string | undefined;

  serve(routes, getDocument, (c) => {
    written ??= JSON.stringify(openApiDocument(operations(), messages));
    const servers = JSON.stringify([{ url: publicUrl || new URL(c.req.url).origin }]);
    return c.body(`{"servers":${servers},${written.slice(1)}`, 200, {
      'content-type': 'application/json',
      'cache-control': `public, max-age=${MAX_AGE_SECONDS}`,
    });
  });

  serve(routes, getLiveness, () => ({ status: 'ok' as const }));

  serve(routes, getProblem, (c, { param: { code } }) =>
    Object.hasOwn(PROBLEMS, code)
      ? { type: c.req.path, ...PROBLEMS[code as ProblemCode] }
      : problem('not-found', 'There is no such problem type.'),
  );

  return routes.route('/', docsRoutes({ assets })).route('/', schemaRoutes(publicUrl));
}
