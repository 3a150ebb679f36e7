// What the operations on a contact have in common.

import * as z from 'zod';
import { operationsOf } from '../../http/operation.ts';
import type { ContactHoldingKind } from '../../store/contact-holdings.ts';
import type { ApiDeps } from '../deps.ts';
import { eventFilters } from '../events/routes.ts';

export const contactOperation = operationsOf({
  name: 'Contacts',
  description: 'What is held on one customer: conversation, export, erasure.',
});

/** The parameter of a path that names a contact: a phone number, or the identity in place of one. */
export const contactPath = z.object({ number: eventFilters.contact.unwrap() });

/** Where a contact is searched for besides its own events, in this order. */
export const SEARCHED = [
  'event',
  'rejection',
  'deadLetter',
  'auditEntry',
  'replay',
] as const satisfies ContactHoldingKind[];

export type ContactDeps = Pick<ApiDeps, 'db' | 'now'>;
