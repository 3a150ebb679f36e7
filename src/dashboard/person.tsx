// What is done with a person's data on request: exporting it and erasing it. Neither is for readers, although they may
// read the same bit by bit.

import { type Context, Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import * as z from 'zod';
import type { auditPage } from '../api/audit/routes.ts';
import type { erasureReceipt, unfinishedErasure } from '../api/contacts/erasure.ts';
import { contactFromTyped } from '../contract/contact.ts';
import { type Answer, apiPath } from './api-client.ts';
import { type Erased, ErasePage, ExportPage, type Receipt, ReceiptPage, UnfinishedPage } from './erasure.tsx';
import { problemText, refusalPage } from './errors.tsx';
import { html } from './page.tsx';
import { countsOf } from './runs.tsx';
import { personTexts } from './texts/person.ts';
import type { DashboardEnv, View } from './view.ts';

type Erasure = z.infer<typeof erasureReceipt> | z.infer<typeof unfinishedErasure>;

const COUNTED = ['events', 'rejections', 'deadLetters', 'blotted'] as const satisfies (keyof Erased)[];
/** Parts of one erasure; each searches about a million events. */
const MAX_RECEIPTS = 20;

/** @param noContact answers where the path names no contact. */
export function personPages(
  noContact: (c: Context<DashboardEnv>, typed: string) => Response | Promise<Response>,
): Hono<DashboardEnv> {
  const pages = new Hono<DashboardEnv>();

  // The number is in no address from here on: what is shown is what the audit trail keeps, which knows none.
  pages.get('/erased', async (c) => {
    const view = c.get('view');
    const names = c.req.queries('receipt')?.filter((name) => z.uuid().safeParse(name).success) ?? [];
    const found = await Promise.all(
      names.slice(0, MAX_RECEIPTS).map(async (name) => findReceipt(view, name)),
    );
    const receipts = found.filter((receipt) => receipt !== null);
    if (receipts.length === 0) return notFound(c);
    return c.html(html(<ReceiptPage view={view} receipts={receipts} />));
  });

  const whom = async (c: Context<DashboardEnv>): Promise<string | Response> => {
    if (!c.get('view').actor.mayChange) {
      return refusalPage(c, { status: 403 });
    }
    const number = c.req.param('number') ?? '';
    return contactFromTyped(number) ?? noContact(c, number);
  };

  pages.get('/:number/export', async (c) => {
    const contact = await whom(c);
    if (typeof contact !== 'string') return contact;
    return c.html(html(<ExportPage view={c.get('view')} contact={contact} />));
  });

  pages.post('/:number/export', async (c) => {
    const contact = await whom(c);
    if (typeof contact !== 'string') return contact;
    const view = c.get('view');
    const form = await c.req.parseBody();
    const typed = textOf(form.typed);
    if (contactFromTyped(typed) !== contact) {
      const refusal = personTexts(view.language).otherNumber;
      return c.html(html(<ExportPage view={view} contact={contact} typed={typed} refusal={refusal} />), 422);
    }
    const exported = await view.api.stream(apiPath`/contacts/${contact}/export`);
    return exported.ok ? exported : refusalPage(c, await exported.json());
  });

  pages.get('/:number/erase', async (c) => {
    const contact = await whom(c);
    if (typeof contact !== 'string') return contact;
    return c.html(html(<ErasePage view={c.get('view')} contact={contact} />));
  });

  pages.post('/:number/erase', async (c) => {
    const contact = await whom(c);
    if (typeof contact !== 'string') return contact;
    const view = c.get('view');
    const form = await c.req.parseBody({ all: true });
    const typed = textOf(form.typed);
    const confirmation = { view, contact, typed };
    if (contactFromTyped(typed) !== contact) {
      const refusal = personTexts(view.language).otherNumber;
      return c.html(html(<ErasePage {...confirmation} refusal={refusal} />), 422);
    }
    // One part a request: it takes already what the platform lets one invocation ask of the database.
    const isForced = form.force === 'true';
    const cursor = textOf(form.cursor);
    const before = { receipts: receiptsOf(form.receipt), erased: countsOf(form, COUNTED) };
    const answer = await view.api.send<Erasure>('DELETE', apiPath`/contacts/${contact}`, undefined, {
      cursor,
      force: isForced,
    });
    if (!answer.ok) return refused(c, answer, confirmation, { ...before, cursor, isForced });
    const { receipt, erased } = answer.data;
    const receipts = [receipt, ...before.receipts];
    if (answer.data.complete) {
      const query = new URLSearchParams(receipts.slice(0, MAX_RECEIPTS).map((name) => ['receipt', name]));
      return c.redirect(`/contacts/erased?${query}`, 303);
    }
    const progress = {
      cursor: answer.data.next,
      isForced,
      receipts,
      erased: {
        events: before.erased.events + erased.events,
        rejections: before.erased.rejections + erased.rejections,
        deadLetters: before.erased.deadLetters + erased.deadLetters,
        blotted: before.erased.blotted + erased.blotted,
      },
    };
    return c.html(html(<UnfinishedPage {...confirmation} progress={progress} />));
  });

  return pages;
}

function refused(
  c: Context<DashboardEnv>,
  { problem }: Extract<Answer<Erasure>, { ok: false }>,
  confirmation: { view: View; contact: string; typed: string },
  progress: { cursor: string; isForced: boolean; receipts: string[]; erased: Erased },
): Response | Promise<Response> {
  const { view } = confirmation;
  const t = personTexts(view.language);
  const status = problem.status as ContentfulStatusCode;
  if (problem.status === 503 && progress.cursor !== '') {
    return c.html(html(<UnfinishedPage {...confirmation} progress={progress} isInterrupted />), status);
  }
  const isSender = problem.reason === 'business-number';
  const isUnread = problem.reason === 'business-number-unknown';
  const refusal = isSender
    ? t.sender
    : isUnread
      ? t.unread
      : problem.status === 503
        ? t.interrupted
        : problemText(problem, view.language);
  const offersForce = isSender || isUnread || progress.isForced;
  return c.html(html(<ErasePage {...confirmation} refusal={refusal} offersForce={offersForce} />), status);
}

/** What the audit trail has of an erasure: its last entry. */
async function findReceipt(view: View, receipt: string): Promise<Receipt | null> {
  const { data } = await view.api.get<z.infer<typeof auditPage>>('/audit', {
    action: 'contact.erase',
    object: receipt,
    limit: 1,
  });
  const [entry] = data;
  if (entry === undefined) return null;
  return {
    receipt,
    isFinished: entry.detail.stage === 'finished',
    at: entry.at,
    actor: entry.actor,
    erased: countsOf(entry.detail, COUNTED),
  };
}

function notFound(c: Context<DashboardEnv>): Response {
  return refusalPage(c, { status: 404 });
}

function receiptsOf(field: unknown): string[] {
  return [field].flat().filter((name): name is string => z.uuid().safeParse(name).success);
}

function textOf(field: unknown): string {
  return typeof field === 'string' ? field.trim() : '';
}
