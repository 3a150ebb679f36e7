// The text that `npm start` prints: where the receiver is, and commands that can be copied.

export interface Running {
  /** E.g. `http://localhost:8787`. */
  origin: string;
  /** The demo's webhook URL, with the receiver's public address where one is configured. */
  webhookUrl: string;
  adminToken: string;
  /** The body to send, as the platform documents it. */
  sample: string;
  /** Whether the example consumers run with it. */
  hasConsumer: boolean;
  /** Whether there is the route of the second one. */
  hasSecondRoute: boolean;
  /** The address that it was told to listen on. */
  ip?: string | undefined;
  /** `process.platform` of whose shells the commands are for. */
  platform: NodeJS.Platform;
}

const BESIDE_CONSUMER = `From here on: what the example consumer reads from the queue, and the receiver's log.`;
const BESIDE_CONSUMERS = `From here on: what the example consumers read from their queues, and the receiver's log. \`consumer\` gets
every event, \`crm\` the responses alone, by a route of its own.`;
const ALONE = `From here on: the receiver's log. A local queue drops what nobody consumes. For the example, in another terminal:

npx wrangler dev -c examples/push-consumer/wrangler.toml --port 8788`;

/** The text for the terminal. */
export function instructionsFor(running: Running): string {
  const { origin, webhookUrl, adminToken, ip } = running;
  const reach =
    ip === undefined ? '' : `\nIt listens on ${ip}: whoever reaches that address reaches it, too.\n`;
  return `
The receiver runs at ${origin}. Ctrl-C ends it; its events are kept.
${reach}
Webhook URL of the integration "demo":

  ${webhookUrl}

Dashboard, and the admin token to sign in with:

  ${origin}/
  ${adminToken}

Send the documented response. The same again is a duplicate:

${commandsFor(running, sendingIn)}

Read what is stored:

${commandsFor(running, listingIn)}

${lastWordsFor(running)}
`;
}

function lastWordsFor({ hasConsumer, hasSecondRoute }: Running): string {
  if (!hasConsumer) return ALONE;
  return hasSecondRoute ? BESIDE_CONSUMERS : BESIDE_CONSUMER;
}

type Shell = 'posix' | 'powershell';

/** A command for each shell that people of a platform use. */
function commandsFor(running: Running, commandIn: Record<Shell, (running: Running) => string>): string {
  if (running.platform !== 'win32') return commandIn.posix(running);
  return `In PowerShell:\n\n${commandIn.powershell(running)}\n\nIn Git Bash:\n\n${commandIn.posix(running)}`;
}

const sendingIn = {
  // As in the platform's documentation: `--data-raw` and no content type.
  posix: (running) =>
    `curl --request POST ${shellQuote(localUrl(running))} --data-raw ${shellQuote(running.sample)}`,
  // Windows PowerShell sends UTF-8 only with the charset.
  powershell: (running) =>
    `Invoke-RestMethod -Method Post -Uri ${powershellQuote(localUrl(running))} -ContentType 'application/json; charset=utf-8' -Body ${powershellQuote(running.sample)}`,
} as const satisfies Record<Shell, (running: Running) => string>;

const listingIn = {
  posix: ({ origin, adminToken }) =>
    `curl ${shellQuote(`${origin}/api/events`)} --header ${shellQuote(`Authorization: Bearer ${adminToken}`)}`,
  powershell: ({ origin, adminToken }) =>
    `Invoke-RestMethod -Uri ${powershellQuote(`${origin}/api/events`)} -Headers @{ Authorization = ${powershellQuote(`Bearer ${adminToken}`)} } | ConvertTo-Json -Depth 20`,
} as const satisfies Record<Shell, (running: Running) => string>;

/** The webhook URL on this machine, also where the receiver has a public address. */
function localUrl({ webhookUrl, origin }: Running): string {
  return new URL(new URL(webhookUrl).pathname, origin).href;
}

/** Quotes a text as one word for a POSIX shell. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Quotes a text for PowerShell, which also takes typographic quotation marks for quotation marks: each is doubled. */
export function powershellQuote(text: string): string {
  return `'${text.replace(/['\u2018-\u201b]/g, '$&$&')}'`;
}
