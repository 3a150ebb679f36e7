// The kit as its users have it: packed, installed into an empty project, type-checked as Cloudflare's template and as a
// Node project have it, and run in workerd and in plain Node. Nothing of this repository's settings is in reach there.
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { type CountryCode, getCountries, getCountryCallingCode } from 'libphonenumber-js/mobile';
import examples from 'libphonenumber-js/mobile/examples';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cloudEventHead } from '../../src/contract/cloudevent.ts';
import { canonicalContact } from '../../src/contract/contact.ts';
import { bundleWorker, startWorkers } from '../../tools/local-worker.ts';
import responseBody from '../samples/response.json' with { type: 'json' };

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PACKAGE = join(ROOT, 'packages', 'consumer');
const MAX_PACKED_BYTES = 45_000;

const EVENT = {
  ...cloudEventHead(
    {
      id: 'm:r:response',
      integration: 'shop',
      type: 'response',
      status: null,
      contact: '+5544999999999',
      appId: null,
      messageId: 'm',
      occurredAtMs: 0,
      receivedAtMs: 0,
    },
    { seq: 1, replay: null },
  ),
  data: responseBody,
};

let project: string;
let packed: { filename: string; size: number; files: { path: string }[] };

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'consumer-package-test-'));
  [packed] = JSON.parse(run('npm', ['pack', '--json', '--silent', '--pack-destination', project], PACKAGE));
  write('package.json', { private: true, type: 'module' });
  const zod = join(ROOT, 'node_modules', 'zod'); // as the registry would give it
  const install = ['install', '--offline', '--install-links', '--ignore-scripts', '--no-audit', '--no-fund'];
  run('npm', [...install, join(project, packed.filename), zod], project);
});
afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

/** Runs a program to its end and gives its output. */
function run(program: string, args: string[], directory: string): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: directory,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${error ?? ''}${stderr}${stdout}`);
  return stdout;
}

function write(path: string, content: unknown): string {
  const file = join(project, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

/** The first example of the package's README. */
function exampleWorker(): string {
  const [, code] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(PACKAGE, 'README.md'), 'utf8')) ?? [];
  if (code === undefined) throw new Error('the README has no example');
  return code;
}

describe('the packed kit', () => {
  it('holds one module, its types and what a package has to have, in 45 KB', () => {
    expect(packed.files.map(({ path }) => path).sort()).toEqual([
      'LICENSE',
      'README.md',
      'dist/index.d.ts',
      'dist/index.js',
      'package.json',
    ]);
    expect(packed.size).toBeLessThanOrEqual(MAX_PACKED_BYTES);
  });

  it('needs zod and nothing else', () => {
    const installed = join(project, 'node_modules', 'instant-message-consumer');
    const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    expect(manifest.dependencies).toBeUndefined();
    expect(Object.keys(manifest.peerDependencies)).toEqual(['zod']);
    const code = readFileSync(join(installed, 'dist/index.js'), 'utf8');
    const imported = [...code.matchAll(/\bfrom\s*["'`]([^"'`]+)["'`]/g)].map(([, name]) => name);
    expect(imported).toEqual(['zod']);
    expect(readFileSync(join(installed, 'dist/index.d.ts'), 'utf8')).not.toMatch(/^import|\bimport\(/m);
  });

  it('says where its types are before all else', () => {
    const { exports, type } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
    expect(type).toBe('module');
    expect(Object.entries(exports['.'])).toEqual([
      ['types', './dist/index.d.ts'],
      ['default', './dist/index.js'],
    ]);
  });
});

describe('the types', () => {
  const checkTypes = (directory: string) => {
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', directory], { encoding: 'utf8' });
    return { status, stdout };
  };

  /** What a type that has become `any` would let pass. */
  const MISUSES = `
    import { consume, parseEvent } from 'instant-message-consumer';
    // @ts-expect-error: no such step
    consume({ fetchData: () => async () => null, onStatus: (event) => event.data.event.status === 'lost' });
    // @ts-expect-error: without fetchData there may be no data
    consume({ onResponse: (event) => event.data.message });
    const parsed = parseEvent(null);
    // @ts-expect-error: it has to be asked first
    parsed.event;
  `;

  it.each(['es2021', 'es2024'])("serve a Worker of Cloudflare's template, target %s", (target) => {
    const directory = join(project, `worker-${target}`);
    write(`worker-${target}/index.ts`, exampleWorker());
    write(`worker-${target}/misuses.ts`, MISUSES);
    // https://github.com/cloudflare/workers-sdk/blob/main/packages/create-cloudflare/templates/hello-world/ts/tsconfig.json
    write(`worker-${target}/tsconfig.json`, {
      compilerOptions: {
        target,
        lib: [target],
        jsx: 'react-jsx',
        module: 'es2022',
        moduleResolution: 'Bundler',
        types: ['@cloudflare/workers-types'],
        resolveJsonModule: true,
        allowJs: true,
        checkJs: false,
        noEmit: true,
        isolatedModules: true,
        allowSyntheticDefaultImports: true,
        forceConsistentCasingInFileNames: true,
        strict: true,
        skipLibCheck: true,
      },
    });
    linkTypes('@cloudflare/workers-types');
    expect(checkTypes(directory)).toEqual({ status: 0, stdout: '' });
  });

  it('serve a Node project, whose declaration files are checked too, without those of Workers', () => {
    write(
      'node/index.ts',
      'import { canonicalContact, parseEvent, retryDelaySeconds } from "instant-message-consumer";\n',
    );
    write('node/misuses.ts', MISUSES);
    write('node/tsconfig.json', {
      compilerOptions: {
        target: 'es2022',
        lib: ['es2022'],
        module: 'nodenext',
        types: ['node'],
        noEmit: true,
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        verbatimModuleSyntax: true,
      },
    });
    linkTypes('@types/node');
    expect(checkTypes(join(project, 'node'))).toEqual({ status: 0, stdout: '' });
  });

  function linkTypes(name: string): void {
    const link = join(project, 'node_modules', name);
    if (existsSync(link)) return;
    mkdirSync(join(link, '..'), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), link, 'junction');
  }
});

