// What the command asks of the API for integrations.
import { integrationRoutes, type ShownIntegration } from '../../src/api/integrations/routes.ts';
import { webhookTokens } from '../../src/sender/webhook-token.ts';
import { type Answer, type ApiRequest, ask, inProcess, type Send, withBody } from '../receiver/api.ts';
import type { LocalReceiver } from '../receiver/connection.ts';
import type { Command } from './options.ts';

/** The API's answer: one integration, or all for `list`. */
export type Shown = ShownIntegration | { data: ShownIntegration[] };

const BASE = '/api/integrations';

/** Sends to the API in this process, on a database. */
export function inDatabase({
  db,
  webhookSecret,
  url,
  actor,
}: Pick<LocalReceiver, 'db' | 'webhookSecret' | 'url' | 'actor'>): Send {
  const deps = { db, tokens: webhookTokens(webhookSecret), publicUrl: url, now: Date.now };
  return inProcess(integrationRoutes(deps), { actor, missing: 'There is no integration with this slug.' });
}

export async function askApi(send: Send, command: Command): Promise<Answer<Shown>> {
  return ask<Shown>(send, requestOf(command));
}

function requestOf(command: Command): ApiRequest {
  switch (command.name) {
    case 'list':
      return [BASE, { method: 'GET' }];
    case 'add':
      return [BASE, withBody('POST', { slug: command.slug, ...command.settings })];
    case 'rotate':
      return [pathOf(command), withBody('POST', command.rotation)];
    case 'disable':
    case 'enable':
      return [pathOf(command), { method: 'POST' }];
  }
}

function pathOf({ slug, name }: { slug: string; name: string }): string {
  return `${BASE}/${encodeURIComponent(slug)}/${name}`;
}
