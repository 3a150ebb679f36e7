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
