// The entries of the audit trail that requests of the API leave.

import type { Context } from 'hono';
import type { AuditAction, AuditEntry } from '../../store/audit.ts';
import type { ActorEnv } from '../access/actor.ts';

/** What the audit trail says of a change that a request asks for. */
export function auditEntry(
  c: Context<ActorEnv>,
  atMs: number,
  action: AuditAction,
  object: string,
  detail: AuditEntry['detail'] = {},
): AuditEntry {
  return { actor: c.get('actor').name, action, object, detail, atMs };
}
