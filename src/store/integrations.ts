// The integrations table: the registered webhook addresses.

/** A registered webhook address. */
export interface Integration {
  /** Its name in the URL: lower-case letters, digits and hyphens. */
  slug: string;
  /** Takes only this application's events; `null`: any application's. */
  appId: string | null;
  /** Of the token in the registered URL. */
  generation: number;
  isEnabled: boolean;
  /** Unix ms. */
  createdAtMs: number;
}

interface IntegrationRow {
  slug: string;
  app_id: string | null;
  generation: number;
  enabled: number;
  created_at: number;
}

const COLUMNS = 'slug, app_id, generation, enabled, created_at';

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
    generation: row.generation,
    isEnabled: row.enabled === 1,
    createdAtMs: row.created_at,
  };
}
