// A consumer that remembers what it handles. While it is told to fail, its messages become dead letters.

import { consume } from 'instant-message-consumer';

interface Env {
  STATE: D1Database;
}

interface Handled {
  id: string;
  source: string;
  replay?: string | number;
}

async function keep({ id, source, replay }: Handled, { STATE }: Env): Promise<void> {
  const toldToFail = await STATE.prepare('SELECT 1 FROM failing').first();
  if (toldToFail !== null) throw new Error('told to fail');
  await STATE.prepare('INSERT INTO handled (id, integration, replay) VALUES (?1, ?2, ?3)')
    .bind(id, source.replace('/webhooks/', ''), replay === undefined ? null : String(replay))
    .run();
}

export default {
  queue: consume<Env>({
    onResponse: async (event, { env }) => keep(event, env),
    onStatus: async (event, { env }) => keep(event, env),
    retry: { firstSeconds: 1, longestSeconds: 1 },
  }),
} satisfies ExportedHandler<Env>;
