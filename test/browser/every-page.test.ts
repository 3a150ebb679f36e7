import { fileURLToPath } from 'node:url';
import type axe from 'axe-core';
import type { AxeResults } from 'axe-core';
import fc from 'fast-check';
import type { Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { filledIn, oddField, putIn } from '../receive/odd-fields.ts';
import { browsing, describeInBrowser, type Looks, overflowOf } from './browsing.ts';
import { leaveTraces, pagesFrom } from './pages.ts';
import { responseBody, statusBody } from './webhooks.ts';

/** Every page in each. What axe is asked in the one width is looked at in the other as well. */
const LOOKS: Looks[] = [
  { language: 'pt', scheme: 'light', width: 1280 },
  { language: 'en', scheme: 'dark', width: 390 },
];
/** Run as a debugger would run it: pages let in no script but their own. */
const AXE = fileURLToPath(import.meta.resolve('axe-core/axe.min.js'));
/** With any value in any field. Others than always: `PROPERTY_SEED=7 npm test`. */
const ODD_BODIES = 12;
const SEED = Number(process.env.PROPERTY_SEED || 20_200_618);
/** Each page takes seconds, more where others work on the machine. */
const ALL_PAGES_MS = 400_000;
/** A desk and a phone. */
const WIDTHS = [1280, 390];
/** What must be among them, or it is the crawler that is broken. */
const KNOWN = [
  /^\/$/,
  /^\/(events|contacts|integrations|routes|rejections|dead-letters|replays|audit)$/,
  /^\/events\/.*response$/,
  /^\/events\/.*(sent|delivered|read)$/,
  /^\/events\/.*failed$/,
  /^\/contacts\/%2B\d+$/,
  /^\/contacts\/.*\/(erase|export)$/,
  /^\/integrations\/(_new|shop|archive)$/,
  /^\/routes\/(_new|crm|events)$/,
  /^\/routes\/_new\?name=desk$/,
  /^\/replays\/new(\?.*)?$/,
  /^\/(integrations\/.*\/delete|routes\/.*\/delete|rejections\/\d+\/delete|dead-letters\/\d+\/discard)$/,
  /^\/(rejections|dead-letters|replays)\/\d+$/,
];
const KNOWN_PAGES = 35;
/** Without those that ask whether one is sure. */
const READERS_PAGES = 18;

describeInBrowser('every page', () => {
  const running = browsing({ furtherQueues: ['desk'] });

  /** Opens a page in which axe is at hand. */
  async function open(looks?: Looks): Promise<Page> {
    const page = await running.open(looks);
    await page.addInitScript({ path: AXE });
    return page;
  }

  beforeAll(async () => leaveTraces(running.receiver, running.plan));

  it.each(LOOKS)(
    'has no violations by axe and fits its window ($language, $scheme, $width)',
    async (looks) => {
      const page = await open(looks);
      const paths = await pagesFrom(page);
      expect(KNOWN.filter((known) => !paths.some((path) => known.test(path)))).toEqual([]);
      expect(paths.length).toBeGreaterThanOrEqual(KNOWN_PAGES);
      const amiss: string[] = [];
      for (const path of paths) amiss.push(...(await amissOn(page, path)));
      expect(amiss).toEqual([]);
    },
    ALL_PAGES_MS,
  );

  it.each(LOOKS)('is so of who is not signed in ($language, $scheme, $width)', async (looks) => {
    const page = await open({ ...looks, role: null });
    expect(await amissOn(page, '/events?status=read')).toEqual([]);
    expect(page.url()).toContain('/sign-in?next=');
    await page.locator('input[name=token]').fill('no token of this receiver');
    await page.locator('form[action="/sign-in"] button').click();
    await page.getByRole('alert').waitFor();
    expect(violationsIn(await axeOn(page))).toEqual([]);
  });

  it('offers no change to a reader', async () => {
    const page = await running.open({ role: 'reader' });
    const paths = await pagesFrom(page);
    expect(paths.length).toBeGreaterThanOrEqual(READERS_PAGES);
    for (const path of paths) {
      await page.goto(path);
      expect(await page.locator('main form[method=post]').count(), path).toBe(0);
      expect(await page.locator('h1').isVisible(), path).toBe(true);
    }
  });

  it.each(LOOKS)(
    'is so of what came again with another content ($language, $scheme, $width)',
    async (looks) => {
      const { receiver } = running;
      const body = responseBody({ text: 'Pode cancelar o pedido' });
      const edited = structuredClone(body);
      edited.message.message = 'NÃO cancele o pedido! '.repeat(40);
      edited.message.mediaData = { link: `https://example.com/${'x'.repeat(300)}` };
      for (const one of [body, edited]) expect(await receiver.deliver('shop', one)).toBe(200);
      const kept = await receiver.api<{ data: { id: string; eventId: string }[] }>(
        'GET',
        '/rejections?reason=differs&limit=1',
      );
      const [{ id, eventId } = { id: '', eventId: '' }] = kept.data;
      const page = await open(looks);
      expect(await amissOn(page, `/rejections/${id}`)).toEqual([]);
      expect(await amissOn(page, `/events/shop/${encodeURIComponent(eventId)}`)).toEqual([]);
    },
  );

  it('is so whatever stands in any field', async () => {
    const { receiver } = running;
    const paths: string[] = [];
    for (const [index, field] of fc.sample(oddField, { seed: SEED, numRuns: ODD_BODIES }).entries()) {
      const body = filledIn(index % 2 === 0 ? responseBody({ text: 'Oi' }) : statusBody({ status: 'read' }));
      putIn(body, field);
      expect(await receiver.deliver('shop', body)).toBe(200);
      const { data } = await receiver.api<{ data: { id: string; contact: string | null }[] }>(
        'GET',
        '/events?limit=1',
      );
      for (const { id, contact } of data) {
        paths.push(`/events/shop/${encodeURIComponent(id)}`);
        if (contact !== null) paths.push(`/contacts/${encodeURIComponent(contact)}`);
      }
    }
    const page = await open(LOOKS[1]);
    const amiss: string[] = [];
    for (const path of new Set([...paths, '/', '/events', '/contacts']))
      amiss.push(...(await amissOn(page, path)));
    expect(amiss).toEqual([]);
  });

  it('is so of what is not there', async () => {
    const page = await open();
    for (const path of ['/events/shop/nothing', '/contacts/nobody', '/integrations/nothing']) {
      expect(await amissOn(page, path)).toEqual([]);
    }
  });
});

/** What axe has against a page, and where it goes beyond the window. */
async function amissOn(page: Page, path: string): Promise<string[]> {
  await page.goto(path);
  const amiss = violationsIn(await axeOn(page));
  const viewport = page.viewportSize() ?? { width: 0, height: 0 };
  for (const width of WIDTHS) {
    await page.setViewportSize({ ...viewport, width });
    const overflow = await overflowOf(page);
    if (overflow > 0) amiss.push(`${overflow} px too wide at ${width}`);
  }
  await page.setViewportSize(viewport);
  return amiss.map((what) => `${path}: ${what}`);
}

async function axeOn(page: Page): Promise<AxeResults> {
  return page.evaluate(async () =>
    (globalThis as unknown as { axe: typeof axe }).axe.run({ resultTypes: ['violations'] }),
  );
}

function violationsIn({ violations }: AxeResults): string[] {
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary?.slice(0, 260)}`),
  );
}
