// Builds the package into dist/: one module, and one file of its types. `npm pack` and `npm publish` run it first.
//
// The contract of events is bundled from the receiver's own sources, ../../src/contract.
import { spawnSync } from 'node:child_process';
import { glob, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'rolldown';
import { bundleTypes } from './bundle-types.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const PACKAGE = join(PROJECT, 'packages', 'consumer');
const SOURCES = join(PACKAGE, 'src');
const DIST = join(PACKAGE, 'dist');
/** Where the compiler writes a declaration file for each source file. */
const DECLARATIONS = join(DIST, 'declarations');

/**
 * Entries in a country's metadata that only serve to dial and to format numbers: the prefixes for abroad, the formats, the
 * word for an extension.
 */
const UNREAD_METADATA = [1, 4, 12, 13];

/** In place of the module that formats numbers, which is never called. */
const NO_FORMATTING = 'export default undefined; export const chooseFormatForNumber = undefined;';

interface Metadata {
  countries: Record<string, unknown[]>;
  nonGeographic: Record<string, unknown[]>;
}

/**
 * Makes libphonenumber-js small enough to be built in, so that users only have to install zod: it takes the modules for modern
 * engines, without the one that formats numbers, and only the metadata that is needed to read them.
 */
const smallPhoneNumbers: Plugin = {
  name: 'small-phone-numbers',
  async load(id) {
    if (basename(id) === 'metadata.mobile.json.js') {
      const metadata = JSON.parse(await readFile(id.replace(/\.js$/, ''), 'utf8')) as Metadata;
      for (const country of Object.values({ ...metadata.countries, ...metadata.nonGeographic })) {
        for (const place of UNREAD_METADATA) if (country[place]) country[place] = 0;
      }
      return `export default ${JSON.stringify(metadata)}`;
    }
    if (/[\\/]libphonenumber-js[\\/].*[\\/]format\.js$/.test(id)) return NO_FORMATTING;
    const modern = id.replace(/([\\/]libphonenumber-js[\\/])es6\b/, '$1es6-modern');
    return modern === id ? null : readFile(modern, 'utf8');
  },
};

await rm(DIST, { recursive: true, force: true });

await build({
  input: join(SOURCES, 'index.ts'),
  external: ['zod'],
  plugins: [smallPhoneNumbers],
  transform: { target: 'es2022' },
  output: { dir: DIST, minify: true },
});

const { status } = spawnSync(
  process.execPath,
  [
    join(PROJECT, 'node_modules', 'typescript', 'bin', 'tsc'),
    ...['-p', PACKAGE, '--noEmit', 'false', '--declaration', '--emitDeclarationOnly'],
    ...['--rootDir', PROJECT, '--outDir', DECLARATIONS],
  ],
  { stdio: 'inherit' },
);
if (status !== 0) throw new Error('the types cannot be built');

const index = join(DECLARATIONS, 'packages', 'consumer', 'src', 'index.d.ts');
const files = await Array.fromAsync(glob(join(DECLARATIONS, '**', '*.d.ts')));
const types = await bundleTypes(
  index,
  files.filter((file) => file !== index),
);
await writeFile(join(DIST, 'index.d.ts'), types);
await rm(DECLARATIONS, { recursive: true });
