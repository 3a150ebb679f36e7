// `npm run routes`, from its parts to the whole: the script runs as an operator runs it, in a copy of the project, on a local
// database with the real wrangler, and against a receiver that runs.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PROJECT } from '../../scripts/project.ts';
import { overHttp } from '../../scripts/receiver/api.ts';
import { readConfiguration } from '../../scripts/receiver/configuration.ts';
import { withLocalDatabase } from '../../scripts/receiver/local-database.ts';
import { askApi, inDatabase, type ShownRoutes } from '../../scripts/routes/api.ts';
import { type Command, parseRoutesOptions } from '../../scripts/routes/options.ts';
import { describeAll, describeRefusalOf } from '../../scripts/routes/report.ts';
import { addRouteQueues, namesOfRoute, removeRouteQueues } from '../../scripts/routes/wrangler-queues.ts';
import { parseToml } from '../../scripts/wrangler-toml.ts';
import type { ShownRoute } from '../../src/api/routes/route.ts';
import { MIGRATIONS, RECEIVER } from '../../tools/declared-worker.ts';
import { bundleWorker, type LocalRuntime, startWorkers } from '../../tools/local-worker.ts';
import { cleanEnvironment, copyProject, openLocalDatabase, type Run, runScript } from './run-script.ts';

const SECRETS = { WEBHOOK_SECRET: 'w'.repeat(32), ADMIN_TOKEN: 'a'.repeat(24) };
const ACTOR = `command-line:${userInfo().username}`;
const WRITTEN = readFileSync(join(PROJECT, 'wrangler.toml'), 'utf8');

// Each run starts Node and a Workers runtime or wrangler, which keeps a core busy.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000, maxConcurrency: 2 });

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'routes-test-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

const RESPONSES: Command = { name: 'add', route: 'crm', filter: { types: ['response'] } };

describe('the options', () => {
  const parse = (...args: string[]) => parseRoutesOptions(args, {});

  it('are read into what to ask of which receiver', () => {
    const filter = [
      '--type',
      'response',
      '--integration',
      'shop',
      '--integration',
      'mail',
      '--status',
      'Failed',
    ];
    const asked = { types: ['response'], integrations: ['shop', 'mail'], statuses: ['Failed'] };
    expect(parse('add', 'crm', ...filter, '--from', 'oldest', '--url', 'https://example.com/')).toEqual({
      kind: 'run',
      command: { name: 'add', route: 'crm', filter: asked, from: 'oldest' },
      target: { kind: 'receiver', isRemote: false, url: 'https://example.com' },
      json: false,
    });
    expect(parse('change', 'crm', ...filter, '--persist-to', 'state', '--json')).toEqual({
      kind: 'run',
      command: { name: 'change', route: 'crm', filter: asked },
      target: { kind: 'database', persistTo: 'state' },
      json: true,
    });
    expect(parse('list', '--remote', '--secrets-file', 'file')).toMatchObject({
      command: { name: 'list' },
      target: { kind: 'receiver', isRemote: true, secretsFile: 'file' },
    });
    expect(parse('pause', 'crm')).toMatchObject({ command: { name: 'pause', route: 'crm' } });
    expect(parse('remove', 'crm')).toMatchObject({ command: { name: 'remove', changesConfig: false } });
    expect(parse('remove', 'crm', '--config')).toMatchObject({ command: { changesConfig: true } });
    expect(parse('nonsense', '--help')).toEqual({ kind: 'help' });
  });

  it.each([
    [[], 'Say what to do'],
    [['delete', 'crm'], '"delete" is no command'],
    [['add'], 'add takes the name of a route'],
    [['pause', ''], 'pause takes the name of a route'],
    [['add', 'crm', 'two'], 'add takes one name; "two" is one more'],
    [['list', 'crm'], 'list takes no more words'],
    [['list', '--remoet'], '--remoet'],
    [['pause', 'crm', '--type', 'response'], '--type goes with add and change, not with pause'],
    [['change', 'crm', '--from', 'now'], '--from goes with add, not with change'],
    [['add', 'crm', '--config'], '--config goes with remove, not with add'],
    [['list', '--remote', '--persist-to', 'state'], '--persist-to is for this machine'],
    [['list', '--secrets-file', 'file'], '--secrets-file goes with --remote'],
  ])('%j are refused: %s', (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });

  it.each([
    'Crm',
    'crm-eu',
    '1crm',
    '_crm',
    'crm_',
    'crm__eu',
    'crm.eu',
    'ção',
    '..',
    `x"\n[vars]`,
    'a'.repeat(33),
  ])('refuse to add a route named %j, by which wrangler.toml would be changed', (name) => {
    expect(() => parse('add', name)).toThrow(`"${name}" is no name for a route`);
  });

  it('are refused where npm took one for its own', () => {
    expect(() => parseRoutesOptions(['pause', 'crm'], { npm_config_remote: 'true' })).toThrow(
      'npm took --remote',
    );
  });
});

