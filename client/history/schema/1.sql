-- One row for each import that was applied.
CREATE TABLE import (
  id         INTEGER PRIMARY KEY,
  source     TEXT    NOT NULL,
  at         INTEGER NOT NULL, -- Unix seconds, 0 unknown
  files      TEXT    NOT NULL, -- JSON list of names, relative to what was imported
  made       INTEGER NOT NULL,
  merged     INTEGER NOT NULL,
  duplicates INTEGER NOT NULL
);

-- What the person did. The order of ids is the order in which things were said.
CREATE TABLE event (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  identity      BLOB NOT NULL UNIQUE,
  kind          TEXT NOT NULL,
  item          TEXT NOT NULL,
  season        INTEGER,
  episode       INTEGER,
  episode_title TEXT NOT NULL,
  at            TEXT NOT NULL, -- '' unknown, YYYY-MM-DD, or YYYY-MM-DDTHH:MM:SSZ
  value         REAL NOT NULL,
  count         INTEGER NOT NULL,
  seconds       INTEGER NOT NULL,
  complete      INTEGER,
  rewatch       INTEGER NOT NULL,
  tags          TEXT NOT NULL, -- JSON list, '' none
  text          TEXT NOT NULL,
  known         INTEGER,
  title         TEXT NOT NULL
);
CREATE INDEX event_item ON event (item, kind);

-- Which rows of which source said so: the hash makes a second import of a row a duplicate.
CREATE TABLE origin (
  hash   BLOB    PRIMARY KEY,
  event  INTEGER NOT NULL REFERENCES event (id) ON DELETE CASCADE,
  import INTEGER NOT NULL REFERENCES import (id),
  file   TEXT    NOT NULL,
  row    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX origin_event ON origin (event);

-- Rows that a person or a newer catalogue must decide.
CREATE TABLE pending (
  hash       BLOB    PRIMARY KEY,
  import     INTEGER NOT NULL REFERENCES import (id),
  file       TEXT    NOT NULL,
  row        INTEGER NOT NULL,
  title      TEXT    NOT NULL,
  year       INTEGER NOT NULL,
  why        TEXT    NOT NULL,
  candidates TEXT    NOT NULL, -- JSON list
  event      TEXT    NOT NULL  -- JSON, without an id
) WITHOUT ROWID;

-- Names of works, for showing them.
CREATE TABLE title (
  item  TEXT    PRIMARY KEY,
  title TEXT    NOT NULL,
  year  INTEGER NOT NULL
) WITHOUT ROWID;
