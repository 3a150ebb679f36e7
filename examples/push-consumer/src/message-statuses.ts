// The table of message statuses: the effective status of each message, however its events arrive.

import { type Status, type StatusWebhook, statusRank } from 'instant-message-consumer';

/** The rank orders statuses; by it a late event is told from a new one. */
const TABLE = `CREATE TABLE IF NOT EXISTS message_statuses (
  message_id TEXT    PRIMARY KEY,
  status     TEXT    NOT NULL,
  rank       INTEGER NOT NULL
) STRICT, WITHOUT ROWID`;

/** Keeps a step, unless a further one is known already. In one statement: invocations run beside each other. */
export async function keepStatus(db: D1Database, { event, message }: StatusWebhook<Status>): Promise<void> {
  const upsert = async () =>
    db
      .prepare(
        `INSERT INTO message_statuses (message_id, status, rank) VALUES (?1, ?2, ?3)
         ON CONFLICT (message_id) DO UPDATE SET status = ?2, rank = ?3 WHERE rank < ?3`,
      )
      .bind(message.messageId, event.status, statusRank(event.status))
      .run();
  try {
    await upsert();
  } catch (error) {
    if (!String(error).includes('no such table')) throw error;
    await db.prepare(TABLE).run(); // on first use, so that the example needs no migration
    await upsert();
  }
}
