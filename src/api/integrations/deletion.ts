// DELETE /api/integrations/:slug: deletes an integration that holds nothing, or one with all that it holds.

import { Hono } from 'hono';
import * as z from 'zod';
import { coded } from '../../contract/problems.ts';
import { json } from '../../http/operation.ts';
import { problem } from '../../http/problem-details.ts';
import {
  type DeletedCounts,
  deleteEmptyIntegration,
  deleteIntegrationAndContents,
  type IntegrationContents,
} from '../../store/integration-deletion.ts';
import type { ActorEnv } from '../access/actor.ts';
import type { ApiDeps } from '../deps.ts';
import { count } from '../fields.ts';
import { numericCursor, trueOrFalse } from '../query-parameters.ts';
import { answer, serve } from '../serve.ts';
import { integrationOperation, integrationPath, noSuchIntegration } from './routes.ts';

const deleted = z.object({
  events: count,
  unforwarded: count.describe('Of the events, those that waited to be forwarded.'),
  rejections: count,
  deadLetters: count,
});

const deletionAnswer = z.object({ complete: z.literal(true), deleted });

const unfinishedDeletionAnswer = z.object({
  complete: z.literal(false),
  deleted,
  next: z.string().describe('The `cursor` to repeat it with.'),
  detail: z.string(),
});

export const deleteIntegration = integrationOperation('deleteIntegration', 'DELETE /api/integrations/:slug', {
  summary: 'Delete an integration',
  description:
    'One that has events, rejections or dead letters is deleted with `force=true` only, and they with it.',
  param: integrationPath,
  query: z
    .strictObject({ force: trueOrFalse.default(false), cursor: numericCursor.optional() })
    .refine(({ force, cursor }) => force || cursor === undefined, {
      path: ['cursor'],
      ...coded('goes-with', { parameter: 'force' }),
    }),
  answers: {
    200: json('It is deleted.', deletionAnswer, {
      complete: true,
      deleted: { events: 120, unforwarded: 0, rejections: 3, deadLetters: 0 },
    }),
    202: json(
      'There is more to delete than one request can: repeat it with `cursor`.',
      unfinishedDeletionAnswer,
      {
        complete: false,
        deleted: { events: 20000, unforwarded: 0, rejections: 0, deadLetters: 0 },
        next: '1772330400000000',
        detail: 'One request does not delete it all. Repeat it with ?force=true&cursor=1772330400000000.',
      },
    ),
  },
  problems: ['not-found', 'conflict'],
});

export function integrationDeletionRoutes({ db, now }: Pick<ApiDeps, 'db' | 'now'>): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  serve(routes, deleteIntegration, async (c, { param: { slug }, query: { force, cursor } }) => {
    const deleter = { actor: c.get('actor').name, now };
    const deletion = force
      ? await deleteIntegrationAndContents(db, slug, { ...deleter, walkedSeq: cursor })
      : await deleteEmptyIntegration(db, slug, deleter);
    switch (deletion.outcome) {
      case 'deleted':
        return { complete: true as const, deleted: deletion.deleted };
      case 'unknown':
        return noSuchIntegration();
      case 'holding':
        return refusedDeletion(deletion.holdings);
      case 'unfinished': {
        const next = String(deletion.walkedSeq);
        const detail = `One request does not delete it all. Repeat it with ?force=true&cursor=${next}.`;
        return answer(deleteIntegration, 202, { complete: false, deleted: deletion.deleted, next, detail });
      }
      case 'enabled': {
        const { unforwarded: _, ...deleted } = deletion.deleted;
        return problem(
          'conflict',
          `It was enabled while it was being deleted, and stays. ${contents(deleted)} are gone.`,
          { reason: 'enabled-meanwhile', deleted },
        );
      }
    }
  });
  return routes;
}

function refusedDeletion({ isEveryEventCounted: complete, ...counts }: IntegrationContents): Response {
  const { events, rejections, deadLetters } = counts;
  const isUnknown = !complete && events + rejections + deadLetters === 0;
  const detail = isUnknown
    ? 'One request does not tell whether it has events. With ?force=true it is deleted, whatever it has.'
    : `It has ${complete ? '' : 'at least '}${contents(counts)}. With ?force=true it is deleted, and they with it.`;
  const holdings = { events, rejections, deadLetters, complete };
  return problem('conflict', detail, { reason: 'holds-data', holdings });
}

function contents({ events, rejections, deadLetters }: Omit<DeletedCounts, 'unforwarded'>): string {
  const counts = [counted(events, 'event'), counted(rejections, 'rejection')];
  return `${counts.join(', ')} and ${counted(deadLetters, 'dead letter')}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
