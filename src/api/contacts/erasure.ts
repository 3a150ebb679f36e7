// DELETE /api/contacts/:number: a contact's erasure (LGPD, art. 18).

import { Hono } from 'hono';
import * as z from 'zod';
import { contactMatcher } from '../../contract/contact-search.ts';
import { patterned } from '../../contract/problems.ts';
import { rfc3339 } from '../../contract/timestamp.ts';
import { json } from '../../http/operation.ts';
import { problem } from '../../http/problem-details.ts';
import { isBusinessNumber } from '../../store/business-numbers.ts';
import { eraseContact as erase, NOTHING_SEARCHED, type SearchedPlaces } from '../../store/contact-erasure.ts';
import type { ActorEnv } from '../access/actor.ts';
import { count, moment } from '../fields.ts';
import { finishInBackground } from '../finish-in-background.ts';
import { trueOrFalse } from '../query-parameters.ts';
import { answer, serve } from '../serve.ts';
import { type ContactDeps, contactOperation, contactPath, SEARCHED } from './contact.ts';

/** After this time the cron has read more of what is stored. */
const RETRY_AFTER_SECONDS = 60;

const INTERRUPTION = {
  logged: 'erasure interrupted',
  detail: 'The erasure was interrupted. What was erased until then is gone: send it again.',
};

const RECEIPT = '0b54ac8e-6f0f-4a0e-9d0f-4f6d3b1c8a55';

const contactErasure = z.strictObject({
  cursor: patterned(/^\d{1,16}(?:-\d{1,16}){4}$/, 'not-a-cursor')
    .transform((written): SearchedPlaces => {
      const places = written.split('-').map(Number);
      const searched = SEARCHED.map((kind, index) => [kind, places[index] ?? 0]);
      return Object.fromEntries(searched) as SearchedPlaces;
    })
    .optional()
    .describe('Where an unfinished erasure goes on: the `next` of its answer.'),
  force: trueOrFalse
    .default(false)
    .describe("Also a number or a name that is the business's own, with all events that hold it."),
});

const receipt = {
  receipt: z.uuid().describe('Names it in the audit trail, which has no number.'),
  erased: z.object({
    events: count,
    rejections: count,
    deadLetters: count,
    blotted: count.describe(
      'Entries of the audit trail, and filters of replays, in which the number gave way to a mark.',
    ),
  }),
};

export const erasureReceipt = z.object({ ...receipt, complete: z.literal(true), at: moment }).meta({
  description: 'The receipt of an erasure. A repeat counts what came since.',
  example: {
    receipt: RECEIPT,
    erased: { events: 42, rejections: 1, deadLetters: 0, blotted: 0 },
    complete: true,
    at: '2026-03-02T12:00:00.000Z',
  },
});

export const unfinishedErasure = z.object({
  ...receipt,
  complete: z.literal(false),
  next: z.string().describe('The `cursor` to repeat it with.'),
  detail: z.string(),
});

export const eraseContact = contactOperation('eraseContact', 'DELETE /api/contacts/:number', {
  summary: 'Erase a contact',
  description:
    'Events, rejections and dead letters of that person. The audit trail records it, without the number; where ids in it hold the number, a mark stands for it then. An identity is looked for as a whole.',
  param: contactPath,
  query: contactErasure,
  answers: {
    200: json('Nothing is left: the receipt.', erasureReceipt),
    202: json('There is more to search than one request can: repeat it with `cursor`.', unfinishedErasure, {
      receipt: RECEIPT,
      erased: { events: 42, rejections: 0, deadLetters: 0, blotted: 0 },
      complete: false,
      next: '1772330400000000-0-0-0-0',
      detail: 'One request does not search it all. Repeat it with ?cursor=1772330400000000-0-0-0-0.',
    }),
  },
  problems: ['conflict', 'unavailable'],
});

export function erasureRoutes({ db, now }: ContactDeps): Hono<ActorEnv> {
  const routes = new Hono<ActorEnv>();
  serve(routes, eraseContact, async (c, { param: { number: contact }, query }) =>
    finishInBackground(c, INTERRUPTION, async () => {
      const { cursor = NOTHING_SEARCHED, force } = query;
      const refusal = force ? null : refusedErasure(await isBusinessNumber(db, contact, now()));
      if (refusal !== null) return refusal;
      const receipt = crypto.randomUUID();
      const eraser = { actor: c.get('actor').name, receipt, now };
      const person = { contact, number: contactMatcher(contact) };
      const { erased, searched } = await erase(db, person, cursor, eraser);
      if (searched === null) return { receipt, erased, complete: true, at: rfc3339(now()) };
      const next = SEARCHED.map((kind) => searched[kind]).join('-');
      const detail = `One request does not search it all. Repeat it with ?cursor=${next}.`;
      return answer(eraseContact, 202, { receipt, erased, complete: false, next, detail });
    }),
  );
  return routes;
}

/** The answer for a number that is not erased unless forced. @param isBusinessNumber `null`: not known yet. */
function refusedErasure(isBusinessNumber: boolean | null): Response | null {
  switch (isBusinessNumber) {
    case false:
      return null;
    case true:
      return problem(
        'conflict',
        "Messages are sent from this number, or customers write to it: it is most likely the business's own, and all events that hold it would be erased. With ?force=true they are, also where it is a customer's after all.",
        { reason: 'business-number' },
      );
    case null:
      return problem(
        'unavailable',
        "Whether this number is the business's own is not known before more of what is stored has been read. Repeat it, or erase it in any case with ?force=true.",
        { reason: 'business-number-unknown', headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } },
      );
  }
}
