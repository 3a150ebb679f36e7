// `npm start`, from its parts to the whole: the last block runs the script as a developer does, with a state of
// its own, and sends to it what it prints.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CommandFailure, UsageError } from '../../scripts/command-line.ts';
import { PROJECT } from '../../scripts/project.ts';
import { instructionsFor, powershellQuote, shellQuote } from '../../scripts/start/instructions.ts';
import { ensureLocalSecrets, missingSecretLines } from '../../scripts/start/local-secrets.ts';
import { localOrigin, parseStartOptions } from '../../scripts/start/options.ts';
import { presentLine } from '../../scripts/start/wrangler-output.ts';
import { openLocalDatabase } from './run-script.ts';

const RESPONSE = readFileSync(join(PROJECT, 'test/samples/response.json'), 'utf8');
const STATUS = readFileSync(join(PROJECT, 'test/samples/status.json'), 'utf8');
const RESPONSE_ID = '5e178088a88ad9001b6e1914:i3i4321d:response';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'start-test-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe('the command line', () => {
  it('takes the default port where none is given', () => {
    expect(parseStartOptions([])).toEqual({ kind: 'run', port: 8787, hasConsumer: true });
  });

  it('can leave the consumer out', () => {
    expect(parseStartOptions(['--no-consumer'])).toMatchObject({ kind: 'run', hasConsumer: false });
  });

  it('takes a port and a place for the state', () => {
    expect(parseStartOptions(['--port', '9000', '--persist-to=state'])).toEqual({
      kind: 'run',
      hasConsumer: true,
      port: 9000,
      persistTo: 'state',
    });
  });

  it.each([
    ['0.0.0.0', 'http://localhost:9000'],
    ['::', 'http://localhost:9000'],
    ['192.168.1.5', 'http://192.168.1.5:9000'],
    ['::1', 'http://[::1]:9000'],
  ])('takes %s to listen on, and tells where this machine reaches it', (ip, origin) => {
    const options = parseStartOptions(['--ip', ip, '--port', '9000']);
    expect(options).toEqual({ kind: 'run', port: 9000, hasConsumer: true, ip });
    expect(localOrigin({ ip, port: 9000 })).toBe(origin);
  });

  it.each(['', 'all', 'localhost', '0.0.0.0:8787', '999.0.0.1'])('refuses "%s" to listen on', (ip) => {
    expect(() => parseStartOptions([`--ip=${ip}`])).toThrow(
      new UsageError(`--ip takes an IP address, such as 0.0.0.0, not "${ip}"`),
    );
  });

  it('asks for help whatever else it has', () => {
    expect(parseStartOptions(['--port', '0', '--help'])).toEqual({ kind: 'help' });
  });

  it.each(['0', '65536', '80a', '1e3', '-1', '8787.5', ''])('refuses "%s" as a port', (port) => {
    expect(() => parseStartOptions([`--port=${port}`])).toThrow(
      new UsageError(`--port takes a whole number from 1 to 65535, not "${port}"`),
    );
  });

  it.each([
    { args: ['--prot', '9000'], reason: /--prot/ },
    { args: ['9000'], reason: /9000/ },
    { args: ['--port'], reason: /--port/ },
    { args: ['--port', '-1'], reason: /--port/ },
    { args: ['--persist-to='], reason: /--persist-to/ },
  ])('names what is wrong with $args in one line', ({ args, reason }) => {
    expect(() => parseStartOptions(args)).toThrow(reason);
    expect(() => parseStartOptions(args)).toThrow(/^[^\n]+$/);
  });
});

