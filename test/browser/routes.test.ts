// A further route, from its queue to a replay that goes to it alone: in the browser, and seen to have happened at the
// consumers of both routes.
import { expect, it } from 'vitest';
import { commonTexts, eventTypeTexts, filterTexts } from '../../src/dashboard/frame/texts.ts';
import { replayDoneTexts, replayTexts } from '../../src/dashboard/replays/texts.ts';
import {
  newRouteTexts,
  routeDoneTexts,
  routeListTexts,
  routeTexts,
  routeWarningTexts,
} from '../../src/dashboard/routes/texts.ts';
import { until } from '../../tools/browser/receiver.ts';
import type { Body } from '../loose-body.ts';
import { browsing, describeInBrowser, LANGUAGES } from './browsing.ts';
import { responseBody, statusBody } from './webhooks.ts';

/** How long a page may take that refreshes itself. */
const REFRESHED_MS = 15_000;

describeInBrowser('a route', () => {
  const running = browsing({ events: 60, furtherQueues: ['crm'] });

  it.each(LANGUAGES)('is added, paused, resumed, sent to alone, and deleted (%s)', async (language) => {
    const { receiver } = running;
    const [common, list, route] = [commonTexts(language), routeListTexts(language), routeTexts(language)];
    const [steps, done] = [newRouteTexts(language), routeDoneTexts(language)];
    const replay = replayTexts(language);
    const handled = async (body: Body, name: string) => receiver.handledBy(idOf(body), name);
    const page = await running.open({ language });

    // Its queue is there already: the list says so, and leads on.
    await page.goto('/');
    await page
      .getByRole('navigation', { name: common.menu })
      .getByRole('link', { name: common.routes })
      .click();
    await page.getByText(routeWarningTexts(language).unrouted('EVENTS_CRM')).waitFor();
    await page.getByRole('link', { name: list.addRoute('crm') }).click();
    await page.getByText(steps.isBound('EVENTS_CRM')).waitFor();
    await page
      .getByRole('group', { name: route.types })
      .getByLabel(eventTypeTexts(language).response)
      .check();
    await page.getByRole('button', { name: steps.create }).click();
    await page.getByText(done.created).waitFor();
    await page.getByText('queue = "instant-message-crm"').waitFor();

    // It gets what it wants and nothing else, and the other route gets everything.
    const [reply, step] = [responseBody({ text: 'for both' }), statusBody({ status: 'read' })];
    for (const body of [reply, step]) expect(await receiver.deliver('shop', body)).toBe(200);
    await until(async () => (await handled(reply, 'crm')).length === 1);
    await until(async () => (await handled(step, 'events')).length === 1);
    expect(await handled(step, 'crm')).toEqual([]);

    // Paused: what comes waits, which the open page shows by itself.
    await page.getByRole('button', { name: route.pause }).click();
    await page.getByText(done.paused).waitFor();
    await page.locator('#now .panel-head .badge.warn').waitFor();
    const held = responseBody({ text: 'while it is paused' });
    expect(await receiver.deliver('shop', held)).toBe(200);
    await until(async () => (await handled(held, 'events')).length === 1);
    await page
      .locator('#waiting-crm')
      .filter({ hasText: route.waiting(1, '1') })
      .waitFor({
        timeout: REFRESHED_MS,
      });
    expect(await handled(held, 'crm')).toEqual([]);

    // Resumed.
    await page.getByRole('button', { name: route.resume }).click();
    await page.getByText(done.resumed).waitFor();
    await page.locator('#now .panel-head .badge.good').waitFor();
    const after = responseBody({ text: 'once it goes on' });
    expect(await receiver.deliver('shop', after)).toBe(200);
    await until(async () => (await handled(after, 'crm')).length === 1);

    // Sent again to it alone: counted first, with its progress.
    const before = await receiver.replaysHandled('events');
    await page.getByRole('link', { name: route.sendAgain }).click();
    expect(await page.locator('select[name=route]').inputValue()).toBe('crm');
    await page.getByLabel(filterTexts(language).integration, { exact: true }).fill('shop');
    await page.getByRole('button', { name: replay.count }).click();
    await page.waitForURL('**/replays/new?route=crm&*integration=shop*');
    const [counted] =
      /\d+/.exec((await page.locator('section[aria-labelledby=question] strong').textContent()) ?? '') ?? [];
    await page.getByRole('button', { name: replay.newGo }).click();
    await page.getByText(replayDoneTexts(language).created).waitFor();
    await page.locator('#replay .badge.good').waitFor({ timeout: REFRESHED_MS });
    await page.locator('#replay').getByText(replay.walked('100%')).waitFor();
    const facts = await page.locator('#replay .facts').innerText();
    expect(facts.replace(/\s+/g, ' ')).toContain(`${replay.sent} ${counted}`);
    const [, id = ''] = /\/replays\/(\d+)/.exec(page.url()) ?? [];
    await until(async () => (await receiver.replaysHandled('crm'))[id] === Number(counted));
    expect(Number(counted)).toBeGreaterThan(10);
    expect(await receiver.replaysHandled('events')).toEqual(before);

    // Deleted, by its name.
    await page.getByRole('link', { name: 'crm', exact: true }).click();
    await page.getByRole('link', { name: common.delete }).click();
    await page.getByLabel(route.deleteType('crm')).fill('crm');
    await page.getByRole('button', { name: common.delete }).click();
    await page.getByText(done.deleted).waitFor();
    await page.getByRole('link', { name: list.addRoute('crm') }).waitFor();
  });
});

function idOf({ message, event }: Body): string {
  const kind = event.type === 'response' ? 'response' : `status:${event.status}`;
  return `${message.messageId}:${event.messageId}:${kind}`;
}
