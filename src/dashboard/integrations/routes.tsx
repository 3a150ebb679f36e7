// Integrations: the webhook addresses that are registered with the platform.

import { type Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type * as z from 'zod';
import type { integrationList, ShownIntegration } from '../../api/integrations/routes.ts';
import type { ContractProblem } from '../../contract/problems.ts';
import { apiPath, type Problem } from '../frame/api-client.ts';
import { forbidReaders, refusalPage } from '../frame/errors.tsx';
import type { Language } from '../frame/language.ts';
import { html } from '../frame/page.tsx';
import type { DashboardEnv } from '../frame/view.ts';
import { curlFor } from './curl.ts';
import { integrationDeletionPages } from './deletion-routes.tsx';
import { NOTHING_TYPED, settingsOf, type TypedIntegration, typedOf, writtenOf } from './form.tsx';
import { IntegrationList, IntegrationPage, NewIntegrationPage } from './pages.tsx';
import { integrationTexts } from './texts.ts';

/** To be mounted at `/integrations`. No slug has the underscore of `/_new`. */
export function integrationPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>()
    .get('/', async (c) => {
      const view = c.get('view');
      const { data } = await view.api.get<z.infer<typeof integrationList>>('/integrations');
      return c.html(html(<IntegrationList view={view} integrations={data} done={c.req.query()} />));
    })
    .get('/_new', forbidReaders, async (c) => {
      const view = c.get('view');
      return c.html(html(<NewIntegrationPage view={view} typed={NOTHING_TYPED} errors={[]} />));
    })
    .post('/_new', async (c) => {
      const view = c.get('view');
      const typed = typedOf(await c.req.parseBody());
      const wanted = { slug: typed.slug, ...settingsOf(typed) };
      const created = await view.api.send<ShownIntegration>('POST', '/integrations', wanted);
      if (created.ok) return c.redirect(`${apiPath`/integrations/${created.data.slug}`}?done=created`, 303);
      const { problem } = created;
      if (problem.status !== 422 && problem.status !== 409) return refusalPage(c, problem);
      const conflict = conflictWords(problem, view.language);
      const page = (
        <NewIntegrationPage view={view} typed={typed} errors={problem.errors ?? []} conflict={conflict} />
      );
      return c.html(html(page), problem.status as ContentfulStatusCode);
    })
    .route('/', integrationDeletionPages())
    .get('/:slug', async (c) => onePage(c, {}))
    .post('/:slug', async (c) => {
      const typed = typedOf(await c.req.parseBody());
      const saved = await change(c, 'PATCH', '', settingsOf(typed));
      if (saved === null) return doneWith(c, 'saved');
      return saved.status === 422
        ? onePage(c, { typed, errors: saved.errors ?? [], status: 422 })
        : refusalPage(c, saved);
    })
    .post('/:slug/rotate', async (c) => {
      const { overlapHours } = await c.req.parseBody();
      const typed = typeof overlapHours === 'string' ? overlapHours.trim() : '';
      // Nothing at all would be 0, which ends every URL.
      const hours = typed === '' ? null : Number(typed.replace(',', '.'));
      const rotated = await change(c, 'POST', '/rotate', { overlapHours: hours });
      if (rotated === null) return doneWith(c, 'rotated');
      return rotated.status === 422
        ? onePage(c, { typedHours: typed, hoursErrors: rotated.errors ?? [], status: 422 })
        : refusalPage(c, rotated);
    })
    .post('/:slug/enable', async (c) => {
      const refused = await change(c, 'POST', '/enable');
      return refused === null ? doneWith(c, 'enabled') : refusalPage(c, refused);
    })
    .post('/:slug/disable', async (c) => {
      const refused = await change(c, 'POST', '/disable');
      return refused === null ? doneWith(c, 'disabled') : refusalPage(c, refused);
    });
}

function pathOf(c: Context<DashboardEnv>): string {
  return apiPath`/integrations/${c.req.param('slug') ?? ''}`;
}

/** Changes an integration; gives the problem where the API does not. */
async function change(
  c: Context<DashboardEnv>,
  method: 'POST' | 'PATCH',
  verb: string,
  body?: unknown,
): Promise<Problem | null> {
  const answer = await c.get('view').api.send<ShownIntegration>(method, pathOf(c) + verb, body);
  return answer.ok ? null : answer.problem;
}

function doneWith(c: Context<DashboardEnv>, done: string): Response {
  return c.redirect(`${pathOf(c)}?done=${done}`, 303);
}

/** Why an integration cannot be created as things stand; `null`: something is wrong with what was typed. */
function conflictWords({ reason }: Problem, language: Language): string | null {
  const t = integrationTexts(language);
  if (reason === 'slug-taken') return t.taken;
  return reason === 'too-many-integrations' ? t.full : null;
}

/** What was typed and not taken, and the status to say so with. */
interface Refused {
  typed?: TypedIntegration;
  errors?: readonly ContractProblem[];
  typedHours?: string;
  hoursErrors?: readonly ContractProblem[];
  status?: ContentfulStatusCode;
}

async function onePage(c: Context<DashboardEnv>, refused: Refused): Promise<Response> {
  const view = c.get('view');
  const integration = await view.api.get<ShownIntegration>(pathOf(c));
  const { url, signingSecret, requireSignature, appId } = integration;
  const curl =
    url === null
      ? null
      : await curlFor({
          url,
          appId,
          signingSecret: requireSignature ? signingSecret : null,
          nowMs: view.nowMs,
        });
  const page = (
    <IntegrationPage
      view={view}
      integration={integration}
      curl={curl}
      done={c.req.query('done')}
      typed={refused.typed ?? writtenOf(integration)}
      errors={refused.errors ?? []}
      typedHours={refused.typedHours ?? null}
      hoursErrors={refused.hoursErrors ?? []}
    />
  );
  return c.html(html(page), refused.status ?? 200) as Response;
}
