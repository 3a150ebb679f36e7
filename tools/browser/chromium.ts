// Chromium, as tests and screenshots use it. It must be installed on the machine: none is downloaded.
import { accessSync, constants } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Makes no requests but those of the pages, and needs neither a sandbox of the kernel nor a GPU. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The path of Chromium: CHROMIUM_PATH, or one of those that Linux distributions use. `null`: it is not installed. */
export function findChromium(): string | null {
  const named = process.env.CHROMIUM_PATH;
  const places = named ? [named] : PLACES;
  return places.find(isExecutable) ?? null;
}

export async function launchChromium(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === null) {
    throw new Error(`no Chromium: install it (${PLACES.join(', ')}), or name it in CHROMIUM_PATH`);
  }
  return chromium.launch({ executablePath, args: ARGUMENTS });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
