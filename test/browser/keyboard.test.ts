import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { commonTexts } from '../../src/dashboard/frame/texts.ts';
import { browsing, describeInBrowser, LANGUAGES } from './browsing.ts';

/** No page has so many stops before its content. */
const MAX_STOPS = 60;

describeInBrowser('the keyboard alone', () => {
  const running = browsing({ events: 60 });

  it.each(LANGUAGES)(
    'leads from the overview to a conversation, and shows where it is (%s)',
    async (language) => {
      const page = await running.open({ language });
      await page.goto('/');
      await page.keyboard.press('Tab');
      expect(await focusedText(page)).toBe(commonTexts(language).skip);
      expect(await isFocusSeen(page)).toBe(true);

      for (let stop = 0; !(await isFocused(page, '#rows .contact')); stop++) {
        expect(stop).toBeLessThan(MAX_STOPS);
        await page.keyboard.press('Tab');
        expect(await isFocusSeen(page), await focusedText(page)).toBe(true);
      }
      const number = await focusedText(page);
      await page.keyboard.press('Enter');
      await page.waitForURL('**/contacts/*');
      expect(await page.locator('h1').textContent()).toContain(number);
    },
  );

  it('reaches the content past the menu by one link', async () => {
    const page = await running.open();
    await page.goto('/events');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await isFocused(page, 'main')).toBe(true);
    await page.keyboard.press('Tab');
    expect(await isFocused(page, 'main *')).toBe(true);
  });

  it('finds a customer by the number', async () => {
    const page = await running.open();
    await page.goto('/');
    const [number = ''] = running.plan.contacts;
    while (!(await isFocused(page, 'input[type=search]'))) await page.keyboard.press('Tab');
    await page.keyboard.type(number);
    await page.keyboard.press('Enter');
    await page.waitForURL(`**/contacts/${encodeURIComponent(number)}`);
  });
});

async function isFocused(page: Page, selector: string): Promise<boolean> {
  return page.evaluate((asked) => document.activeElement?.matches(asked) ?? false, selector);
}

async function focusedText(page: Page): Promise<string> {
  return page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
}

/** Whether the focused element is in the window and is marked by a ring, an outline or a shadow. */
async function isFocusSeen(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const focused = document.activeElement;
    if (focused === null || focused === document.body) return false;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(focused);
    const { top, bottom, width } = focused.getBoundingClientRect();
    const hasRing = (outlineStyle !== 'none' && outlineWidth !== '0px') || boxShadow !== 'none';
    return hasRing && width > 0 && bottom > 0 && top < innerHeight;
  });
}
