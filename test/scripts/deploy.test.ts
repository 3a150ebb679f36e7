// Runs scripts/deploy.ts with the real wrangler, in a copy of the project, against a stand-in of Cloudflare's API. A first
// deployment and a dry run ask all anew; the others ask wrangler what was not asked before (remembering-wrangler.ts).
import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { requireSecretsFile } from '../../scripts/deploy/secrets.ts';
import { requireMigrations } from '../../scripts/migrations.ts';
import { addRouteQueues } from '../../scripts/routes/wrangler-queues.ts';
import { parseToml } from '../../scripts/wrangler-toml.ts';
import {
  ACCOUNT_ID,
  type Account,
  API_TOKEN,
  addDatabase,
  addQueue,
  type CloudflareApi,
  emptyAccount,
  startCloudflareApi,
} from './cloudflare-api.ts';
import type { Memory } from './remembering-wrangler.ts';
import { cleanEnvironment, copyProject, runScript } from './run-script.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WORKER = 'instant-message-receiver';
const DATABASE = 'instant-message-receiver';
const QUEUES = [
  'instant-message-events',
  'instant-message-intake',
  'instant-message-intake-dead',
  'instant-message-events-dead',
];
const SECRETS = { WEBHOOK_SECRET: 'w'.repeat(32), ADMIN_TOKEN: 'a'.repeat(24) };

const MIGRATED = 'POST /d1/database/:id/query';
const FIRST_UPLOAD = 'PUT /workers/scripts/:name';
const LATER_UPLOAD = 'POST /workers/scripts/:name/versions';

// Each run starts wrangler up to 13 times, which keeps a core busy: minutes where others work on the machine.
vi.setConfig({ testTimeout: 600_000, maxConcurrency: 2 });

/** What wrangler answered so far to questions of these tests. */
let answers: string;
beforeAll(() => {
  answers = mkdtempSync(join(tmpdir(), 'deploy-test-answers-'));
});
afterAll(() => {
  rmSync(answers, { recursive: true, force: true });
});

interface Project extends Disposable {
  directory: string;
  path(name: string): string;
  write(name: string, content: string): string;
}

/** The project's own scripts, configuration and migrations, with a Worker that needs no dependencies. */
function makeProject(): Project {
  const directory = mkdtempSync(join(tmpdir(), 'deploy-test-'));
  copyProject(
    directory,
    [
      ...['package.json', 'wrangler.toml', 'tsconfig.json', 'scripts'],
      ...['src/store/migrations', 'src/secrets.ts', 'src/dashboard/browser'],
    ],
    fileURLToPath(new URL('remembering-wrangler.ts', import.meta.url)),
  );
  const path = (name: string) => join(directory, name);
  const write = (name: string, content: string) => {
    writeFileSync(path(name), content);
    return path(name);
  };
  write(
    'src/index.ts',
    'export default { fetch: () => new Response("ok"), async queue() {}, async scheduled() {} };\n',
  );
  const remove = () => rmSync(directory, { recursive: true, force: true });
  return { directory, path, write, [Symbol.dispose]: remove };
}

/**
 * @param account with it, wrangler answers what it was asked before about such an account as it did then. `null`: without a
 *   login there is none.
 */
async function deploy(
  project: Project,
  args: string[],
  environment: Record<string, string> = {},
  account?: Account | null,
) {
  const { directory } = project;
  const memory: Memory =
    account === undefined
      ? {}
      : { ANSWERS: answers, ACCOUNT: account === null ? 'none' : describeAccount(account) };
  const env = cleanEnvironment(directory, { ...environment, ...memory });
  return runScript(['scripts/deploy.ts', ...args], { cwd: directory, env });
}

function credentials(api: CloudflareApi) {
  return {
    CLOUDFLARE_API_BASE_URL: api.baseUrl,
    CLOUDFLARE_API_TOKEN: API_TOKEN,
    CLOUDFLARE_ACCOUNT_ID: ACCOUNT_ID,
  };
}

