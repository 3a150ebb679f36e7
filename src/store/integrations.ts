// The integrations table: the registered webhook addresses. Changes are audited in the same transaction.
// integration-deletion.ts deletes one, with all that came to it.

import * as z from 'zod';
import { type AuditAction, auditChange } from './audit.ts';
import { CRON_RUN_SQL } from './progress.ts';
import { storedJson } from './stored-json.ts';

/** There can be so many: every isolate keeps all registrations in memory. */
export const MAX_INTEGRATIONS = 1_000;

/** So many earlier generations of an integration are remembered; older ones end early. */
const MAX_PREVIOUS = 100;
/**
 * How long a generation is remembered after its end. A webhook that came while it was valid can wait so long in the intake
 * queue and then in its dead-letter queue: each keeps messages for at most 14 days
 * (https://developers.cloudflare.com/queues/platform/limits/).
 */
const ENDED_MS = 30 * 86_400_000;

/** Whether a webhook that is kept as a rejection is answered as refused or as accepted, with what is wrong either way. */
export const ON_REJECTION = ['refuse', 'accept'] as const;
export type OnRejection = (typeof ON_REJECTION)[number];

/** A registered webhook address. */
export interface Integration {
  /** Its name in the URL: lower-case letters, digits and hyphens. */
  slug: string;
  /** Takes only this application's events; `null`: any application's. */
  appId: string | null;
  description: string | null;
  /** Addresses and CIDR ranges that it takes webhooks from; `null`: from anywhere. */
  allowedIps: string[] | null;
  /** Whether webhooks must be signed (Standard Webhooks). */
  requireSignature: boolean;
  onRejection: OnRejection;
  /** Of the token in the registered URL. */
  generation: number;
  /** Earlier generations, newest first. */
  previous: PreviousGeneration[];
  isEnabled: boolean;
  /** Unix ms. */
  createdAtMs: number;
  /** When its newest event was stored, as far as events are counted (see roll-up.ts), Unix ms; `null`: none was. */
  lastEventAtMs: number | null;
}

/** A generation of the token that was rotated away. */
export interface PreviousGeneration {
  generation: number;
  /** The first moment at which it is no longer valid, Unix ms. 0: it was revoked, as if it had never been valid. */
  untilMs: number;
}

/** What an operator sets. */
export type IntegrationSettings = Pick<
  Integration,
  'appId' | 'description' | 'allowedIps' | 'requireSignature' | 'onRejection'
>;

/** Settings to be changed; what is absent stays. */
export type IntegrationPatch = {
  [Setting in keyof IntegrationSettings]?: IntegrationSettings[Setting] | undefined;
};

/** Who makes a change, and when. */
export interface ChangeAuthor {
  /** As in the audit trail. */
  actor: string;
  /** Unix ms. */
  nowMs: number;
}

/** Whether a token of a generation opens an integration at a time. That the integration is enabled is not asked. */
export function isGenerationValid(
  { generation: current, previous }: Pick<Integration, 'generation' | 'previous'>,
  generation: number,
  atMs: number,
): boolean {
  return generation === current || validPrevious(previous, atMs).some((one) => one.generation === generation);
}

/** The earlier generations that are valid at a time. */
export function validPrevious(previous: readonly PreviousGeneration[], atMs: number): PreviousGeneration[] {
  return previous.filter(({ untilMs }) => atMs < untilMs);
}

const COLUMNS = `
  slug, app_id AS appId, description, allowed_ips AS allowedIps, require_signature AS requireSignature,
  on_rejection AS onRejection, generation, previous, enabled AS isEnabled, created_at AS createdAtMs,
  last_event_at AS lastEventAtMs`;

type IntegrationRow = Omit<Integration, 'allowedIps' | 'requireSignature' | 'previous' | 'isEnabled'> & {
  allowedIps: string | null;
  requireSignature: number;
  previous: string;
  isEnabled: number;
};

const storedIps = storedJson(z.array(z.string()));
const storedGenerations = storedJson(z.array(z.object({ generation: z.number(), untilMs: z.number() })));

function integrationOf(row: IntegrationRow): Integration {
  return {
    ...row,
    allowedIps: row.allowedIps === null ? null : storedIps.parse(row.allowedIps),
    requireSignature: row.requireSignature === 1,
    previous: storedGenerations.parse(row.previous),
    isEnabled: row.isEnabled === 1,
  };
}

/** All integrations, by slug. */
export async function listIntegrations(db: D1Database): Promise<Integration[]> {
  const { results } = await db
    .prepare(`SELECT ${COLUMNS} FROM integrations ORDER BY slug`)
    .run<IntegrationRow>();
  return results.map(integrationOf);
}

/**
 * All integrations, and in the same statement when the cron last began, Unix ms. `null`: never, or there is no integration
 * to tell it with.
 */
export async function readRegistrations(
  db: D1Database,
): Promise<{ integrations: Integration[]; cronRunMs: number | null }> {
  const { results } = await db
    .prepare(`SELECT ${COLUMNS}, ${CRON_RUN_SQL} AS cronRunMs FROM integrations`)
    .run<IntegrationRow & { cronRunMs: number | null }>();
  const integrations = results.map(({ cronRunMs: _, ...row }) => integrationOf(row));
  return { integrations, cronRunMs: results[0]?.cronRunMs ?? null };
}

/** Those of the named integrations that exist. */
export async function findIntegrations(db: D1Database, slugs: readonly string[]): Promise<Integration[]> {
  const { results } = await db
    .prepare(`SELECT ${COLUMNS} FROM integrations WHERE slug IN (SELECT value FROM json_each(?1))`)
    .bind(JSON.stringify(slugs))
    .run<IntegrationRow>();
  return results.map(integrationOf);
}

