-- Migration 0011: what an integration answers for a webhook that is kept as a rejection.

-- refuse: 400 or 422. accept: 202 with the same problems, for senders that give up on an address, or repeat for days what it
-- refuses.
ALTER TABLE integrations ADD COLUMN on_rejection TEXT NOT NULL DEFAULT 'refuse' CHECK (on_rejection IN ('refuse', 'accept'));
