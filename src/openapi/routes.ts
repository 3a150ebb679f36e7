// GET /openapi.json. Public: it says nothing that the source does not.

import { Hono } from 'hono';
import { openApiDocument } from '../api/reference/document.ts';

/** A deployment changes it. */
const MAX_AGE_SECONDS = 300;

/** To be mounted at `/openapi.json`. `publicUrl` is empty where it is the address that the request came to. */
export function openApiRoutes({ publicUrl }: { publicUrl: string }): Hono {
  /** The same for every request of the isolate, and made by the first of them. */
  let written: string | undefined;

  return new Hono().get('/', (c) => {
    written ??= JSON.stringify(openApiDocument());
    const servers = JSON.stringify([{ url: publicUrl || new URL(c.req.url).origin }]);
    return c.body(`{"servers":${servers},${written.slice(1)}`, 200, {
      'content-type': 'application/json',
      'cache-control': `public, max-age=${MAX_AGE_SECONDS}`,
    });
  });
}
