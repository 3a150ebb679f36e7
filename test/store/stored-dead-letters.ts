// Dead letters straight into D1: as the receiver would have kept them.

import { env } from 'cloudflare:workers';
import { recordDeadLetters } from '../../src/store/dead-letters.ts';

/** Keeps so many dead letters of each integration, taking turns. */
export async function storeDeadLetters(counts: Record<string, number>): Promise<void> {
  const letters = Object.entries(counts)
    .flatMap(([integration, count]) => Array.from({ length: count }, (_, n) => ({ n, integration })))
    .sort((a, b) => a.n - b.n)
    .map(({ n, integration }) => ({
      kind: 'given-up' as const,
      route: 'events',
      integration,
      messageId: crypto.randomUUID(),
      event: { id: `m${n}:e:response`, integration, type: 'response' as const, contact: null },
      attempts: 3,
      sentAtMs: 0,
      body: '{}',
    }));
  for (let from = 0; from < letters.length; from += 500) {
    await recordDeadLetters(env.DB, letters.slice(from, from + 500), Date.now());
  }
}
