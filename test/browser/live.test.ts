import type { Locator, Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { eventRowTexts } from '../../src/dashboard/events/texts.ts';
import { browsing, describeInBrowser } from './browsing.ts';
import { responseBody, statusBody } from './webhooks.ts';
import { wireTo } from './wire.ts';

/** The promised time from the answer to the webhook until the event is on the page. */
const PROMISED_MS = 2_000;
/** After so long without events a stream asks as seldom as it ever does. */
const QUIET_MS = 4_000;

/** The errors of browsers and htmx about a stream that is interrupted or refused. */
const OF_A_CUT = /: (\[object Event\]|Failed to load resource: .*(ERR_|503).*)$/;

describeInBrowser('a live event', () => {
  const running = browsing();

  async function reply(text: string): Promise<void> {
    expect(await running.receiver.deliver('shop', responseBody({ text }))).toBe(200);
  }

  /** The time from the answer to a webhook until its text is on the page. */
  async function delayOf(page: Page, text: string): Promise<number> {
    await reply(text);
    const deliveredAtMs = performance.now();
    await page.getByText(text).waitFor({ timeout: 10 * PROMISED_MS });
    return performance.now() - deliveredAtMs;
  }

  it('is on the open overview and on the open list within two seconds', async () => {
    const [overview, list] = [await running.open(), await running.open()];
    await overview.goto('/');
    await list.goto('/events');
    await overview.waitForTimeout(QUIET_MS);
    const delays = { overview: [] as number[], list: [] as number[] };
    for (const part of [1, 2, 3, 4, 5]) {
      delays.overview.push(await delayOf(overview, `part ${part} of the overview`));
      delays.list.push(await delayOf(list, `part ${part} of the list`));
    }
    // One of five may be slow on a busy machine; test/api/tail.test.ts counts the waits.
    for (const ofPage of Object.values(delays)) {
      expect(ofPage.filter((delay) => delay < PROMISED_MS).length, ofPage.join()).toBeGreaterThanOrEqual(4);
    }
  });

  it('moves no row that is being read, and is shown by a button', async () => {
    const page = await running.open();
    await page.goto('/events');
    const read = page.locator('#rows > .row').nth(25);
    await read.evaluate((row) => row.scrollIntoView({ block: 'center' }));
    const top = async () => (await read.evaluate((row) => row.getBoundingClientRect())).top;
    const [id, before] = [await read.getAttribute('id'), await top()];
    for (const part of ['one', 'two', 'three']) await reply(`while somebody reads: ${part}`);
    const held = page.locator('button.held');
    await held.getByText(eventRowTexts('pt').newEvents.replace('{n}', '3')).waitFor();
    expect(await page.getByText('while somebody reads').count()).toBe(0);
    expect(await read.getAttribute('id')).toBe(id);
    expect(Math.abs((await top()) - before)).toBeLessThanOrEqual(1);

    await held.click();
    await page.getByText('while somebody reads: three').waitFor();
    expect(await firstTexts(page.locator('#rows'), 3)).toEqual([
      expect.stringContaining('three'),
      expect.stringContaining('two'),
      expect.stringContaining('one'),
    ]);
    await expect.poll(async () => isInWindow(page.getByText('while somebody reads: three'))).toBe(true);
    expect(await held.isVisible()).toBe(false);
  });

  it('waits behind the button as well where a page is full after being open for long', async () => {
    const page = await running.open();
    await page.goto('/events');
    await page.locator('#rows').evaluate((rows) => {
      for (let n = 0; n < 1_000; n++) rows.append(rows.children[0]?.cloneNode(true) as Node);
    });
    await reply('on a full page');
    const held = page.locator('button.held');
    await held.getByText(eventRowTexts('pt').newEvent).waitFor();
    expect(await page.getByText('on a full page').count()).toBe(0);
    await held.click();
    await page.getByText('on a full page').waitFor();
    expect(await page.locator('#rows > .row').count()).toBeLessThan(1_000);
  });

  it('is on the list only if its filters match', async () => {
    const page = await running.open();
    await page.goto('/events?type=response&contact=%2B5544999999999');
    await running.receiver.deliver('shop', statusBody({ status: 'read', to: '+5544999999999' }));
    await running.receiver.deliver(
      'shop',
      responseBody({ text: 'from somebody else', from: '+5511987654321' }),
    );
    await reply('from the one who is looked for');
    await page.getByText('from the one who is looked for').waitFor();
    expect(await page.getByText('from somebody else').count()).toBe(0);
    expect(await page.locator('#rows > .row:not(.response)').count()).toBe(0);
  });

  it('is on the list once and in order, however often the stream was interrupted', async () => {
    const wire = await wireTo(running.receiver.origin);
    try {
      const page = await running.open({ origin: wire.origin, forgive: OF_A_CUT });
      await page.goto('/events');
      for (let number = 1; number <= 5; number++) await reply(`before the cut ${number}.`);
      await page.getByText('before the cut 5.').waitFor();

      // Interrupted, then refused, as while a new version is deployed.
      const refused = Promise.withResolvers<void>();
      await page.route('**/live/events*', async (route) => {
        await route.fulfill({ status: 503 });
        refused.resolve();
      });
      wire.cut();
      for (let number = 1; number <= 15; number++) await reply(`during the cut ${number}.`);
      await refused.promise;
      await page.unroute('**/live/events*');
      await page.getByText('during the cut 15.').waitFor({ timeout: 20_000 });

      wire.cut();
      await reply('behind the cut');
      await page.getByText('behind the cut').waitFor();
      const { data } = await running.receiver.api<{ data: { place: string }[] }>('GET', '/events?limit=50');
      const shown = await page.locator('#rows > .row').evaluateAll((rows) => rows.map(({ id }) => id));
      expect(shown.slice(0, 50)).toEqual(data.map(({ place }) => `event-${place}`));
    } finally {
      await wire.remove();
    }
  });
});

async function firstTexts(list: Locator, count: number): Promise<string[]> {
  const texts = await list.locator('.row .what').allTextContents();
  return texts.slice(0, count);
}

async function isInWindow(element: Locator): Promise<boolean> {
  return element.evaluate((shown) => {
    const { top, bottom } = shown.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  });
}
