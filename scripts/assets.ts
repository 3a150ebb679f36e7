// Builds the static files for browsers into dist/assets: the style sheet and the script of the dashboard, and the viewer of
// /docs. Wrangler runs it before it builds or deploys the Worker, see [build] in wrangler.toml.
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { PROJECT } from './project.ts';

const DASHBOARD = join(PROJECT, 'src', 'dashboard', 'browser');
const VIEWER = join(PROJECT, 'node_modules', 'swagger-ui-dist');
/** Nothing else of the package is public. */
const VIEWER_FILES = ['swagger-ui.css', 'index.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

/** The folder that [assets] in wrangler.toml names. */
export const ASSETS_DIRECTORY = join(PROJECT, 'dist', 'assets');

/** Writes all files. Unchanged ones are written again, which does not change their ETag. */
export async function buildAssets(): Promise<void> {
  await mkdir(ASSETS_DIRECTORY, { recursive: true });
  await Promise.all([
    build({
      absWorkingDir: PROJECT,
      entryPoints: [join(DASHBOARD, 'dashboard.ts'), join(DASHBOARD, 'dashboard.css')],
      outdir: ASSETS_DIRECTORY,
      bundle: true,
      minify: true,
      format: 'iife',
      target: ['chrome123', 'firefox128', 'safari17.5'],
      logLevel: 'warning',
    }),
    copyFile(join(DASHBOARD, 'favicon.svg'), join(ASSETS_DIRECTORY, 'favicon.svg')),
    ...VIEWER_FILES.map(async (file) => copyFile(join(VIEWER, file), join(ASSETS_DIRECTORY, file))),
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildAssets();
