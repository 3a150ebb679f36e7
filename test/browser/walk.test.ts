// What operators do all day, from signing in to signing out, in each language: in the browser, and seen to have happened
// at the consumer, at the webhook URL, and in what is stored.
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { contactsTexts } from '../../src/dashboard/conversations/texts.ts';
import { deadLetterTexts } from '../../src/dashboard/dead-letters/texts.ts';
import { eventRouteTexts } from '../../src/dashboard/events/texts.ts';
import { commonTexts } from '../../src/dashboard/frame/texts.ts';
import { integrationDoneTexts, integrationTexts } from '../../src/dashboard/integrations/texts.ts';
import { overviewTexts } from '../../src/dashboard/overview/texts.ts';
import { personalDataTexts } from '../../src/dashboard/personal-data/texts.ts';
import { rejectionTexts } from '../../src/dashboard/rejections/texts.ts';
import { signInTexts } from '../../src/dashboard/sign-in/texts.ts';
import { ADMIN_TOKEN, until } from '../../tools/browser/receiver.ts';
import type { Body } from '../loose-body.ts';
import { browsing, describeInBrowser, LANGUAGES, type Language } from './browsing.ts';
import { responseBody, statusBody } from './webhooks.ts';

/** The customer of a walk: as the platform writes the number, and as somebody has it on a slip of paper. */
const CUSTOMERS = {
  pt: { canonical: '+5541996001234', onPaper: '(41) 9600-1234', name: 'Dona Lurdes' },
  en: { canonical: '+5541977712345', onPaper: '41 7771.2345', name: 'Seu Jorge' },
} as const satisfies Record<Language, object>;

const OTHER_APPLICATION = '60b7c0ffee0000001b96fa99';

