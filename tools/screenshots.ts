// `npm run screenshots`: takes the pictures of the documents, of a receiver in workerd with a day of simulated events. The same
// seed gives the same day, which ends now.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { buildAssets } from '../scripts/assets.ts';
import { eventId } from '../src/contract/event.ts';
import type { Webhook } from '../src/contract/webhook.ts';
import { launchChromium } from './browser/chromium.ts';
import { ADMIN_TOKEN, type BrowsedReceiver, startReceiver } from './browser/receiver.ts';
import { dayOf } from './screenshots/day.ts';
import { CUSTOMER, storyUntil } from './screenshots/story.ts';
import { type Delivery, planOf } from './simulate/plan.ts';

const DIRECTORY = fileURLToPath(new URL('../docs/screenshots', import.meta.url));
/** By the application that each is bound to, which are those of the simulator. */
const SHOP = { slug: 'loja', description: 'Loja virtual', appId: '5e138ee5d53f5b001b96fa54' };
const INTEGRATIONS = [
  SHOP,
  { slug: 'clinica', description: 'Agenda da clínica', appId: '5e138ee5d53f5b001b96fa55' },
  { slug: 'cobranca', description: 'Lembretes de cobrança', appId: '60b7c0ffee0000001b96fa56' },
];
const PLAN = {
  events: 1_500,
  seed: 7,
  run: 'screenshots',
  contacts: 90,
  disorder: 0.1,
  duplicates: 0.03,
  odd: 0,
  invalid: 0.004,
  abandoned: 0,
};
/** So many runs of the cron count a day of events. */
const CRONS = 3;

interface Picture {
  name: string;
  path: string;
  width: number;
  height: number;
  looks: BrowserContextOptions;
}

const CONVERSATION = `/contacts/${encodeURIComponent(CUSTOMER)}`;
const [ENGLISH, PORTUGUESE] = [{ locale: 'en-GB' }, { locale: 'pt-BR' }];
const PICTURES: Picture[] = [
  { name: 'overview', path: '/', width: 1_280, height: 1_130, looks: ENGLISH },
  { name: 'conversation', path: CONVERSATION, width: 1_120, height: 1_100, looks: PORTUGUESE },
  {
    name: 'overview-phone',
    path: '/',
    width: 390,
    height: 844,
    looks: { ...PORTUGUESE, colorScheme: 'dark' },
  },
];

await buildAssets();
await mkdir(DIRECTORY, { recursive: true });
const receiver = await startReceiver();
try {
  await fill(receiver, Date.now());
  const browser = await launchChromium();
  try {
    for (const picture of PICTURES) await take(picture, browser, receiver);
  } finally {
    await browser.close();
  }
} finally {
  await receiver.stop();
}

/** Delivers the events of the day, moves them to their times, and has them counted. */
async function fill({ api, send, deliver, sql, runCron }: BrowsedReceiver, nowMs: number): Promise<void> {
  const { plan, receivedAtMs } = dayOf(planOf(PLAN), nowMs);
  for (const integration of INTEGRATIONS) {
    await api('POST', '/integrations', integration);
    const isItsOwn = ({ event }: Delivery) => (event?.appId ?? SHOP.appId) === integration.appId;
    await send(integration.slug, { ...plan, deliveries: plan.deliveries.filter(isItsOwn) });
  }
  for (const told of storyUntil(nowMs)) {
    await deliver(SHOP.slug, told.body);
    receivedAtMs.set(eventId(told.body as unknown as Webhook), told.receivedAtMs);
  }
  const inOrder = [...receivedAtMs].sort(([, a], [, b]) => a - b);
  for (const [index, [id, atMs]] of inOrder.entries()) {
    const seq = atMs * 1_000 + (index % 1_000); // unique, as places are
    await sql('UPDATE events SET seq = ?1, received_at = ?2 WHERE id = ?3', seq, atMs, id);
  }
  for (let cron = 0; cron < CRONS; cron++) await runCron();
}

async function take(
  { name, path, width, height, looks }: Picture,
  browser: Browser,
  { origin }: BrowsedReceiver,
) {
  const context = await browser.newContext({
    ...looks,
    baseURL: origin,
    timezoneId: 'America/Sao_Paulo',
    viewport: { width, height },
    reducedMotion: 'reduce',
  });
  await context.request.post('/sign-in', { form: { token: ADMIN_TOKEN, next: '/' }, maxRedirects: 0 });
  const page = await context.newPage();
  await page.goto(path);
  await page.screenshot({ path: join(DIRECTORY, `${name}.png`) });
  await context.close();
  console.log(`docs/screenshots/${name}.png`);
}
