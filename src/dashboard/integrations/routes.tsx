// Integrations: the webhook addresses that are registered with the platform.

import { type Context, Hono } from 'hono';
import {
  createIntegration,
  disableIntegration,
  enableIntegration,
  getIntegration,
  listIntegrations,
  rotateIntegration,
  updateIntegration,
} from '../../api/integrations/routes.ts';
import type { ContractProblem } from '../../contract/problems.ts';
import type { Answer, Problem } from '../frame/api-client.ts';
import { forbidReaders, problemPage } from '../frame/errors.tsx';
import type { Language } from '../frame/language.ts';
import { pagePath } from '../frame/local-path.ts';
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
      const { data } = await view.api.call(listIntegrations);
      return answerPage(c, <IntegrationList view={view} integrations={data} done={c.req.query()} />);
    })
    .get('/_new', forbidReaders, (c) =>
      answerPage(c, <NewIntegrationPage view={c.get('view')} typed={typedOf({})} errors={[]} />),
    )
    .post('/_new', async (c) => {
      const view = c.get('view');
      const typed = typedOf(await c.req.parseBody());
      const body = { slug: typed.slug, ...settingsOf(typed) };
      const created = await view.api.attempt(createIntegration, { body });
      if (created.ok) return c.redirect(`${pagePath`/integrations/${created.data.slug}`}?done=created`, 303);
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
      const request = { param: c.req.param(), body: settingsOf(typed) };
      const updated = await c.get('view').api.attempt(updateIntegration, request);
      return answerChange(c, 'saved', updated, (errors) => ({ typed, errors }));
    })
    .post('/:slug/rotate', async (c) => {
      const { overlapHours } = await c.req.parseBody();
      const typedHours = typeof overlapHours === 'string' ? overlapHours.trim() : '';
      // An empty text as a number would be 0, which ends every URL.
      const hours = typedHours === '' ? null : Number(typedHours.replace(',', '.'));
      const request = { param: c.req.param(), body: { overlapHours: hours } };
      const rotated = await c.get('view').api.attempt(rotateIntegration, request);
      return answerChange(c, 'rotated', rotated, (hoursErrors) => ({ typedHours, hoursErrors }));
    })
    .post('/:slug/enable', async (c) => {
      const enabled = await c.get('view').api.attempt(enableIntegration, { param: c.req.param() });
      return answerChange(c, 'enabled', enabled);
    })
    .post('/:slug/disable', async (c) => {
      const disabled = await c.get('view').api.attempt(disableIntegration, { param: c.req.param() });
      return answerChange(c, 'disabled', disabled);
    });
}

function slugOf(c: Context<DashboardEnv>): string {
  return c.req.param('slug') ?? '';
}

/** What was typed, and the API's objections to it. */
type Refused = Partial<Pick<IntegrationPageProps, 'typed' | 'errors' | 'typedHours' | 'hoursErrors'>>;

/** Answers with the integration after a change, or with what is wrong with what was typed. */
async function answerChange(
  c: Context<DashboardEnv>,
  done: string,
  answer: Answer<unknown>,
  refusedBy?: (errors: ContractProblem[]) => Refused,
): Promise<Response> {
  if (answer.ok) return c.redirect(`${pagePath`/integrations/${slugOf(c)}`}?done=${done}`, 303);
  const { problem } = answer;
  return problem.status === 422 && refusedBy !== undefined
    ? answerIntegration(c, refusedBy(problem.errors ?? []), 422)
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
  const integration = await view.api.call(getIntegration, { param: { slug: slugOf(c) } });
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
