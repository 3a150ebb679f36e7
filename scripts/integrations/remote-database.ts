// The database of the deployed receiver, as much of a `D1Database` as src/store/integrations.ts uses: by wrangler's
// `d1 execute --remote`, which has the login, finds the account and the database, and asks nothing. It takes SQL
// alone, so parameters are written into it. Remote bindings, which take parameters, would first upload a Worker.
//
// One call of wrangler is one request, and its statements are "executed as a batch"
// (https://developers.cloudflare.com/api/resources/d1/subresources/database/methods/query/), which is a transaction
// (https://developers.cloudflare.com/d1/worker-api/d1-database/#batch): wrangler relies on it for its own migrations,
// and the audit trail for its `changes()`. With `--file` it would be one as well, but gives no rows back and keeps the
// receiver from its database meanwhile.

import { CommandFailure } from '../command-line.ts';
import { askWrangler } from '../deploy/wrangler.ts';
import { withLiterals } from './literals.ts';

/** One statement's result in wrangler's `--json`. */
interface StatementResult {
  success: boolean;
  results: unknown[];
  meta: Record<string, unknown>;
}

/** The remote database that wrangler.toml binds by this name. Whatever fails is thrown as a `CommandFailure`. */
export function remoteDatabase(binding: string): D1Database {
  const database = {
    prepare: (sql: string) => new Statement(binding, sql),
    batch: async (statements: Statement[]) => execute(binding, statements),
  };
  return database as unknown as D1Database;
}

class Statement {
  readonly #binding: string;
  readonly #sql: string;
  readonly #values: readonly unknown[];

  constructor(binding: string, sql: string, values: readonly unknown[] = []) {
    this.#binding = binding;
    this.#sql = sql;
    this.#values = values;
  }

  bind(...values: unknown[]): Statement {
    return new Statement(this.#binding, this.#sql, values);
  }

  written(): string {
    return withLiterals(this.#sql, this.#values);
  }

  async run(): Promise<StatementResult | undefined> {
    const [result] = await execute(this.#binding, [this]);
    return result;
  }
}

async function execute(binding: string, statements: readonly Statement[]): Promise<StatementResult[]> {
  // Each in lines of its own: a comment at the end of one must not take in the next.
  const sql = statements.map((statement) => statement.written()).join('\n;\n');
  const answer = await askWrangler(['d1', 'execute', binding, '--remote', '--json', `--command=${sql}`]);
  if (!answer.ok) throw new CommandFailure(explain(answer.reason));
  const results = JSON.parse(answer.stdout) as StatementResult[];
  if (results.length !== statements.length || results.some(({ success }) => !success)) {
    throw new CommandFailure(`Cloudflare did not run every statement:\n\n${answer.stdout}`);
  }
  return results;
}

function explain(reason: string): string {
  // Wrangler only knows here that nobody can answer its login page.
  if (reason.includes("it's necessary to set a CLOUDFLARE_API_TOKEN")) {
    return `You are not logged in to Cloudflare. Log in, then try again:

  npx wrangler login

In CI set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID instead.`;
  }
  if (/Couldn't find a D1 DB|no such (table|column)/.test(reason)) {
    return `The deployed database is missing or older than this command. Deploy first:\n\n  npm run deploy\n\n${reason}`;
  }
  return `Cloudflare did not do it:\n\n${reason}`;
}
