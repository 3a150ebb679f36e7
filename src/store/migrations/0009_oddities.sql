-- Migration 0009: in what an event differs from the platform's documentation.

-- JSON array of { path, code }; NULL: in nothing, which is the rule.
ALTER TABLE events ADD COLUMN oddities TEXT;
