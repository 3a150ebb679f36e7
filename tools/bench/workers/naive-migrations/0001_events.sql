CREATE TABLE events (
  id          TEXT PRIMARY KEY,
  integration TEXT NOT NULL,
  type        TEXT NOT NULL,
  status      TEXT,
  contact     TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  payload     TEXT NOT NULL
);
