// What of wrangler dev's output reaches the terminal, and from when: the Workers' own lines, labelled, and everything that is
// not known to be noise. A list of what to hide, not of what to show: an unforeseen error must get through.
import { stripVTControlCharacters } from 'node:util';

/** By the names in the two wrangler.toml files. */
const LABELS: Record<string, string> = {
  'instant-message-receiver': 'receiver',
  'instant-message-push-consumer': 'consumer',
};

const NOISE = [
  /^\s*$/,
  // One line a request. Request lines hold the URL, and with it the token.
  /^\[wrangler:info\] ([A-Z]+ \/|QUEUE |Ready on )/,
  /^⎔ Starting local server/,
  /^Using secrets defined in /,
  / has access to the following bindings:$/,
  /^Binding\s+Resource\s+Mode/,
  /^env\.\w+ \(/,
  /^Service bindings, Durable Object bindings, and Tail consumers/,
  /^⎔ Connection status updated/,
  /^Cloudflare collects anonymous telemetry/, // it does not: WRANGLER_SEND_METRICS
  // Cron triggers: `npm start` fires them.
  /Scheduled Workers are not automatically triggered during local development/,
  /^\s*To manually trigger a scheduled event, run:/,
  /^\s*curl "http[^"]*\/cdn-cgi\/[^"]*"$/,
  /^\s*For more details, see \S*cron-triggers/,
];

/** The line to show for a line of wrangler's output; undefined for noise. */
export function presentLine(line: string): string | undefined {
  const text = stripVTControlCharacters(line).trimEnd();
  if (NOISE.some((pattern) => pattern.test(text))) return undefined;

  const [, worker = '', logged = ''] = /^\[([\w-]+)\] (.*)$/.exec(text) ?? [];
  const label = LABELS[worker];
  if (label !== undefined) return `${label}  ${logged}`;

  // The receiver's structured warnings and errors, which wrangler frames without naming the Worker.
  const [, structured] = /^\S+ \[(?:WARNING|ERROR)\] (\{"level":.*)$/.exec(text) ?? [];
  return structured === undefined ? line : `receiver  ${structured}`;
}

/** Keeps lines back until they are released, and writes those that come later at once. */
export class HeldLines {
  #held: string[] | undefined = [];

  add(line: string | undefined): void {
    if (line === undefined) return;
    if (this.#held) this.#held.push(line);
    else console.log(line);
  }

  /** What is kept back, each line once: a receiver that refuses to work says so on every request. */
  distinct(): string {
    return [...new Set(this.#held)].join('\n');
  }

  release(): void {
    for (const line of this.#held ?? []) console.log(line);
    this.#held = undefined;
  }
}
