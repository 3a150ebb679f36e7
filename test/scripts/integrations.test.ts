// `npm run integrations`, from its parts to the whole: the script runs as an operator runs it, in a copy of the
// project, on a local database with the real wrangler, and against a receiver that runs.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { askApi, inDatabase } from '../../scripts/integrations/api.ts';
import { type Command, parseIntegrationsOptions } from '../../scripts/integrations/options.ts';
import { describeOutcome, describeRefusalOf } from '../../scripts/integrations/report.ts';
import { overHttp, type Send } from '../../scripts/receiver/api.ts';
import { type Configuration, readConfiguration } from '../../scripts/receiver/configuration.ts';
import { withLocalDatabase } from '../../scripts/receiver/local-database.ts';
import { WRANGLER } from '../../scripts/wrangler.ts';
import type { ShownIntegration } from '../../src/api/integrations/routes.ts';
import { webhookTokens, writtenSigningSecret } from '../../src/sender/webhook-token.ts';
import { MIGRATIONS, RECEIVER } from '../../tools/declared-worker.ts';
import { bundleWorker, type LocalRuntime, startWorkers } from '../../tools/local-worker.ts';
import { cleanEnvironment, copyProject, openLocalDatabase, type Run, runScript } from './run-script.ts';

const SECRETS = { WEBHOOK_SECRET: 'w'.repeat(32), ADMIN_TOKEN: 'a'.repeat(24) };
const READ_TOKEN = 'r'.repeat(24);
const PUBLIC_URL = 'https://webhooks.example.com';
const ACTOR = `command-line:${userInfo().username}`;
const HOUR_MS = 3_600_000;

/** What would do harm where it is taken for SQL, and what wrangler or a shell could take for something else. */
const HARMFUL = `it's ''; DROP TABLE integrations; -- ?1 "q" \`id\` $HOME /* BEGIN TRANSACTION; COMMIT; \\ ção ☃ 🙂`;

// Each run starts Node and a Workers runtime or wrangler, which keeps a core busy.
vi.setConfig({ testTimeout: 180_000, maxConcurrency: 2 });

/** The project's own scripts, sources and configuration, with a state and a home of its own. */
let project: string;
let state: string;
let localSecrets: NodeJS.Dict<string>;

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'integrations-test-'));
  state = join(project, 'state');
  copyProject(project, ['package.json', 'wrangler.toml', 'scripts', 'src']);

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

/** Runs a script in the copy of the project, and sees that it prints no secret. */
async function runInCopy(
  script: string,
  args: readonly string[],
  environment: Record<string, string>,
): Promise<Run> {
  const env = cleanEnvironment(project, environment);
  const run = await runScript([script, ...args], { cwd: project, env });
  const secrets = [...Object.values(SECRETS), ...Object.values(localSecrets ?? {})];
  for (const secret of secrets) expect(`${run.stdout}${run.stderr}`).not.toContain(secret);
  return run;
}

