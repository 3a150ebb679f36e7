// The platform's `POST /v1/messages`, as far as the documentation tells of it: takes a message from who has the JWT.

import { WorkerEntrypoint } from 'cloudflare:workers';

export interface ReceivedMessage {
  url: string;
  method: string;
  authorization: string | null;
  contentType: string | null;
  body: unknown;
}

let received: ReceivedMessage[] = [];
let failures = 0;

/** The tests' hold on the platform. */
export class Probe extends WorkerEntrypoint {
  /** Forgets what came, and fails so many times from now on. */
  reset(failing = 0): void {
    received = [];
    failures = failing;
  }

  received(): ReceivedMessage[] {
    return received;
  }
}

export default {
  async fetch(request) {
    received.push({
      url: request.url,
      method: request.method,
      authorization: request.headers.get('authorization'),
      contentType: request.headers.get('content-type'),
      body: await request.json(),
    });
    if (failures-- > 0) return new Response(null, { status: 500 });
    return Response.json({ messageId: 'answer' }, { status: 201 });
  },
} satisfies ExportedHandler;
