import { expect, it } from 'vitest';
import { eventRouteTexts } from '../../src/dashboard/events/texts.ts';
import { commonTexts } from '../../src/dashboard/frame/texts.ts';
import { signInTexts } from '../../src/dashboard/sign-in/texts.ts';
import { ADMIN_TOKEN, until } from '../../tools/browser/receiver.ts';
import { browsing, describeInBrowser } from './browsing.ts';
import { leaveTraces, pagesFrom } from './pages.ts';

describeInBrowser('a browser without JavaScript', () => {
  const running = browsing({ events: 120 });

  it('signs in, lists events, goes on to the next page, and changes something', async () => {
    const [common, event] = [commonTexts('pt'), eventRouteTexts('pt')];
    const page = await running.open({ role: null, withJavaScript: false });
    await page.goto('/events?type=status');
    await page.getByLabel(signInTexts('pt').token).fill(ADMIN_TOKEN);
    await page.getByRole('button', { name: signInTexts('pt').title }).click();
    await page.waitForURL('**/events?type=status');

    const first = await page.locator('#rows > .row').first().getAttribute('id');
    await page.getByRole('link', { name: common.more }).click();
    await page.waitForURL('**/events?*cursor=*');
    expect(await page.locator('#rows > .row').first().getAttribute('id')).not.toBe(first);

    await page.locator('#rows .what').first().click();
    await page.getByRole('button', { name: event.replay }).click();
    await page.getByText(event.replayed).waitFor();
    const id = decodeURIComponent(new URL(page.url()).pathname.split('/').at(-1) ?? '');
    await until(async () => (await running.receiver.handledBy(id)).some(({ replay }) => replay !== null));

    await page.getByRole('button', { name: common.switchLanguage }).click();
    await page.getByRole('button', { name: eventRouteTexts('en').replay }).waitFor();
    await page.getByRole('button', { name: commonTexts('en').signOut }).click();
    await page.waitForURL('**/sign-in');
    await page.goto('/events');
    await page.waitForURL('**/sign-in?next=*');
  });

  it('shows the content of every page', async () => {
    await leaveTraces(running.receiver, running.plan);
    const page = await running.open({ withJavaScript: false });
    for (const path of await pagesFrom(page)) {
      await page.goto(path);
      expect((await page.locator('main').innerText()).length, path).toBeGreaterThan(40);
      // Elements that only a script would show or fill.
      expect(await page.locator('main [hidden]:not(button, .newer)').count(), path).toBe(0);
    }
  });
});
