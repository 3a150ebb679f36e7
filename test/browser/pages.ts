// Which pages there are: found by following links as a crawler does, so that a new page is tested on the day it is.
import type { Page } from 'playwright-core';
import type { BrowsedReceiver } from '../../scripts/browser/receiver.ts';
import { until } from '../../scripts/browser/receiver.ts';
import type { Plan } from '../../scripts/simulate/plan.ts';

/** What is not a page of the dashboard. */
const ELSEWHERE = /^\/docs/;
/** Of addresses with ids in them that look the same. */
const MAX_PAGES = 60;

/** One page of each kind that links lead to, as the person who is signed in sees them. */
export async function pagesFrom(page: Page): Promise<string[]> {
  const waiting = ['/'];
  const found = new Map<string, string>();
  while (waiting.length > 0 && found.size < MAX_PAGES) {
    const path = waiting.shift() ?? '/';
    const kind = kindOf(path);
    if (found.has(kind) || ELSEWHERE.test(path)) continue;
    const answer = await page.request.get(path);
    if (!answer.ok()) throw new Error(`a link leads to ${path}, which answers ${answer.status()}`);
    if (!answer.headers()['content-type']?.startsWith('text/html')) continue; // a download
    found.set(kind, path);
    waiting.push(...linksIn(await answer.text()));
  }
  return [...found.values()];
}

/** Paths that differ in their ids lead to pages of one kind, and so do queries of the same parameters. */
function kindOf(path: string): string {
  const url = new URL(path, 'http://here');
  const parts = url.pathname.split('/').map((part) => (/[\d%]/.test(part) ? ':id' : part));
  if (parts[1] === 'events' && parts.length > 2) {
    parts[2] = ':integration';
    parts[3] = `:${decodeURIComponent(url.pathname.split('/')[3] ?? '')
      .split(':')
      .slice(2)
      .join('-')}`;
  }
  if (parts[1] === 'integrations' && parts[2] && parts[2] !== 'new') parts[2] = ':integration';
  return `${parts.join('/')}?${[...url.searchParams.keys()].sort().join('&')}`;
}

function linksIn(html: string): string[] {
  return [...html.matchAll(/<a\s[^>]*href="(\/[^"#]*)"/g)].map(([, href = '']) =>
    href.replaceAll('&amp;', '&'),
  );
}

/**
 * Gives every section something to show: a dead letter, a replay, a second integration that is switched off; rejections
 * come with what the simulator sends.
 */
export async function leaveTraces({ api, setConsumerFailing }: BrowsedReceiver, plan: Plan): Promise<void> {
  const [id = ''] = plan.events.keys();
  await setConsumerFailing(true);
  await api('POST', `/events/shop/${encodeURIComponent(id)}/replay`);
  await until(async () => (await api<{ data: unknown[] }>('GET', '/dead-letters')).data.length > 0);
  await setConsumerFailing(false);
  await api('POST', '/replay', { status: 'failed', integration: 'shop' });
  await api('POST', '/integrations', { slug: 'archive', appId: '60b7c0ffee0000001b96fa56' });
  await api('POST', '/integrations/archive/disable');
}