describe('the queues in wrangler.toml', () => {
  const producer = (binding: string, queue: string) =>
    `[[queues.producers]]\nbinding = "${binding}"\nqueue = "${queue}"\n`;
  const deadLetters = (queue: string) => `[[queues.consumers]]\nqueue = "${queue}"\nmax_retries = 100\n`;
  const SMALL = `${producer('EVENTS', 'acme')}\n${deadLetters('acme-dead')}`;

  it('are written behind those that are there, and all else stays as it was, comments too', async () => {
    const { text, blocks, names } = await addRouteQueues(WRITTEN, 'data_team', parseToml);
    expect(names).toEqual({
      binding: 'EVENTS_DATA_TEAM',
      queue: 'instant-message-data-team',
      deadLetterQueue: 'instant-message-data-team-dead',
    });
    expect(blocks).toHaveLength(2);
    expect(blocks.reduce((rest, block) => rest.replace(`\n${block}\n`, ''), text)).toBe(WRITTEN);

    const { queues } = await parseToml(text);
    const before = (await parseToml(WRITTEN)).queues as Record<
      'producers' | 'consumers',
      { queue: string }[]
    >;
    const { queue: _, ...settings } =
      before.consumers.find(({ queue }) => queue === 'instant-message-events-dead') ?? {};
    expect(queues).toEqual({
      producers: [...before.producers, { binding: 'EVENTS_DATA_TEAM', queue: 'instant-message-data-team' }],
      consumers: [...before.consumers, { queue: 'instant-message-data-team-dead', ...settings }],
    });
  });

  it('are written once, and one that is missing is added to the other', async () => {
    const once = await addRouteQueues(WRITTEN, 'crm', parseToml);
    expect(await addRouteQueues(once.text, 'crm', parseToml)).toEqual({ ...once, blocks: [] });
    for (const block of once.blocks) {
      const { text, blocks } = await addRouteQueues(once.text.replace(`${block}\n\n`, ''), 'crm', parseToml);
      expect(blocks).toEqual([block]);
      expect(text).toBe(once.text);
    }
  });

  it('are named as the queue of the first route is', async () => {
    for (const [first, crm] of [
      ['acme-events', 'acme-crm'],
      ['acme', 'acme-crm'],
      ['events', 'crm'],
      ['revents', 'revents-crm'],
    ] as const) {
      const toml = await parseToml(producer('EVENTS', first));
      expect(namesOfRoute('crm', toml)).toEqual({
        binding: 'EVENTS_CRM',
        queue: crm,
        deadLetterQueue: `${crm}-dead`,
      });
    }
  });

  it('keep the name of a queue that somebody chose', async () => {
    const own = SMALL.replace('\n\n', `\n\n${producer('EVENTS_CRM', 'customers')}\n`);
    const { names, blocks, text } = await addRouteQueues(own, 'crm', parseToml);
    expect(names).toMatchObject({ queue: 'customers', deadLetterQueue: 'acme-crm-dead' });
    expect(blocks).toEqual([expect.stringContaining('queue = "acme-crm-dead"')]);
    expect(text.startsWith(own)).toBe(true);
  });

  it('have the line ends of the file, and stand behind the comments of the block before', async () => {
    const windows = SMALL.replace('acme"\n\n', 'acme"\n# who reads it\n\n')
      .trimEnd()
      .replaceAll('\n', '\r\n');
    const { text } = await addRouteQueues(windows, 'crm', parseToml);
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    expect(text.replaceAll('\r\n', '\n')).toContain('# who reads it\n\n# The queue of the route crm.\n');
    const { text: again } = await removeRouteQueues(text, 'crm', parseToml);
    expect(again).toBe(`${windows}\r\n`);
  });

  it('leave the comment of the block behind them where it is', async () => {
    const close = `${producer('EVENTS', 'acme')}# about the dead\n${deadLetters('acme-dead')}`;
    const { text } = await addRouteQueues(close, 'crm', parseToml);
    expect(text).toContain(`queue = "acme-crm"\n# about the dead\n[[queues.consumers]]`);
  });

  it.each(['intake', 'intake_dead', 'events_dead'])(
    'are not written for the route "%s", whose queue is another one already',
    async (route) => {
      await expect(addRouteQueues(WRITTEN, route, parseToml)).rejects.toThrow(
        `which wrangler.toml uses for something else`,
      );
    },
  );

  it('are not written for a route whose dead letters would go where another route reads', async () => {
    const { text } = await addRouteQueues(WRITTEN, 'crm_dead', parseToml);
    await expect(addRouteQueues(text, 'crm', parseToml)).rejects.toThrow('"instant-message-crm-dead"');
    const { text: other } = await addRouteQueues(WRITTEN, 'crm', parseToml);
    await expect(addRouteQueues(other, 'crm_dead', parseToml)).rejects.toThrow('"instant-message-crm-dead"');
  });

  const INLINE = `[queues]
producers = [{ binding = "EVENTS", queue = "acme" }]
consumers = [{ queue = "acme-dead", max_retries = 100 }]
`;
  const IN_A_TEXT = `${SMALL}\n[vars]\nNOTE = """\n[[queues.producers]]\nqueue = "none"\n[end]\n"""\n`;

  it.each([
    ['inline tables', INLINE],
    ['what looks like a block within a text', IN_A_TEXT],
    ['settings that are tables', `${SMALL}extra = { a = 1 }\n`],
  ])('are not written where the file has %s, and what to write is told', async (_, text) => {
    const adding = addRouteQueues(text, 'crm', parseToml);
    await expect(adding).rejects.toThrow('Write this into it yourself:');
    await expect(adding).rejects.toThrow('[[queues.producers]]\nbinding = "EVENTS_CRM"\nqueue = "acme-crm"');
    await expect(adding).rejects.toThrow('queue = "acme-crm-dead"');
  });

  it.each([
    ['no queue of the first route', producer('INTAKE', 'acme'), 'no queue with the binding EVENTS'],
    ['no consumer of its dead letters', producer('EVENTS', 'acme'), 'no consumer of "acme-dead"'],
    ['nothing', '', 'no queue with the binding EVENTS'],
  ])('are not written where the file has %s', async (_, text, message) => {
    await expect(addRouteQueues(text, 'crm', parseToml)).rejects.toThrow(message);
  });

  it('are taken out with their comments, and the file is as it was before', async () => {
    const { text, blocks } = await addRouteQueues(WRITTEN, 'crm', parseToml);
    const more = await addRouteQueues(text, 'desk', parseToml);
    const removed = await removeRouteQueues(more.text, 'crm', parseToml);
    expect(removed).toMatchObject({ blocks, text: (await addRouteQueues(WRITTEN, 'desk', parseToml)).text });
    expect((await removeRouteQueues(removed.text, 'desk', parseToml)).text).toBe(WRITTEN);
    expect(await removeRouteQueues(WRITTEN, 'crm', parseToml)).toMatchObject({ text: WRITTEN, blocks: [] });
  });

  it('are taken out without the comments that somebody wrote', async () => {
    const { text } = await addRouteQueues(SMALL, 'crm', parseToml);
    const commented = text.replace('# The queue of the route crm.', '# Ask Maria before.');
    const { text: left } = await removeRouteQueues(commented, 'crm', parseToml);
    expect(left).toContain('# Ask Maria before.\n');
    expect(await parseToml(left)).toEqual(await parseToml(SMALL));
  });

  it('are not taken out where the file is written in another way, nor for the first route', async () => {
    const crm = INLINE.replace('"acme" }', '"acme" }, { binding = "EVENTS_CRM", queue = "acme-crm" }');
    await expect(removeRouteQueues(crm, 'crm', parseToml)).rejects.toThrow('Change it yourself');
    await expect(removeRouteQueues(WRITTEN, 'events', parseToml)).rejects.toThrow(
      'wrangler.toml keeps EVENTS',
    );
  });
});

