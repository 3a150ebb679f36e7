// The output of `npm run integrations`. URLs are shown with their tokens, since they are what was asked for.

import type { ShownIntegration } from '../../src/api/integrations/routes.ts';
import { alignColumns } from '../command-line.ts';
import { describeRefusal, type Refused } from '../receiver/api.ts';
import { shortened } from '../terminal-text.ts';
import type { Shown } from './api.ts';
import type { Command } from './options.ts';

const MAX_DESCRIPTION_WIDTH = 40;

/** The command line's words for fields of the API. */
const WORDS: Record<string, string> = {
  slug: 'the slug',
  appId: '--app-id',
  description: '--description',
  allowedIps: '--allowed-ip',
  onRejection: '--on-rejection',
  overlapHours: '--overlap-hours',
};

export function describeOutcome(command: Command, shown: Shown): string {
  if ('data' in shown) return describeAll(shown.data);
  switch (command.name) {
    case 'add':
      return `Added "${shown.slug}". Register the URL with the platform:

  ${shown.url}${describeSigning(shown)}`;
    case 'rotate':
      return `Rotated "${shown.slug}". Register the new URL with the platform:

  ${shown.url}${describeSigning(shown)}

${describePrevious(shown)}`;
    case 'disable':
      return `Disabled "${shown.slug}": within 30 s its webhooks are turned away everywhere.`;
    case 'enable':
      return `Enabled "${shown.slug}": within 30 s its webhooks are taken everywhere.`;
    case 'list':
      return describeAll([shown]);
  }
}

/** Why a command was refused, in one line and in the words of the command line. */
export function describeRefusalOf(command: Command, refused: Refused): string {
  const ranges = command.name === 'add' ? command.settings.allowedIps : undefined;
  return describeRefusal(refused, ([field = '', index]) => {
    const range = index !== undefined && Array.isArray(ranges) ? ` "${ranges[Number(index)]}"` : '';
    return `${WORDS[field] ?? field}${range}`;
  });
}

function describeSigning({ requireSignature, signingSecret }: ShownIntegration): string {
  if (!requireSignature || signingSecret === null) return '';
  return `\n\nIts senders sign with the secret (Standard Webhooks):\n\n  ${signingSecret}`;
}

function describePrevious({ previous: [latest] }: ShownIntegration): string {
  return latest === undefined
    ? 'No URL from before is valid any more, everywhere within 30 s.'
    : `The URL from before is valid until ${latest.validUntil}.`;
}

function describeAll(integrations: readonly ShownIntegration[]): string {
  if (integrations.length === 0) return 'There are no integrations. One is registered by: add <slug>';
  return alignColumns([HEAD, ...integrations.map(cellsOf)]).join('\n');
}

const HEAD = 'SLUG STATE APPLICATION FROM SIGNED REJECTIONS REGISTERED DESCRIPTION URL'.split(' ');

function cellsOf(integration: ShownIntegration): string[] {
  const { allowedIps, description } = integration;
  const [range = '', ...ranges] = allowedIps ?? ['anywhere'];
  return [
    integration.slug,
    integration.enabled ? 'enabled' : 'disabled',
    integration.appId ?? 'any',
    ranges.length === 0 ? range : `${range} and ${ranges.length} more`,
    integration.requireSignature ? 'yes' : 'no',
    integration.onRejection === 'accept' ? 'accepted' : 'refused',
    integration.createdAt.slice(0, 10),
    shortened(description ?? '-', MAX_DESCRIPTION_WIDTH),
    integration.url ?? '-',
  ];
}
