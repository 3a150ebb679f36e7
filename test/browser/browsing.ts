// What the tests in a browser share: a receiver with the data of the simulator, Chromium, and people who use it.
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect } from 'vitest';
import { findChromium, launchChromium } from '../../tools/browser/chromium.ts';
import {
  ADMIN_TOKEN,
  type BrowsedReceiver,
  READ_TOKEN,
  startReceiver,
} from '../../tools/browser/receiver.ts';
import { type Plan, planOf } from '../../tools/simulate/plan.ts';

/** A suite that needs Chromium. */
export const describeInBrowser = describe.skipIf(findChromium() === null && !process.env.CI);

export type Language = 'pt' | 'en';
export const LANGUAGES: Language[] = ['pt', 'en'];

/** How somebody looks at pages. */
export interface Looks {
  language?: Language;
  scheme?: 'light' | 'dark';
  width?: number;
  /** Who is signed in; `null`: nobody is. */
  role?: 'admin' | 'reader' | null;
  withJavaScript?: boolean;
  /** The address of a proxy to the receiver, if there is one. */
  origin?: string;
  /** Errors that the test brings about on purpose. */
  forgive?: RegExp;
}

/** A running receiver and a browser. The fields can be read only while tests run. */
export interface Browsing {
  receiver: BrowsedReceiver;
  browser: Browser;
  /** What the simulator delivered to the integration `shop`. */
  plan: Plan;
  /** Opens a page with cookies of its own. */
  open(looks?: Looks): Promise<Page>;
}

const SIMULATED = {
  seed: 42,
  run: 'browser',
  contacts: 40,
  disorder: 0.2,
  duplicates: 0.1,
  odd: 0,
  invalid: 0.03,
  abandoned: 0,
};
const HEIGHT = 900;
const TIMEOUT_MS = 5_000;
/** The first page of a receiver and a browser that were just started takes seconds where other tests keep the machine busy. */
const NAVIGATION_TIMEOUT_MS = 30_000;

/**
 * Starts both for the suite that calls it. After each test its pages are closed. A test fails if one of its pages had an
 * error, here or on the server, violated its policy, opened a dialog, or requested anything from another origin.
 *
 * @param furtherQueues the names of routes whose queues there are, besides that of `events`.
 */
export function browsing({
  events = 200,
  furtherQueues = [],
}: {
  events?: number;
  furtherQueues?: string[];
} = {}): Browsing {
  const running = {} as Browsing;
  const ends: (() => Promise<void>)[] = [];
  let troubles: string[] = [];

  beforeAll(async () => {
    const browser = await launchChromium();
    ends.push(async () => browser.close());
    const receiver = await startReceiver(furtherQueues);
    ends.push(receiver.stop);
    await receiver.api('POST', '/integrations', { slug: 'shop', description: 'Loja' });
    const plan = planOf({ ...SIMULATED, events });
    await receiver.send('shop', plan);
    await receiver.runCron();
    Object.assign(running, { browser, receiver, plan });
  });
  afterAll(async () => {
    for (const end of ends) await end();
  });
  afterEach(async () => {
    const { logged } = running.receiver;
    const found = [...troubles, ...logged.splice(0).filter((line) => /"(page|request) failed"/.test(line))];
    troubles = [];
    for (const context of running.browser.contexts()) await context.close();
    expect(found).toEqual([]);
  });

  running.open = async ({
    language = 'pt',
    scheme = 'light',
    width = 1280,
    role = 'admin',
    withJavaScript = true,
    origin = running.receiver.origin,
    forgive,
  } = {}) => {
    const options: BrowserContextOptions = {
      baseURL: origin,
      locale: language === 'pt' ? 'pt-BR' : 'en-GB',
      timezoneId: 'America/Sao_Paulo',
      viewport: { width, height: HEIGHT },
      colorScheme: scheme,
      javaScriptEnabled: withJavaScript,
      reducedMotion: 'reduce',
    };
    const context = await running.browser.newContext(options);
    context.setDefaultTimeout(TIMEOUT_MS);
    context.setDefaultNavigationTimeout(NAVIGATION_TIMEOUT_MS);
    if (role !== null) {
      const token = role === 'admin' ? ADMIN_TOKEN : READ_TOKEN;
      await context.request.post('/sign-in', { form: { token, next: '/' }, maxRedirects: 0 });
    }
    const page = await context.newPage();
    watch(page, origin, (trouble) => {
      if (!forgive?.test(trouble)) troubles.push(trouble);
    });
    return page;
  };
  return running;
}

/** Collects what no page may do. */
function watch(page: Page, origin: string, tell: (trouble: string) => void): void {
  const at = () => page.url().slice(origin.length, origin.length + 80);
  page.on('console', (message) => {
    const text = message.text();
    const isRefusal = /^Failed to load resource: the server responded with a status of 4/.test(text);
    if (message.type() === 'error' && !isRefusal) tell(`${at()}: ${text}`);
  });
  page.on('pageerror', (error) => tell(`${at()}: ${error.message}`));
  page.on('dialog', (dialog) => {
    tell(`${at()}: a dialog: ${dialog.message().slice(0, 80)}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith('data:'))
      tell(`${at()} asked for ${url.slice(0, 80)}`);
  });
  page.on('response', (response) => {
    const isFile = new URL(response.url()).pathname.startsWith('/assets/');
    if (isFile && response.status() >= 400) tell(`${response.url()}: ${response.status()}`);
  });
}

/** How far a page overflows the window to the right, in pixels. */
export async function overflowOf(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
}
