// Deleting an integration, with everything that it has, in as many requests as that takes.

import { type Context, Hono } from 'hono';
import { deleteIntegration } from '../../api/integrations/deletion.ts';
import { getIntegration } from '../../api/integrations/routes.ts';
import type { Answer, ApiClient, Problem } from '../frame/api-client.ts';
import { answerBulkAction, type Counts, writtenCounts } from '../frame/bulk-actions.tsx';
import { forbidReaders, problemPage } from '../frame/errors.tsx';
import { pagePath, withQuery } from '../frame/local-path.ts';
import { answerPage } from '../frame/page.tsx';
import type { DashboardEnv } from '../frame/view.ts';
import { DELETED_COUNTS, DeletePage, type Holdings } from './deletion-page.tsx';
import { integrationTexts } from './texts.ts';

/** To be mounted at `/integrations`: `/:slug/delete`. */
export function integrationDeletionPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>()
    .get('/:slug/delete', forbidReaders, async (c) => {
      const view = c.get('view');
      const { slug } = await view.api.call(getIntegration, { param: c.req.param() });
      return answerPage(c, <DeletePage view={view} slug={slug} holdings={null} />);
    })
    .post('/:slug/delete', forbidReaders, async (c) => {
      const view = c.get('view');
      const slug = c.req.param('slug');
      const form = await c.req.parseBody();
      const holdings = holdingsIn(form);
      if (typeof form.confirm !== 'string' || form.confirm.trim() !== slug) {
        return answerPage(c, <DeletePage view={view} slug={slug} holdings={holdings} isMistyped />, 422);
      }
      return holdings === null ? deleteEmpty(c, slug) : deleteAll(c, slug, form);
    });
}

/** What the form of {@link DeletePage} says that goes with the integration. */
function holdingsIn(form: Record<string, unknown>): Holdings | null {
  if (form.force !== 'yes') return null;
  const held = {
    events: Number(form.holdsEvents),
    rejections: Number(form.holdsRejections),
    deadLetters: Number(form.holdsDeadLetters),
  };
  const isKnown = Object.values(held).every(Number.isInteger);
  return isKnown ? { ...held, isAll: form.holdsAll === 'yes' } : 'unknown';
}

/** Deletes an integration unless something would be deleted with it. */
async function deleteEmpty(c: Context<DashboardEnv>, slug: string): Promise<Response> {
  const view = c.get('view');
  const deletion = await view.api.attempt(deleteIntegration, { param: { slug } });
  if (deletion.ok) return c.redirect('/integrations?done=deleted', 303);
  const { holdings } = deletion.problem;
  if (holdings === undefined) return problemPage(c, deletion.problem);
  return answerPage(c, <DeletePage view={view} slug={slug} holdings={holdingsOf(holdings)} />, 409);
}

function holdingsOf({ complete, ...counts }: NonNullable<Problem['holdings']>): Holdings {
  const isNothingKnown = !complete && Object.values(counts).every((count) => count === 0);
  return isNothingKnown ? 'unknown' : { ...counts, isAll: complete };
}

async function deleteAll(
  c: Context<DashboardEnv>,
  slug: string,
  form: Record<string, unknown>,
): Promise<Response> {
  const view = c.get('view');
  const t = integrationTexts(view.language);
  const { number } = view.formats;
  return answerBulkAction(c, {
    title: t.deleting,
    action: pagePath`/integrations/${slug}/delete`,
    fields: { confirm: slug, force: 'yes' },
    counted: DELETED_COUNTS,
    form,
    send: async (cursor) => forcedDeletion(view.api, slug, cursor),
    words: ({ events, rejections, deadLetters }) =>
      t.deleted(number(events), number(rejections), number(deadLetters)),
    after: (counts) => withQuery('/integrations', { done: 'deleted', ...writtenCounts(counts) }),
    ending: ({ reason }) => (reason === 'enabled-meanwhile' ? t.deleteEnabled : null),
  });
}

async function forcedDeletion(
  api: ApiClient,
  slug: string,
  cursor: string | undefined,
): Promise<Answer<Counts<(typeof DELETED_COUNTS)[number]> & { next: string | null }>> {
  const deletion = await api.attempt(deleteIntegration, { param: { slug }, query: { force: true, cursor } });
  if (!deletion.ok) return deletion;
  const { events, rejections, deadLetters } = deletion.data.deleted;
  return {
    ok: true,
    data: { events, rejections, deadLetters, next: deletion.data.complete ? null : deletion.data.next },
  };
}
