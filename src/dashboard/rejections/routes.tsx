// Rejections: authentic webhooks that became no event. They are tried again or deleted.

import { type Context, Hono } from 'hono';
import { getPayload } from '../../api/events/routes.ts';
import {
  deleteRejection,
  getRejectedBody,
  getRejection,
  listRejections,
  retryRejection,
  retryRejections,
} from '../../api/rejections/routes.ts';
import type { Problem } from '../frame/api-client.ts';
import { answerBulkAction, writtenCounts } from '../frame/bulk-actions.tsx';
import { forbidReaders, problemPage } from '../frame/errors.tsx';
import { filtersOf, findList } from '../frame/filters.tsx';
import { withQuery } from '../frame/local-path.ts';
import { answerPage } from '../frame/page.tsx';
import type { DashboardEnv, View } from '../frame/view.ts';
import { DeleteRejectionPage, RETRY_COUNTS, RejectionList, RejectionPage, retriedWords } from './pages.tsx';
import { rejectionTexts } from './texts.ts';

const FILTERS = ['integration', 'reason', 'since', 'until'];

/** To be mounted at `/rejections`. */
export function rejectionPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>()
    .get('/', async (c) => {
      const view = c.get('view');
      const filters = filtersOf(c.req.query(), FILTERS, view);
      const found = await findList(c, listRejections, filters);
      const page = <RejectionList view={view} filters={filters} found={found} done={c.req.query()} />;
      return answerPage(c, page, found.ok ? 200 : 400);
    })
    .post('/retry', async (c) => {
      const view = c.get('view');
      const form = await c.req.parseBody();
      const { query } = filtersOf(form, FILTERS, view);
      return answerBulkAction(c, {
        title: rejectionTexts(view.language).retryTitle,
        action: '/rejections/retry',
        fields: query,
        counted: RETRY_COUNTS,
        form,
        send: async (cursor) => view.api.attempt(retryRejections, { body: { ...query, cursor } }),
        words: (counts) => retriedWords(counts, view),
        after: (counts) => withQuery('/rejections', { ...query, done: 'retried', ...writtenCounts(counts) }),
      });
    })
    .get('/:id', async (c) => answerRejection(c, null))
    .get('/:id/body', async (c) => {
      const answer = await c.get('view').api.open(getRejectedBody, { param: c.req.param() });
      if (!answer.ok) return problemPage(c, await answer.json());
      return new Response(answer.body, answer);
    })
    .post('/:id/retry', async (c) => {
      const retried = await c.get('view').api.attempt(retryRejection, { param: c.req.param() });
      if (retried.ok) {
        const { outcome, event, integration } = retried.data;
        return c.redirect(withQuery('/rejections', { done: outcome, event, of: integration }), 303);
      }
      // With errors it was judged again and is still no event; they say what is wrong today.
      return retried.problem.errors === undefined
        ? problemPage(c, retried.problem)
        : answerRejection(c, retried.problem);
    })
    .get('/:id/delete', forbidReaders, async (c) => {
      const view = c.get('view');
      const kept = await view.api.call(getRejection, { param: c.req.param() });
      return answerPage(c, <DeleteRejectionPage view={view} kept={kept} />);
    })
    .post('/:id/delete', async (c) => {
      const deleted = await c.get('view').api.attempt(deleteRejection, { param: c.req.param() });
      return deleted.ok ? c.redirect('/rejections?done=deleted', 303) : problemPage(c, deleted.problem);
    });
}

/** @param problem why a retry left it rejected. */
async function answerRejection(c: Context<DashboardEnv>, problem: Problem | null): Promise<Response> {
  const view = c.get('view');
  const kept = await view.api.call(getRejection, { param: { id: c.req.param('id') ?? '' } });
  const stored = kept.eventId === null ? null : await storedPayload(view, kept.integration, kept.eventId);
  const page = <RejectionPage view={view} kept={kept} stored={stored} problem={problem} />;
  return answerPage(c, page, problem?.status);
}

/** The payload of the event that a rejection repeats; `null` where the event is gone. */
async function storedPayload(view: View, integration: string, eventId: string): Promise<string | null> {
  const payload = await view.api.open(getPayload, { param: { integration, id: eventId } });
  return payload.ok ? payload.text() : null;
}
