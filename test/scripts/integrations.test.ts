// `npm run integrations`, from its parts to the whole: the script runs as an operator runs it, in a copy of the
// project, with the real wrangler, on a local database and against a stand-in of Cloudflare's API.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ApiDeps, askApi } from '../../scripts/integrations/api.ts';
import { type Configuration, readConfiguration } from '../../scripts/integrations/configuration.ts';
import { withLiterals } from '../../scripts/integrations/literals.ts';
import { withLocalDatabase } from '../../scripts/integrations/local-database.ts';
import { type Command, parseIntegrationsOptions } from '../../scripts/integrations/options.ts';
import { remoteDatabase } from '../../scripts/integrations/remote-database.ts';
import { describeOutcome, describeRefusal } from '../../scripts/integrations/report.ts';
import { findWebhookSecret } from '../../scripts/integrations/webhook-secret.ts';
import type { ShownIntegration } from '../../src/operate/integrations.ts';
import { webhookTokens, writtenSigningSecret } from '../../src/webhook-token.ts';
import {
  ACCOUNT_ID,
  type Account,
  API_TOKEN,
  addDatabase,
  type CloudflareApi,
  emptyAccount,
  startCloudflareApi,
} from './cloudflare-api.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DATABASE = 'instant-message-receiver';
const SECRETS = { WEBHOOK_SECRET: 'w'.repeat(32), ADMIN_TOKEN: 'a'.repeat(24) };
const PUBLIC_URL = 'https://webhooks.example.com';
const ACTOR = `command-line:${userInfo().username}`;
const HOUR_MS = 3_600_000;

/** What would do harm where it is taken for SQL, and what wrangler or a shell could take for something else. */
const HARMFUL = `it's ''; DROP TABLE integrations; -- ?1 "q" \`id\` $HOME /* BEGIN TRANSACTION; COMMIT; \\ ção ☃ 🙂`;

// Each run starts Node and a Workers runtime or wrangler, which keeps a core busy.
vi.setConfig({ testTimeout: 60_000, maxConcurrency: 2 });

/** The project's own scripts, sources and configuration, with a state and a home of its own. */
let project: string;
let state: string;
let localSecrets: NodeJS.Dict<string>;

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'integrations-test-'));
  state = join(project, 'state');
  for (const name of ['package.json', 'wrangler.toml', 'scripts', 'src']) {
    cpSync(join(ROOT, name), join(project, name), { recursive: true });
  }
  mkdirSync(join(project, 'home'));
  symlinkSync(join(ROOT, 'node_modules'), join(project, 'node_modules'));

  const run = await local(['list']);
  expect(run).toEqual({
    status: 0,
    stdout: 'There are no integrations. One is registered by: add <slug>\n',
    stderr: '',
  });
  localSecrets = parseEnv(readFileSync(join(project, '.dev.vars'), 'utf8'));
});
afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

interface Run {
  status: number | null;
  stdout: string;
  stderr: string;
}