/** An account to which this Worker was deployed before. */
function deployedAccount(secrets: Record<string, string> = SECRETS): Account {
  const account = emptyAccount();
  addDatabase(account, DATABASE);
  const queues = QUEUES.map((name) => addQueue(account, name));
  queues[1]?.consumers.push({ consumer_id: 'c1', script: WORKER, dead_letter_queue: QUEUES[2] });
  const bindings = [
    { type: 'd1', name: 'DB', id: account.databases.get(DATABASE)?.id },
    { type: 'queue', name: 'EVENTS', queue_name: QUEUES[0] },
    { type: 'queue', name: 'INTAKE', queue_name: QUEUES[1] },
  ];
  account.worker = { name: WORKER, secrets: new Map(Object.entries(secrets)), bindings, crons: [] };
  return account;
}

/** What questions about an account are answered from. */
function describeAccount({ worker, databases, queues }: Account): string {
  const names = [worker?.secrets ?? new Map(), databases, queues].map((map) => [...map.keys()]);
  return JSON.stringify([worker?.name, ...names]);
}

function writingCalls(api: CloudflareApi): string[] {
  return api.requests.filter(({ writes }) => writes).map(({ call }) => call);
}

function appliedMigrations(api: CloudflareApi): unknown[] {
  const sql = api.account.databases.get(DATABASE)?.sql;
  return (
    sql
      ?.prepare('SELECT name FROM d1_migrations ORDER BY id')
      .all()
      .map(({ name }) => name) ?? []
  );
}

const migrationFiles = readdirSync(join(ROOT, 'src/store/migrations')).sort();

describe.concurrent('the first deployment', () => {
  it('creates the database and the queues of all routes, migrates, then uploads the code with its secrets', async () => {
    using project = makeProject();
    const { text } = await addRouteQueues(
      readFileSync(project.path('wrangler.toml'), 'utf8'),
      'crm',
      parseToml,
    );
    project.write('wrangler.toml', text);
    const secretsFile = project.write('production.secrets.json', JSON.stringify(SECRETS));
    await using api = await startCloudflareApi(emptyAccount());

    const run = await deploy(project, ['--secrets-file', secretsFile], credentials(api));

    expect(run.stderr).toBe('');
    expect(run.status).toBe(0);
    expect(api.unknown).toEqual([]);
    const writes = writingCalls(api);
    expect(writes.filter((call) => call === 'POST /d1/database')).toHaveLength(1);
    expect(writes.indexOf('POST /d1/database')).toBeLessThan(writes.indexOf(MIGRATED));
    expect(writes.lastIndexOf(MIGRATED)).toBeLessThan(writes.indexOf(FIRST_UPLOAD));
    expect(appliedMigrations(api)).toEqual(migrationFiles);

    const { worker, queues, databases } = api.account;
    expect(Object.fromEntries(worker?.secrets ?? [])).toEqual(SECRETS);
    expect(worker?.bindings).toContainEqual({ type: 'd1', name: 'DB', id: databases.get(DATABASE)?.id });
    expect(worker).toMatchObject({ crons: ['* * * * *'] });
    expect(new Set(queues.keys())).toEqual(
      new Set([...QUEUES, 'instant-message-crm', 'instant-message-crm-dead']),
    );
    expect(queues.get('instant-message-intake')?.consumers).toMatchObject([
      { script: WORKER, dead_letter_queue: 'instant-message-intake-dead' },
    ]);
    expect(queues.get('instant-message-events-dead')?.consumers).toMatchObject([{ script: WORKER }]);
    expect(queues.get('instant-message-intake-dead')?.consumers).toMatchObject([{ script: WORKER }]);
    expect(worker?.bindings).toContainEqual(
      expect.objectContaining({ type: 'queue', name: 'EVENTS_CRM', queue_name: 'instant-message-crm' }),
    );
    expect(queues.get('instant-message-crm-dead')?.consumers).toMatchObject([
      { script: WORKER, dead_letter_queue: 'instant-message-intake-dead' },
    ]);
    expect(readFileSync(project.path('wrangler.toml'), 'utf8')).toBe(text);
    expect(run.stdout).toContain(`curl https://${WORKER}.example.workers.dev/api/integrations -H`);
    for (const secret of Object.values(SECRETS)) expect(run.stdout).not.toContain(secret);
  });

  it('changes nothing without secrets, and says how to make them', async () => {
    using project = makeProject();
    await using api = await startCloudflareApi(emptyAccount());

    const run = await deploy(project, [], credentials(api), api.account);

    expect(run.status).toBe(1);
    expect(run.stderr).toContain('WEBHOOK_SECRET and ADMIN_TOKEN missing');
    expect(run.stderr).toContain('npm run deploy -- --new-secrets production.secrets.json');
    expect(writingCalls(api)).toEqual([]);
  });

  it('changes nothing without a login, and says how to log in', async () => {
    using project = makeProject();
    await using api = await startCloudflareApi(emptyAccount());

    const run = await deploy(project, [], { CLOUDFLARE_API_BASE_URL: api.baseUrl }, null);

    expect(run.status).toBe(1);
    expect(run.stderr).toContain('npx wrangler login');
    expect(api.requests).toEqual([]);
  });
});

