-- Migration 0007: the numbers on the business's side of conversations.

-- What `from` and `to` of an integration's events name besides the customer, in canonical form, noted by the cron as
-- events come, those from before this migration too. Never deleted by retention: a number is the business's also when
-- its events are past theirs.
CREATE TABLE business_numbers (
  number      TEXT    NOT NULL,
  integration TEXT    NOT NULL,
  seq         INTEGER NOT NULL,               -- of an event that it was seen in
  has_several INTEGER NOT NULL,               -- whether it was seen with more than one customer
  PRIMARY KEY (number, integration)
) STRICT, WITHOUT ROWID;