it('handles an event in workerd, once', async () => {
  write(
    'src/index.ts',
    `import { consume, d1Once, dataFromService } from 'instant-message-consumer';
    export default {
      queue: consume({
        once: (env) => d1Once(env.DB),
        async onResponse(event, { env }) {
          await env.DB.exec('CREATE TABLE IF NOT EXISTS handled (id)');
          await env.DB.prepare('INSERT INTO handled VALUES (?1)').bind(event.id).run();
        },
        onStatus: (event, { env }) => env.DB.prepare('INSERT INTO handled VALUES (?1)').bind('end').run(),
      }),
      async fetch(request, env) {
        for (const event of await request.json()) await env.QUEUE.send(event);
        return new Response();
      },
    };`,
  );
  const worker = {
    name: 'consumer',
    script: await bundleWorker('src/index.ts', project),
    databases: { DB: 'handled' },
    queues: { QUEUE: 'events' },
    consumes: [{ queue: 'events', maxBatchSize: 10, maxBatchTimeoutSeconds: 0, maxRetries: 3 }],
  };
  const runtime = await startWorkers([worker], { persistTo: join(project, 'state') });
  try {
    await fetch(runtime.originOf('consumer'), { method: 'POST', body: JSON.stringify([EVENT]) });
    const handled = async () => runtime.execute('consumer', 'DB', 'SELECT id FROM handled');
    await vi.waitFor(async () => expect(await handled()).toEqual([{ id: EVENT.id }]), { timeout: 20_000 });
    const status = { ...EVENT, id: 'm:r:status:read', type: EVENT.type.replace('response', 'status') };
    const ofStatus = {
      ...status,
      data: { ...responseBody, event: { messageId: 'r', type: 'status', status: 'read' } },
    };
    await fetch(runtime.originOf('consumer'), { method: 'POST', body: JSON.stringify([EVENT, ofStatus]) });
    await vi.waitFor(async () => expect((await handled()).map(({ id }) => id)).toEqual([EVENT.id, 'end']), {
      timeout: 20_000,
    });
  } finally {
    await runtime.dispose();
  }
});

/** The Node that runs this, and the one of the machine, which can be an older one. */
function nodes(): [version: string, path: string][] {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const ofMachine = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((directory) => !directory.includes('node_modules'))
    .map((directory) => join(directory, name))
    .find((path) => existsSync(path));
  const paths = [process.execPath, ...(ofMachine === undefined ? [] : [ofMachine])];
  return [...new Map(paths.map((path) => [run(path, ['--version'], ROOT).trim(), path]))];
}

it.each(nodes())('runs in plain Node %s', (_, node) => {
  const program = write(
    'consume.mjs',
    `import { canonicalContact, consume, parseEvent } from 'instant-message-consumer';
    const event = ${JSON.stringify(EVENT)};
    const seen = [];
    const message = (id, body) => ({
      id, body, attempts: 1, ack: () => seen.push(id + ' acknowledged'), retry: () => seen.push(id + ' retried'),
    });
    const queue = consume({
      onResponse: (event) => {
        if (event.id === 'fails') throw new Error();
        return event.id === 'hangs' ? new Promise(() => {}) : undefined;
      },
      handlerTimeoutSeconds: 0.05,
    });
    console.error = () => {};
    const messages = [event, { ...event, id: 'fails' }, { ...event, id: 'hangs' }, { ...event, contact: '+551' }];
    await queue({ queue: 'events', messages: messages.map((body, index) => message(index, body)) }, {});
    seen.push(parseEvent(event).ok, parseEvent({}).problems.length > 0, canonicalContact('0xx44 8895-6674'));
    console.log(JSON.stringify(seen));`,
  );
  expect(JSON.parse(run(node, [program], project))).toEqual([
    '0 acknowledged',
    '3 acknowledged',
    '1 retried',
    '2 retried',
    true,
    true,
    '+5544988956674',
  ]);
});

it('reads phone numbers as the receiver does, with what it has of libphonenumber', () => {
  const written = getCountries().flatMap(waysToWrite);
  const sample = (form: RegExp) => fc.sample(fc.stringMatching(form), { numRuns: 5_000, seed: 1 });
  written.push(...sample(/^[1-9]\d{9,10}$/), ...sample(/^\+[1-9]\d{5,14}$/));
  const packageRequire = createRequire(join(project, 'package.json'));
  const kit = packageRequire('instant-message-consumer') as typeof import('instant-message-consumer');
  const differing = written.filter((text) => kit.canonicalContact(text) !== canonicalContact(text));
  expect(differing).toEqual([]);
  expect(kit.canonicalContact).not.toBe(canonicalContact);

  function waysToWrite(country: CountryCode): string[] {
    const code = getCountryCallingCode(country);
    const national = examples[country] ?? '';
    const trunks = ['', '0', '00', '1', '8', '9', '15', '044'];
    return [...trunks.map((trunk) => `+${code}${trunk}${national}`), `${code}${national}`, national];
  }
});