describe.concurrent('a later deployment', () => {
  it('migrates the database that is there, then uploads the code', async () => {
    using project = makeProject();
    project.write(`src/store/migrations/${nextNumber()}_later.sql`, 'CREATE TABLE later (id);');
    await using api = await startCloudflareApi(deployedAccount());

    const run = await deploy(project, [], credentials(api), api.account);

    expect(run.stderr).toBe('');
    expect(run.status).toBe(0);
    expect(api.unknown).toEqual([]);
    const writes = writingCalls(api);
    expect(writes).not.toContain('POST /d1/database');
    expect(writes).not.toContain('POST /queues');
    expect(writes.lastIndexOf(MIGRATED)).toBeLessThan(writes.indexOf(LATER_UPLOAD));
    expect(appliedMigrations(api)).toEqual([...migrationFiles, `${nextNumber()}_later.sql`]);
    expect(Object.fromEntries(api.account.worker?.secrets ?? [])).toEqual(SECRETS);
  });

  it('changes nothing when a secret is missing, and names it', async () => {
    using project = makeProject();
    await using api = await startCloudflareApi(deployedAccount({ WEBHOOK_SECRET: SECRETS.WEBHOOK_SECRET }));

    const run = await deploy(project, [], credentials(api), api.account);

    expect(run.status).toBe(1);
    expect(run.stderr).toContain('npx wrangler secret put ADMIN_TOKEN');
    expect(run.stderr).not.toContain('WEBHOOK_SECRET');
    expect(writingCalls(api)).toEqual([]);
  });

  it('replaces WEBHOOK_SECRET only when asked to', async () => {
    using project = makeProject();
    const WEBHOOK_SECRET = 'n'.repeat(32);
    const secretsFile = project.write('new.secrets.json', JSON.stringify({ WEBHOOK_SECRET }));
    await using api = await startCloudflareApi(deployedAccount());

    const refused = await deploy(project, ['--secrets-file', secretsFile], credentials(api), api.account);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain('--rotate-webhook-secret');
    expect(writingCalls(api)).toEqual([]);

    const args = ['--secrets-file', secretsFile, '--rotate-webhook-secret'];
    const replaced = await deploy(project, args, credentials(api), api.account);
    expect(replaced.status).toBe(0);
    expect(replaced.stdout).toContain('register the new URL of every integration');
    expect(Object.fromEntries(api.account.worker?.secrets ?? [])).toEqual({ ...SECRETS, WEBHOOK_SECRET });
  });

  it('does not upload the code when a migration fails', async () => {
    using project = makeProject();
    project.write(`src/store/migrations/${nextNumber()}_broken.sql`, 'CREATE TABLE broken (;');
    await using api = await startCloudflareApi(deployedAccount());

    const run = await deploy(project, [], credentials(api), api.account);

    expect(run.status).toBe(1);
    expect(run.stderr).toContain('the code was NOT deployed');
    expect(appliedMigrations(api)).toEqual(migrationFiles);
    expect(writingCalls(api)).not.toContain(LATER_UPLOAD);
  });

  it('does not upload the code when a migration is reported as applied but is not', async () => {
    using project = makeProject();
    project.write(`src/store/migrations/${nextNumber()}_later.sql`, 'CREATE TABLE later (id);');
    await using api = await startCloudflareApi({ ...deployedAccount(), quietlyRefusedSql: 'TABLE later' });

    const run = await deploy(project, [], credentials(api), api.account);

    expect(run.status).toBe(1);
    expect(run.stderr).toContain(`${nextNumber()}_later.sql`);
    expect(run.stderr).toContain('the code was NOT deployed');
    expect(writingCalls(api)).not.toContain(LATER_UPLOAD);
  });

  it('changes nothing when the code does not build', async () => {
    using project = makeProject();
    project.write('src/index.ts', 'import "./missing.ts";\nexport default {};\n');
    await using api = await startCloudflareApi(deployedAccount());

    const run = await deploy(project, [], credentials(api), api.account);

    expect(run.status).toBe(1);
    expect(run.stderr).toContain('Could not resolve "./missing.ts"');
    expect(writingCalls(api)).toEqual([]);
  });
});

