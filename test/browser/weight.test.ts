import { gzipSync } from 'node:zlib';
import { beforeAll, expect, it } from 'vitest';
import { browsing, describeInBrowser } from './browsing.ts';
import { leaveTraces, pagesFrom } from './pages.ts';

const FIRST_LOAD_BYTES = 100_000;
const PAGE_BYTES = 20_000;
/** The quality with which a CDN compresses a page that it has not seen before. */
const COMPRESSION = { level: 6 };

describeInBrowser('the weight of pages', () => {
  const running = browsing({ events: 400 });
  beforeAll(async () => leaveTraces(running.receiver, running.plan));

  it('is bounded on the first load, and small on the next ones', async () => {
    const page = await running.open();
    const weights = new Map<string, number>();
    for (const path of await pagesFrom(page)) {
      const answer = await page.request.get(path);
      weights.set(path, gzipSync(await answer.body(), COMPRESSION).byteLength);
    }
    const tooHeavy = [...weights].filter(([, bytes]) => bytes >= PAGE_BYTES);
    expect(tooHeavy).toEqual([]);

    const heaviest = Math.max(...weights.values());
    const html = await (await page.request.get('/')).text();
    const files = [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path);
    expect(files).toHaveLength(3);
    let firstLoad = heaviest;
    for (const file of files) {
      firstLoad += gzipSync(await (await page.request.get(file)).body(), COMPRESSION).byteLength;
    }
    expect(firstLoad).toBeLessThan(FIRST_LOAD_BYTES);
  });

  it('includes files only once: they are not requested again', async () => {
    const page = await running.open();
    const session = await page.context().newCDPSession(page);
    await session.send('Network.enable');
    const kept = new Set<string>();
    session.on('Network.requestServedFromCache', ({ requestId }) => kept.add(requestId));
    const fetched: string[] = [];
    session.on('Network.responseReceived', ({ requestId, response, type }) => {
      const isKept = kept.has(requestId) || response.fromDiskCache === true;
      if (!isKept && type !== 'EventSource') fetched.push(new URL(response.url).pathname);
    });
    const paths = ['/', '/events', '/contacts', '/audit'];
    for (const path of paths) await page.goto(path, { waitUntil: 'load' });
    expect(fetched.filter((path) => !path.startsWith('/assets/'))).toEqual(paths);
    const files = fetched.filter((path) => path.startsWith('/assets/')).map((path) => path.split('/').at(-1));
    expect(files).toEqual(expect.arrayContaining(['dashboard.css', 'dashboard.js'])); // the icon as the browser likes
    expect(new Set(files).size).toBe(files.length);
  });
});
