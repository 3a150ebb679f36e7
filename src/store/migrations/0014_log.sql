-- Migration 0014: the events are a log, and each way out of it a route with a position.

-- A way out: a queue, which events go there, and how far it has come. `events` has the binding EVENTS, each other one
-- EVENTS_<NAME>.
CREATE TABLE routes (
  name       TEXT    PRIMARY KEY,
  filter     TEXT    NOT NULL,                -- JSON { integrations, types, statuses }; what is absent lets all through
  state      TEXT    NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'paused')),
  version    INTEGER NOT NULL,                -- of the filter; unique and growing over all routes that ever were
  began      INTEGER NOT NULL,                -- it wants nothing up to this place of the log
  position   INTEGER NOT NULL,                -- everything up to this place that it wants was confirmed by its queue
  counted    INTEGER NOT NULL,                -- and of that everything up to here is counted
  created_at INTEGER NOT NULL,
  state_at   INTEGER NOT NULL                 -- since when it has its state
) STRICT, WITHOUT ROWID;

-- Stretches of the log beyond the position, of which everything that the route wants was confirmed. None lies within another.
CREATE TABLE forwarded (
  route TEXT    NOT NULL,
  after INTEGER NOT NULL,
  last  INTEGER NOT NULL,
  PRIMARY KEY (route, after)
) STRICT, WITHOUT ROWID;

-- Events that the queue of a route refused by themselves, in runs in which it took others. Those that were given up are
-- dead letters, and stay here for as long as their events may be stored.
CREATE TABLE refused (
  route    TEXT    NOT NULL,
  seq      INTEGER NOT NULL,
  refusals INTEGER NOT NULL,
  given_up INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (route, seq)
) STRICT, WITHOUT ROWID;

-- A version is given once, like a place: what was sent under an earlier one confirms nothing under a later.
CREATE TRIGGER routes_leave_version AFTER DELETE ON routes BEGIN
  INSERT INTO last_places (of_table, seq) VALUES ('routes', OLD.version)
  ON CONFLICT (of_table) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > last_places.seq;
END;

-- The queue that there was is the first route. What waits in the outbox are gaps of it, and the rest was confirmed.
INSERT INTO routes (name, filter, version, began, position, counted, created_at, state_at)
SELECT
  'events', '{}', 1, 0, coalesce((SELECT min(seq) - 1 FROM outbox), log.last), log.last, unixepoch() * 1000, unixepoch() * 1000
FROM (
  SELECT max(
    coalesce((SELECT max(seq) FROM events), 0), coalesce((SELECT seq FROM last_places WHERE of_table = 'events'), 0)
  ) AS last
) AS log;

INSERT INTO forwarded (route, after, last)
SELECT 'events', waiting.seq, min(waiting.until, (SELECT counted FROM routes))
FROM (SELECT seq, coalesce(lead(seq) OVER (ORDER BY seq) - 1, 9007199254740991) AS until FROM outbox) AS waiting
WHERE EXISTS (SELECT 1 FROM events AS e WHERE e.seq > waiting.seq AND e.seq <= waiting.until);

-- A Worker from before this migration may run for a while longer. What it stores still waits in the outbox, which it sweeps,
-- and is confirmed where it leaves the outbox. What this one stores has -1 for its replays, a column that nothing else uses
-- any more: that event never enters the outbox, which would cost two rows.
DROP TRIGGER events_into_outbox;
CREATE TRIGGER events_into_outbox AFTER INSERT ON events WHEN NEW.replays >= 0 BEGIN
  INSERT INTO outbox (seq) VALUES (NEW.seq);
END;

CREATE TRIGGER outbox_confirms AFTER DELETE ON outbox BEGIN
  INSERT INTO forwarded (route, after, last)
  SELECT name, OLD.seq - 1, OLD.seq FROM routes
  WHERE name = 'events' AND position < OLD.seq
    AND NOT EXISTS (SELECT 1 FROM forwarded WHERE route = 'events' AND after < OLD.seq AND last >= OLD.seq);
END;

-- Replays are readers of the log, each of one route. Until now there was one queue.
ALTER TABLE replays ADD COLUMN route TEXT NOT NULL DEFAULT 'events';
ALTER TABLE replays ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
-- How many events were sent again, and how many of those are counted: JSON objects, by integration.
ALTER TABLE replays ADD COLUMN sent TEXT NOT NULL DEFAULT '{}';
ALTER TABLE replays ADD COLUMN counted TEXT NOT NULL DEFAULT '{}';

-- Which are read to find those that run. Their places change with each page, which must not write an index.
DROP INDEX replays_running;
CREATE INDEX replays_open ON replays (id) WHERE state = 'running';

-- What was put back is sent by its replay instead, from there on. A single event gets a replay of its own.
UPDATE replays SET next_seq = min(next_seq, waiting.seq)
FROM (SELECT job, min(seq) AS seq FROM replaying WHERE job <> 0 GROUP BY job) AS waiting
WHERE replays.id = waiting.job AND replays.state = 'running';
INSERT INTO replays (id, actor, filter, state, from_seq, until_seq, next_seq, updated_at)
SELECT
  unixepoch() * 1000000 + row_number() OVER (ORDER BY seq), 'receiver', '{}', 'running', seq, seq + 1, seq, unixepoch() * 1000
FROM replaying WHERE job = 0;
DELETE FROM replaying;

-- A Worker from before this migration says so when it is asked for a replay, rather than leave it where nobody looks.
CREATE TRIGGER replaying_is_over BEFORE INSERT ON replaying BEGIN
  SELECT RAISE (ABORT, 'replays are worked off by a newer version');
END;

-- The route that a dead letter comes from; NULL: it is a webhook. There was one queue until now.
ALTER TABLE dead_letters ADD COLUMN route TEXT;
UPDATE dead_letters SET route = 'events' WHERE kind <> 'intake';
CREATE INDEX dead_letters_by_route ON dead_letters (route);

-- Counters of what is forwarded name the route.
UPDATE counters SET kind = kind || ':events' WHERE kind IN ('forwarded', 'replayed');
