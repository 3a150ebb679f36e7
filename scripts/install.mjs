// Installs the dependencies when they are missing or older than the lock file. Plain JavaScript for Node 20:
// it runs before the Node of node_modules/.bin is there.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);

/** The packages that a lock file names. */
function packagesOf(path) {
  try {
    const { packages } = JSON.parse(readFileSync(new URL(path, root), 'utf8'));
    return Object.entries(packages).filter(([name]) => name !== '');
  } catch {
    return undefined;
  }
}

function isInstalled() {
  const wanted = packagesOf('package-lock.json');
  const installed = packagesOf('node_modules/.package-lock.json');
  if (wanted === undefined || installed === undefined) return false;
  const versions = new Map(installed.map(([name, entry]) => [name, entry.version]));
  // Optional packages are those of other platforms: npm leaves them out.
  // The kit is a link into packages/ and has no version.
  return wanted.every(
    ([name, entry]) =>
      entry.optional === true || (versions.has(name) && versions.get(name) === entry.version),
  );
}

if (!isInstalled()) {
  console.log('Installing dependencies (once, and after each change of package-lock.json) …');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status } = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  process.exitCode = status ?? 1;
}
