// The operators' API as tests read it: an answer has the type that the operation at its address describes, and is checked
// against the operation's schema.

import type * as z from 'zod';
import { listAudit } from '../src/api/audit/routes.ts';
import { getConversation } from '../src/api/contacts/conversation.ts';
import { eraseContact } from '../src/api/contacts/erasure.ts';
import { listContacts } from '../src/api/contacts/listing.ts';
import {
  discardDeadLetters,
  getDeadLetter,
  listDeadLetters,
  redriveDeadLetter,
  redriveDeadLetters,
} from '../src/api/dead-letters/routes.ts';
import { getEvent, listEvents } from '../src/api/events/routes.ts';
import { getHealth } from '../src/api/health/routes.ts';
import { deleteIntegration } from '../src/api/integrations/deletion.ts';
import {
  createIntegration,
  disableIntegration,
  enableIntegration,
  getIntegration,
  listIntegrations,
  rotateIntegration,
  updateIntegration,
} from '../src/api/integrations/routes.ts';
import { getMessage } from '../src/api/messages/routes.ts';
import { getRefusals } from '../src/api/refusals/routes.ts';
import {
  getRejection,
  listRejections,
  retryRejection,
  retryRejections,
} from '../src/api/rejections/routes.ts';
import {
  cancelReplay,
  createReplay,
  getReplay,
  listReplays,
  pauseReplay,
  replayEvent,
  resumeReplay,
} from '../src/api/replays/routes.ts';
import {
  createRoute,
  deleteRoute,
  getRoute,
  listRoutes,
  pauseRoute,
  resumeRoute,
  updateRoute,
} from '../src/api/routes/routes.ts';
import { getStats } from '../src/api/stats/routes.ts';
import type { AnswerOf, Operation } from '../src/http/operation.ts';
import { problemDetails } from '../src/http/problem-details.ts';

/** By method and route. */
const OPERATIONS = {
  'GET /api/audit': listAudit,
  'GET /api/contacts': listContacts,
  'GET /api/contacts/:number': getConversation,
  'DELETE /api/contacts/:number': eraseContact,
  'GET /api/dead-letters': listDeadLetters,
  'POST /api/dead-letters/redrive': redriveDeadLetters,
  'POST /api/dead-letters/discard': discardDeadLetters,
  'GET /api/dead-letters/:id': getDeadLetter,
  'POST /api/dead-letters/:id/redrive': redriveDeadLetter,
  'GET /api/events': listEvents,
  'GET /api/events/:integration/:id': getEvent,
  'POST /api/events/:integration/:id/replay': replayEvent,
  'GET /api/health': getHealth,
  'GET /api/integrations': listIntegrations,
  'POST /api/integrations': createIntegration,
  'GET /api/integrations/:slug': getIntegration,
  'PATCH /api/integrations/:slug': updateIntegration,
  'DELETE /api/integrations/:slug': deleteIntegration,
  'POST /api/integrations/:slug/rotate': rotateIntegration,
  'POST /api/integrations/:slug/enable': enableIntegration,
  'POST /api/integrations/:slug/disable': disableIntegration,
  'GET /api/messages/:messageId': getMessage,
  'GET /api/refusals': getRefusals,
  'GET /api/rejections': listRejections,
  'GET /api/rejections/:id': getRejection,
  'POST /api/rejections/retry': retryRejections,
  'POST /api/rejections/:id/retry': retryRejection,
  'GET /api/replay': listReplays,
  'POST /api/replay': createReplay,
  'GET /api/replay/:job': getReplay,
  'POST /api/replay/:job/cancel': cancelReplay,
  'POST /api/replay/:job/pause': pauseReplay,
  'POST /api/replay/:job/resume': resumeReplay,
  'GET /api/routes': listRoutes,
  'POST /api/routes': createRoute,
  'GET /api/routes/:name': getRoute,
  'PATCH /api/routes/:name': updateRoute,
  'DELETE /api/routes/:name': deleteRoute,
  'POST /api/routes/:name/pause': pauseRoute,
  'POST /api/routes/:name/resume': resumeRoute,
  'GET /api/stats': getStats,
} satisfies Record<string, Operation>;

type Operations = typeof OPERATIONS;

/** What a route's addresses look like: any text stands for a parameter. */
type AddressOf<Route extends string> = Route extends `${infer Before}:${string}/${infer After}`
  ? `${Before}${string}/${AddressOf<After>}`
  : Route extends `${infer Before}:${string}`
    ? `${Before}${string}`
    : Route;

type WithoutQuery<Path extends string> = Path extends `${infer Before}?${string}` ? Before : Path;

type OperationAt<Method extends string, Path extends string> = {
  [Route in keyof Operations]: `${Method} ${WithoutQuery<Path>}` extends AddressOf<Route>
    ? Operations[Route]
    : never;
}[keyof Operations];

/** What is answered at an address: a problem, where TypeScript cannot tell the operation by it. */
export type AnswerAt<Method extends string, Path extends string> = [OperationAt<Method, Path>] extends [never]
  ? Partial<Problem>
  : WithProblem<MembersOf<Exclude<AnswerOf<OperationAt<Method, Path>>, null>>>;

/** An answer that can be a problem instead. Members of the same name keep the type that they have in the answer. */
type WithProblem<Answer> = Answer &
  Partial<Omit<Pick<Problem, 'detail' | 'errors' | 'reason'>, keyof Answer>>;

/** The members of all the forms that an answer can have: a test knows which form it gets. */
type MembersOf<Answer> = {
  [Name in Answer extends unknown ? keyof Answer : never]: Answer extends Record<Name, infer Value>
    ? Value
    : never;
};

export type Problem = z.infer<typeof problemDetails>;

const ROUTES = Object.entries<Operation>(OPERATIONS).map(([route, operation]) => {
  if (route !== `${operation.method} ${operation.path}`) throw new Error(`${route} is another operation's`);
  return { address: new RegExp(`^${route.replaceAll(/:\w+/g, '[^/]+')}$`), operation };
});

/** Throws where an answer is not as its operation describes it. */
export function checkAnswer(method: string, path: string, status: number, answer: unknown): void {
  const [address] = `${method} ${path}`.split('?', 1);
  const operation = ROUTES.find((route) => route.address.test(address ?? ''))?.operation;
  const schema = operation?.answers[status]?.schema ?? (status < 400 ? undefined : problemDetails);
  schema?.parse(answer);
}
