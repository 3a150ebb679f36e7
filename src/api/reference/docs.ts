// /docs: the OpenAPI document as a page. The viewer is Swagger UI, whose files are static assets of this Worker: see
// [assets] in wrangler.toml. They are fetched here and nowhere else, so that no other request waits for assets.

import { Hono } from 'hono';
import * as z from 'zod';
import { problem } from '../../http/problem-details.ts';
import type { ActorEnv } from '../access/actor.ts';
import { serve } from '../serve.ts';
import { referenceOperation } from './reference.ts';

/** What the page needs of the package swagger-ui-dist. Nothing else of it is served. */
const VIEWER_FILES = ['swagger-ui.css', 'index.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

/** Allows what is of this origin and nothing inline. `data:` is for the images in the viewer's style sheet. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Instant Message receiver</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/index.css">
<div id="viewer"></div>
<noscript>This page needs JavaScript. What it shows is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
`;

/** No validator, as it would send the document's address to a third party; and tokens that are typed in are not kept. */
const START = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#viewer',
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
  defaultModelsExpandDepth: 0,
});
`;

/** Short, as a deployment changes the files. */
const MAX_AGE_SECONDS = 300;
const CACHE_CONTROL = `public, max-age=${MAX_AGE_SECONDS}`;

export const getDocs = referenceOperation('getDocs', 'GET /docs', {
  summary: 'This document as a page',
  access: 'anyone',
  answers: { 200: { description: 'The page.', mediaType: 'text/html', schema: z.string() } },
});

export const getDocsFile = referenceOperation('getDocsFile', 'GET /docs/:file', {
  summary: 'What the page is made of',
  access: 'anyone',
  param: z.object({ file: z.string().meta({ description: 'A name.', example: 'swagger-ui.css' }) }),
  answers: {
    200: { description: 'The file.', mediaType: '*/*', schema: z.string() },
    304: { description: 'It has not changed since.' },
  },
  problems: ['not-found'],
});

export function docsRoutes({ assets }: { assets: Fetcher }): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  serve(routes, getDocs, (c) =>
    c.html(PAGE, 200, { 'content-security-policy': CONTENT_SECURITY_POLICY, 'cache-control': CACHE_CONTROL }),
  );
  serve(routes, getDocsFile, async (c, { param: { file } }) => {
    if (file === 'start.js') {
      return c.body(START, 200, { 'content-type': 'text/javascript', 'cache-control': CACHE_CONTROL });
    }
    if (!VIEWER_FILES.includes(file)) return problem('not-found', 'There is no such file.');
    const { headers } = c.req.raw; // among them the ETag of what a browser has already
    const asset = await assets.fetch(new URL(`/${file}`, c.req.url), { headers });
    return new Response(asset.body, asset); // a copy, as the headers of a fetched answer cannot be changed
  });
  return routes;
}
