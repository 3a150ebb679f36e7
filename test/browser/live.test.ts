import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { browsing, describeInBrowser } from './browsing.ts';
import { responseBody } from './webhooks.ts';

/** What is promised: from the answer to the webhook until the event is on the page. */
const PROMISED_MS = 2_000;
/** For so long nothing comes, until a stream asks as seldom as it ever does. */
const QUIET_MS = 7_000;

describeInBrowser('what comes in live', () => {
  const running = browsing();

  /** How long it takes until a text is on the page, from the answer to its webhook on. */
  async function delayOf(page: Page, text: string): Promise<number> {
    expect(await running.receiver.deliver('shop', responseBody({ text }))).toBe(200);
    const deliveredAtMs = performance.now();
    await page.getByText(text).waitFor({ timeout: 2 * PROMISED_MS });
    return performance.now() - deliveredAtMs;
  }

  it.each(['/', '/events'])('is on the open page %s within two seconds', async (path) => {
    const page = await running.open();
    await page.goto(path);
    expect(await delayOf(page, `first on ${path}`)).toBeLessThan(PROMISED_MS);
    await page.waitForTimeout(QUIET_MS);
    for (const part of [1, 2, 3]) {
      expect(await delayOf(page, `part ${part} on ${path}`)).toBeLessThan(PROMISED_MS);
      await page.waitForTimeout(part * 400);
    }
  });
});
