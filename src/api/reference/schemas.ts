// /schemas/*: the JSON Schemas of events and their data, for anybody. They are dear to make and the same for every request
// of an isolate, so the first request makes them all.

import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { eventSchemas, SCHEMA_PATHS, type SchemaName } from '../../contract/cloudevent.ts';
import type { ActorEnv } from '../access/actor.ts';
import { serve } from '../serve.ts';
import { referenceOperation } from './reference.ts';

/** Not longer, as a deployment can change them. */
const MAX_AGE_SECONDS = 3600;

interface WrittenSchema {
  text: string;
  /** Changes with the text (RFC 9110, section 8.8.3). */
  etag: string;
}

const getSchema = (name: SchemaName, operationId: string, summary: string) =>
  referenceOperation(operationId, `GET ${SCHEMA_PATHS[name]}`, {
    summary,
    access: 'anyone',
    answers: {
      200: {
        description: 'JSON Schema 2020-12.',
        mediaType: 'application/schema+json',
        schema: z.looseObject({ $schema: z.string() }),
      },
    },
  });

const operations = {
  event: getSchema('event', 'getEventSchema', 'JSON Schema of an event, as consumers get it'),
  response: getSchema('response', 'getResponseSchema', 'JSON Schema of a response'),
  status: getSchema('status', 'getStatusSchema', 'JSON Schema of a status'),
};

/** @param make makes the schemas of a receiver at this address. */
export function schemaRoutes(publicUrl: string, make = eventSchemas): Hono<ActorEnv> {
  let written: Promise<Map<SchemaName, WrittenSchema>> | undefined;
  const routes = new Hono<ActorEnv>();
  for (const [name, getSchema] of Object.entries(operations) as [SchemaName, typeof operations.event][]) {
    serve(routes, getSchema, async (c) => {
      written ??= writeSchemas(make(publicUrl));
      const { text, etag } = (await written).get(name) as WrittenSchema;
      const headers = { etag, 'cache-control': `public, max-age=${MAX_AGE_SECONDS}` };
      if (isKnown(c, etag)) return c.body(null, 304, headers);
      return c.body(text, 200, { ...headers, 'content-type': 'application/schema+json' });
    });
  }
  return routes;
}

async function writeSchemas(schemas: Record<SchemaName, object>): Promise<Map<SchemaName, WrittenSchema>> {
  const written = Object.entries(schemas).map(async ([name, schema]) => {
    const text = JSON.stringify(schema);
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
    const tag = new Uint8Array(digest, 0, 16).toHex();
    return [name as SchemaName, { text, etag: `"${tag}"` }] as const;
  });
  return new Map(await Promise.all(written));
}

/** Whether the client has it already. A proxy that compresses answers makes their tags weak ones (`W/`). */
function isKnown(c: Context, etag: string): boolean {
  const tags = c.req.header('if-none-match')?.split(',') ?? [];
  return tags.some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
}
