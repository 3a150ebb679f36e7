// The OpenAPI document and the app beside each other. What a validator of JSON Schema and real answers say of it is in
// test/scripts/openapi.test.ts: the validator writes code, which workerd does not run.

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { type AppDeps, createApp } from '../../src/app.ts';
import { documentedPaths, openApiDocument } from '../../src/api/reference/document.ts';
import { METHODS, type Operation } from '../../src/operation.ts';
import { webhooks } from '../../src/openapi/webhooks.ts';
import { webhookTokens } from '../../src/sender/webhook-token.ts';
import { type Body, ORIGIN, reset } from '../webhooks.ts';

const document: Body = openApiDocument();

const operations = Object.entries(documentedPaths()).flatMap(([path, item]) =>
  METHODS.flatMap((method) => {
    const operation = item[method];
    return operation === undefined ? [] : [{ route: `${method} ${path}`, operation }];
  }),
);

/** The pages of the dashboard: for people, and no part of the API. */
const PAGES =
  /^\/($|sign-|language$|assets\/|find$|live\/|events($|\/)|contacts($|\/)|integrations($|\/)|rejections($|\/)|dead-letters($|\/)|replays($|\/)|refusals$|audit$)/;

/**
 * What the app routes besides pages. Middleware, and refusals of other methods, are there for all methods.
 */
function routesOf(app: { routes: { method: string; path: string }[] }): Set<string> {
  const routes = app.routes
    .filter(({ method, path }) => method !== 'ALL' && !PAGES.test(path))
    .map(({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}')}`);
  return new Set(routes);
}

describe('the document', () => {
  it('has every route of the app, and none that the app has not', () => {
    const app = createApp({
      tokens: webhookTokens('x'.repeat(32)),
      access: null,
      allowedOrigins: [],
      publicUrl: '',
    } as unknown as AppDeps);
    const routes = routesOf(app);
    expect(routes.size).toBeGreaterThan(20);
    expect(new Set(operations.map(({ route }) => route))).toEqual(routes);
  });

  it('names each operation once', () => {
    const ids = [...operations.map(({ operation }) => operation), ...Object.values(webhooks())].map(
      ({ operationId }) => operationId,
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('refers to nothing that it does not have, and has no schema that nothing refers to', () => {
    const referred = new Set(JSON.stringify(document).match(/#\/components\/[\w.-]+\/[\w.-]+/g));
    const had = ['schemas', 'responses', 'headers'].flatMap((kind) =>
      Object.keys(document.components[kind]).map((name) => `#/components/${kind}/${name}`),
    );
    expect(referred).toEqual(new Set(had));
  });

  it('describes what the platform calls and what consumers get', () => {
    expect(Object.keys(document.webhooks)).toEqual(['response', 'status', 'response-event', 'status-event']);
    const { response, status } = document.webhooks;
    const delivered = document.paths['/webhooks/{integration}/{token}'].post.requestBody;
    expect(delivered.content['application/json'].schema.anyOf).toEqual(
      [response, status].map(({ post }) => post.requestBody.content['application/json'].schema),
    );
  });

  it('says of each parameter what it takes as text', () => {
    for (const { route, operation } of operations) {
      const [method = '', path = ''] = route.split(' ');
      const { parameters = [] } = document.paths[path][method];
      for (const { name, schema } of parameters) {
        const isTold = schema.type !== undefined || schema.anyOf !== undefined;
        expect([operation.operationId, name, isTold]).toEqual([operation.operationId, name, true]);
      }
    }
  });
});

describe('the examples of requests', () => {
  const bodies = [...operations.map(({ operation }) => operation), ...Object.values(webhooks())].flatMap(
    ({ operationId, body }) =>
      Object.entries(body?.examples ?? {}).map(
        ([name, value]) => [operationId, name, body?.schema, value] as const,
      ),
  );

  it.each(bodies)('are taken: %s, %s', (_, __, schema, value) => {
    expect(schema?.safeParse(value).error).toBeUndefined();
  });

  it('are taken: parameters', () => {
    for (const { operation } of operations) {
      for (const [name, schema] of parametersOf(operation)) {
        const { examples = [] } = parameterOf(operation.operationId, name).schema;
        for (const example of examples) {
          expect([operation.operationId, name, schema.safeParse(example).success]).toEqual([
            operation.operationId,
            name,
            true,
          ]);
        }
      }
    }
  });
});

function parametersOf({ query, headers }: Operation): [string, z.ZodType][] {
  const shapes = [query, headers].map((schema) => (schema as z.ZodObject | undefined)?.shape ?? {});
  return shapes.flatMap((shape) => Object.entries(shape) as [string, z.ZodType][]);
}

function parameterOf(operationId: string, name: string): Body {
  const methods: Body[] = Object.values(document.paths).flatMap((item) => Object.values(item as Body));
  const { parameters } = methods.find((operation) => operation.operationId === operationId);
  return parameters.find((parameter: Body) => parameter.name === name);
}

describe('GET /openapi.json', () => {
  const get = async (url = `${ORIGIN}/openapi.json`, headers: HeadersInit = {}) =>
    env.RECEIVER.fetch(url, { headers });

  it('is public, and kept by caches for a short time', async () => {
    await reset();
    const response = await get();
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const { servers, ...served }: Body = await response.json();
    expect(served).toEqual(document);
    expect(servers).toEqual([{ url: ORIGIN }]);
  });

  it('names the address that the request came to, or the one that is configured', async () => {
    await reset();
    const serversAt = async (url: string) => ((await (await get(url)).json()) as Body).servers;
    expect(await serversAt('https://one.example/openapi.json')).toEqual([{ url: 'https://one.example' }]);
    expect(await serversAt('https://two.example/openapi.json')).toEqual([{ url: 'https://two.example' }]);
    await reset({ PUBLIC_URL: 'https://receiver.example/' });
    expect(await serversAt('https://one.example/openapi.json')).toEqual([
      { url: 'https://receiver.example' },
    ]);
  });

  it('may be read by pages of the allowed origins', async () => {
    const origin = 'https://ops.example';
    await reset({ ALLOWED_ORIGINS: origin });
    expect((await get(undefined, { origin })).headers.get('access-control-allow-origin')).toBe(origin);
    const other = await get(undefined, { origin: 'https://evil.example' });
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
  });
});
