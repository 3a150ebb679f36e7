-- Migration 0006: what is kept for each integration, in bytes, and which rejections had been acknowledged.

-- Whether one of its deliveries was acknowledged and came by way of the intake queue: it is deleted by its retention, by
-- operators and with its integration, but never to make room. Of what was kept before there was this column, it is told
-- by the time between its arrival and its recording, which is longer than any request waits.
ALTER TABLE rejections ADD COLUMN deferred INTEGER NOT NULL DEFAULT 0 CHECK (deferred IN (0, 1));
UPDATE rejections SET deferred = 1 WHERE seq / 1000 - received_at > 5000;

-- The oldest of an integration that may go to make room.
CREATE INDEX rejections_evictable ON rejections (integration, seq) WHERE deferred = 0;
CREATE INDEX dead_letters_by_integration ON dead_letters (integration, seq);

-- What is kept for each integration. Rejections and dead letters are summed by the triggers below. Events are not, since
-- that would make each dearer: they are summed by a reader of the log, see usage.ts.
CREATE TABLE usage (
  kind        TEXT    NOT NULL,               -- event, rejection, deferred-rejection, dead-letter
  integration TEXT    NOT NULL,               -- empty: of a dead letter that is none of our events
  items       INTEGER NOT NULL,
  bytes       INTEGER NOT NULL,               -- of payloads and bodies
  walked      INTEGER NOT NULL DEFAULT 0,     -- of events: the last search for its oldest got this far in the log
  PRIMARY KEY (kind, integration)
) STRICT, WITHOUT ROWID;

INSERT INTO usage (kind, integration, items, bytes)
SELECT iif(deferred, 'deferred-rejection', 'rejection'), integration, count(*), sum(octet_length(body))
FROM rejections GROUP BY 1, 2;

INSERT INTO usage (kind, integration, items, bytes)
SELECT 'dead-letter', coalesce(integration, ''), count(*), sum(octet_length(body)) FROM dead_letters GROUP BY 2;

CREATE TRIGGER sum_new_rejections AFTER INSERT ON rejections BEGIN
  INSERT INTO usage (kind, integration, items, bytes)
  VALUES (iif(NEW.deferred, 'deferred-rejection', 'rejection'), NEW.integration, 1, octet_length(NEW.body))
  ON CONFLICT (kind, integration) DO UPDATE SET items = items + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER sum_deleted_rejections AFTER DELETE ON rejections BEGIN
  UPDATE usage SET items = items - 1, bytes = bytes - octet_length(OLD.body)
  WHERE kind = iif(OLD.deferred, 'deferred-rejection', 'rejection') AND integration = OLD.integration;
END;

-- The same body was acknowledged after it had been refused.
CREATE TRIGGER sum_rejections_now_deferred AFTER UPDATE OF deferred ON rejections WHEN NEW.deferred > OLD.deferred BEGIN
  UPDATE usage SET items = items - 1, bytes = bytes - octet_length(OLD.body)
  WHERE kind = 'rejection' AND integration = OLD.integration;
  INSERT INTO usage (kind, integration, items, bytes)
  VALUES ('deferred-rejection', NEW.integration, 1, octet_length(NEW.body))
  ON CONFLICT (kind, integration) DO UPDATE SET items = items + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER sum_new_dead_letters AFTER INSERT ON dead_letters BEGIN
  INSERT INTO usage (kind, integration, items, bytes)
  VALUES ('dead-letter', coalesce(NEW.integration, ''), 1, octet_length(NEW.body))
  ON CONFLICT (kind, integration) DO UPDATE SET items = items + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER sum_deleted_dead_letters AFTER DELETE ON dead_letters BEGIN
  UPDATE usage SET items = items - 1, bytes = bytes - octet_length(OLD.body)
  WHERE kind = 'dead-letter' AND integration = coalesce(OLD.integration, '');
END;
