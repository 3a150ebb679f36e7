// `npm run tail`: events in the terminal, as the receiver stores them.
import { once } from 'node:events';
import { UsageError } from './command-line.ts';
import { Refusal } from './deploy/refusal.ts';
import { DEV_VARS, readDevVars } from './dev-vars.ts';
import { eventLine, isColored } from './tail/event-line.ts';
import { FiltersRefused, follow, TailUnusable } from './tail/follow.ts';
import { parseTailOptions, type TailOptions, USAGE } from './tail/options.ts';
import { printableJson } from './tail/terminal-text.ts';

const THIS_MACHINE = ['127.0.0.1', 'localhost', '[::1]'];
const EXIT_UNUSABLE = 1;
const EXIT_USAGE = 2;

const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
// Whoever read the output has seen enough: `npm run tail | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  ended.abort();
});

try {
  const options = parseTailOptions(process.argv.slice(2), Date.now());
  if (options.kind === 'help') console.log(USAGE);
  else await tail(options);
} catch (error) {
  const isUsage = error instanceof UsageError || error instanceof FiltersRefused;
  const isExpected = isUsage || error instanceof TailUnusable || error instanceof Refusal;
  console.error(isExpected ? `tail: ${error.message}` : error);
  process.exitCode = isUsage ? EXIT_USAGE : EXIT_UNUSABLE;
}

async function tail({ url: base, filter, token, json, color }: TailOptions): Promise<void> {
  const hasColors = isColored(color, process.stdout.isTTY === true, process.env);
  const url = new URL(`${base.origin}${base.pathname.replace(/\/*$/, '/')}api/tail`);
  url.search = String(new URLSearchParams(filter));
  await follow(
    {
      url,
      token: token ?? (process.env.READ_TOKEN || process.env.ADMIN_TOKEN || localToken(base)),
      print: async (event) => print(json ? printableJson(event) : eventLine(event, hasColors)),
      tell: (notice) => console.error(notice),
    },
    ended.signal,
  );
}

/** Waits where the reader is slow. */
async function print(line: string): Promise<void> {
  if (process.stdout.write(`${line}\n`)) return;
  await once(process.stdout, 'drain', { signal: ended.signal });
}

/** The token of `npm start`. It is no other receiver's, so it goes to this machine only. */
function localToken({ hostname }: URL): string {
  if (!THIS_MACHINE.includes(hostname)) {
    throw new UsageError('--url of another machine needs --token, its admin or read token');
  }
  const { ADMIN_TOKEN: token } = readDevVars(DEV_VARS);
  if (!token) {
    throw new TailUnusable(
      'there is no ADMIN_TOKEN in .dev.vars: run `npm start` first, or give --url and --token',
    );
  }
  return token;
}
