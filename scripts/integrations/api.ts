// The API of src/operate without the network between: the same checks, the same changes with their entries in the
// audit trail, the same answers. Who gets at the database may do everything.
import { Hono } from 'hono';
import type { ContractProblem } from '../../src/contract/problems.ts';
import type { ActorEnv } from '../../src/operate/actor.ts';
import { integrationRoutes, type ShownIntegration } from '../../src/operate/integrations.ts';
import { problem } from '../../src/problem.ts';
import { webhookTokens } from '../../src/webhook-token.ts';
import type { Command } from './options.ts';

/** What URLs are made of. */
export interface Address {
  webhookSecret: string;
  /** Where the receiver is reached, without a slash at the end. */
  url: string;
}

export interface ApiDeps {
  db: D1Database;
  /** `null`: not known; then neither URLs nor signing secrets can be shown. */
  address: Address | null;
  /** As in the audit trail. */
  actor: string;
}

/** What the API gives: one integration, or all for `list`. */
export type Shown = ShownIntegration | { data: ShownIntegration[] };

/** What the API did not do, and why. */
export interface Refused {
  ok: false;
  detail: string;
  /** What is wrong with which part of the command. */
  errors: ContractProblem[];
}

export type Answer = { ok: true; shown: Shown } | Refused;

/** Asks the API. What fails for another reason than the command, such as the database, is thrown. */
export async function askApi({ db, address, actor }: ApiDeps, command: Command): Promise<Answer> {
  const api = new Hono<ActorEnv>()
    .use(async (c, next) => {
      // Nobody asks here whether an actor may change something; the API shows nothing that is derived to one who may not.
      c.set('actor', { name: actor, mayChange: address !== null });
      await next();
    })
    .route(
      '/',
      integrationRoutes({
        db,
        tokens: webhookTokens(address?.webhookSecret ?? ''),
        publicUrl: address?.url ?? '',
        now: Date.now,
      }),
    )
    .onError((error) => {
      throw error;
    })
    // A slug that is no part of a URL, such as "..", reaches no route.
    .notFound(() => problem('not-found', 'There is no integration with this slug.'));

  const answer = await api.request(...requestOf(command));
  if (answer.ok) return { ok: true, shown: (await answer.json()) as Shown };
  const { detail, errors = [] } = (await answer.json()) as { detail: string; errors?: ContractProblem[] };
  return { ok: false, detail, errors };
}

function requestOf(command: Command): [path: string, init: RequestInit] {
  switch (command.name) {
    case 'list':
      return ['/', { method: 'GET' }];
    case 'add':
      return ['/', post({ slug: command.slug, ...command.settings })];
    case 'rotate':
      return [pathOf(command), post(command.rotation)];
    case 'disable':
    case 'enable':
      return [pathOf(command), { method: 'POST' }];
  }
}

function pathOf({ slug, name }: { slug: string; name: string }): string {
  return `/${encodeURIComponent(slug)}/${name}`;
}

function post(body: Record<string, unknown>): RequestInit {
  return { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
