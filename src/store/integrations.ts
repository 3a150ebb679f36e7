// The integrations table: the registered webhook addresses.

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
  /** Of the token in the registered URL. */
  generation: number;
  /** Earlier generations, newest first. */
  previous: PreviousGeneration[];
  isEnabled: boolean;
  /** Unix ms. */
  createdAtMs: number;
}

/** A generation of the token that was rotated away. */
export interface PreviousGeneration {
  generation: number;
  /** The first moment at which it is no longer valid, Unix ms. 0: it was revoked, as if it had never been valid. */
  untilMs: number;
}

/** Whether a token of a generation opens an integration at a time, its being enabled aside. */
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

interface IntegrationRow {
  slug: string;
  app_id: string | null;
  description: string | null;
  allowed_ips: string | null;
  require_signature: number;
  generation: number;
  previous: string;
  enabled: number;
  created_at: number;
}

const COLUMNS =
  'slug, app_id, description, allowed_ips, require_signature, generation, previous, enabled, created_at';

/** All integrations by slug. There are few: an administrator registers each by hand. */
export async function listIntegrations(db: D1Database): Promise<Integration[]> {
  const { results } = await db
    .prepare(`SELECT ${COLUMNS} FROM integrations ORDER BY slug`)
    .run<IntegrationRow>();
  return results.map(integrationOf);
}

/** Those of the named integrations that exist. */
export async function findIntegrations(db: D1Database, slugs: readonly string[]): Promise<Integration[]> {
  const { results } = await db
    .prepare(`SELECT ${COLUMNS} FROM integrations WHERE slug IN (SELECT value FROM json_each(?1))`)
    .bind(JSON.stringify(slugs))
    .run<IntegrationRow>();
  return results.map(integrationOf);
}

function integrationOf(row: IntegrationRow): Integration {
  return {
    slug: row.slug,
    appId: row.app_id,
    description: row.description,
    allowedIps: row.allowed_ips === null ? null : JSON.parse(row.allowed_ips),
    requireSignature: row.require_signature === 1,
    generation: row.generation,
    previous: JSON.parse(row.previous),
    isEnabled: row.enabled === 1,
    createdAtMs: row.created_at,
  };
}
