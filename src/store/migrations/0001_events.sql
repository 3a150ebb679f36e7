-- Migration 0001: integrations, events and their outbox.
-- Times are Unix milliseconds unless a name says otherwise.

CREATE TABLE integrations (
  slug       TEXT    PRIMARY KEY,
  app_id     TEXT,                          -- bound to this application only; NULL: any
  generation INTEGER NOT NULL DEFAULT 1,    -- of the token in the registered URL
  enabled    INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Append-only but for `deliveries`. `seq` is microseconds since 1970, unique and growing in commit order: the
-- cursor, the sort order, the time filter and the retention boundary. No AUTOINCREMENT: it writes a second table.
CREATE TABLE events (
  seq         INTEGER PRIMARY KEY,
  id          TEXT    NOT NULL,
  integration TEXT    NOT NULL,
  type        TEXT    NOT NULL,
  status      TEXT,
  contact     TEXT    NOT NULL,
  app_id      TEXT    NOT NULL,
  request_id  TEXT    NOT NULL,             -- of the delivery that stored it
  received_at INTEGER NOT NULL,
  occurred_at INTEGER NOT NULL,
  payload     TEXT    NOT NULL,             -- the body exactly as it came
  deliveries  INTEGER NOT NULL DEFAULT 1,
  UNIQUE (id, integration)                  -- id first: a prefix of it is a message's timeline
) STRICT;

CREATE INDEX events_by_contact ON events (contact, seq);

-- Stored and not yet confirmed as forwarded. Filled by the trigger, in the transaction that stores the event.
CREATE TABLE outbox (
  seq    INTEGER PRIMARY KEY,
  replay INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TRIGGER events_into_outbox AFTER INSERT ON events BEGIN
  INSERT INTO outbox (seq) VALUES (NEW.seq);
END;
