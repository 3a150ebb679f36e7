// A person's data on request: exporting it and erasing it. Readers may do neither, although they may read all of it bit by
// bit.

import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { listAudit } from '../../api/audit/routes.ts';
import { eraseContact } from '../../api/contacts/erasure.ts';
import { exportContact } from '../../api/contacts/export.ts';
import { contactFromTyped } from '../../contract/contact.ts';
import type { Problem } from '../frame/api-client.ts';
import { countsOf, sumOf } from '../frame/bulk-actions.tsx';
import { forbidReaders, problemPage, problemText } from '../frame/errors.tsx';
import { answerPage } from '../frame/page.tsx';
import type { DashboardEnv, View } from '../frame/view.ts';
import {
  ERASED_COUNTS,
  ErasePage,
  ExportPage,
  type Progress,
  type Receipt,
  ReceiptPage,
  UnfinishedPage,
} from './pages.tsx';
import { personalDataTexts } from './texts.ts';

/** An erasure has a receipt for each of its parts, which search about a million events each. */
const MAX_RECEIPTS = 20;

type ContactHandler = (c: Context<DashboardEnv>, contact: string) => Response | Promise<Response>;

/**
 * To be mounted at `/contacts`.
 *
 * @param answerNoContact answers where the path names no contact.
 */
export function personalDataPages(
  answerNoContact: (c: Context<DashboardEnv>, typed: string) => Response,
): Hono<DashboardEnv> {
  const withContact = (handle: ContactHandler) => async (c: Context<DashboardEnv>) => {
    const number = c.req.param('number') ?? '';
    const contact = contactFromTyped(number);
    return contact === null ? answerNoContact(c, number) : handle(c, contact);
  };
  return new Hono<DashboardEnv>()
    .get('/erased', async (c) => {
      // The number is in no address any more: what is shown comes from the audit trail, which has no number.
      const view = c.get('view');
      const names = receiptsIn(c.req.queries('receipt')).slice(0, MAX_RECEIPTS);
      const found = await Promise.all(names.map(async (name) => findReceipt(view, name)));
      const receipts = found.filter((receipt) => receipt !== null);
      return receipts.length === 0
        ? problemPage(c, { status: 404 })
        : answerPage(c, <ReceiptPage view={view} receipts={receipts} />);
    })
    .use('/:number/export', forbidReaders)
    .get(
      '/:number/export',
      withContact((c, contact) => answerPage(c, <ExportPage view={c.get('view')} contact={contact} />)),
    )
    .post('/:number/export', withContact(exportData))
    .use('/:number/erase', forbidReaders)
    .get(
      '/:number/erase',
      withContact((c, contact) => answerPage(c, <ErasePage view={c.get('view')} contact={contact} />)),
    )
    .post('/:number/erase', withContact(erasePart));
}

async function exportData(c: Context<DashboardEnv>, contact: string): Promise<Response> {
  const view = c.get('view');
  const form = await c.req.parseBody();
  const typed = textOf(form.typed);
  if (contactFromTyped(typed) !== contact) {
    const refusal = personalDataTexts(view.language).otherNumber;
    return answerPage(c, <ExportPage view={view} contact={contact} typed={typed} refusal={refusal} />, 422);
  }
  const exported = await view.api.open(exportContact, { param: { number: contact } });
  return exported.ok ? exported : problemPage(c, await exported.json());
}

/**
 * Does one part of an erasure. One request does one, which takes as much as the platform lets an invocation ask of the
 * database.
 */
async function erasePart(c: Context<DashboardEnv>, contact: string): Promise<Response> {
  const view = c.get('view');
  const form = await c.req.parseBody({ all: true });
  const typed = textOf(form.typed);
  const confirmation = { view, contact, typed };
  if (contactFromTyped(typed) !== contact) {
    const refusal = personalDataTexts(view.language).otherNumber;
    return answerPage(c, <ErasePage {...confirmation} refusal={refusal} />, 422);
  }
  const before = {
    cursor: textOf(form.cursor),
    isForced: form.force === 'true',
    receipts: receiptsIn(form.receipt),
    erased: countsOf(form, ERASED_COUNTS),
  };
  const query = { cursor: before.cursor, force: before.isForced };
  const answer = await view.api.attempt(eraseContact, { param: { number: contact }, query });
  if (!answer.ok) return answerRefused(c, answer.problem, confirmation, before);
  const receipts = [answer.data.receipt, ...before.receipts];
  if (answer.data.complete) {
    const names = new URLSearchParams(receipts.slice(0, MAX_RECEIPTS).map((name) => ['receipt', name]));
    return c.redirect(`/contacts/erased?${names}`, 303);
  }
  const erased = sumOf(before.erased, answer.data.erased, ERASED_COUNTS);
  const progress = { ...before, cursor: answer.data.next, receipts, erased };
  return answerPage(c, <UnfinishedPage {...confirmation} progress={progress} />);
}

function answerRefused(
  c: Context<DashboardEnv>,
  problem: Problem,
  confirmation: { view: View; contact: string; typed: string },
  progress: Progress,
): Response {
  const { status, reason } = problem;
  if (status === 503 && progress.cursor !== '') {
    return answerPage(c, <UnfinishedPage {...confirmation} progress={progress} isInterrupted />, status);
  }
  const isOurs = reason === 'business-number' || reason === 'business-number-unknown';
  const refusal = refusalWords(problem, confirmation.view);
  const offersForce = isOurs || progress.isForced;
  return answerPage(c, <ErasePage {...confirmation} refusal={refusal} offersForce={offersForce} />, status);
}

function refusalWords(problem: Problem, { language }: View): string {
  const t = personalDataTexts(language);
  if (problem.reason === 'business-number') return t.sender;
  if (problem.reason === 'business-number-unknown') return t.unread;
  return problem.status === 503 ? t.interrupted : problemText(problem, language);
}

/** The last entry that the audit trail has of a part of an erasure. */
async function findReceipt(view: View, receipt: string): Promise<Receipt | null> {
  const query = { action: 'contact.erase', object: receipt, limit: 1 };
  const { data } = await view.api.call(listAudit, { query });
  const [entry] = data;
  if (entry === undefined) return null;
  const { at, actor, detail } = entry;
  return {
    receipt,
    isFinished: detail.stage === 'finished',
    at,
    actor,
    erased: countsOf(detail, ERASED_COUNTS),
  };
}

function receiptsIn(field: unknown): string[] {
  return [field].flat().filter((name): name is string => z.uuid().safeParse(name).success);
}

function textOf(field: unknown): string {
  return typeof field === 'string' ? field.trim() : '';
}