describe('the command on this machine', () => {
  let project: string;
  let state: string;

  beforeAll(() => {
    project = join(directory, 'project');
    state = join(project, 'state');
    copyProject(project, ['package.json', 'wrangler.toml', 'scripts', 'src']);
  });

  async function routes(...args: string[]): Promise<Run> {
    const env = cleanEnvironment(project);
    return runScript(['scripts/routes.ts', ...args], { cwd: project, env });
  }

  async function local(...args: string[]): Promise<Run> {
    return routes(...args, '--persist-to', state);
  }

  const read = (path: string) => readFileSync(join(project, path), 'utf8');

  function queryLocal(sql: string): unknown[] {
    const database = openLocalDatabase(state);
    try {
      return database.prepare(sql).all();
    } finally {
      database.close();
    }
  }

  it('makes a route, writes its queues and their types, and changes nothing the second time', async () => {
    const added = await local('add', 'crm_eu', '--type', 'response', '--status', 'Failed');
    expect(added).toMatchObject({ status: 0, stderr: '' });
    expect(added.stdout).toContain(
      'Added the route "crm_eu". It takes type response; status failed, from now on.\nwrangler.toml has its queues now:',
    );
    expect(added.stdout).toContain(`The wrangler.toml of its consumer needs:

  [[queues.consumers]]
  queue = "instant-message-crm-eu"
  max_retries = 10
  dead_letter_queue = "instant-message-crm-eu-dead"
`);
    expect(added.stdout).toContain('npm run routes -- add crm_eu --type response --status Failed --remote');
    const toml = read('wrangler.toml');
    expect(toml).toBe((await addRouteQueues(WRITTEN, 'crm_eu', parseToml)).text);
    expect(read('src/worker-configuration.d.ts')).toContain('EVENTS_CRM_EU: Queue;');

    const again = await local('add', 'crm_eu', '--status', 'failed', '--type', 'response');
    expect(again).toMatchObject({ status: 0, stderr: '' });
    expect(again.stdout).toContain(
      'There is a route "crm_eu" already, which takes type response; status failed',
    );
    expect(again.stdout).toContain('wrangler.toml has its queues already, and was not changed.');
    expect(read('wrangler.toml')).toBe(toml);
    expect(queryLocal("SELECT actor, action FROM audit WHERE object = 'crm_eu'")).toEqual([
      { actor: ACTOR, action: 'route.create' },
    ]);
  });

  it('removes it, and takes what is left of it out of wrangler.toml where that is asked for', async () => {
    const toml = read('wrangler.toml');
    const removed = await local('remove', 'crm_eu');
    expect(removed.stdout).toContain('Removed the route "crm_eu"');
    expect(removed.stdout).toContain('These blocks of wrangler.toml can go.');
    expect(removed.stdout).toContain('\n  binding = "EVENTS_CRM_EU"\n');
    expect(removed.stdout).toContain(
      'npx wrangler queues consumer worker remove instant-message-crm-eu-dead instant-message-receiver',
    );
    expect(read('wrangler.toml')).toBe(toml);

    const cleared = await local('remove', 'crm_eu', '--config');
    expect(cleared.stdout).toContain('There was no route "crm_eu".\nThese blocks of wrangler.toml are gone:');
    expect(read('wrangler.toml')).toBe(WRITTEN);
    expect(read('src/worker-configuration.d.ts')).not.toContain('EVENTS_CRM_EU');
  });

  it('makes no route where wrangler.toml cannot have its queues', async () => {
    try {
      writeFileSync(join(project, 'wrangler.toml'), WRITTEN.replace('"EVENTS"', '"WEBHOOKS"'));
      expect(await local('add', 'desk')).toMatchObject({
        status: 1,
        stdout: '',
        stderr: expect.stringMatching(/^routes: wrangler\.toml has no queue with the binding EVENTS/),
      });
      writeFileSync(join(project, 'wrangler.toml'), 'name = ');
      expect(await local('add', 'desk')).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/^routes: wrangler\.toml is no TOML\. [^\n]*\n$/),
      });
    } finally {
      writeFileSync(join(project, 'wrangler.toml'), WRITTEN);
    }
    expect(queryLocal("SELECT name FROM routes WHERE name = 'desk'")).toEqual([]);
  });

  it('prints its help, and why a command line is refused, and then changes nothing', async () => {
    expect(await routes('--help')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('Usage: npm run routes -- <command> [options]'),
    });
    const { status, stdout, stderr } = await routes('add', 'crm-eu');
    expect(stderr).toMatch(/^routes: "crm-eu" is no name for a route: [^\n]*\n$/);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(await local('add', 'crm', '--from', 'yesterday', '--type', 'letter')).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^routes: (?=.*--from must be now)(?=.*--type "letter" must be one of)[^\n]*\n$/,
      ),
    });
    expect(read('wrangler.toml')).toBe(WRITTEN);
  });
});

