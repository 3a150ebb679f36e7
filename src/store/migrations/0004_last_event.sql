-- Migration 0004: when something last came to an integration.

-- When its newest event was stored, Unix milliseconds; the roll-up keeps it. NULL: none has been counted since there is
-- this column.
ALTER TABLE integrations ADD COLUMN last_event_at INTEGER;
