// Dead letters: messages that a consumer gave up on, or that were never stored or sent. They are sent again or discarded.

import { Hono } from 'hono';
import {
  discardDeadLetter,
  discardDeadLetters,
  getDeadLetter,
  listDeadLetters,
  redriveDeadLetter,
  redriveDeadLetters,
} from '../../api/dead-letters/routes.ts';
import { MAX_PAGE_ENTRIES } from '../../api/query-parameters.ts';
import type { ApiClient } from '../frame/api-client.ts';
import { answerBulkAction, writtenCounts } from '../frame/bulk-actions.tsx';
import { forbidReaders, problemPage } from '../frame/errors.tsx';
import { chosenBy, type Filters, filtersOf, findList } from '../frame/filters.tsx';
import { withQuery } from '../frame/local-path.ts';
import { answerPage } from '../frame/page.tsx';
import type { DashboardEnv } from '../frame/view.ts';
import { DeadLetterList, DeadLetterPage, DiscardManyPage, DiscardOnePage, redrivenWords } from './pages.tsx';
import { deadLetterTexts } from './texts.ts';

const FILTERS = ['kind', 'route', 'integration', 'type', 'contact', 'since', 'until'];

/** To be mounted at `/dead-letters`. */
export function deadLetterPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>()
    .get('/', async (c) => {
      const view = c.get('view');
      const filters = filtersOf(c.req.query(), FILTERS, view);
      const found = await findList(c, listDeadLetters, filters);
      const page = <DeadLetterList view={view} filters={filters} found={found} done={c.req.query()} />;
      return answerPage(c, page, found.ok ? 200 : 400);
    })
    .post('/redrive', async (c) => {
      const view = c.get('view');
      const form = await c.req.parseBody();
      const filters = filtersOf(form, FILTERS, view);
      return answerBulkAction(c, {
        title: deadLetterTexts(view.language).redriveTitle,
        action: '/dead-letters/redrive',
        fields: filters.query,
        counted: ['redriven', 'skipped'],
        form,
        send: async (cursor) =>
          view.api.attempt(redriveDeadLetters, { body: { ...chosenBy(filters), cursor } }),
        words: (counts) => redrivenWords(counts, view),
        after: (counts) =>
          withQuery('/dead-letters', { ...filters.query, done: 'redriven-many', ...writtenCounts(counts) }),
        ending: ({ reason }) => (reason === 'route-unbound' ? deadLetterTexts(view.language).unbound : null),
      });
    })
    .get('/discard', forbidReaders, async (c) => {
      const view = c.get('view');
      const filters = filtersOf(c.req.query(), FILTERS, view);
      const count = await countMatching(view.api, filters);
      return answerPage(c, <DiscardManyPage view={view} filters={filters} count={count} />);
    })
    .post('/discard', forbidReaders, async (c) => {
      const view = c.get('view');
      const form = await c.req.parseBody();
      const filters = filtersOf(form, FILTERS, view);
      if (form.sure !== 'yes') {
        const count = await countMatching(view.api, filters);
        return answerPage(c, <DiscardManyPage view={view} filters={filters} count={count} isUnsure />, 422);
      }
      const t = deadLetterTexts(view.language);
      return answerBulkAction(c, {
        title: t.discardTitle,
        action: '/dead-letters/discard',
        fields: { ...filters.query, sure: 'yes' },
        counted: ['discarded'],
        form,
        send: async (cursor) =>
          view.api.attempt(discardDeadLetters, { body: { ...chosenBy(filters), cursor } }),
        words: ({ discarded }) => t.discardedMany(view.formats.number(discarded)),
        after: (counts) =>
          withQuery('/dead-letters', { ...filters.query, done: 'discarded-many', ...writtenCounts(counts) }),
      });
    })
    .get('/:id', async (c) => {
      const view = c.get('view');
      const kept = await view.api.call(getDeadLetter, { param: c.req.param() });
      return answerPage(c, <DeadLetterPage view={view} kept={kept} />);
    })
    .post('/:id/redrive', async (c) => {
      const view = c.get('view');
      const redriven = await view.api.attempt(redriveDeadLetter, { param: c.req.param() });
      if (redriven.ok) {
        const { event, integration } = redriven.data;
        if (event === null) return c.redirect('/dead-letters?done=redriven-webhook', 303);
        return c.redirect(withQuery('/dead-letters', { done: 'redriven', event, of: integration }), 303);
      }
      if (redriven.problem.status !== 409) return problemPage(c, redriven.problem);
      const kept = await view.api.call(getDeadLetter, { param: c.req.param() });
      return answerPage(c, <DeadLetterPage view={view} kept={kept} refusal={redriven.problem.reason} />, 409);
    })
    .get('/:id/discard', forbidReaders, async (c) => {
      const view = c.get('view');
      const kept = await view.api.call(getDeadLetter, { param: c.req.param() });
      return answerPage(c, <DiscardOnePage view={view} kept={kept} />);
    })
    .post('/:id/discard', async (c) => {
      const discarded = await c.get('view').api.attempt(discardDeadLetter, { param: c.req.param() });
      return discarded.ok
        ? c.redirect('/dead-letters?done=discarded', 303)
        : problemPage(c, discarded.problem);
    });
}

/** How many match now, up to as many as the API lists at once, and whether that is all of them. */
async function countMatching(api: ApiClient, { query }: Filters) {
  const page = await api.call(listDeadLetters, { query: { ...query, limit: MAX_PAGE_ENTRIES } });
  return { atLeast: page.data.length, isAll: page.next === null };
}
