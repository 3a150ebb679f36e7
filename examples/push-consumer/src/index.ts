// A consumer of the events queue: answers customers within their window, and keeps the status of each message.

import { consume, conversationWindow, d1Once, dataFromService } from 'instant-message-consumer';
import { describeEvent } from './describe-event.ts';
import { keepStatus } from './message-statuses.ts';
import { type Platform, reply } from './reply.ts';

export interface Env {
  STATE: D1Database;
  RECEIVER: Fetcher;
  INSTANT_MESSAGE_URL: string;
  /** Without it nobody is answered. */
  INSTANT_MESSAGE_TOKEN?: string;
}

const REPLY = 'Recebemos a sua mensagem e já vamos responder.';

export default {
  queue: consume<Env>({
    // An answer must not be sent twice. A printed line can come twice.
    once: (env) => (platformOf(env) ? d1Once(env.STATE) : undefined),
    fetchData: (env) => dataFromService(env.RECEIVER),

    async onResponse(event, { env, signal }) {
      const platform = platformOf(env);
      const mayAnswer = platform !== undefined && conversationWindow(event, Date.now()).open;
      if (mayAnswer && (await reply(platform, event, REPLY, signal))) {
        console.log(`answered ${event.id}`);
      } else {
        console.log(describeEvent(event));
      }
    },

    async onStatus(event, { env }) {
      await keepStatus(env.STATE, event.data);
      console.log(describeEvent(event));
    },
  }),
} satisfies ExportedHandler<Env>;

function platformOf({ INSTANT_MESSAGE_URL: url, INSTANT_MESSAGE_TOKEN: token }: Env): Platform | undefined {
  return token ? { url, token } : undefined;
}
