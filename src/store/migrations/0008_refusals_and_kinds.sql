-- Migration 0008: what a queue never takes, and webhooks that never came out of the intake queue.

-- In how many runs the queue refused the event by itself, and took others. Written for those few only.
ALTER TABLE outbox ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
ALTER TABLE replaying ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;

-- given-up: a consumer failed on it. intake: a webhook that was acknowledged and never stored. never-sent: an event that no
-- queue takes.
ALTER TABLE dead_letters ADD COLUMN kind TEXT NOT NULL DEFAULT 'given-up'
  CHECK (kind IN ('given-up', 'intake', 'never-sent'));
-- Why it was never sent; NULL for the others.
ALTER TABLE dead_letters ADD COLUMN reason TEXT;

-- Those that say that something is amiss with the receiver itself: its health counts them.
CREATE INDEX dead_letters_amiss ON dead_letters (kind) WHERE kind <> 'given-up';

-- Webhooks that were acknowledged are summed apart, as such rejections are: they are never deleted to make room.
DROP TRIGGER sum_new_dead_letters;
DROP TRIGGER sum_deleted_dead_letters;

CREATE TRIGGER sum_new_dead_letters AFTER INSERT ON dead_letters BEGIN
  INSERT INTO usage (kind, integration, items, bytes)
  VALUES (
    iif(NEW.kind = 'intake', 'unstored-webhook', 'dead-letter'), coalesce(NEW.integration, ''), 1, octet_length(NEW.body)
  )
  ON CONFLICT (kind, integration) DO UPDATE SET items = items + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER sum_deleted_dead_letters AFTER DELETE ON dead_letters BEGIN
  UPDATE usage SET items = items - 1, bytes = bytes - octet_length(OLD.body)
  WHERE kind = iif(OLD.kind = 'intake', 'unstored-webhook', 'dead-letter') AND integration = coalesce(OLD.integration, '');
END;
