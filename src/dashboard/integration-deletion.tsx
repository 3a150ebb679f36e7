// Deleting an integration: its name is typed, what goes with it is told, and what one request does not finish goes on.

import { type Context, Hono } from 'hono';
import type { FC } from 'hono/jsx';
import type * as z from 'zod';
import type { deletionAnswer, unfinishedDeletionAnswer } from '../api/integrations/deletion.ts';
import type { ShownIntegration } from '../api/integrations/routes.ts';
import { type Answer, type ApiClient, apiPath, type Problem } from './api-client.ts';
import { forbidReaders, refusalPage } from './errors.tsx';
import { html, Notice, Page, withQuery } from './page.tsx';
import { answerRun, type Counts } from './runs.tsx';
import { commonTexts } from './texts/common.ts';
import { integrationTexts } from './texts/integrations.ts';
import type { DashboardEnv, View } from './view.ts';

type Deletion = z.infer<typeof deletionAnswer> | z.infer<typeof unfinishedDeletionAnswer>;

const COUNTED = ['events', 'rejections', 'deadLetters'] as const;

/** To be mounted at `/integrations`: `/:slug/delete`. */
export function integrationDeletionPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>()
    .get('/:slug/delete', forbidReaders, async (c) => {
      const view = c.get('view');
      const { slug } = await view.api.get<ShownIntegration>(apiPath`/integrations/${c.req.param('slug')}`);
      return c.html(html(<DeletePage view={view} slug={slug} state={{ kind: 'asked' }} />));
    })
    .post('/:slug/delete', forbidReaders, async (c) => {
      const view = c.get('view');
      const slug = c.req.param('slug');
      const form = await c.req.parseBody();
      const state = holdingOf(form);
      if (typeof form.confirm !== 'string' || form.confirm.trim() !== slug) {
        return c.html(html(<DeletePage view={view} slug={slug} state={state} isMistyped />), 422);
      }
      return state.kind === 'holding' ? deleteAll(c, slug, form) : deleteEmpty(c, slug);
    });
}

/** What is known of an integration that is to be deleted. */
type State = { kind: 'asked' } | { kind: 'holding'; holdings: Holdings };

/** `null`: one request does not tell. */
type Holdings = (Counts<(typeof COUNTED)[number]> & { isAll: boolean }) | null;

/** As the form says that goes with {@link DeletePage}. */
function holdingOf(form: Record<string, unknown>): State {
  if (form.force !== 'yes') return { kind: 'asked' };
  const held = {
    events: Number(form.holdsEvents),
    rejections: Number(form.holdsRejections),
    deadLetters: Number(form.holdsDeadLetters),
  };
  if (!Object.values(held).every(Number.isInteger)) return { kind: 'holding', holdings: null };
  return { kind: 'holding', holdings: { ...held, isAll: form.holdsAll === 'yes' } };
}

/** Deletes it only where nothing goes with it. */
async function deleteEmpty(c: Context<DashboardEnv>, slug: string): Promise<Response> {
  const view = c.get('view');
  const deletion = await view.api.send<Deletion>('DELETE', apiPath`/integrations/${slug}`);
  if (deletion.ok) return c.redirect('/integrations?done=deleted', 303);
  const { holdings } = deletion.problem;
  if (holdings === undefined) return refusalPage(c, deletion.problem);
  const state = { kind: 'holding', holdings: known(holdings) } as const;
  const page = <DeletePage view={view} slug={slug} state={state} />;
  return c.html(html(page), 409) as Response;
}

/** What there is, as far as it is known. */
function known({ complete, ...counts }: NonNullable<Problem['holdings']>): Holdings {
  const isNothingKnown = !complete && Object.values(counts).every((count) => count === 0);
  return isNothingKnown ? null : { ...counts, isAll: complete };
}

