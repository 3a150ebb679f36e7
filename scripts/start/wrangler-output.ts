// Filters the output of wrangler dev. The Workers' own lines get a label; known noise is hidden, and everything else is shown,
// so that no unforeseen error is lost.
import { stripVTControlCharacters } from 'node:util';

/** Labels of the Workers, equally wide, by their names in their wrangler.toml files. */
const LABELS: Record<string, string> = {
  'instant-message-receiver': 'receiver',
  'instant-message-push-consumer': 'consumer',
  'instant-message-crm-consumer': 'crm     ',
};

const NOISE = [
  /^\s*$/,
  // Each request has a line with its URL, which holds the token.
  /^\[wrangler:info\] ([A-Z]+ \/|QUEUE |Ready on )/,
  /^⎔ Starting local server/,
  /^Using secrets defined in /,
  / has access to the following bindings:$/,
  /^Binding\s+Resource\s+Mode/,
  /^env\.\w+ /,
  /^Service bindings, Durable Object bindings, and Tail consumers/,
  /^⎔ Connection status updated/,
  /^Cloudflare collects anonymous telemetry/, // switched off by WRANGLER_SEND_METRICS
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

  // Wrangler frames the receiver's structured warnings and errors without naming the Worker.
  const [, structured] = /^\S+ \[(?:WARNING|ERROR)\] (\{"level":.*)$/.exec(text) ?? [];
  return structured === undefined ? line : `receiver  ${structured}`;
}

/** Holds lines back until they are released, and writes later ones at once. */
export class HeldLines {
  #held: string[] | undefined = [];

  add(line: string | undefined): void {
    if (line === undefined) return;
    if (this.#held) this.#held.push(line);
    else console.log(line);
  }

  /** The held lines, each once: a receiver that cannot work says so on every request. */
  distinct(): string {
    return [...new Set(this.#held)].join('\n');
  }

  release(): void {
    for (const line of this.#held ?? []) console.log(line);
    this.#held = undefined;
  }
}
