-- Migration 0003: replays, dead letters, and counters.
-- Times are Unix milliseconds unless a name says otherwise.

-- Whether it was stored by way of the intake queue, and how often it was put back to be forwarded again.
ALTER TABLE events ADD COLUMN deferred INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN replays INTEGER NOT NULL DEFAULT 0;

-- Replays that were asked for. A job walks its range of `seq` and puts back what matches, in steps of the cron.
CREATE TABLE replays (
  id         INTEGER PRIMARY KEY,             -- microseconds since 1970, as `seq` of events
  actor      TEXT    NOT NULL,
  filter     TEXT    NOT NULL,                -- JSON, canonical; its contact is blotted out when the job ends
  state      TEXT    NOT NULL CHECK (state IN ('running', 'done', 'cancelled')),
  from_seq   INTEGER NOT NULL,
  until_seq  INTEGER NOT NULL,                -- exclusive: what arrives after the job was made is not replayed
  next_seq   INTEGER NOT NULL,                -- walked up to here
  put_back   INTEGER NOT NULL DEFAULT 0,
  forwarded  INTEGER NOT NULL DEFAULT 0,      -- of those that were put back
  updated_at INTEGER NOT NULL
) STRICT;

-- The jobs that take turns.
CREATE INDEX replays_running ON replays (updated_at) WHERE state = 'running';

-- Events that are to be forwarded again: apart from the outbox, so that no new event waits behind a million old ones.
-- By job first: what waits of one is found, counted and taken out without an index, which every event would pay for.
-- An event that is deleted meanwhile leaves its row to the sweep, which drops it.
CREATE TABLE replaying (
  job    INTEGER NOT NULL,                    -- replays.id; 0: a single event
  seq    INTEGER NOT NULL,
  replay INTEGER NOT NULL,                    -- the number that the message gets
  PRIMARY KEY (job, seq)
) STRICT, WITHOUT ROWID;

-- Messages that a consumer gave up on, out of its dead-letter queue.
CREATE TABLE dead_letters (
  seq         INTEGER PRIMARY KEY,            -- microseconds since 1970, as in events
  message_id  TEXT    NOT NULL UNIQUE,        -- the queue's: a message that comes twice is kept once
  event_id    TEXT,                           -- NULL where the message is none of ours
  integration TEXT,
  type        TEXT,
  contact     TEXT,
  attempts    INTEGER NOT NULL,               -- as the dead-letter queue counts them
  received_at INTEGER NOT NULL,               -- when the message was sent, as the queue says
  body        TEXT    NOT NULL                -- JSON
) STRICT;

-- An event that is erased takes its dead letters with it.
CREATE INDEX dead_letters_by_event ON dead_letters (event_id, integration);

-- What happened, by minute (step 60), by hour (step 3600, once the hour is over) and since the beginning (step 0).
CREATE TABLE counters (
  step        INTEGER NOT NULL,               -- seconds
  start       INTEGER NOT NULL,
  integration TEXT    NOT NULL,
  kind        TEXT    NOT NULL,
  count       INTEGER NOT NULL,
  PRIMARY KEY (step, start, integration, kind)
) STRICT, WITHOUT ROWID;

-- How long messages took from one step to the next, by hour (step 3600), by day (86400) and since the beginning (0).
-- Bucket b holds the times from 2^(b/8) up to 2^((b+1)/8) ms; 0 also what is shorter. Apart from the counters, so that
-- those can be read over a long time without these.
CREATE TABLE lags (
  step        INTEGER NOT NULL,
  start       INTEGER NOT NULL,
  integration TEXT    NOT NULL,
  steps       TEXT    NOT NULL,               -- sent-delivered, delivered-read, read-response
  bucket      INTEGER NOT NULL,
  count       INTEGER NOT NULL,
  PRIMARY KEY (step, start, integration, steps, bucket)
) STRICT, WITHOUT ROWID;

-- How far a recurring task has come.
CREATE TABLE progress (
  task TEXT    PRIMARY KEY,
  seq  INTEGER NOT NULL,                      -- of events; 0: the task has no place among them
  at   INTEGER NOT NULL                       -- when
) STRICT, WITHOUT ROWID;

-- Repeats and rejections leave no event behind to be counted later, so they are counted as they come.
CREATE TRIGGER count_duplicates AFTER UPDATE OF deliveries ON events WHEN NEW.deliveries > OLD.deliveries BEGIN
  INSERT INTO counters (step, start, integration, kind, count)
  VALUES (60, unixepoch() / 60 * 60000, NEW.integration, 'duplicate', NEW.deliveries - OLD.deliveries)
  ON CONFLICT (step, start, integration, kind) DO UPDATE SET count = count + excluded.count;
END;

-- Deliveries of a new event that came at the same time and were stored together.
CREATE TRIGGER count_duplicates_at_once AFTER INSERT ON events WHEN NEW.deliveries > 1 BEGIN
  INSERT INTO counters (step, start, integration, kind, count)
  VALUES (60, unixepoch() / 60 * 60000, NEW.integration, 'duplicate', NEW.deliveries - 1)
  ON CONFLICT (step, start, integration, kind) DO UPDATE SET count = count + excluded.count;
END;

CREATE TRIGGER count_rejections AFTER INSERT ON rejections BEGIN
  INSERT INTO counters (step, start, integration, kind, count)
  VALUES (60, unixepoch() / 60 * 60000, NEW.integration, 'rejected', NEW.deliveries)
  ON CONFLICT (step, start, integration, kind) DO UPDATE SET count = count + excluded.count;
END;

CREATE TRIGGER count_repeated_rejections AFTER UPDATE OF deliveries ON rejections
WHEN NEW.deliveries > OLD.deliveries BEGIN
  INSERT INTO counters (step, start, integration, kind, count)
  VALUES (60, unixepoch() / 60 * 60000, NEW.integration, 'rejected', NEW.deliveries - OLD.deliveries)
  ON CONFLICT (step, start, integration, kind) DO UPDATE SET count = count + excluded.count;
END;