async function deleteAll(
  c: Context<DashboardEnv>,
  slug: string,
  form: Record<string, unknown>,
): Promise<Response> {
  const view = c.get('view');
  const t = integrationTexts(view.language);
  const { number } = view.formats;
  return answerRun(c, {
    title: t.deleting,
    action: apiPath`/integrations/${slug}/delete`,
    fields: { confirm: slug, force: 'yes' },
    counted: COUNTED,
    form,
    send: async (cursor) => forcedDeletion(view.api, slug, cursor),
    words: ({ events, rejections, deadLetters }) =>
      t.deleted(number(events), number(rejections), number(deadLetters)),
    after: ({ events, rejections, deadLetters }) =>
      withQuery('/integrations', {
        done: 'deleted',
        events: String(events),
        rejections: String(rejections),
        deadLetters: String(deadLetters),
      }),
    refusal: ({ reason }) => (reason === 'enabled-meanwhile' ? t.deleteEnabled : null),
  });
}

async function forcedDeletion(
  api: ApiClient,
  slug: string,
  cursor: string | undefined,
): Promise<Answer<Counts<(typeof COUNTED)[number]> & { next: string | null }>> {
  const query = { force: true, cursor };
  const deletion = await api.send<Deletion>('DELETE', apiPath`/integrations/${slug}`, undefined, query);
  if (!deletion.ok) return deletion;
  const { events, rejections, deadLetters } = deletion.data.deleted;
  return {
    ok: true,
    data: { events, rejections, deadLetters, next: deletion.data.complete ? null : deletion.data.next },
  };
}

/** @param isMistyped whether another name was typed than that of the integration. */
const DeletePage: FC<{ view: View; slug: string; state: State; isMistyped?: boolean }> = ({
  view,
  slug,
  state,
  isMistyped = false,
}) => {
  const t = integrationTexts(view.language);
  const here = apiPath`/integrations/${slug}`;
  return (
    <Page view={view} title={t.deleteTitle}>
      {isMistyped && <Notice tone="bad">{t.deleteMistyped}</Notice>}
      <section class="panel">
        <p>
          <strong>
            <bdi>{slug}</bdi>
          </strong>
        </p>
        {state.kind === 'holding' && <Notice tone="warn">{holdingWords(state.holdings, view)}</Notice>}
        <p>{t.deleteWarning}</p>
        <p>{state.kind === 'holding' ? t.deleteAllWarning : t.deleteFirst}</p>
        <form method="post" action={`${here}/delete`} class="narrow">
          {state.kind === 'holding' && <HoldingFields holdings={state.holdings} />}
          <label>
            {t.deleteType(slug)}
            <input name="confirm" required autocomplete="off" autocapitalize="none" spellcheck={false} />
          </label>
          <div class="actions">
            <button type="submit" class="danger">
              {state.kind === 'holding' ? t.deleteAll : t.delete}
            </button>
            <a href={here}>{commonTexts(view.language).cancel}</a>
          </div>
        </form>
      </section>
    </Page>
  );
};

const HoldingFields: FC<{ holdings: Holdings }> = ({ holdings }) => (
  <>
    <input type="hidden" name="force" value="yes" />
    {holdings !== null && (
      <>
        <input type="hidden" name="holdsEvents" value={String(holdings.events)} />
        <input type="hidden" name="holdsRejections" value={String(holdings.rejections)} />
        <input type="hidden" name="holdsDeadLetters" value={String(holdings.deadLetters)} />
        <input type="hidden" name="holdsAll" value={holdings.isAll ? 'yes' : 'no'} />
      </>
    )}
  </>
);

function holdingWords(holdings: Holdings, { language, formats }: View): string {
  const t = integrationTexts(language);
  if (holdings === null) return t.deleteHoldsUnknown;
  const words = holdings.isAll ? t.deleteHolds : t.deleteHoldsAtLeast;
  const { events, rejections, deadLetters } = holdings;
  return words(formats.number(events), formats.number(rejections), formats.number(deadLetters));
}
