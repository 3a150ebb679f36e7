// Dead letters: what consumers gave up on, to be sent again once they are mended, or discarded.

import { Hono } from 'hono';
import type * as z from 'zod';
import type {
  deadLetterPage,
  discardRunAnswer,
  keptDeadLetterAnswer,
  redriveAnswer,
  redriveRunAnswer,
} from '../../api/dead-letters/routes.ts';
import { type ApiClient, apiPath } from '../frame/api-client.ts';
import { answerRun } from '../frame/bulk-actions.tsx';
import { forbidReaders, refusalPage } from '../frame/errors.tsx';
import { type Filters, filtersOf, findList } from '../frame/filters.tsx';
import { html, withQuery } from '../frame/page.tsx';
import type { DashboardEnv } from '../frame/view.ts';
import { DeadLetter, DeadLetterList, DiscardManyPage, DiscardOnePage, redrivenWords } from './pages.tsx';
import { deadLetterTexts } from './texts.ts';

const FILTERS = ['kind', 'integration', 'type', 'contact', 'since', 'until'];
/** So many are counted for whoever is to confirm; beyond, "at least". */
const MAX_COUNTED = 200;

type DeadLetterPage = z.infer<typeof deadLetterPage>;
type Kept = z.infer<typeof keptDeadLetterAnswer>;

/** To be mounted at `/dead-letters`. */
export function deadLetterPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>()
    .get('/', async (c) => {
      const view = c.get('view');
      const filters = filtersOf(c.req.query(), FILTERS, view);
      const found = await findList<DeadLetterPage>(c, '/dead-letters', filters);
      const page = <DeadLetterList view={view} filters={filters} found={found} done={c.req.query()} />;
      return c.html(html(page), found.ok ? 200 : 400);
    })
    .post('/redrive', async (c) => {
      const view = c.get('view');
      const form = await c.req.parseBody();
      const filters = filtersOf(form, FILTERS, view);
      return answerRun(c, {
        title: deadLetterTexts(view.language).redriveTitle,
        action: '/dead-letters/redrive',
        fields: filters.query,
        counted: ['redriven', 'skipped'],
        form,
        send: async (cursor) =>
          view.api.send<z.infer<typeof redriveRunAnswer>>('POST', '/dead-letters/redrive', {
            ...chosenBy(filters),
            cursor,
          }),
        words: (counts) => redrivenWords(counts, view),
        after: ({ redriven, skipped }) =>
          withQuery('/dead-letters', {
            ...filters.query,
            done: 'redriven-many',
            redriven: String(redriven),
            skipped: String(skipped),
          }),
      });
    })
    .get('/discard', forbidReaders, async (c) => {
      const view = c.get('view');
      const filters = filtersOf(c.req.query(), FILTERS, view);
      const count = await countMatching(view.api, filters);
      return c.html(html(<DiscardManyPage view={view} filters={filters} count={count} />));
    })
    .post('/discard', forbidReaders, async (c) => {
      const view = c.get('view');
      const form = await c.req.parseBody();
      const filters = filtersOf(form, FILTERS, view);
      if (form.sure !== 'yes') {
        const count = await countMatching(view.api, filters);
        const page = <DiscardManyPage view={view} filters={filters} count={count} isUnsure />;
        return c.html(html(page), 422);
      }
      return answerRun(c, {
        title: deadLetterTexts(view.language).discardTitle,
        action: '/dead-letters/discard',
        fields: { ...filters.query, sure: 'yes' },
        counted: ['discarded'],
        form,
        send: async (cursor) =>
          view.api.send<z.infer<typeof discardRunAnswer>>('POST', '/dead-letters/discard', {
            ...chosenBy(filters),
            cursor,
          }),
        words: ({ discarded }) =>
          deadLetterTexts(view.language).discardedMany(view.formats.number(discarded)),
        after: ({ discarded }) =>
          withQuery('/dead-letters', {
            ...filters.query,
            done: 'discarded-many',
            discarded: String(discarded),
          }),
      });
    })
    .get('/:id', async (c) => {
      const view = c.get('view');
      const kept = await view.api.get<Kept>(apiPath`/dead-letters/${c.req.param('id')}`);
      return c.html(html(<DeadLetter view={view} kept={kept} />));
    })
    .post('/:id/redrive', async (c) => {
      const view = c.get('view');
      const here = apiPath`/dead-letters/${c.req.param('id')}`;
      const redriven = await view.api.send<z.infer<typeof redriveAnswer>>('POST', `${here}/redrive`);
      if (redriven.ok) {
        const { event, integration } = redriven.data;
        if (event === null) return c.redirect('/dead-letters?done=redriven-webhook', 303);
        return c.redirect(withQuery('/dead-letters', { done: 'redriven', event, of: integration }), 303);
      }
      if (redriven.problem.status !== 409) return refusalPage(c, redriven.problem);
      const kept = await view.api.get<Kept>(here);
      return c.html(html(<DeadLetter view={view} kept={kept} isRefused />), 409);
    })
    .get('/:id/discard', forbidReaders, async (c) => {
      const view = c.get('view');
      const kept = await view.api.get<Kept>(apiPath`/dead-letters/${c.req.param('id')}`);
      return c.html(html(<DiscardOnePage view={view} kept={kept} />));
    })
    .post('/:id/discard', async (c) => {
      const path = apiPath`/dead-letters/${c.req.param('id')}`;
      const discarded = await c.get('view').api.send('DELETE', path);
      return discarded.ok
        ? c.redirect('/dead-letters?done=discarded', 303)
        : refusalPage(c, discarded.problem);
    });
}

/** What a change of many is asked for with: filters, or in so many words all. */
function chosenBy({ query, isAny }: Filters): Record<string, unknown> {
  return isAny ? query : { all: true };
}

/** How many match now, and whether there may be more. */
async function countMatching(api: ApiClient, { query }: Filters) {
  const { data, next } = await api.get<DeadLetterPage>('/dead-letters', { ...query, limit: MAX_COUNTED });
  return { atLeast: data.length, isAll: next === null };
}
