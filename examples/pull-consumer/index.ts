// A consumer outside of Cloudflare: a Node program that pulls events over HTTP and prints a line for each. A queue has
// either a Worker that consumes it or consumers that pull: docs/consumers.md says how to switch.

import { Queues } from 'cloudflare/resources/queues/queues';
import { createClient } from 'cloudflare/tree-shakable';
import { consumeByPull, describeEvent } from './pull.ts';

const { CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_API_TOKEN, QUEUE_ID } = process.env;
if (!CLOUDFLARE_ACCOUNT_ID || !CLOUDFLARE_API_TOKEN || !QUEUE_ID) {
  console.error(`Set CLOUDFLARE_ACCOUNT_ID, QUEUE_ID (\`wrangler queues info instant-message-events\` shows it) and
CLOUDFLARE_API_TOKEN (with the permission Queues: Edit, since to acknowledge is to write).`);
  process.exit(1);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(1); // a second Ctrl-C: leased messages come back when their leases end
    console.log('Stopping after the event under way …');
    stop.abort();
  });
}

const client = createClient({ resources: [Queues], apiToken: CLOUDFLARE_API_TOKEN });

console.log('Pulling events. Ctrl-C ends it.');
await consumeByPull({
  messages: client.queues.messages,
  accountId: CLOUDFLARE_ACCOUNT_ID,
  queueId: QUEUE_ID,
  stop: stop.signal,
  async onEvent(event) {
    console.log(describeEvent(event));
  },
});