describe.concurrent('a dry run', () => {
  it('shows the plan and the size without asking Cloudflare for anything', async () => {
    using project = makeProject();
    await using api = await startCloudflareApi(emptyAccount());

    const run = await deploy(project, ['--dry-run'], { CLOUDFLARE_API_BASE_URL: api.baseUrl });

    expect(run.stderr).toBe('');
    expect(run.status).toBe(0);
    expect(run.stdout).toMatch(/Bundle: \d+\.\d KB gzip \(limit 285\.0 KB\)/);
    expect(run.stdout).toContain('1. check that WEBHOOK_SECRET and ADMIN_TOKEN are set');
    expect(run.stdout).toContain(migrationFiles.join(', '));
    expect(api.requests).toEqual([]);
  });

  it('refuses a bundle over the limit', async () => {
    using project = makeProject();
    const noise = randomBytes(280_000).toString('hex');
    appendFileSync(project.path('src/index.ts'), `export const noise = ${JSON.stringify(noise)};\n`);

    const run = await deploy(project, ['--dry-run']);

    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(/The bundle is \d+\.\d KB gzip, more than 285\.0 KB/);
  });

  it('refuses migrations of one number, or with one missing', async () => {
    using project = makeProject();
    const twin = `${migrationFiles.at(-1)?.slice(0, 4)}_zz_twin.sql`;
    project.write(`src/store/migrations/${twin}`, 'SELECT 1;');
    const twins = await deploy(project, ['--dry-run']);
    expect(twins.status).toBe(1);
    expect(twins.stderr).toContain(`${twin} have the same number`);

    rmSync(project.path(`src/store/migrations/${twin}`));
    project.write('src/store/migrations/0999_far.sql', 'SELECT 1;');
    const migrations = project.path('src/store/migrations');
    expect(() => requireMigrations(migrations)).toThrow(`${nextNumber()} is missing`);
  });

  it('is not taken for a deployment when npm keeps the option for itself', async () => {
    using project = makeProject();
    const run = await deploy(project, [], { npm_config_dry_run: 'true' });
    expect(run.status).toBe(2);
    expect(run.stderr).toContain('npm run deploy -- --dry-run');
  });
});