describe('.dev.vars', () => {
  const added = (contents: string) => missingSecretLines(contents, () => 'new');

  it('gets both secrets where it is empty', () => {
    expect(added('')).toBe('WEBHOOK_SECRET=new\nADMIN_TOKEN=new\n');
  });

  it.each([
    { contents: 'WEBHOOK_SECRET=mine\n', lines: 'ADMIN_TOKEN=new\n' },
    { contents: 'ADMIN_TOKEN="mine"\n', lines: 'WEBHOOK_SECRET=new\n' },
    { contents: 'WEBHOOK_SECRET=mine\nADMIN_TOKEN=\n', lines: 'ADMIN_TOKEN=new\n' },
    { contents: '#ADMIN_TOKEN=old\nWEBHOOK_SECRET=mine\n', lines: 'ADMIN_TOKEN=new\n' },
    { contents: 'OTHER=x\nWEBHOOK_SECRET=mine', lines: '\nADMIN_TOKEN=new\n' },
    { contents: 'WEBHOOK_SECRET=mine\nADMIN_TOKEN=mine', lines: '' },
  ])('gets only what is missing where it has $contents', ({ contents, lines }) => {
    expect(added(contents)).toBe(lines);
  });

  it('is written for its owner alone, with two different secrets of 32 bytes', async () => {
    const path = join(directory, '.dev.vars');
    const secrets = await ensureLocalSecrets(path);
    expect(parseEnv(readFileSync(path, 'utf8'))).toEqual(secrets);
    expect(secrets.WEBHOOK_SECRET).not.toBe(secrets.ADMIN_TOKEN);
    for (const secret of [secrets.WEBHOOK_SECRET, secrets.ADMIN_TOKEN]) {
      expect(Buffer.from(secret, 'base64url')).toHaveLength(32);
    }
    if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('keeps what it holds and is closed to others when secrets are added', async () => {
    const path = join(directory, '.dev.vars');
    writeFileSync(path, '# mine\nOTHER=x\nWEBHOOK_SECRET=mine');
    chmodSync(path, 0o644);
    const secrets = await ensureLocalSecrets(path);
    expect(secrets.WEBHOOK_SECRET).toBe('mine');
    expect(readFileSync(path, 'utf8')).toBe(
      `# mine\nOTHER=x\nWEBHOOK_SECRET=mine\nADMIN_TOKEN=${secrets.ADMIN_TOKEN}\n`,
    );
    if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['a byte order mark', [0xef, 0xbb, 0xbf], 'utf8', 'begins with a byte order mark'],
    ['UTF-16', [0xff, 0xfe], 'utf16le', 'is UTF-16'],
    ['UTF-16 without a mark', [], 'utf16le', 'has NUL characters'],
  ] as const)('is refused with %s, and stays as it is', async (_, mark, encoding, named) => {
    const path = join(directory, '.dev.vars');
    const text = 'WEBHOOK_SECRET=mine-and-none-of-the-messages\r\nADMIN_TOKEN=mine-too\r\n';
    const contents = Buffer.concat([Buffer.from(mark), Buffer.from(text, encoding)]);
    writeFileSync(path, contents);
    const message = `.dev.vars ${named}: save it as UTF-8 without a byte order mark.`;
    await expect(ensureLocalSecrets(path)).rejects.toThrow(new CommandFailure(message));
    expect(readFileSync(path).equals(contents)).toBe(true);
  });

  it('may have line ends of Windows', async () => {
    const path = join(directory, '.dev.vars');
    writeFileSync(path, 'WEBHOOK_SECRET=mine\r\nADMIN_TOKEN="mine-too"\r\n');
    expect(await ensureLocalSecrets(path)).toEqual({ WEBHOOK_SECRET: 'mine', ADMIN_TOKEN: 'mine-too' });
  });

  it('is refused with unusable secrets, each of which is named, and stays as it is', async () => {
    const path = join(directory, '.dev.vars');
    const text = 'ADMIN_TOKEN="two words"\nREAD_TOKEN="a line\nend"\n';
    writeFileSync(path, text);
    const named =
      'ADMIN_TOKEN in .dev.vars must not have a blank; READ_TOKEN in .dev.vars must not have a line end.';
    await expect(ensureLocalSecrets(path)).rejects.toThrow(new CommandFailure(named));
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('has the same secrets the next time', async () => {
    const path = join(directory, '.dev.vars');
    expect(await ensureLocalSecrets(path)).toEqual(await ensureLocalSecrets(path));
  });
});

describe("wrangler's output", () => {
  it.each([
    { line: '[instant-message-push-consumer] 17:07:51  response', shown: 'consumer  17:07:51  response' },
    { line: '[instant-message-crm-consumer] 17:07:51  response', shown: 'crm       17:07:51  response' },
    { line: '[instant-message-receiver] {"level":"info"}', shown: 'receiver  {"level":"info"}' },
    { line: '\u001b[31m✘ \u001b[1m[ERROR] {"level":"error"}\u001b[0m', shown: 'receiver  {"level":"error"}' },
  ])('gets a label in "$line"', ({ line, shown }) => {
    expect(presentLine(line)).toBe(shown);
  });

  it.each(['✘ [ERROR] Build failed with 1 error:', '    at fetch (src/index.ts:1:1)', 'something new'])(
    'is shown unchanged where it is "%s"',
    (line) => {
      expect(presentLine(line)).toBe(line);
    },
  );

  it.each([
    '[wrangler:info] POST /webhooks/demo/1.secret 200 OK (8ms)',
    '[wrangler:info] QUEUE instant-message-events 1/1 (3ms)',
    'env.EVENTS (instant-message-events)      Queue      local',
    'env.ASSETS                               Assets     local',
    '',
  ])('is hidden where it is "%s"', (line) => {
    expect(presentLine(line)).toBeUndefined();
  });
});

describe('the printed commands', () => {
  it.each([
    [true, true, 'what the example consumers read from their queues'],
    [true, false, 'what the example consumer reads from the queue'],
    [false, true, 'npx wrangler dev -c examples/push-consumer/wrangler.toml --port 8788'],
  ])(
    'tell what follows, with consumers: %s, with a second route: %s',
    (hasConsumer, hasSecondRoute, told) => {
      const text = instructionsFor({
        origin: 'http://localhost:9000',
        webhookUrl: 'http://localhost:9000/webhooks/demo/token',
        adminToken: 'admin',
        sample: '{}',
        hasConsumer,
        hasSecondRoute,
        platform: 'linux',
      });
      expect(text).toContain(told);
    },
  );

  it('quote any body for a shell', () => {
    const body = `{"it's":"$HOME \`id\` \\"\\\\ 'x'"}\n`;
    expect(spawnSync('sh', ['-c', `printf %s ${shellQuote(body)}`], { encoding: 'utf8' }).stdout).toBe(body);
  });

  it('send to this machine, also when the receiver has a public address', () => {
    const text = instructionsFor({
      origin: 'http://localhost:9000',
      webhookUrl: 'https://webhooks.example.com/webhooks/demo/token',
      adminToken: 'admin',
      sample: '{}',
      hasConsumer: true,
      hasSecondRoute: true,
      platform: 'linux',
    });
    expect(text).not.toContain('Invoke-RestMethod');
    expect(text).not.toContain('listens on');
    expect(text).toContain("curl --request POST 'http://localhost:9000/webhooks/demo/token' --data-raw '{}'");
    expect(text).toContain('  https://webhooks.example.com/webhooks/demo/token\n');
    expect(text).toContain('  http://localhost:9000/\n  admin\n');
  });
});

describe('the printed commands on Windows', () => {
  const running = {
    origin: 'http://localhost:8787',
    webhookUrl: 'http://localhost:8787/webhooks/demo/token',
    adminToken: 'admin',
    sample: `{"it's":"“$HOME” ‘olá’"}\n`,
    hasConsumer: true,
    hasSecondRoute: true,
    platform: 'win32',
  } as const;

  /** The words of a PowerShell command, its texts in single quotation marks as PowerShell reads them. */
  function wordsOfPowerShell(command: string): string[] {
    const QUOTES = "'\u2018\u2019\u201a\u201b";
    const words = command.matchAll(
      new RegExp(`[${QUOTES}]((?:[${QUOTES}]{2}|[^${QUOTES}])*)[${QUOTES}]|\\S+`, 'g'),
    );
    return Array.from(
      words,
      ([word, text]) => text?.replace(new RegExp(`([${QUOTES}])[${QUOTES}]`, 'g'), '$1') ?? word,
    );
  }

  it('are there for PowerShell and for Git Bash', () => {
    const text = instructionsFor(running);
    const [, sending = ''] =
      /In PowerShell:\n\n(Invoke-RestMethod -Method.*?)\n\nIn Git Bash:/s.exec(text) ?? [];
    expect(wordsOfPowerShell(sending)).toEqual([
      ...['Invoke-RestMethod', '-Method', 'Post', '-Uri', running.webhookUrl],
      ...['-ContentType', 'application/json; charset=utf-8', '-Body', running.sample],
    ]);
    expect(text).toContain(
      "Invoke-RestMethod -Uri 'http://localhost:8787/api/events' -Headers @{ Authorization = 'Bearer admin' } |",
    );
    expect(text.match(/In Git Bash:\n\ncurl /g)).toHaveLength(2);
  });

  it('double every mark that PowerShell takes for a quotation mark', () => {
    expect(powershellQuote('it\'s ‘a’ ‚b‛ "c"')).toBe("'it''s ‘‘a’’ ‚‚b‛‛ \"c\"'");
  });

  it('tell who can reach a receiver that listens for others', () => {
    expect(instructionsFor({ ...running, ip: '0.0.0.0' })).toContain(
      'It listens on 0.0.0.0: whoever reaches',
    );
  });
});

describe('npm start', () => {
  const started: Started[] = [];

  /** A running `npm start` and all that it has printed so far. */
  class Started {
    output = '';
    readonly #child: ChildProcess;
    readonly exit: Promise<number | null>;

    /** What `node` runs, in the directory of a project. */
    constructor(args: readonly string[], project = PROJECT, env: NodeJS.ProcessEnv = {}) {
      this.#child = spawn(process.execPath, args, {
        cwd: project,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      for (const stream of [this.#child.stdout, this.#child.stderr]) {
        stream?.setEncoding('utf8').on('data', (chunk: string) => {
          this.output += chunk;
        });
      }
      this.exit = new Promise((resolve) => this.#child.once('close', resolve));
      started.push(this);
    }

    /** Resolves once `text` has been printed; fails as soon as the process has ended without. */
    async printed(text: string): Promise<void> {
      let hasEnded = false;
      void this.exit.then(() => {
        hasEnded = true;
      });
      while (!this.output.includes(text)) {
        if (hasEnded) throw new Error(`npm start ended without printing "${text}":\n${this.output}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }

    /** The part of the output between two texts. */
    between(before: string, after: string): string {
      const start = this.output.indexOf(before) + before.length;
      return this.output.slice(start, this.output.indexOf(after, start)).trim();
    }

    interrupt(): Promise<number | null> {
      this.#child.kill('SIGINT');
      return this.exit;
    }
  }

  const withState = (port: number, state: string) =>
    new Started(['scripts/start.ts', '--port', String(port), '--persist-to', state]);

  const START_TIMEOUT_MS = 240_000;
  const READY = 'From here on:';
  const CONSUMED_RESPONSE = 'consumer  17:07:51  response   +5544999999999  document  "Mensagem de teste"';
  const CONSUMED_STATUS = 'consumer  20:19:44  delivered  +5544999027914  message 5e178088a88ad9001b6e1914';
  const CRM_RESPONSE = CONSUMED_RESPONSE.replace('consumer', 'crm     ');

  afterAll(async () => {
    await Promise.all(started.map((start) => start.interrupt()));
  });

  it(
    'brings up what the printed commands work with, and ends with all it started',
    async () => {
      const port = await freePort();
      const first = withState(port, directory);
      await first.printed(READY);
      const send = first.between('The same again is a duplicate:', 'Read what is stored:');
      const list = first.between('Read what is stored:', READY);

      expect(send.endsWith(` --data-raw '${RESPONSE}'`)).toBe(true);
      expect(await runCurl(send)).toEqual({ id: RESPONSE_ID, outcome: 'stored' });
      await first.printed(CONSUMED_RESPONSE);
      await first.printed(CRM_RESPONSE);
      expect(await runCurl(send)).toEqual({ id: RESPONSE_ID, outcome: 'duplicate' });
      // What the queue held before this event has been consumed when its line appears.
      expect(await runCurl(send.replace(RESPONSE, STATUS))).toMatchObject({ outcome: 'stored' });
      await first.printed(CONSUMED_STATUS);
      expect(first.output.split(CONSUMED_RESPONSE)).toHaveLength(2);
      const escapes = RESPONSE.replace('i3i4321d', 'e5c').replace(
        'Mensagem de teste',
        '\\u001b[31mred\\nline',
      );
      expect(await runCurl(send.replace(RESPONSE, escapes))).toMatchObject({ outcome: 'stored' });
      await first.printed('consumer  17:07:51  response   +5544999999999  document  " [31mred line"');
      // The status came before this response, and the second route takes none.
      await first.printed('crm       17:07:51  response   +5544999999999  document  " [31mred line"');
      expect(first.output.match(/^crm {7}.*$/gm)).toEqual([
        CRM_RESPONSE,
        expect.stringContaining('red line'),
      ]);
      const token = /\/webhooks\/demo\/([^']+)'/.exec(send)?.[1] ?? '';
      expect(first.output.slice(first.output.indexOf(READY))).not.toContain(token);

      const stored = [
        { type: 'response' },
        { type: 'status' },
        { id: RESPONSE_ID, integration: 'demo', deliveries: 2 },
      ];
      expect(await runCurl(list)).toMatchObject({ data: stored });

      const statusOf = async (path: string) => (await fetch(`http://localhost:${port}${path}`)).status;
      expect(await statusOf('/docs')).toBe(200);
      expect(await statusOf('/docs/swagger-ui.css')).toBe(200);
      expect(await statusOf('/swagger-ui.css')).toBe(404); // the Worker goes before its assets

      expect(await first.interrupt()).toBe(0);
      expect(await isFree(port)).toBe(true);
      expect(processesNaming(directory)).toEqual([]);

      leaveUnforwarded(directory, RESPONSE_ID);
      const second = withState(port, directory);
      await second.printed(READY);
      expect(second.between('The same again is a duplicate:', 'Read what is stored:')).toBe(send);
      expect(await runCurl(list)).toMatchObject({ data: stored });
      await second.printed(CONSUMED_RESPONSE); // by the cron run that follows each start

      const added = addIntegration(directory, 'beside', `http://localhost:${port}`);
      const sendBeside = send.replace(/'http:[^']*'/, shellQuote(added));
      expect(await runCurl(sendBeside)).toMatchObject({ outcome: 'stored' });
      expect(await second.interrupt()).toBe(0);
    },
    START_TIMEOUT_MS,
  );

  it(
    'keeps the events of two checkouts apart, and a consumer beside a receiver finds it',
    async () => {
      const home = join(directory, 'home');
      mkdirSync(home);
      const env = { HOME: home, XDG_CONFIG_HOME: home, WRANGLER_SEND_METRICS: 'false', CI: 'true' };
      const checkout = (name: string) => {
        const project = join(directory, name);
        const copied = [
          'package.json',
          'wrangler.toml',
          'tsconfig.json',
          '.env',
          'scripts',
          'src',
          'examples',
          'test/samples',
        ];
        for (const path of copied) {
          if (existsSync(join(PROJECT, path)))
            cpSync(join(PROJECT, path), join(project, path), { recursive: true });
        }
        symlinkSync(join(PROJECT, 'node_modules'), join(project, 'node_modules'));
        return project;
      };
      const [here, there] = [checkout('here'), checkout('there')];
      const ports = [await freePort(), await freePort(), await freePort()];

      // One with its consumer, and one whose consumer runs beside it as docs/consumers.md has it.
      const first = new Started(['scripts/start.ts', '--port', String(ports[0])], here, env);
      await first.printed(READY);
      const alone = new Started(
        ['scripts/start.ts', '--port', String(ports[1]), '--no-consumer'],
        there,
        env,
      );
      await alone.printed(READY);
      const consumer = ['dev', '-c', 'examples/push-consumer/wrangler.toml', '--port', String(ports[2])];
      const beside = new Started(
        ['node_modules/wrangler/bin/wrangler.js', ...consumer, '--inspector-port', '0'],
        there,
        env,
      );
      await beside.printed('Ready on');

      const sendFrom = (start: Started, messageId: string) =>
        runCurl(
          start
            .between('The same again is a duplicate:', 'Read what is stored:')
            .replace(
              RESPONSE,
              RESPONSE.replace('"Mensagem de teste"', `"${messageId}"`).replace('i3i4321d', messageId),
            ),
        );
      for (const messageId of ['there-1', 'there-2', 'there-3']) await sendFrom(alone, messageId);
      for (const messageId of ['here-1', 'here-2', 'here-3']) await sendFrom(first, messageId);
      for (const messageId of ['there-1', 'there-2', 'there-3']) await beside.printed(`"${messageId}"`);
      for (const messageId of ['here-1', 'here-2', 'here-3']) await first.printed(`"${messageId}"`);
      expect(first.output.slice(first.output.indexOf(READY))).not.toContain('"there-');
      expect(beside.output).not.toContain('"here-');
      await Promise.all([first, alone, beside].map((start) => start.interrupt()));
    },
    START_TIMEOUT_MS,
  );

  it('starts nothing when the port is in use', async () => {
    const port = await freePort();
    const other = await listen(port);
    try {
      const start = withState(port, join(directory, 'state'));
      expect(await start.exit).toBe(1);
      expect(start.output).toBe(
        `npm start: port ${port} is in use. Take another one: npm start -- --port N\n`,
      );
      expect(existsSync(join(directory, 'state'))).toBe(false);
    } finally {
      other.close();
    }
  });

  it(
    'leaves nothing behind when it is stopped before it is up',
    async () => {
      const port = await freePort();
      const start = withState(port, directory);
      await start.printed('Starting receiver and consumers');
      await vi.waitFor(() => expect(processesNaming(directory)).not.toEqual([]), { timeout: 30_000 });
      expect(await start.interrupt()).toBe(0);
      expect(processesNaming(directory)).toEqual([]);
      expect(await isFree(port)).toBe(true);
    },
    START_TIMEOUT_MS,
  );
});

/** Runs a printed curl command in a shell; where there is no curl, does what it would do. Gives the JSON answer. */
async function runCurl(command: string): Promise<unknown> {
  if (spawnSync('curl', ['--version']).status === 0) {
    const { stdout, stderr, status } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${command}: ${stderr}`);
    return JSON.parse(stdout);
  }
  const [, url = '', option, value = ''] = /'([^']*)' (--data-raw|--header) '([\s\S]*)'$/.exec(command) ?? [];
  const answer = await fetch(
    url,
    option === '--data-raw'
      ? {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: value.replaceAll(`'\\''`, "'"),
        }
      : { headers: { authorization: value.replace('Authorization: ', '') } },
  );
  return answer.json();
}

/** Registers an integration from the command line, beside the running receiver; gives its URL. */
function addIntegration(state: string, slug: string, origin: string): string {
  const script = join(PROJECT, 'scripts/integrations.ts');
  const args = [script, 'add', slug, '--persist-to', state, '--url', origin, '--json'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { url: string }).url;
}

/**
 * As after a Worker that died a minute ago between storing the event and forwarding it: its place is a gap of the first route,
 * before a stretch that was confirmed.
 */
function leaveUnforwarded(state: string, id: string): void {
  const database = openLocalDatabase(state);
  database.prepare('UPDATE events SET seq = seq - 60000000 WHERE id = ?').run(id);
  database.exec(`
    INSERT INTO forwarded (route, after, last)
    SELECT 'events', event.seq, position FROM routes, (SELECT min(seq) AS seq FROM events) AS event WHERE name = 'events';
    UPDATE routes SET position = (SELECT min(seq) - 1 FROM events) WHERE name = 'events';
    UPDATE routes SET counted = min(counted, position) WHERE name = 'events';
  `);
  database.close();
}

/** Wrangler and `npm start` name their state's directory on their command line. */
function processesNaming(text: string): string[] {
  const { stdout } = spawnSync('ps', ['-eo', 'pid,stat,args'], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line.includes('wrangler') && line.includes(text));
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject).listen(port, '127.0.0.1', () => resolve(server));
  });
}

async function isFree(port: number): Promise<boolean> {
  try {
    const server = await listen(port);
    await new Promise((resolve) => server.close(resolve));
    return true;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = await listen(0);
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('Listening on no port');
  return address.port;
}
