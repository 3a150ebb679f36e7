// `npm run tail`: shows events in the terminal as the receiver stores them.
import { once } from 'node:events';
import { isColored, runCommand } from './command-line.ts';
import { localAdminToken } from './dev-vars.ts';
import { eventLine } from './tail/event-line.ts';
import { follow } from './tail/follow.ts';
import { parseTailOptions, type TailOptions, USAGE } from './tail/options.ts';
import { printableJson } from './terminal-text.ts';

const ended = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
// The reader of the output has ended, as in `npm run tail | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  ended.abort();
});

await runCommand('tail', async () => {
  const options = parseTailOptions(process.argv.slice(2), Date.now(), process.env);
  if (options.kind === 'help') console.log(USAGE);
  else await tail(options);
});

async function tail({ url: base, filter, token, json, color }: TailOptions): Promise<void> {
  const hasColors = isColored(color, process.stdout.isTTY === true, process.env);
  const url = new URL(`${base.origin}${base.pathname.replace(/\/*$/, '/')}api/tail`);
  url.search = String(new URLSearchParams(filter));
  await follow(
    {
      url,
      token: token ?? (process.env.READ_TOKEN || process.env.ADMIN_TOKEN || localAdminToken(base)),
      print: async (event) => print(json ? printableJson(event) : eventLine(event, hasColors)),
      tell: (notice) => console.error(notice),
    },
    ended.signal,
  );
}

/** Prints a line, and waits while the reader is slow. */
async function print(line: string): Promise<void> {
  if (process.stdout.write(`${line}\n`)) return;
  await once(process.stdout, 'drain', { signal: ended.signal });
}
