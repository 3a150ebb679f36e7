// The OpenAPI document and the app beside each other. What a validator of JSON Schema and real answers say of it is in
// test/scripts/openapi.test.ts: the validator writes code, which workerd does not run.

import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { openApiDocument } from '../../src/api/reference/document.ts';
import { servedOperations } from '../../src/api/serve.ts';
import { type AppDeps, createApp } from '../../src/app.ts';
import type { Message, Operation } from '../../src/http/operation.ts';
import { webhookMessages, webhookOperations } from '../../src/receive/webhook-api.ts';
import { webhookTokens } from '../../src/sender/webhook-token.ts';
import { ORIGIN, reset } from '../webhooks.ts';

const app = createApp({
  queues: new Map(),
  tokens: webhookTokens('x'.repeat(32)),
  access: null,
  allowedOrigins: [],
  publicUrl: '',
} as unknown as AppDeps);

const operations: Operation[] = [...webhookOperations, ...servedOperations(app)];
const described: Message[] = [...operations, ...Object.values(webhookMessages)];
const document = openApiDocument(operations, webhookMessages) as Document;

/** What tests read of the document. */
type Document = {
  components: Record<string, object>;
  webhooks: Record<'response' | 'status', { post: DocumentedOperation }>;
  paths: Partial<Record<string, Partial<Record<string, DocumentedOperation>>>>;
};
interface DocumentedOperation {
  operationId: string;
  parameters?: { name: string; schema: { type?: string; anyOf?: unknown[]; examples?: unknown[] } }[];
  requestBody: { content: Record<string, { schema: { anyOf?: unknown[] } }> };
}

/** The pages of the dashboard: for people, and no part of the API. */
const PAGES =
  /^\/($|sign-|language$|assets\/|find$|live\/|events($|\/)|contacts($|\/)|integrations($|\/)|rejections($|\/)|dead-letters($|\/)|replays($|\/)|routes($|\/)|refusals$|audit$)/;

describe('the document', () => {
  it('has every route of the app, and none that the app has not', () => {
    const routes = app.routes
      .filter(({ method, path }) => method !== 'ALL' && !PAGES.test(path)) // ALL: middleware, refusals of methods
      .map(({ method, path }) => `${method} ${path}`);
    const documented = operations.map(({ method, path }) => `${method} ${path}`);
    expect(documented.length).toBeGreaterThan(40);
    expect(new Set(documented)).toEqual(new Set(routes));
  });

  it('names each operation once', () => {
    const ids = described.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('refers to nothing that it does not have, and has no schema that nothing refers to', () => {
    const referred = new Set(JSON.stringify(document).match(/#\/components\/[\w.-]+\/[\w.-]+/g));
    const had = ['schemas', 'responses', 'headers'].flatMap((kind) =>
      Object.keys(document.components[kind] ?? {}).map((name) => `#/components/${kind}/${name}`),
    );
    expect(referred).toEqual(new Set(had));
  });

  it('describes what the platform calls and what consumers get', () => {
    expect(Object.keys(document.webhooks)).toEqual(['response', 'status', 'response-event', 'status-event']);
    const { response, status } = document.webhooks;
    const delivered = document.paths['/webhooks/{integration}/{token}']?.post;
    expect(delivered?.requestBody.content['application/json']?.schema.anyOf).toEqual(
      [response, status].map(({ post }) => post.requestBody.content['application/json']?.schema),
    );
  });

  it('says of each parameter what it takes as text', () => {
    for (const { operationId } of operations) {
      for (const { name, schema } of parametersOf(operationId)) {
        const isTold = schema.type !== undefined || schema.anyOf !== undefined;
        expect([operationId, name, isTold]).toEqual([operationId, name, true]);
      }
    }
  });
});

describe('the examples of requests', () => {
  const bodies = described.flatMap(({ operationId, body }) =>
    Object.entries(body?.examples ?? {}).map(
      ([name, value]) => [operationId, name, body?.schema, value] as const,
    ),
  );

  it.each(bodies)('are taken: %s, %s', (_, __, schema, value) => {
    expect(schema?.safeParse(value).error).toBeUndefined();
  });

  it('are taken: parameters', () => {
    let examples = 0;
    for (const operation of operations) {
      for (const { name, schema } of parametersOf(operation.operationId)) {
        for (const example of schema.examples ?? []) {
          examples++;
          const result = schemaOf(operation, name)?.safeParse(example);
          expect([operation.operationId, name, result?.success]).toEqual([operation.operationId, name, true]);
        }
      }
    }
    expect(examples).toBeGreaterThan(40);
  });
});

/** The parameters of an operation, as the document has them. */
function parametersOf(operationId: string) {
  const methods = Object.values(document.paths).flatMap((item) => Object.values(item ?? {}));
  return methods.find((operation) => operation?.operationId === operationId)?.parameters ?? [];
}

function schemaOf({ param, query, header }: Operation, name: string): z.ZodType | undefined {
  const shapes = [param, query, header].map((schema) => (schema as z.ZodObject | undefined)?.shape ?? {});
  return shapes.map((shape) => shape[name] as z.ZodType | undefined).find((schema) => schema !== undefined);
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
    const { servers, ...served } = await response.json<{ servers: unknown }>();
    expect(served).toEqual(document);
    expect(servers).toEqual([{ url: ORIGIN }]);
  });

  it('names the address that the request came to, or the one that is configured', async () => {
    await reset();
    const serversAt = async (url: string) => (await (await get(url)).json<{ servers: unknown }>()).servers;
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
