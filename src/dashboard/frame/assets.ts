// The style sheet, the script and the icon of the pages. They are static assets of this Worker, which scripts/assets.ts
// puts together; see [assets] in wrangler.toml. Their addresses have the version in them, so that a browser keeps them for
// good and fetches new ones after a deployment.

import { Hono } from 'hono';
import { problem } from '../../http/problem-details.ts';

const FILES = ['dashboard.css', 'dashboard.js', 'favicon.svg'];
const YEAR_SECONDS = 365 * 86_400;

export interface AssetDeps {
  assets: Fetcher;
  /** Changes with each deployment; `null`: unknown, and a browser asks each time whether a file has changed. */
  version: string | null;
}

/** To be mounted at `/assets`; the files are at `path`. Public: they are the same for everybody. */
export function assetRoutes({ assets, version }: AssetDeps): { routes: Hono; path: string } {
  const routes = new Hono().get('/:version/:file', async (c) => {
    const { file, version: asked } = c.req.param();
    if (!FILES.includes(file)) return problem('not-found', 'There is no such file.');
    const { headers } = c.req.raw; // with the validators of what the browser has
    const asset = await assets.fetch(new URL(`/${file}`, c.req.url), { headers });
    const answer = new Response(asset.body, asset); // the headers of `asset` are immutable
    const isForGood = asset.ok && version !== null && asked === version;
    answer.headers.set(
      'cache-control',
      isForGood ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache',
    );
    return answer;
  });
  return { routes, path: `/assets/${version ?? 'current'}` };
}
