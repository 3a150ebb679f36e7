// Integrations: the webhook addresses that are registered with the platform.

import { type Context, Hono } from 'hono';
import type * as z from 'zod';
import type { integrationList, ShownIntegration } from '../../api/integrations/routes.ts';
import { apiPath, type Problem } from '../frame/api-client.ts';
import { forbidReaders, problemPage } from '../frame/errors.tsx';
import type { Language } from '../frame/language.ts';
import { answerPage } from '../frame/page.tsx';
import type { DashboardEnv } from '../frame/view.ts';
import { curlFor } from './curl.ts';
import { integrationDeletionPages } from './deletion-routes.tsx';
import { settingsOf, typedFrom, typedOf } from './form.tsx';
import { IntegrationList, IntegrationPage, type IntegrationPageProps, NewIntegrationPage } from './pages.tsx';
import { integrationTexts } from './texts.ts';

/** To be mounted at `/integrations`. No slug has the underscore of `/_new`. */
export function integrationPages(): Hono<DashboardEnv> {
  return new Hono<DashboardEnv>()
    .get('/', async (c) => {
      const view = c.get('view');
      const { data } = await view.api.get<z.infer<typeof integrationList>>('/integrations');
      return answerPage(c, <IntegrationList view={view} integrations={data} done={c.req.query()} />);
    })
    .get('/_new', forbidReaders, (c) =>
      answerPage(c, <NewIntegrationPage view={c.get('view')} typed={typedOf({})} errors={[]} />),
    )
    .post('/_new', async (c) => {
      const view = c.get('view');
      const typed = typedOf(await c.req.parseBody());
      const wanted = { slug: typed.slug, ...settingsOf(typed) };
      const created = await view.api.send<ShownIntegration>('POST', '/integrations', wanted);
      if (created.ok) return c.redirect(`${apiPath`/integrations/${created.data.slug}`}?done=created`, 303);
      const { problem } = created;
      if (problem.status !== 422 && problem.status !== 409) return problemPage(c, problem);
      const conflict = conflictWords(problem, view.language);
      const page = (
        <NewIntegrationPage view={view} typed={typed} errors={problem.errors ?? []} conflict={conflict} />
      );
      return answerPage(c, page, problem.status);
    })
    .route('/', integrationDeletionPages())
    .get('/:slug', async (c) => answerIntegration(c))
    .post('/:slug', async (c) => {
      const typed = typedOf(await c.req.parseBody());
      const problem = await change(c, 'PATCH', '', settingsOf(typed));
      return answerChange(c, 'saved', problem, { typed, errors: problem?.errors ?? [] });
    })
    .post('/:slug/rotate', async (c) => {
      const { overlapHours } = await c.req.parseBody();
      const typedHours = typeof overlapHours === 'string' ? overlapHours.trim() : '';
      // An empty text as a number would be 0, which ends every URL.
      const hours = typedHours === '' ? null : Number(typedHours.replace(',', '.'));
      const problem = await change(c, 'POST', '/rotate', { overlapHours: hours });
      return answerChange(c, 'rotated', problem, { typedHours, hoursErrors: problem?.errors ?? [] });
    })
    .post('/:slug/enable', async (c) => answerChange(c, 'enabled', await change(c, 'POST', '/enable')))
    .post('/:slug/disable', async (c) => answerChange(c, 'disabled', await change(c, 'POST', '/disable')));
}

function pathOf(c: Context<DashboardEnv>): string {
  return apiPath`/integrations/${c.req.param('slug') ?? ''}`;
}

/** Changes an integration; gives the problem if there is one. */
async function change(
  c: Context<DashboardEnv>,
  method: 'POST' | 'PATCH',
  verb: string,
  body?: unknown,
): Promise<Problem | null> {
  const answer = await c.get('view').api.send<ShownIntegration>(method, pathOf(c) + verb, body);
  return answer.ok ? null : answer.problem;
}

/** What was typed, and the API's objections to it. */
type Refused = Partial<Pick<IntegrationPageProps, 'typed' | 'errors' | 'typedHours' | 'hoursErrors'>>;

/** Answers with the integration after a change, or with what is wrong with what was typed. */
async function answerChange(
  c: Context<DashboardEnv>,
  done: string,
  problem: Problem | null,
  refused?: Refused,
): Promise<Response> {
  if (problem === null) return c.redirect(`${pathOf(c)}?done=${done}`, 303);
  return problem.status === 422 && refused !== undefined
    ? answerIntegration(c, refused, 422)
    : problemPage(c, problem);
}

/** Why an integration cannot be created as things stand; `null`: something is wrong with what was typed. */
function conflictWords({ reason }: Problem, language: Language): string | null {
  const t = integrationTexts(language);
  if (reason === 'slug-taken') return t.taken;
  return reason === 'too-many-integrations' ? t.full : null;
}

async function answerIntegration(
  c: Context<DashboardEnv>,
  refused: Refused = {},
  status = 200,
): Promise<Response> {
  const view = c.get('view');
  const integration = await view.api.get<ShownIntegration>(pathOf(c));
  const { url, requireSignature, appId } = integration;
  const signingSecret = requireSignature ? integration.signingSecret : null;
  const curl = url === null ? null : await curlFor({ url, appId, signingSecret, nowMs: view.nowMs });
  const page = (
    <IntegrationPage
      view={view}
      integration={integration}
      curl={curl}
      done={c.req.query('done') ?? ''}
      typed={typedFrom(integration)}
      errors={[]}
      typedHours={null}
      hoursErrors={[]}
      {...refused}
    />
  );
  return answerPage(c, page, status);
}
