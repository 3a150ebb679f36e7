// What a started receiver tells the person at the terminal: where it is, and commands that work as they stand.

export interface Running {
  /** E.g. `http://localhost:8787`. */
  origin: string;
  /** The demo's webhook URL as the receiver gives it: with its public address where one is configured. */
  webhookUrl: string;
  adminToken: string;
  /** The body to send, as the platform documents it. */
  sample: string;
  /** Whether the example consumer runs with it. */
  hasConsumer: boolean;
}

const BESIDE_CONSUMER = `From here on: what the example consumer reads from the queue, and the receiver's log.`;
const ALONE = `From here on: the receiver's log. A local queue drops what nobody consumes. For the example, in another terminal:

npx wrangler dev -c examples/push-consumer/wrangler.toml --port 8788`;

/** The text for the terminal. */
export function instructionsFor({ origin, webhookUrl, adminToken, sample, hasConsumer }: Running): string {
  const localUrl = new URL(new URL(webhookUrl).pathname, origin).href;
  // As in the platform's documentation: `--data-raw` and no content type.
  const send = `curl --request POST ${shellQuote(localUrl)} --data-raw ${shellQuote(sample)}`;
  const list = `curl ${shellQuote(`${origin}/api/events`)} --header ${shellQuote(`Authorization: Bearer ${adminToken}`)}`;
  return `
The receiver runs at ${origin}. Ctrl-C ends it; its events are kept.

Webhook URL of the integration "demo":

  ${webhookUrl}

Dashboard, and the admin token to sign in with:

  ${origin}/
  ${adminToken}

Send the documented response. The same again is a duplicate:

${send}

Read what is stored:

${list}

${hasConsumer ? BESIDE_CONSUMER : ALONE}
`;
}

/** One word for a POSIX shell, whatever is in it. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
