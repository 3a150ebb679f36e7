-- Migration 0002: what an integration asks of its sender, rejected webhooks, and the audit trail.
-- Times are Unix milliseconds unless a name says otherwise.

ALTER TABLE integrations ADD COLUMN description TEXT;
-- JSON array of addresses and CIDR ranges; NULL: from anywhere.
ALTER TABLE integrations ADD COLUMN allowed_ips TEXT;
ALTER TABLE integrations ADD COLUMN require_signature INTEGER NOT NULL DEFAULT 0 CHECK (require_signature IN (0, 1));
-- JSON array of { generation, untilMs }: earlier generations of the token, and how long each was or is valid.
ALTER TABLE integrations ADD COLUMN previous TEXT NOT NULL DEFAULT '[]';

-- The last generation of deleted integrations: one that is registered again under the same slug begins after it, so
-- that no URL of before opens it.
CREATE TABLE retired_integrations (
  slug       TEXT    PRIMARY KEY,
  generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Authentic webhooks that could not become events. `seq` as in events: place and time of the first that was kept.
CREATE TABLE rejections (
  seq              INTEGER PRIMARY KEY,
  integration      TEXT    NOT NULL,
  generation       INTEGER NOT NULL,          -- of the token that it came with
  body_hash        TEXT    NOT NULL,          -- SHA-256, hexadecimal
  reason           TEXT    NOT NULL,
  problems         TEXT    NOT NULL,          -- JSON array of { path, message }
  request_id       TEXT    NOT NULL,          -- of the last delivery that was counted
  received_at      INTEGER NOT NULL,          -- of the first delivery
  last_received_at INTEGER NOT NULL,
  deliveries       INTEGER NOT NULL DEFAULT 1,
  body             TEXT    NOT NULL,          -- exactly as it came
  body_encoding    TEXT    NOT NULL CHECK (body_encoding IN ('utf-8', 'base64')),
  UNIQUE (integration, body_hash)
) STRICT;

-- Listing by integration, and the oldest of one that has too many.
CREATE INDEX rejections_by_integration ON rejections (integration, seq);

-- Who changed what. Append-only.
CREATE TABLE audit (
  seq    INTEGER PRIMARY KEY,                 -- microseconds since 1970, as in events
  actor  TEXT    NOT NULL,
  action TEXT    NOT NULL,
  object TEXT    NOT NULL,
  detail TEXT    NOT NULL                     -- JSON object
) STRICT;
