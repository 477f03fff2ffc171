-- The ledger's chain: canonical bytes, in sequence order, never changed.
CREATE TABLE entry (
  seq   INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
);

-- The state of the round that this device takes part in: one row or none.
CREATE TABLE session (
  one   INTEGER PRIMARY KEY CHECK (one = 1),
  bytes BLOB NOT NULL
);

-- What has left this device, or is about to. Rows are written once; only a receipt may be added.
CREATE TABLE outbox (
  n       INTEGER PRIMARY KEY AUTOINCREMENT,
  key     BLOB    NOT NULL UNIQUE,
  at      INTEGER NOT NULL, -- Unix seconds
  kind    TEXT    NOT NULL,
  purpose TEXT    NOT NULL,
  bytes   INTEGER NOT NULL,
  digest  BLOB    NOT NULL,
  body    BLOB,
  units   INTEGER NOT NULL,
  receipt BLOB
);

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;
