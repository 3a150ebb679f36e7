// Keeps the effective status of each message, in whatever order its events arrive.

import { type Status, type StatusWebhook, statusRank } from 'instant-message-consumer';

/** A late event has a lower rank than the status that is stored. */
const TABLE = `CREATE TABLE IF NOT EXISTS message_statuses (
  message_id TEXT    PRIMARY KEY,
  status     TEXT    NOT NULL,
  rank       INTEGER NOT NULL
) STRICT, WITHOUT ROWID`;

/** Stores a step unless a stronger one is stored, in one statement, since invocations run at the same time. */
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
