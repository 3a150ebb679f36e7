import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { contactsTexts } from '../../src/dashboard/conversations/texts.ts';
import { browsing, describeInBrowser } from './browsing.ts';
import { responseBody, statusBody } from './webhooks.ts';

const t = contactsTexts('pt');
const CUSTOMER = '+5541987654321';
const PATH = `/contacts/${encodeURIComponent(CUSTOMER)}`;
/** More messages than a page of the conversation has. */
const REPLIES = 60;

describeInBrowser('an open conversation', () => {
  const running = browsing({ events: 20 });

  /** The content of the box, and its scroll position. */
  async function look(page: Page) {
    return page.evaluate(() => {
      const box = document.querySelector('.bubbles') as HTMLElement;
      const bubbles = [...box.querySelectorAll<HTMLElement>('.bubble')];
      return {
        texts: bubbles.map((bubble) => [...bubble.querySelectorAll('p')].at(-1)?.textContent ?? ''),
        days: box.querySelectorAll('.day').length,
        fromEnd: Math.round(box.scrollHeight - box.scrollTop - box.clientHeight),
      };
    });
  }

  /** The distance of a message from the top of the window, in pixels, after scrolling to it if that is asked for. */
  async function placeOf(page: Page, text: string, scrollTo?: 'top' | 'end'): Promise<number> {
    return page.evaluate(
      ([wanted, place]) => {
        const box = document.querySelector('.bubbles') as HTMLElement;
        if (place !== undefined) box.scrollTop = place === 'top' ? 0 : box.scrollHeight;
        const bubbles = [...box.querySelectorAll<HTMLElement>('.bubble')];
        const bubble = bubbles.find((one) => [...one.querySelectorAll('p')].at(-1)?.textContent === wanted);
        return Math.round(bubble?.getBoundingClientRect().y ?? Number.NaN);
      },
      [text, scrollTo] as const,
    );
  }

  it('begins at its end, and keeps the reader’s place when older and newer messages are added', async () => {
    const expected = Array.from({ length: REPLIES }, (_, index) => `part ${index}`);
    for (const text of expected)
      await running.receiver.deliver('shop', responseBody({ text, from: CUSTOMER }));
    const page = await running.open();
    await page.goto(PATH);
    const first = await look(page);
    expect(first.texts).toEqual(expected.slice(-50));
    expect(first.fromEnd).toBe(0);

    const read = await placeOf(page, 'part 12', 'top'); // measured before anything can come in
    await page.getByText('part 0', { exact: true }).waitFor({ state: 'attached' });
    const older = await look(page);
    expect(older.texts).toEqual(expected);
    expect(older.days).toBe(1);
    expect(await placeOf(page, 'part 12')).toBe(read);

    await running.receiver.deliver('shop', responseBody({ text: 'while reading', from: CUSTOMER }));
    await page.getByText('while reading').waitFor({ state: 'attached' });
    expect((await look(page)).texts).toEqual([...expected, 'while reading']);
    expect(await placeOf(page, 'part 12')).toBe(read);

    await placeOf(page, 'part 12', 'end');
    await running.receiver.deliver('shop', responseBody({ text: 'at the end', from: CUSTOMER }));
    await page.getByText('at the end').waitFor({ state: 'attached' });
    const { fromEnd, days } = await look(page);
    expect([fromEnd, days]).toEqual([0, 1]);
  });

  it('shows the first message, the open window, and the steps of a message as they happen', async () => {
    const other = '+5541987650000';
    const page = await running.open({ width: 390 });
    await page.goto(`/contacts/${encodeURIComponent(other)}`);
    await page.getByText(t.nothingKnown).waitFor();
    const message = statusBody({ status: 'sent', to: other });
    message.message.updatedAt = new Date().toISOString();
    await running.receiver.deliver('shop', message);
    await page.locator('.bubble.out.sent').waitFor();
    expect(await page.getByText(t.nothingKnown).count()).toBe(0);

    message.event.status = 'read';
    message.message.updatedAt = new Date().toISOString();
    await running.receiver.deliver('shop', message);
    await page.locator('.bubble.out.read').waitFor();
    expect(await page.locator('.bubble').count()).toBe(1);

    expect(await page.locator('#window').textContent()).toContain(t.windowNever);
    await running.receiver.deliver('shop', responseBody({ text: 'Bom dia!', from: other }));
    await page.locator('.window.open').waitFor();
    expect(await page.locator('.bubble').count()).toBe(2);
  });
});
