// Finds all pages by following links as a crawler does, so that a new page is tested from its first day on.
import type { Page } from 'playwright-core';
import type { BrowsedReceiver } from '../../tools/browser/receiver.ts';
import { until } from '../../tools/browser/receiver.ts';
import type { Plan } from '../../tools/simulate/plan.ts';

/** Links that lead to no page of the dashboard. */
const ELSEWHERE = /^\/docs/;
/** There are fewer kinds of pages: a crawler that finds more has mistaken ids for kinds. */
const MAX_PAGES = 60;

/** One page of each kind that links lead to for the person who is signed in. */
export async function pagesFrom(page: Page): Promise<string[]> {
  const waiting = ['/'];
  const found = new Map<string, string>();
  while (waiting.length > 0) {
    if (found.size > MAX_PAGES) throw new Error(`no end of pages: ${[...found.keys()].join(', ')}`);
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

/** The kind of a page: its path without ids, and the names of the parameters of its query. */
function kindOf(path: string): string {
  const { pathname, search } = new URL(path, 'http://here');
  const parts = pathname.split('/').map((part) => (/[\d%]/.test(part) ? ':id' : part));
  const [, section, name] = parts;
  if (section === 'integrations' && name !== undefined && name !== '_new') parts[2] = ':integration';
  if (section === 'routes' && name !== undefined && name !== '_new') parts[2] = ':route';
  if (section === 'events' && name !== undefined) {
    parts[2] = ':integration';
    parts[3] = /response|failed/.exec(pathname)?.[0] ?? 'status';
  }
  return parts.join('/') + (search === '' ? '' : '?');
}

function linksIn(html: string): string[] {
  return [...html.matchAll(/<a\s[^>]*href="(\/[^"#]*)"/g)].map(([, href = '']) =>
    href.replaceAll('&amp;', '&'),
  );
}

/**
 * Gives every section something to show: a dead letter, replays, a second integration that is disabled, and a second route
 * that has no queue and is paused. Rejections are among what the simulator sends.
 */
export async function leaveTraces({ api, setConsumerFailing }: BrowsedReceiver, plan: Plan): Promise<void> {
  const [id = ''] = plan.events.keys();
  await setConsumerFailing(true);
  await api('POST', `/events/shop/${encodeURIComponent(id)}/replay`);
  await until(async () => (await api<{ data: unknown[] }>('GET', '/dead-letters')).data.length > 0);
  await setConsumerFailing(false);
  await api('POST', '/routes', {
    name: 'crm',
    filter: { integrations: ['shop'], types: ['response'] },
    from: 'oldest',
  });
  await api('POST', '/routes/crm/pause');
  await api('POST', '/replay', { status: 'failed', integration: 'shop' });
  await api('POST', '/integrations', { slug: 'archive', appId: '60b7c0ffee0000001b96fa56' });
  await api('POST', '/integrations/archive/disable');
}
