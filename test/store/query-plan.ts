// How SQLite would find the rows of a statement.

import { env } from 'cloudflare:workers';

/** The steps of a statement's plan, separated by `; `. */
export async function planOf(sql: string): Promise<string> {
  const parameters = (sql.match(/(?<=\?)\d+/g) ?? []).map(Number);
  const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .bind(...Array(Math.max(0, ...parameters)).fill('[1]')) // JSON, for json_each()
    .run<{ detail: string }>();
  return results.map(({ detail }) => detail).join('; ');
}
