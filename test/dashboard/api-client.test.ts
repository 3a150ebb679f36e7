// The dashboard's client of the API, over operations of the test's own.

import { createExecutionContext } from 'cloudflare:test';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type ActorEnv, ADMIN } from '../../src/api/access/actor.ts';
import { answer, serve } from '../../src/api/serve.ts';
import { ApiRefusal, apiClients } from '../../src/dashboard/frame/api-client.ts';
import { json, operationsOf } from '../../src/http/operation.ts';
import { problem } from '../../src/http/problem-details.ts';

const operation = operationsOf({ name: 'Tests', description: 'Of nothing else.' });

const param = z.object({ id: z.string() });
const echoed = z.object({
  id: z.string(),
  actor: z.string(),
  query: z.string(),
  since: z.string().optional(),
  body: z.unknown(),
});

const echo = operation('echo', 'POST /api/echo/:id/back', {
  summary: 'Answers what it got',
  param,
  query: z.strictObject({ limit: z.string().optional(), contact: z.string().optional() }),
  header: z.object({ since: z.string().optional() }),
  body: { schema: z.strictObject({ name: z.string().optional() }), isOptional: true, examples: {} },
  answers: { 200: json('It.', echoed) },
});
const remove = operation('remove', 'DELETE /api/echo/:id', {
  summary: 'Removes what is there',
  param,
  answers: { 204: { description: 'Done.' } },
  problems: ['not-found'],
});

const routes = new Hono<ActorEnv>();
serve(routes, echo, (c, { param: { id }, header: { since }, body }) => ({
  id,
  actor: c.get('actor').name,
  query: new URL(c.req.url).search,
  since,
  body,
}));
serve(routes, remove, (_, { param: { id } }) =>
  id === 'there' ? answer(remove, 204, null) : problem('not-found', 'There is none.'),
);

const api = apiClients(
  routes,
  (error) => new Response(error.message, { status: 500 }),
)({
  actor: ADMIN,
  requestId: 'of the test',
  origin: 'https://receiver.example',
  lifetime: createExecutionContext(),
});

describe('the client of the API', () => {
  it('sends the parameters and the body of an operation, and gives what it answers', async () => {
    const got = await api.call(echo, {
      param: { id: 'a/b?c' },
      query: { limit: 5 },
      header: { since: 'monday' },
      body: { name: 'Maria' },
    });
    expect(got).toEqual({
      id: 'a/b?c',
      actor: ADMIN.name,
      query: '?limit=5',
      since: 'monday',
      body: { name: 'Maria' },
    });
  });

  it('leaves out empty parameters', async () => {
    const empty = { query: { limit: null, contact: '' }, header: { since: undefined } };
    const { query, since } = await api.call(echo, { param: { id: 'x' }, ...empty });
    expect([query, since]).toEqual(['', undefined]);
  });

  it('gives null for an answer without a body', async () => {
    expect(await api.attempt(remove, { param: { id: 'there' } })).toEqual({ ok: true, data: null });
  });

  it('gives the problem, or throws it', async () => {
    const request = { param: { id: 'nowhere' } };
    expect(await api.attempt(remove, request)).toMatchObject({ ok: false, problem: { status: 404 } });
    await expect(api.call(remove, request)).rejects.toThrow(ApiRefusal);
  });

  it('knows the names that an operation takes', async () => {
    const param = { id: 'x' };
    // @ts-expect-error: another name in the query
    expect(await api.attempt(echo, { param, query: { limits: 5 } })).toMatchObject({ ok: false });
    // @ts-expect-error: another name in the body
    expect(await api.attempt(echo, { param, body: { names: 'Maria' } })).toMatchObject({ ok: false });
  });

  it('opens an answer as it is', async () => {
    const response = await api.open(remove, { param: { id: 'there' } });
    expect(response.status).toBe(204);
  });
});