/** What became of a registration. `taken`: another integration has the slug. `full`: there are {@link MAX_INTEGRATIONS}. */
export type Creation =
  | { outcome: 'created'; integration: Integration }
  | { outcome: 'taken' }
  | { outcome: 'full' };

/** Registers an integration. It begins after the last generation that its slug ever had. */
export async function createIntegration(
  db: D1Database,
  { slug, ...settings }: Pick<Integration, 'slug'> & IntegrationSettings,
  change: ChangeAuthor,
): Promise<Creation> {
  const columns = columnsOf(settings);
  const insert = db
    .prepare(
      `INSERT INTO integrations (slug, generation, created_at, ${Object.keys(columns).join()})
       SELECT ?1, coalesce((SELECT generation FROM retired_integrations WHERE slug = ?1), 0) + 1, ?2, ?4, ?5, ?6, ?7, ?8
       WHERE (SELECT count(*) FROM integrations) < ?3
       ON CONFLICT (slug) DO NOTHING
       RETURNING ${COLUMNS}`,
    )
    .bind(slug, change.nowMs, MAX_INTEGRATIONS, ...Object.values(columns));
  const [inserted, , found] = await db.batch<IntegrationRow>([
    insert,
    audited(db, change, 'integration.create', slug, settings),
    select(db, slug),
  ]);
  const [row] = inserted?.results ?? [];
  if (row !== undefined) return { outcome: 'created', integration: integrationOf(row) };
  return { outcome: found?.results.length === 0 ? 'full' : 'taken' };
}

/** The columns of settings. */
function columnsOf({ allowedIps, requireSignature, ...settings }: IntegrationPatch) {
  return {
    app_id: settings.appId,
    description: settings.description,
    allowed_ips: allowedIps && JSON.stringify(allowedIps),
    require_signature: requireSignature === undefined ? undefined : Number(requireSignature),
    on_rejection: settings.onRejection,
  };
}

/** Updates the given settings of an integration; `null` where there is none. */
export async function updateIntegration(
  db: D1Database,
  slug: string,
  patch: IntegrationPatch,
  change: ChangeAuthor,
): Promise<Integration | null> {
  const given = Object.entries(columnsOf(patch)).filter(([, value]) => value !== undefined);
  if (given.length === 0) return (await findIntegrations(db, [slug]))[0] ?? null;
  const columns = given.map(([column]) => column).join();
  const values = given.map((_, index) => `?${index + 2}`).join();
  const update = db
    .prepare(
      `UPDATE integrations SET (${columns}) = (${values}) WHERE slug = ?1 AND (${columns}) IS NOT (${values})`,
    )
    .bind(slug, ...given.map(([, value]) => value));
  return applied(db, slug, update, audited(db, change, 'integration.update', slug, patch));
}

/**
 * Gives an integration its next generation; `null` where there is none. The generation before stays valid for `overlapMs`,
 * and no earlier one for longer. An overlap of 0 revokes them all, as if they had never been valid.
 */
export async function rotateIntegration(
  db: D1Database,
  slug: string,
  overlapMs: number,
  change: ChangeAuthor,
): Promise<Integration | null> {
  const untilMs = overlapMs === 0 ? 0 : change.nowMs + overlapMs;
  const update = db
    .prepare(
      `UPDATE integrations SET
         generation = generation + 1,
         previous = (
           SELECT json_group_array(json_object('generation', earlier.generation, 'untilMs', earlier.until_ms))
           FROM (
             SELECT integrations.generation AS generation, CAST(?2 AS INTEGER) AS until_ms
             UNION ALL
             SELECT value ->> 'generation', min(value ->> 'untilMs', CAST(?2 AS INTEGER))
             FROM json_each(integrations.previous)
             ORDER BY generation DESC LIMIT ?4
           ) AS earlier
           WHERE earlier.until_ms > ?3
         )
       WHERE slug = ?1
       RETURNING ${COLUMNS}`,
    )
    .bind(slug, untilMs, change.nowMs - ENDED_MS, MAX_PREVIOUS);
  const overlapHours = overlapMs / 3_600_000;
  const audit = audited(db, change, 'integration.rotate', slug, { overlapHours });
  const [rotated] = await db.batch<IntegrationRow>([update, audit]);
  return firstOf(rotated);
}

/** Enables or disables an integration; `null` where there is none. */
export async function setIntegrationEnabled(
  db: D1Database,
  slug: string,
  isEnabled: boolean,
  change: ChangeAuthor,
): Promise<Integration | null> {
  const update = db
    .prepare('UPDATE integrations SET enabled = ?2 WHERE slug = ?1 AND enabled <> ?2')
    .bind(slug, Number(isEnabled));
  const action = isEnabled ? 'integration.enable' : 'integration.disable';
  return applied(db, slug, update, audited(db, change, action, slug, {}));
}

/** Makes a change and its audit entry, and reads the integration as it is then, in the same transaction. */
async function applied(
  db: D1Database,
  slug: string,
  update: D1PreparedStatement,
  audit: D1PreparedStatement,
): Promise<Integration | null> {
  const [, , found] = await db.batch<IntegrationRow>([update, audit, select(db, slug)]);
  return firstOf(found);
}

function select(db: D1Database, slug: string): D1PreparedStatement {
  return db.prepare(`SELECT ${COLUMNS} FROM integrations WHERE slug = ?1`).bind(slug);
}

function audited(
  db: D1Database,
  { actor, nowMs }: ChangeAuthor,
  action: AuditAction,
  object: string,
  detail: Record<string, unknown>,
): D1PreparedStatement {
  return auditChange(db, { actor, action, object, detail, atMs: nowMs });
}

function firstOf(result: D1Result<IntegrationRow> | undefined): Integration | null {
  const [row] = result?.results ?? [];
  return row === undefined ? null : integrationOf(row);
}
