// Cloudflare Access, as far as the receiver asks it for anything: the keys that it signs identities with.

import { WorkerEntrypoint } from 'cloudflare:workers';

/** What it answers with, at once or after a while. */
interface Answer {
  status: number;
  body: string;
  afterMs?: number;
}

let answer: Answer = { status: 404, body: '' };
let requested: string[] = [];

/** The tests' hold on it. */
export class Probe extends WorkerEntrypoint {
  /** Answers like this from now on, and forgets what was requested. */
  answerWith(given: Answer): void {
    answer = given;
    requested = [];
  }

  /** The URLs that were asked for. */
  requested(): string[] {
    return requested;
  }
}

export default {
  async fetch(request) {
    requested.push(request.url);
    const { status, body, afterMs = 0 } = answer;
    await scheduler.wait(afterMs);
    return new Response(body, { status });
  },
} satisfies ExportedHandler;