describe('the commands', () => {
  it('do the same on the local database as through a receiver', async () => {
    const configuration = await readConfiguration();
    const told = await withLocalDatabase(join(directory, 'state'), configuration, async (db) => {
      const send = inDatabase({ db, actor: ACTOR, configuration });
      const lines: string[] = [];
      for (const command of COMMANDS) {
        const answer = await askApi(send, command);
        lines.push(answer.ok ? toldOf(answer.shown) : describeRefusalOf(command, answer));
      }
      return lines;
    });
    expect(told).toEqual(TOLD);
  });

  const COMMANDS: Command[] = [
    RESPONSES,
    { ...RESPONSES, filter: {} },
    { ...RESPONSES, filter: { types: ['status'] } },
    { name: 'change', route: 'crm', filter: { integrations: ['shop'] } },
    { name: 'change', route: 'crm', filter: { integrations: ['shop', 'No'] } },
    { name: 'pause', route: 'crm' },
    { name: 'pause', route: 'crm' },
    { name: 'resume', route: 'crm' },
    { name: 'add', route: 'early', filter: {}, from: '2020-01-01T00:00:00Z' },
    { name: 'pause', route: '..' },
    { name: 'remove', route: 'crm', changesConfig: false },
    { name: 'remove', route: 'crm', changesConfig: false },
  ];
  const TOLD = [
    'crm active {"types":["response"]}',
    'crm active {"types":["response"]}',
    'There is a route "crm" already, with another filter: change crm gives it this one.',
    'crm active {"integrations":["shop"]}',
    '--integration "No" must be 3 to 64 lower-case letters, digits and hyphens',
    'crm paused {"integrations":["shop"]}',
    'The route is paused already.',
    'crm active {"integrations":["shop"]}',
    'early active {}',
    expect.stringMatching(/^There is no(?: route of this name|thing at this address)\.$/),
    'null',
    'There is no route of this name.',
  ];

  function toldOf(shown: unknown): string {
    if (shown === null) return 'null';
    const { name, state, filter } = shown as ShownRoute;
    return `${name} ${state} ${JSON.stringify(filter)}`;
  }

  describe('with a receiver', () => {
    let runtime: LocalRuntime;
    let origin: string;

    beforeAll(async () => {
      runtime = await startWorkers(
        [
          {
            name: 'receiver',
            script: await bundleWorker('src/index.ts'),
            ...RECEIVER,
            queues: { ...RECEIVER.queues, EVENTS_DESK: 'instant-message-desk' },
            vars: { ...RECEIVER.vars, ...SECRETS },
          },
        ],
        { persistTo: join(directory, 'receiver'), onLog: () => undefined },
      );
      await runtime.migrate('receiver', 'DB', MIGRATIONS);
      origin = runtime.originOf('receiver').origin;
    });
    afterAll(async () => runtime.dispose());

    it('are done by its API', async () => {
      const send = overHttp(origin, SECRETS.ADMIN_TOKEN);
      const told: string[] = [];
      for (const command of COMMANDS) {
        const answer = await askApi(send, command);
        told.push(answer.ok ? toldOf(answer.shown) : describeRefusalOf(command, answer));
      }
      expect(told).toEqual(TOLD);
    });

    it('list routes without a queue, and queues without a route', async () => {
      const answer = await askApi(overHttp(origin, SECRETS.ADMIN_TOKEN), { name: 'list' });
      if (!answer.ok) throw new Error(answer.detail);
      const listed = describeAll(answer.shown as ShownRoutes);
      const [head, ...rows] = listed.split('\n');
      expect(head).toMatch(/^NAME +STATE +TAKES +WAITING +OLDEST +FORWARDED +DEAD LETTERS$/);
      expect(rows.slice(0, 2).map((row) => row.split(/ {2,}/))).toEqual([
        ['early', 'active, no queue', 'everything', '0', '-', '0', '0'],
        ['events', 'active', 'everything', '0', '-', '0', '0'],
      ]);
      expect(listed).toContain('No route sends to the queue of EVENTS_DESK. One is made by: add <name>');
    });
  });
});
