// Builds the package into dist/: one module, and one file of its types. `npm pack` and `npm publish` run it first.
//
// The contract of events is the receiver's own, ../../src/contract: it is bundled here, and written down once.
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
/** Where the declarations of each file stand before they are made one. */
const DECLARATIONS = join(DIST, 'declarations');

/**
 * Places in a country's metadata of what only writes and dials numbers: the prefix to dial abroad, and the formats.
 * See https://gitlab.com/catamphetamine/libphonenumber-js/-/blob/master/METADATA.md
 */
const METADATA_TO_WRITE_NUMBERS = [1, 4];

/** Modules of libphonenumber-js by what is enough where all that is read is `+` and digits, as contact.ts has it. */
const ENOUGH_TO_READ_NUMBERS = new Map([
  ['normalizeArguments.js', 'export default ([text, metadata]) => ({ text, options: {}, metadata });'],
  [
    'extractFormattedPhoneNumberFromPossibleRfc3966NumberUri.js',
    'export default (text, { extractFormattedPhoneNumber }) => extractFormattedPhoneNumber(text);',
  ],
  ['extractExtension.js', 'export default () => ({});'],
  ['format.js', 'export default () => {}; export const chooseFormatForNumber = () => {};'],
  ['ParseError.js', 'export default class extends Error {}'],
]);

interface Metadata {
  countries: Record<string, unknown[]>;
  nonGeographic: Record<string, unknown[]>;
}

/**
 * Leaves out of libphonenumber-js what is not needed to read a number, so that the package can hold the rest and asks
 * its users for zod alone: numbers are never written in a country's format, and no error of it is seen outside.
 */
const onlyReadNumbers: Plugin = {
  name: 'only-read-numbers',
  async load(id) {
    if (!id.includes('libphonenumber-js')) return null;
    const file = basename(id);
    if (file !== 'metadata.mobile.json.js') return ENOUGH_TO_READ_NUMBERS.get(file);
    const metadata = JSON.parse(await readFile(id.replace(/\.js$/, ''), 'utf8')) as Metadata;
    for (const country of Object.values({ ...metadata.countries, ...metadata.nonGeographic })) {
      for (const place of METADATA_TO_WRITE_NUMBERS) country[place] = 0;
    }
    return `export default ${JSON.stringify(metadata)}`;
  },
};

await rm(DIST, { recursive: true, force: true });

await build({
  input: join(SOURCES, 'index.ts'),
  external: ['zod'],
  plugins: [onlyReadNumbers],
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
