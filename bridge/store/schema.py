"""The tables, as the steps that make them: what a new file runs through is what an old one catches up with."""

import sqlite3

FIRST = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    server INTEGER NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    payload BLOB,
    accepted_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    attempted_at REAL,
    unclear INTEGER NOT NULL DEFAULT 0,
    outcomes BLOB,
    ended_at REAL,
    result BLOB,
    error TEXT
) STRICT;
CREATE INDEX events_by_state ON events (state, ended_at);
CREATE TABLE idempotency (
    server INTEGER NOT NULL,
    key TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    event_ids BLOB NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (server, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_at);
CREATE TABLE requests (
    id TEXT PRIMARY KEY,
    operation TEXT NOT NULL,
    started_at REAL NOT NULL,
    answered_at REAL
) STRICT, WITHOUT ROWID;
"""

# Version 1 put no mark into calls: one that it left half tried cannot be looked up at the CAD.
UNVERIFIED = """
ALTER TABLE events RENAME COLUMN unclear TO unverified;
UPDATE events SET unverified = 1, attempted_at = NULL WHERE state = 'pending' AND attempted_at IS NOT NULL;
"""

# Who may join a server, as the CMS said last: what counts while it is away, over a restart too.
WHITELISTS = """
CREATE TABLE whitelists (
    server INTEGER PRIMARY KEY,
    community TEXT NOT NULL,
    fetched_at REAL NOT NULL,
    body BLOB NOT NULL
) STRICT;
"""

# What an operator puts back, and in `newest` the last event about each thing of which the newest counts: who is retried
# must not overrule it. The units of what ended before are not known any more: their kind stands for all of them.
RETRIES = """
ALTER TABLE events ADD COLUMN retried_at REAL;
CREATE INDEX events_in_state ON events (state);
CREATE TABLE newest (
    subject TEXT PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO newest SELECT kind || ':' || server || ':', max(seq) FROM events
    WHERE kind IN ('panic', 'status') GROUP BY kind, server;
INSERT INTO newest SELECT 'attachment:' || server || ':', max(seq) FROM events
    WHERE kind IN ('dispatch_call', 'dispatch_attach', 'dispatch_detach') GROUP BY server;
INSERT INTO newest SELECT 'clock:0:', seq FROM events WHERE kind = 'clock' ORDER BY seq DESC LIMIT 1;
"""

# Each leads one version further; what was released is never edited.
MIGRATIONS = (FIRST, UNVERIFIED, WHITELISTS, RETRIES)
SCHEMA_VERSION = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Lead the tables from ``version`` to ``SCHEMA_VERSION``, in the transaction that the caller holds."""
    for migration in MIGRATIONS[version:]:
        for statement in migration.strip().split(";\n"):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