describe.concurrent('a secrets file', () => {
  it('is made with random values that only its owner can read, and never overwritten', async () => {
    using project = makeProject();
    const file = project.path('production.secrets.json');

    const made = await deploy(project, ['--new-secrets', file]);

    expect(made.status).toBe(0);
    const content = readFileSync(file, 'utf8');
    const { WEBHOOK_SECRET, ADMIN_TOKEN } = JSON.parse(content) as typeof SECRETS;
    expect(WEBHOOK_SECRET).toMatch(/^[\w-]{43}$/);
    expect(ADMIN_TOKEN).toMatch(/^[\w-]{43}$/);
    expect(ADMIN_TOKEN).not.toBe(WEBHOOK_SECRET);
    expect(statSync(file).mode & 0o777).toBe(0o600);

    const again = await deploy(project, ['--new-secrets', file]);
    expect(again.status).toBe(1);
    expect(readFileSync(file, 'utf8')).toBe(content);
  });

  it('is not made under a name that git does not ignore', async () => {
    using project = makeProject();
    const run = await deploy(project, ['--new-secrets', 'production.env']);
    expect(run.status).toBe(1);
    expect(existsSync(project.path('production.env'))).toBe(false);
  });

  it.each([
    ['a short secret', { ...SECRETS, WEBHOOK_SECRET: 'w'.repeat(31) }, 'WEBHOOK_SECRET has 31 characters'],
    ['a short token', { ...SECRETS, ADMIN_TOKEN: 'a'.repeat(23) }, 'ADMIN_TOKEN has 23 characters'],
    ['a local secret', { ...SECRETS, WEBHOOK_SECRET: 'l'.repeat(32) }, 'WEBHOOK_SECRET is the local one'],
    ['one token for both', { ...SECRETS, READ_TOKEN: SECRETS.ADMIN_TOKEN }, 'READ_TOKEN is the ADMIN_TOKEN'],
    ['a setting', { ...SECRETS, RETENTION_DAYS: '30' }, 'RETENTION_DAYS is not a secret'],
    [
      'a stray line end',
      { ...SECRETS, ADMIN_TOKEN: `${'a'.repeat(24)}\n` },
      'ADMIN_TOKEN must not have a line end',
    ],
    ['a blank', { ...SECRETS, READ_TOKEN: `${'r'.repeat(24)} r` }, 'READ_TOKEN must not have a blank'],
    [
      'an accent',
      { ...SECRETS, WEBHOOK_SECRET: `${'w'.repeat(32)}ã` },
      'WEBHOOK_SECRET must have visible ASCII characters only',
    ],
    ['a byte order mark', `\ufeff${JSON.stringify(SECRETS)}`, 'begins with a byte order mark'],
    ['no object', 'WEBHOOK_SECRET=w', 'must be a JSON object'],
  ])('is refused with %s', (_, content, message) => {
    using file = secretsFile(content);
    expect(() => requireSecretsFile(file.path, { WEBHOOK_SECRET: 'l'.repeat(32) })).toThrow(message);
  });

  it('ends a deployment before anything is built or asked where it is refused', async () => {
    using project = makeProject();
    project.write('.dev.vars', `WEBHOOK_SECRET=${'l'.repeat(32)}\n`);
    const content = JSON.stringify({ ...SECRETS, WEBHOOK_SECRET: 'l'.repeat(32) });
    const run = await deploy(project, ['--secrets-file', project.write('my.secrets.json', content)]);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('WEBHOOK_SECRET is the local one');
    expect(run.stdout).toBe('');
  });

  it('may have a READ_TOKEN, which nothing asks for', () => {
    const secrets = { ...SECRETS, READ_TOKEN: 'r'.repeat(24) };
    using file = secretsFile(secrets);
    expect(requireSecretsFile(file.path, {})).toEqual(secrets);
  });
});

/** A file with secrets, or with a text, outside of any project. */
function secretsFile(content: string | object): Disposable & { path: string } {
  const directory = mkdtempSync(join(tmpdir(), 'secrets-test-'));
  const path = join(directory, 'my.secrets.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return { path, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}

function nextNumber(): string {
  return String(migrationFiles.length + 1).padStart(4, '0');
}