async function runScript(
  script: string,
  args: readonly string[],
  environment: Record<string, string>,
): Promise<Run> {
  const child = spawn(process.execPath, [script, ...args], {
    cwd: project,
    env: { PATH: process.env.PATH, HOME: join(project, 'home'), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  const secrets = [...Object.values(SECRETS), ...Object.values(localSecrets ?? {})];
  for (const secret of secrets) expect(`${stdout}${stderr}`).not.toContain(secret);
  return { status, stdout, stderr };
}

async function integrations(args: readonly string[], environment: Record<string, string> = {}): Promise<Run> {
  return runScript('scripts/integrations.ts', args, environment);
}

async function local(args: readonly string[]): Promise<Run> {
  return integrations([...args, '--persist-to', state]);
}

async function shown(run: Promise<Run>): Promise<ShownIntegration> {
  const { status, stdout, stderr } = await run;
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return JSON.parse(stdout) as ShownIntegration;
}

/** What the terminal shows for a command. */
async function tellOf(deps: ApiDeps, command: Command, url: string | null = PUBLIC_URL): Promise<string> {
  const answer = await askApi(deps, command);
  return answer.ok ? describeOutcome(command, answer.shown, url) : describeRefusal(answer, command);
}

/** The file in which Miniflare keeps the local database. */
function localFile(): string {
  const directory = join(state, 'v3/d1/miniflare-D1DatabaseObject');
  const [name = ''] = readdirSync(directory).filter((file) => /^[0-9a-f]{64}\.sqlite$/.test(file));
  return join(directory, name);
}

function queryLocal(sql: string, ...values: string[]): unknown[] {
  const database = new DatabaseSync(localFile(), { timeout: 10_000 });
  try {
    return database.prepare(sql).all(...values);
  } finally {
    database.close();
  }
}

const AUDIT = 'SELECT actor, action, object, detail FROM audit WHERE object = ? ORDER BY seq';

function audited(object: string, action: string, detail: Record<string, unknown>) {
  return { actor: ACTOR, action, object, detail: JSON.stringify(detail) };
}

const NO_SETTINGS = {
  appId: null,
  description: null,
  allowedIps: null,
  requireSignature: false,
  onRejection: 'refuse',
};

describe('values written into SQL', () => {
  const sqlite = new DatabaseSync(':memory:');

  it('are the values that SQLite reads', () => {
    const values = fc.oneof(
      fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0')),
      fc.stringMatching(/^['"`?\d;\-/*[\]\\]*$/),
      fc.maxSafeInteger(),
      fc.constant(null),
    );
    fc.assert(
      fc.property(values, values, (first, second) => {
        const sql = withLiterals("SELECT ?1 AS a, '?1' AS b, ?2 AS c, ?1 AS d -- ?3", [first, second]);
        const statement = sqlite.prepare(sql);
        expect(statement.sourceSQL).toBe(sql); // it is still one statement
        statement.setReadBigInts(true);
        const read = (value: string | number | null) => (typeof value === 'number' ? BigInt(value) : value);
        expect(statement.all()).toEqual([{ a: read(first), b: '?1', c: read(second), d: read(first) }]);
      }),
      { seed: 4, numRuns: 2_000 },
    );
  });

  it.each([
    ['SELECT ?2, ?1', [1, 'b'], "SELECT 'b', 1"],
    ['SELECT ?10', Array.from({ length: 10 }, () => 1), null],
    ["SELECT '?1''?1', ?1", [1], "SELECT '?1''?1', 1"],
    ['SELECT "?1""?1", `?1`, [?1], ?1', [1], 'SELECT "?1""?1", `?1`, [?1], 1'],
    ['SELECT ?1 -- ?2 it\'s\n, ?1 /* ?3 " */', [1], 'SELECT 1 -- ?2 it\'s\n, 1 /* ?3 " */'],
    ["SELECT x ->> '$.a', ?1", [1], "SELECT x ->> '$.a', 1"],
    ['SELECT 1-?1', [-1], 'SELECT 1-(-1)'],
    ['SELECT ?1', ['?1'], "SELECT '?1'"],
    ['SELECT ?1', ["';--"], "SELECT ''';--'"],
  ])('stand where %s has parameters', (sql, values, written) => {
    if (written === null) expect(() => withLiterals(sql, values)).toThrow('more values than parameters');
    else expect(withLiterals(sql, values)).toBe(written);
  });

  it.each([
    ['a NUL', 'SELECT ?1', ['a\0b']],
    ['a lone surrogate', 'SELECT ?1', ['\ud800']],
    ['a fraction', 'SELECT ?1', [0.5]],
    ['an inexact number', 'SELECT ?1', [2 ** 53]],
    ['no number', 'SELECT ?1', [Number.NaN]],
    ['a truth value', 'SELECT ?1', [true]],
    ['bytes', 'SELECT ?1', [new Uint8Array(1)]],
    ['nothing', 'SELECT ?1', [undefined]],
    ['an object that writes itself as SQL', 'SELECT ?1', [{ toString: () => '1; DROP TABLE x' }]],
    ['a parameter without a value', 'SELECT ?1, ?2', [1]],
    ['a parameter without a number', 'SELECT ?', [1]],
    ['a named parameter', 'SELECT :name', []],
    ['a text without an end', "SELECT ?1, 'a''", [1]],
    ['a comment without an end', 'SELECT ?1 /* ', [1]],
  ])('are refused with %s', (_, sql, values) => {
    expect(() => withLiterals(sql, values)).toThrow(TypeError);
  });
});

describe('the options', () => {
  const parse = (...args: string[]) => parseIntegrationsOptions(args, {});

  it('are read into what to ask of which receiver', () => {
    const add = ['--app-id', 'a', '--description', 'd', '--allowed-ip', '::1', '--allowed-ip', '10.0.0.0/8'];
    const flags = ['--require-signature', '--on-rejection', 'accept'];
    expect(parse('add', 'shop', ...add, ...flags, '--url', `${PUBLIC_URL}/`)).toEqual({
      kind: 'run',
      command: {
        name: 'add',
        slug: 'shop',
        settings: {
          appId: 'a',
          description: 'd',
          allowedIps: ['::1', '10.0.0.0/8'],
          requireSignature: true,
          onRejection: 'accept',
        },
      },
      target: { kind: 'local' },
      url: PUBLIC_URL,
      json: false,
    });
    expect(parse('list', '--remote', '--secrets-file', 'file', '--json')).toEqual({
      kind: 'run',
      command: { name: 'list' },
      target: { kind: 'remote', secretsFile: 'file' },
      url: null,
      json: true,
    });
    expect(parse('rotate', 'shop', '--overlap-hours', '1.5')).toMatchObject({
      command: { rotation: { overlapHours: 1.5 } },
    });
    expect(parse('nonsense', '--help')).toEqual({ kind: 'help' });
  });

  it.each([
    [[], 'Say what to do'],
    [['remove', 'shop'], '"remove" is no command'],
    [['add'], 'add takes the slug'],
    [['rotate', ''], 'rotate takes the slug'],
    [['add', 'shop', 'two'], 'add takes one slug'],
    [['list', 'shop'], 'list takes no more words'],
    [['list', '--remoet'], '--remoet'],
    [['add', 'shop', '--overlap-hours', '1'], '--overlap-hours goes with rotate'],
    [['rotate', 'shop', '--app-id', 'a'], '--app-id goes with add'],
    [['list', '--secrets-file', 'file'], '--secrets-file goes with --remote'],
    [['list', '--remote', '--persist-to', 'state'], '--persist-to is for this machine'],
    [['list', '--persist-to='], '--persist-to takes a directory'],
    [['list', '--url', 'ftp://example.com'], '--url takes an http(s) URL'],
  ])('%j make no sense: %s', (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });

  it('are not left out in silence when npm keeps one for itself', () => {
    expect(() => parseIntegrationsOptions(['disable', 'shop'], { npm_config_remote: 'true' })).toThrow(
      'npm took --remote',
    );
  });
});

describe('the commands', () => {
  const address = { webhookSecret: SECRETS.WEBHOOK_SECRET, url: PUBLIC_URL };
  let configuration: Configuration;
  beforeAll(async () => {
    configuration = await readConfiguration();
  });

  /** What the terminal shows for each. */
  async function tell(...commands: Command[]): Promise<string[]> {
    return withLocalDatabase(state, configuration, async (db) => {
      const told: string[] = [];
      for (const command of commands) told.push(await tellOf({ db, address, actor: ACTOR }, command));
      return told;
    });
  }

  it('rotate with the overlap that is asked for', async () => {
    const [added, rotated = '', revoked] = await tell(
      { name: 'add', slug: 'turning', settings: { requireSignature: true } },
      { name: 'rotate', slug: 'turning', rotation: { overlapHours: 1.5 } },
      { name: 'rotate', slug: 'turning', rotation: { overlapHours: 0 } },
    );
    const tokens = webhookTokens(SECRETS.WEBHOOK_SECRET);
    for (const [text, generation] of [
      [added, 1],
      [rotated, 2],
      [revoked, 3],
    ] as const) {
      const token = await tokens.derive('turning', generation);
      const signingSecret = writtenSigningSecret(await tokens.deriveSigningSecret('turning', generation));
      expect(text).toContain(`\n  ${PUBLIC_URL}/webhooks/turning/${token}\n`);
      expect(`${text}\n`).toContain(`\n  ${signingSecret}\n`);
    }
    const [, until = ''] = /The URL from before is valid until (\S+)\.$/.exec(rotated) ?? [];
    expect((Date.parse(until) - Date.now()) / HOUR_MS).toBeCloseTo(1.5, 1);
    expect(revoked).toContain('No URL from before is valid any more');
    expect(queryLocal(AUDIT, 'turning')).toEqual([
      audited('turning', 'integration.create', { ...NO_SETTINGS, requireSignature: true }),
      audited('turning', 'integration.rotate', { overlapHours: 1.5 }),
      audited('turning', 'integration.rotate', { overlapHours: 0 }),
    ]);
  });

  it('disable and enable, and leave in the audit trail what changed something', async () => {
    const slug = 'blinking';
    const told = await tell(
      { name: 'add', slug, settings: {} },
      { name: 'disable', slug },
      { name: 'disable', slug },
      { name: 'enable', slug },
    );
    expect(told.slice(1)).toEqual([
      'Disabled "blinking": within 30 s its webhooks are turned away everywhere.',
      'Disabled "blinking": within 30 s its webhooks are turned away everywhere.',
      'Enabled "blinking": within 30 s its webhooks are taken everywhere.',
    ]);
    expect(queryLocal(AUDIT, slug)).toEqual([
      audited(slug, 'integration.create', NO_SETTINGS),
      audited(slug, 'integration.disable', {}),
      audited(slug, 'integration.enable', {}),
    ]);
  });

  it('change nothing of what is not there', async () => {
    const slugs = ['absent', '..', `x' OR 1; --`, 'a/b', '%2e', 'ção ☃'];
    const commands = slugs.flatMap((slug): Command[] => [
      { name: 'rotate', slug, rotation: {} },
      { name: 'disable', slug },
      { name: 'enable', slug },
    ]);
    const told = await tell(...commands);
    expect(told).toEqual(commands.map(() => 'There is no integration with this slug.'));
    for (const slug of slugs) expect(queryLocal(AUDIT, slug)).toEqual([]);
  });

  it('are refused what the API refuses, in the words of the command line', async () => {
    const refusals: [Command, RegExp][] = [
      [{ name: 'add', slug: 'No', settings: {} }, /^the slug must be 3 to 64 [^;]*$/],
      [{ name: 'add', slug: `a'); DROP TABLE audit; --`, settings: {} }, /^the slug must be 3 to 64 [^;]*$/],
      [{ name: 'add', slug: 'refused', settings: { appId: '' } }, /^--app-id [^;]*$/],
      [
        {
          name: 'add',
          slug: 'refused',
          settings: { description: 'x\u001b[31m', allowedIps: ['::1', '::g'] },
        },
        /^--description must be one line of text; --allowed-ip "::g" must be an address [^;]*$/,
      ],
      ...['soon', -1, 721].map((overlapHours): [Command, RegExp] => [
        { name: 'rotate', slug: 'refused', rotation: { overlapHours } },
        /^--overlap-hours (?:must be at (?:least 0|most 720)|Invalid input: [^;]*)$/,
      ]),
    ];
    const told = await tell(...refusals.map(([command]) => command));
    for (const [index, [, refusal]] of refusals.entries()) expect(told[index]).toMatch(refusal);
    expect(queryLocal("SELECT slug FROM integrations WHERE slug IN ('No', 'refused')")).toEqual([]);
    expect(queryLocal(AUDIT, 'refused')).toEqual([]);
  });

  it('take what looks like SQL as text', async () => {
    await tell({ name: 'add', slug: 'text', settings: { description: HARMFUL } });
    expect(queryLocal("SELECT description FROM integrations WHERE slug = 'text'")).toEqual([
      { description: HARMFUL },
    ]);
    expect(queryLocal(AUDIT, 'text')).toHaveLength(1);
  });
});

describe.concurrent('on this machine', () => {
  it('registers an integration with all that is said of it, and gives its URL', async () => {
    const added = await shown(
      local([
        ...['add', 'full', '--app-id', 'app-1', '--description', 'Loja', '--require-signature'],
        ...['--allowed-ip', '203.0.113.7/24', '--allowed-ip', '2001:DB8::1'],
        ...['--on-rejection', 'accept', '--json'],
      ]),
    );
    const tokens = webhookTokens(localSecrets.WEBHOOK_SECRET ?? '');
    const settings = {
      appId: 'app-1',
      description: 'Loja',
      allowedIps: ['203.0.113.0/24', '2001:db8::1'],
      requireSignature: true,
      onRejection: 'accept',
    };
    expect(added).toMatchObject({
      slug: 'full',
      ...settings,
      enabled: true,
      generation: 1,
      previous: [],
      url: `http://localhost:8787/webhooks/full/${await tokens.derive('full', 1)}`,
      signingSecret: writtenSigningSecret(await tokens.deriveSigningSecret('full', 1)),
    });
    expect(queryLocal(AUDIT, 'full')).toEqual([audited('full', 'integration.create', settings)]);

    const { stdout } = await local(['list', '--url', `${PUBLIC_URL}/`]);
    expect(stdout).toMatch(/^SLUG +STATE +APPLICATION +FROM /);
    const row = stdout.split('\n').find((line) => line.startsWith('full '));
    expect(row?.split(/ {2,}/)).toEqual([
      ...['full', 'enabled', 'app-1', '203.0.113.0/24 and 1 more', 'yes', 'accepted'],
      ...[
        added.createdAt.slice(0, 10),
        'Loja',
        `${PUBLIC_URL}/webhooks/full/${await tokens.derive('full', 1)}`,
      ],
    ]);
  });

  it('refuses a slug to all but one of those who want it at once', async () => {
    const runs = await Promise.all([local(['add', 'wanted']), local(['add', 'wanted', '--app-id', 'a'])]);
    expect(runs.map(({ status }) => status).sort()).toEqual([0, 1]);
    expect(runs.find(({ status }) => status === 1)).toEqual({
      status: 1,
      stdout: '',
      stderr: 'integrations: There is an integration with this slug already.\n',
    });
    expect(queryLocal(AUDIT, 'wanted')).toHaveLength(1);
  });

  it('waits while another process writes', async () => {
    queryLocal("INSERT INTO integrations (slug, created_at) VALUES ('locked', 0)");
    const other = new DatabaseSync(localFile(), { timeout: 10_000 });
    other.exec('BEGIN IMMEDIATE');
    const run = local(['disable', 'locked']);
    await sleep(5_000);
    other.exec('COMMIT');
    other.close();
    expect(await run).toEqual({
      status: 0,
      stdout: 'Disabled "locked": within 30 s its webhooks are turned away everywhere.\n',
      stderr: '',
    });
    expect(queryLocal(AUDIT, 'locked')).toEqual([audited('locked', 'integration.disable', {})]);
  });

  it('explains itself, and what makes no sense', async () => {
    expect(await integrations(['--help'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('Usage: npm run integrations -- <command> [options]'),
    });
    expect(await integrations(['remove', 'shop'])).toEqual({
      status: 2,
      stdout: '',
      stderr: 'integrations: "remove" is no command; see --help\n',
    });
  });

  it('is how npm start makes its demo, once', async () => {
    for (let start = 1; start <= 2; start += 1) {
      expect(await runScript('scripts/start/prepare.ts', [state], {})).toEqual({
        status: 0,
        stdout: '',
        stderr: '',
      });
      queryLocal("UPDATE integrations SET enabled = 0 WHERE slug = 'demo'");
    }
    expect(queryLocal("SELECT enabled, generation FROM integrations WHERE slug = 'demo'")).toEqual([
      { enabled: 0, generation: 1 },
    ]);
    expect(queryLocal(AUDIT, 'demo')).toEqual([audited('demo', 'integration.create', NO_SETTINGS)]);
  });
});

describe('on the deployed receiver', () => {
  const EXECUTED = 'POST /d1/database/:id/query';

  afterEach(() => {
    vi.unstubAllEnvs();
  });

  /** An account with the receiver's database, its migrations applied, to be reached by wrangler. */
  async function startDeployed(quietlyRefusedSql?: string): Promise<CloudflareApi> {
    const account = emptyAccount();
    addDatabase(account, DATABASE);
    const migrations = join(ROOT, 'src/store/migrations');
    for (const name of readdirSync(migrations).sort()) {
      account.databases.get(DATABASE)?.sql.exec(readFileSync(join(migrations, name), 'utf8'));
    }
    return start({ ...account, ...(quietlyRefusedSql !== undefined && { quietlyRefusedSql }) });
  }

  async function start(account: Account): Promise<CloudflareApi> {
    const api = await startCloudflareApi(account);
    for (const [name, value] of Object.entries(credentials(api))) vi.stubEnv(name, value);
    vi.stubEnv('HOME', join(project, 'home'));
    return api;
  }

  function credentials(api: CloudflareApi) {
    return {
      CLOUDFLARE_API_BASE_URL: api.baseUrl,
      CLOUDFLARE_API_TOKEN: API_TOKEN,
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT_ID,
    };
  }

  /** What the terminal shows where the secret is not known. */
  async function tell(command: Command, url: string | null = null): Promise<string> {
    return tellOf({ db: remoteDatabase('DB'), address: null, actor: ACTOR }, command, url);
  }

  function query(api: CloudflareApi, sql: string, ...values: string[]): unknown[] | undefined {
    return api.account.databases
      .get(DATABASE)
      ?.sql.prepare(sql)
      .all(...values);
  }

  const written = (api: CloudflareApi) => api.requests.filter(({ writes }) => writes).map(({ call }) => call);

  it('registers in one transaction, and derives the URL from the secrets file of the deployment', async () => {
    await using api = await startDeployed();
    const secretsFile = join(project, 'production.secrets.json');
    writeFileSync(secretsFile, JSON.stringify(SECRETS));

    const added = await shown(
      integrations(
        [
          ...['add', 'shop', '--remote', '--description', HARMFUL, '--secrets-file', secretsFile],
          ...['--url', PUBLIC_URL, '--json'],
        ],
        credentials(api),
      ),
    );

    const token = await webhookTokens(SECRETS.WEBHOOK_SECRET).derive('shop', 1);
    expect(added).toMatchObject({
      description: HARMFUL,
      generation: 1,
      url: `${PUBLIC_URL}/webhooks/shop/${token}`,
    });
    expect(written(api)).toEqual([EXECUTED]);
    expect(api.unknown).toEqual([]);
    expect(query(api, 'SELECT slug, description FROM integrations')).toEqual([
      { slug: 'shop', description: HARMFUL },
    ]);
    expect(query(api, AUDIT, 'shop')).toEqual([
      audited('shop', 'integration.create', { ...NO_SETTINGS, description: HARMFUL }),
    ]);

    const taken = await tell({ name: 'add', slug: 'shop', settings: {} });
    expect(taken).toBe('There is an integration with this slug already.');
    expect(query(api, AUDIT, 'shop')).toHaveLength(1);
  });

  it('says how to get URLs where the secret is not known', async () => {
    await using api = await startDeployed();
    expect(await tell({ name: 'add', slug: 'shop', settings: {} })).toContain(
      `\n  curl https://<your worker>/api/integrations/shop --header 'Authorization: Bearer <ADMIN_TOKEN>'\n`,
    );
    const listed = await integrations(['list', '--remote', '--url', PUBLIC_URL], credentials(api));
    expect(listed.stdout).toContain(
      `\n  curl '${PUBLIC_URL}/api/integrations' --header 'Authorization: Bearer <ADMIN_TOKEN>'\n`,
    );
    expect(written(api)).toEqual([EXECUTED]);
  });

  it('rotates, disables and enables', async () => {
    await using api = await startDeployed();
    query(api, "INSERT INTO integrations (slug, created_at) VALUES ('shop', 0)");
    for (const [command, text] of [
      [{ name: 'rotate', slug: 'shop', rotation: {} }, 'Rotated "shop"'],
      [{ name: 'disable', slug: 'shop' }, 'Disabled "shop"'],
      [{ name: 'enable', slug: 'shop' }, 'Enabled "shop"'],
      [{ name: 'disable', slug: `x'; DROP TABLE audit; --` }, 'There is no integration with this slug.'],
    ] satisfies [Command, string][]) {
      expect(await tell(command)).toContain(text);
    }
    expect(query(api, AUDIT, 'shop')).toEqual([
      audited('shop', 'integration.rotate', { overlapHours: 24 }),
      audited('shop', 'integration.disable', {}),
      audited('shop', 'integration.enable', {}),
    ]);
  });

  it('changes nothing where the audit trail cannot be written', async () => {
    await using api = await startDeployed();
    query(api, 'DROP TABLE audit');
    const change = tell({ name: 'add', slug: 'shop', settings: {} });
    await expect(change).rejects.toThrow(/npm run deploy[\s\S]*no such table: audit/);
    expect(query(api, 'SELECT slug FROM integrations')).toEqual([]);
  });

  it('does not take a statement for done that Cloudflare did not run', async () => {
    await using _ = await startDeployed('INSERT INTO integrations');
    const change = tell({ name: 'add', slug: 'shop', settings: {} });
    await expect(change).rejects.toThrow('Cloudflare did not run every statement');
  });

  it('says that a login is missing', async () => {
    await using api = await startDeployed();
    const run = await integrations(['list', '--remote'], { ...credentials(api), CLOUDFLARE_API_TOKEN: '' });
    expect(run).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('npx wrangler login'),
    });
    expect(api.requests).toEqual([]);
  });

  it('says that nothing is deployed', async () => {
    await using _ = await start(emptyAccount());
    await expect(tell({ name: 'list' })).rejects.toThrow('npm run deploy');
  });

  it('has its secret from a file or from the environment', async () => {
    const secretsFile = join(project, 'other.secrets.json');
    writeFileSync(secretsFile, JSON.stringify({ WEBHOOK_SECRET: 'f'.repeat(32) }));
    vi.stubEnv('WEBHOOK_SECRET', 'e'.repeat(32));
    expect(await findWebhookSecret({ kind: 'remote', secretsFile })).toBe('f'.repeat(32));
    expect(await findWebhookSecret({ kind: 'remote' })).toBe('e'.repeat(32));
    vi.stubEnv('WEBHOOK_SECRET', '');
    expect(await findWebhookSecret({ kind: 'remote' })).toBeNull();
    writeFileSync(secretsFile, JSON.stringify({ ADMIN_TOKEN: SECRETS.ADMIN_TOKEN }));
    await expect(findWebhookSecret({ kind: 'remote', secretsFile })).rejects.toThrow('has no WEBHOOK_SECRET');
  });
});
