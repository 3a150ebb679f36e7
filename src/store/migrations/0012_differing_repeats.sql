-- Migration 0012: repeats with another content than the event that they repeat.

-- The event that a rejection repeats, with another content; NULL: it was rejected for another reason.
ALTER TABLE rejections ADD COLUMN event_id TEXT;

-- Found beside their event. Only those few are in it.
CREATE INDEX rejections_by_event ON rejections (event_id, integration) WHERE event_id IS NOT NULL;
