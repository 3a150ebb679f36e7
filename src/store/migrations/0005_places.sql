-- Migration 0005: a place is given once, whatever is deleted.

-- The greatest place that a deleted row had, of each table whose rows have places. The next row's place lies behind it.
-- Without it the place of an erased event could be given to another one, and what was still under way for the first
-- (its confirmation by the queue, a reader's cursor) would be taken for the second's.
CREATE TABLE last_places (
  of_table TEXT    PRIMARY KEY,
  seq      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was counted may have been deleted since; so may what jobs had put back.
INSERT INTO last_places (of_table, seq)
SELECT 'events', max(
  coalesce((SELECT seq FROM progress WHERE task = 'counters'), 0),
  coalesce((SELECT max(seq) FROM outbox), 0),
  coalesce((SELECT max(until_seq) FROM replays), 0)
);

-- Only the newest row leaves its place behind: those before it are behind the newest that is still there.
CREATE TRIGGER events_leave_place AFTER DELETE ON events
WHEN NOT EXISTS (SELECT 1 FROM events WHERE seq > OLD.seq) BEGIN
  INSERT INTO last_places (of_table, seq) VALUES ('events', OLD.seq)
  ON CONFLICT (of_table) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > last_places.seq;
END;

CREATE TRIGGER rejections_leave_place AFTER DELETE ON rejections
WHEN NOT EXISTS (SELECT 1 FROM rejections WHERE seq > OLD.seq) BEGIN
  INSERT INTO last_places (of_table, seq) VALUES ('rejections', OLD.seq)
  ON CONFLICT (of_table) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > last_places.seq;
END;

CREATE TRIGGER dead_letters_leave_place AFTER DELETE ON dead_letters
WHEN NOT EXISTS (SELECT 1 FROM dead_letters WHERE seq > OLD.seq) BEGIN
  INSERT INTO last_places (of_table, seq) VALUES ('dead_letters', OLD.seq)
  ON CONFLICT (of_table) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > last_places.seq;
END;

-- Nothing deletes from the audit trail. Should something ever do, its places are given once as well.
CREATE TRIGGER audit_leave_place AFTER DELETE ON audit
WHEN NOT EXISTS (SELECT 1 FROM audit WHERE seq > OLD.seq) BEGIN
  INSERT INTO last_places (of_table, seq) VALUES ('audit', OLD.seq)
  ON CONFLICT (of_table) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > last_places.seq;
END;