describeInBrowser('a walk', () => {
  const running = browsing();

  it.each(LANGUAGES)('leads through all that operators do (%s)', async (language) => {
    const { receiver } = running;
    const customer = CUSTOMERS[language];
    const slug = `walk-${language}`;
    const common = commonTexts(language);
    const complaint = `${customer.name} wrote this`;
    const page = await running.open({ language, role: null });

    await signIn(page, language);
    await page.waitForURL(`${receiver.origin}/`);
    await page.getByText(overviewTexts(language).allWell).waitFor();
    for (const name of SECTIONS) await section(page, language, name);

    // An integration, by a form that refuses first.
    const t = integrationTexts(language);
    const done = integrationDoneTexts(language);
    await section(page, language, 'integrations');
    await page.getByRole('link', { name: t.new }).click();
    await page.getByLabel(t.slug).fill('Not A Slug');
    await page.getByRole('button', { name: t.create }).click();
    await page.getByRole('alert').waitFor();
    await page.getByLabel(t.slug).fill(slug);
    await page.getByLabel(t.appId).fill(String(responseBody({ text: '' }).message.appId));
    await page.getByRole('button', { name: t.create }).click();
    await page.getByText(done.created).waitFor();

    // What the customer complains about, from the number on paper: two clicks.
    const wrote = responseBody({ text: complaint, from: customer.canonical });
    wrote.clientData.name = customer.name;
    expect(await receiver.deliver(slug, wrote)).toBe(200);
    for (const status of ['sent', 'delivered', 'read']) {
      expect(await receiver.deliver(slug, statusBody({ status, to: customer.canonical }))).toBe(200);
    }
    await section(page, language, 'overview');
    await page.getByRole('searchbox').fill(customer.onPaper);
    await page.getByRole('button', { name: common.find, exact: true }).click();
    await page.getByRole('heading', { level: 1, name: customer.name }).waitFor();
    const bubble = page.locator('.bubble').filter({ hasText: complaint });
    await bubble.locator('.foot a').last().click();
    await page.getByRole('heading', { level: 1, name: customer.name }).waitFor();
    const eventId = idOf(wrote);
    expect(decodeURIComponent(new URL(page.url()).pathname)).toBe(`/events/${slug}/${eventId}`);

    // Replayed: the consumer has it a second time, marked.
    await page.getByRole('button', { name: eventRouteTexts(language).replay }).click();
    await page.getByText(eventRouteTexts(language).replayed).waitFor();
    await until(async () => (await receiver.handledBy(eventId)).length === 2);
    expect((await receiver.handledBy(eventId)).map(({ replay }) => replay)).toEqual([
      null,
      expect.stringMatching(/^\d{16}$/),
    ]);

    // Rotated: both URLs let in.
    await section(page, language, 'integrations');
    await page.getByRole('link', { name: slug }).click();
    const shownUrl = async () => page.locator('section[aria-labelledby=url] code').first().innerText();
    const oldUrl = await shownUrl();
    await page.getByLabel(t.overlapHours).fill('1');
    await page.getByRole('button', { name: t.rotate }).click();
    await page.getByText(done.rotated).waitFor();
    const newUrl = await shownUrl();
    expect(newUrl).not.toBe(oldUrl);
    for (const url of [oldUrl, newUrl]) {
      const body = JSON.stringify(responseBody({ text: 'after the rotation', from: customer.canonical }));
      expect((await fetch(url, { method: 'POST', body })).status).toBe(200);
    }

    // A rejection: of another application, until the integration takes that as well.
    const refused = responseBody({ text: 'of another application', from: customer.canonical });
    refused.message.appId = OTHER_APPLICATION;
    expect(await receiver.deliver(slug, refused)).toBeGreaterThanOrEqual(400);
    await page.getByLabel(t.appId).fill('');
    await page.getByRole('button', { name: t.save }).click();
    await page.getByText(done.saved).waitFor();
    await page.getByRole('link', { name: t.rejections }).click();
    await page.locator('#rows .what').first().click();
    await page.getByRole('button', { name: rejectionTexts(language).retry }).click();
    await page.getByText(rejectionTexts(language).stored).waitFor();
    await page.locator('.notice a').click();
    await page.getByText('of another application').first().waitFor();
    await until(async () => (await receiver.handledBy(idOf(refused))).length === 1);

    // A dead letter: the consumer fails, is mended, and gets it again.
    const unlucky = responseBody({ text: 'unlucky', from: customer.canonical });
    await receiver.setConsumerFailing(true);
    expect(await receiver.deliver(slug, unlucky)).toBe(200);
    const deadLetters = async () =>
      (await receiver.api<{ data: unknown[] }>('GET', '/dead-letters')).data.length;
    await until(async () => (await deadLetters()) === 1);
    await section(page, language, 'overview');
    await page.locator('.figure.bad a').click();
    await page.locator('#rows .what').first().click();
    await receiver.setConsumerFailing(false);
    await page.getByRole('button', { name: deadLetterTexts(language).redrive }).click();
    await page.getByText(deadLetterTexts(language).redriven).waitFor();
    await until(async () => (await receiver.handledBy(idOf(unlucky))).length === 1);
    expect(await deadLetters()).toBe(0);

    // Erased: by the number, typed; not by another one.
    const person = personalDataTexts(language);
    await page.goto(`/contacts/${encodeURIComponent(customer.canonical)}`);
    await page.getByRole('link', { name: contactsTexts(language).eraseData }).click();
    await page.getByLabel(person.typeNumber).fill('(11) 5555-0000');
    await page.getByRole('button', { name: person.erase }).click();
    await page.getByText(person.otherNumber).waitFor();
    await page.getByLabel(person.typeNumber).fill(customer.onPaper);
    await page.getByRole('button', { name: person.erase }).click();
    await page.getByRole('heading', { level: 1, name: person.receiptTitle }).waitFor();
    await page.goto(`/contacts/${encodeURIComponent(customer.canonical)}`);
    await page.getByText(contactsTexts(language).nothingKnown).waitFor();
    const [left] = await receiver.sql(
      'SELECT count(*) AS events FROM events WHERE contact = ?1',
      customer.canonical,
    );
    expect(left).toEqual({ events: 0 });

    // All of it is in the audit trail.
    const { data: audit } = await receiver.api<{ data: { action: string; object: string }[] }>(
      'GET',
      '/audit',
    );
    const actions = audit.map(({ action }) => action);
    expect(actions).toEqual(
      expect.arrayContaining([
        'integration.create',
        'integration.rotate',
        'integration.update',
        'event.replay',
        'rejection.retry',
        'dead-letter.redrive',
        'contact.erase',
      ]),
    );

    // The other language, which stays; and out.
    const other = language === 'pt' ? 'en' : 'pt';
    await section(page, language, 'audit');
    await page.getByRole('button', { name: common.switchLanguage }).click();
    await page.getByRole('heading', { level: 1, name: commonTexts(other).audit }).waitFor();
    await section(page, other, 'replays');
    expect(await page.locator('html').getAttribute('lang')).toBe(other === 'pt' ? 'pt-BR' : 'en');
    await page.getByRole('button', { name: commonTexts(other).signOut }).click();
    await page.waitForURL('**/sign-in');
    await page.goto('/audit');
    await page.waitForURL('**/sign-in?next=*');
    await page.getByRole('button', { name: signInTexts(other).title }).waitFor();
  });
});

const SECTIONS = [
  'overview',
  'events',
  'conversations',
  'integrations',
  'routes',
  'rejections',
  'deadLetters',
  'replays',
  'audit',
] as const;

async function signIn(page: Page, language: Language): Promise<void> {
  const t = signInTexts(language);
  await page.goto('/');
  await page.getByLabel(t.token).fill('not the token of this receiver');
  await page.getByRole('button', { name: t.title }).click();
  await page.getByText(t.wrong).waitFor();
  await page.getByLabel(t.token).fill(ADMIN_TOKEN);
  await page.getByRole('button', { name: t.title }).click();
}

async function section(page: Page, language: Language, name: (typeof SECTIONS)[number]): Promise<void> {
  const common = commonTexts(language);
  await page.getByRole('navigation', { name: common.menu }).getByRole('link', { name: common[name] }).click();
  await page.getByRole('heading', { level: 1, name: common[name] }).waitFor();
}

function idOf({ message, event }: Body): string {
  return `${message.messageId}:${event.messageId}:response`;
}