async function integrations(args: readonly string[], environment: Record<string, string> = {}): Promise<Run> {
  return runInCopy('scripts/integrations.ts', args, environment);
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
async function tellOf(send: Send, command: Command): Promise<string> {
  const answer = await askApi(send, command);
  return answer.ok ? describeOutcome(command, answer.shown) : describeRefusalOf(command, answer);
}

function queryLocal(sql: string, ...values: string[]): unknown[] {
  const database = openLocalDatabase(state);
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

describe('the local database', () => {
  it('leaves wrangler no migration to apply', async () => {
    const quiet = { WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true' }; // asks no npm registry
    const env = cleanEnvironment(project, quiet);
    const list = ['d1', 'migrations', 'list', 'DB', '--local', '--persist-to', state];
    const { status, stdout } = await runScript([WRANGLER, ...list], { cwd: project, env });
    expect(stdout).toContain('No migrations to apply');
    expect(status).toBe(0);
  });

  it('keeps the migrations before one that fails, and nothing of that one', async () => {
    const migrationsDir = join(project, 'migrations');
    mkdirSync(migrationsDir);
    writeFileSync(join(migrationsDir, '0001_first.sql'), 'CREATE TABLE one (id);');
    const second = join(migrationsDir, '0002_second.sql');
    writeFileSync(second, 'CREATE TABLE two (id);\nCREATE TABLE one (id);');
    const configuration = await readConfiguration();
    const database = { ...configuration.database, migrationsDir };
    const tables = async () =>
      withLocalDatabase(join(project, 'broken'), { ...configuration, database }, async (db) => {
        const { results } = await db
          .prepare("SELECT name FROM sqlite_schema WHERE name IN ('one', 'two') ORDER BY name")
          .all<{ name: string }>();
        return results.map(({ name }) => name);
      });
    await expect(tables()).rejects.toThrow(
      /^The migrations [^\n]*\n\n0002_second\.sql: .*\bone already exists/,
    );
    rmSync(second);
    expect(await tables()).toEqual(['one']);
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
      target: { kind: 'receiver', isRemote: false, url: PUBLIC_URL },
      json: false,
    });
    expect(parse('list', '--remote', '--secrets-file', 'file', '--json')).toEqual({
      kind: 'run',
      command: { name: 'list' },
      target: { kind: 'receiver', isRemote: true, secretsFile: 'file' },
      json: true,
    });
    expect(parse('list', '--persist-to', 'state')).toMatchObject({
      target: { kind: 'database', persistTo: 'state' },
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
    [['list', '--persist-to', 'state', '--token', 't'], '--token is for a receiver'],
    [['list', '--url', 'ftp://example.com'], '--url takes an http(s) URL'],
  ])('%j are refused: %s', (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });

  it('are refused where npm took one for its own', () => {
    expect(() => parseIntegrationsOptions(['disable', 'shop'], { npm_config_remote: 'true' })).toThrow(
      'npm took --remote',
    );
  });
});

describe('the commands', () => {
  let configuration: Configuration;
  beforeAll(async () => {
    configuration = await readConfiguration();
  });

  function sendTo(db: D1Database): Send {
    return inDatabase({ db, webhookSecret: SECRETS.WEBHOOK_SECRET, url: PUBLIC_URL, actor: ACTOR });
  }

  /** What the terminal shows for each. */
  async function tell(...commands: Command[]): Promise<string[]> {
    return withLocalDatabase(state, configuration, async (db) => {
      const told: string[] = [];
      const send = sendTo(db);
      for (const command of commands) told.push(await tellOf(send, command));
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

  it('change nothing for an unknown slug', async () => {
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

  it('report refusals of the API in the words of the command line', async () => {
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

  it('are repeated while another process writes, and take effect once', async () => {
    queryLocal("INSERT INTO integrations (slug, created_at) VALUES ('locked', 0)");
    const other = openLocalDatabase(state);
    let attempts = 0;
    const told = await withLocalDatabase(state, configuration, async (db) => {
      other.exec(++attempts === 1 ? 'BEGIN IMMEDIATE' : 'COMMIT');
      return tellOf(sendTo(db), { name: 'disable', slug: 'locked' });
    });
    other.close();
    expect(attempts).toBe(2);
    expect(told).toBe('Disabled "locked": within 30 s its webhooks are turned away everywhere.');
    expect(queryLocal(AUDIT, 'locked')).toEqual([audited('locked', 'integration.disable', {})]);
  });

  it('take a description as it was written', async () => {
    await tell({ name: 'add', slug: 'text', settings: { description: HARMFUL } });
    expect(queryLocal("SELECT description FROM integrations WHERE slug = 'text'")).toEqual([
      { description: HARMFUL },
    ]);
    expect(queryLocal(AUDIT, 'text')).toHaveLength(1);
  });
});

describe.concurrent('the command on this machine', () => {
  it('registers an integration with all its settings, and prints its URL', async () => {
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

  it('gives a slug to only one of those who register it at once', async () => {
    const runs = await Promise.all([local(['add', 'wanted']), local(['add', 'wanted', '--app-id', 'a'])]);
    expect(runs.map(({ status }) => status).sort()).toEqual([0, 1]);
    expect(runs.find(({ status }) => status === 1)).toEqual({
      status: 1,
      stdout: '',
      stderr: 'integrations: There is an integration with this slug already.\n',
    });
    expect(queryLocal(AUDIT, 'wanted')).toHaveLength(1);
  });

  it('prints its help, and why a command line is refused', async () => {
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

  it('finds the demo that npm start makes once', async () => {
    for (let start = 1; start <= 2; start += 1) {
      expect(await runInCopy('scripts/start/prepare.ts', [state], {})).toEqual({
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

describe('the command with a receiver', () => {
  let runtime: LocalRuntime;
  let origin: string;
  let send: Send;

  beforeAll(async () => {
    runtime = await startWorkers(
      [
        {
          name: 'receiver',
          script: await bundleWorker('src/index.ts'),
          ...RECEIVER,
          vars: { ...RECEIVER.vars, ...SECRETS, READ_TOKEN },
        },
      ],
      { persistTo: join(project, 'receiver'), onLog: () => undefined },
    );
    await runtime.migrate('receiver', 'DB', MIGRATIONS);
    origin = runtime.originOf('receiver').origin;
    send = overHttp(origin, SECRETS.ADMIN_TOKEN);
  });
  afterAll(async () => runtime.dispose());

  it('registers an integration with the token of the secrets file', async () => {
    const secretsFile = join(project, 'production.secrets.json');
    writeFileSync(secretsFile, JSON.stringify(SECRETS));
    const where = ['--remote', '--secrets-file', secretsFile, '--url', `${origin}/`];
    const added = await shown(integrations(['add', 'shop', '--description', HARMFUL, ...where, '--json']));
    const token = await webhookTokens(SECRETS.WEBHOOK_SECRET).derive('shop', 1);
    expect(added).toMatchObject({ description: HARMFUL, url: `${origin}/webhooks/shop/${token}` });
  });

  it('registers, rotates, disables and enables', async () => {
    const slug = 'turning';
    for (const [command, text] of [
      [{ name: 'add', slug, settings: {} }, `\n  ${origin}/webhooks/turning/1.`],
      [{ name: 'add', slug, settings: {} }, 'There is an integration with this slug already.'],
      [{ name: 'rotate', slug, rotation: {} }, `\n  ${origin}/webhooks/turning/2.`],
      [{ name: 'disable', slug }, 'Disabled "turning"'],
      [{ name: 'enable', slug }, 'Enabled "turning"'],
      [{ name: 'disable', slug: 'absent' }, 'There is no integration with this slug.'],
      [{ name: 'rotate', slug, rotation: { overlapHours: -1 } }, '--overlap-hours must be at least 0'],
      [{ name: 'list' }, `${origin}/webhooks/turning/2.`],
    ] satisfies [Command, string][]) {
      expect(await tellOf(send, command)).toContain(text);
    }
    const audit = await runtime.execute('receiver', 'DB', AUDIT.replace('?', '?1'), slug);
    expect(audit.map(({ actor, action }) => [actor, action])).toEqual([
      ['admin-token', 'integration.create'],
      ['admin-token', 'integration.rotate'],
      ['admin-token', 'integration.disable'],
      ['admin-token', 'integration.enable'],
    ]);
  });

  it('changes nothing where the slug is part of the path', async () => {
    const refused = await askApi(send, { name: 'disable', slug: '..' });
    expect(refused).toMatchObject({ ok: false });
  });

  it('shows no URL to the token that may read', async () => {
    const told = await tellOf(overHttp(origin, READ_TOKEN), { name: 'list' });
    expect(told).toMatch(/^shop +enabled .* -$/m);
    expect(told).not.toContain('/webhooks/');
    const refused = await askApi(overHttp(origin, READ_TOKEN), { name: 'disable', slug: 'shop' });
    expect(refused).toMatchObject({ ok: false, detail: expect.stringContaining('admin token') });
  });

  it.each([
    ['a token that is not its own', () => ['--url', origin, '--token', 'wrong'], 'token'],
    [
      'nobody there',
      () => ['--url', 'http://127.0.0.1:9', '--token', 't'],
      'no receiver at http://127.0.0.1:9: ',
    ],
    ['no token for another machine', () => ['--url', PUBLIC_URL], '--url of another machine needs --token'],
    ['no address of the deployed one', () => ['--remote', '--token', 't'], '--remote needs --url'],
  ])('reports in one line what is wrong with %s', async (_, where, message) => {
    const { status, stdout, stderr } = await integrations(['list', ...where()]);
    expect(stderr).toMatch(/^integrations: [^\n]+\n$/);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
    expect(status).toBeGreaterThan(0);
  });

  it('refuses a page that is no answer of a receiver', async () => {
    const page = async () => new Response('<p>Sign in</p>', { headers: { 'content-type': 'text/html' } });
    await expect(askApi(page, { name: 'list' })).rejects.toThrow('it answered 200 with text/html');
  });
});
