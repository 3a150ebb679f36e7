-- As many rows written for each event as this receiver writes: the row itself and two entries in indexes, one of them unique.
CREATE TABLE events (
  seq         INTEGER PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE,
  received_at INTEGER NOT NULL,
  body        TEXT NOT NULL
);
CREATE INDEX events_received_at ON events (received_at);

-- The place up to which the queue has taken everything.
CREATE TABLE routes (
  name     TEXT PRIMARY KEY,
  position INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO routes (name, position) VALUES ('events', 0);
