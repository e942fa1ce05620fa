"""The ledger's tables, and how an older ledger becomes a newer one.

`PRAGMA user_version` counts the migrations that a file has seen. The journal is WAL, so `zoocut status` reads
while an upload writes. `synchronous` is FULL: with NORMAL a commit survives a killed process but not a power
cut, and an announcement that a power cut takes back after its request has left is a duplicate.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from zoocut.error_kinds import LedgerDamaged, LedgerNewer
from zoocut.errors import LedgerError
from zoocut.files import typed

__all__ = ["VERSION", "connect", "connect_to_read"]

MIGRATIONS = (
    """
    CREATE TABLE run (id TEXT NOT NULL);

    CREATE TABLE targets (
        number INTEGER PRIMARY KEY,
        endpoint TEXT NOT NULL,
        project_id TEXT NOT NULL,
        project_slug TEXT NOT NULL,
        set_id TEXT NOT NULL,
        set_name TEXT NOT NULL,
        manifest_sha256 TEXT,
        members_count INTEGER,
        last_error TEXT,
        rights_basis TEXT,
        UNIQUE (endpoint, project_id, set_id)
    );

    CREATE TABLE rows (
        target INTEGER NOT NULL REFERENCES targets (number),
        row INTEGER NOT NULL,
        external_id TEXT NOT NULL,
        copy INTEGER NOT NULL,
        digest TEXT NOT NULL,
        metadata TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN
            ('planned', 'intent', 'created', 'stored', 'linked', 'in_doubt', 'rejected', 'skipped')),
        subject_id TEXT,
        attempt INTEGER NOT NULL DEFAULT 0,
        sent_at REAL,
        sent_as TEXT,
        watermark INTEGER NOT NULL DEFAULT 0,
        reason TEXT,
        PRIMARY KEY (target, row),
        UNIQUE (target, external_id, copy),
        CHECK (subject_id IS NOT NULL OR state NOT IN ('created', 'stored', 'linked'))
    ) WITHOUT ROWID;
    CREATE INDEX rows_by_state ON rows (target, state, row);
    CREATE UNIQUE INDEX rows_by_subject ON rows (target, subject_id) WHERE subject_id IS NOT NULL;

    CREATE TABLE images (
        target INTEGER NOT NULL,
        row INTEGER NOT NULL,
        position INTEGER NOT NULL,
        path TEXT NOT NULL,
        mime TEXT NOT NULL,
        size INTEGER,
        sha256 TEXT,
        md5 TEXT,
        media_name TEXT,
        proved INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (target, row, position),
        FOREIGN KEY (target, row) REFERENCES rows (target, row) ON DELETE CASCADE
    ) WITHOUT ROWID;

    CREATE TABLE members (
        target INTEGER NOT NULL REFERENCES targets (number),
        subject_id TEXT NOT NULL,
        external_id TEXT NOT NULL,
        key TEXT NOT NULL,
        PRIMARY KEY (target, subject_id)
    ) WITHOUT ROWID;
    CREATE INDEX members_by_external_id ON members (target, external_id);
    """,
    """
    ALTER TABLE targets ADD COLUMN set_by TEXT NOT NULL DEFAULT '';
    ALTER TABLE targets ADD COLUMN set_value TEXT NOT NULL DEFAULT '';
    """,
    """
    ALTER TABLE targets ADD COLUMN manifest TEXT NOT NULL DEFAULT 'manifest.csv';
    """,
    """
    ALTER TABLE rows ADD COLUMN sent_date REAL;

    CREATE TABLE targets_by_identity (
        number INTEGER PRIMARY KEY,
        endpoint TEXT NOT NULL,
        project_id TEXT NOT NULL,
        project_slug TEXT NOT NULL,
        set_id TEXT NOT NULL,
        set_name TEXT NOT NULL,
        manifest_sha256 TEXT,
        members_count INTEGER,
        last_error TEXT,
        rights_basis TEXT,
        set_by TEXT NOT NULL DEFAULT '',
        set_value TEXT NOT NULL DEFAULT '',
        manifest TEXT NOT NULL DEFAULT 'manifest.csv',
        project_created TEXT NOT NULL DEFAULT '',
        set_created TEXT NOT NULL DEFAULT '',
        lease TEXT NOT NULL DEFAULT '',
        UNIQUE (endpoint, project_id, set_id, set_created)
    );
    INSERT INTO targets_by_identity (number, endpoint, project_id, project_slug, set_id, set_name, manifest_sha256,
        members_count, last_error, rights_basis, set_by, set_value, manifest)
        SELECT number, endpoint, project_id, project_slug, set_id, set_name, manifest_sha256,
        members_count, last_error, rights_basis, set_by, set_value, manifest FROM targets;
    DROP TABLE targets;
    ALTER TABLE targets_by_identity RENAME TO targets;
    """,
    """
    CREATE TABLE attachments (
        target INTEGER NOT NULL,
        row INTEGER NOT NULL,
        file TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('planned', 'intent', 'created', 'attached', 'rejected')),
        md5 TEXT,
        media_id TEXT,
        attempt INTEGER NOT NULL DEFAULT 0,
        sent_at REAL,
        reason TEXT,
        UNIQUE (target, row, file),
        FOREIGN KEY (target, row) REFERENCES rows (target, row) ON DELETE CASCADE
    );
    CREATE INDEX attachments_by_state ON attachments (target, state, row);
    """,
    """
    CREATE TABLE published (
        destination TEXT NOT NULL,
        path TEXT NOT NULL,
        size INTEGER NOT NULL,
        md5 TEXT NOT NULL,
        PRIMARY KEY (destination, path)
    ) WITHOUT ROWID;
    CREATE TABLE publications (
        destination TEXT NOT NULL,
        url_root TEXT NOT NULL,
        PRIMARY KEY (destination, url_root)
    );
    CREATE TABLE imports (
        target INTEGER NOT NULL REFERENCES targets (number),
        part INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('intent', 'running', 'over', 'stalled', 'refused')),
        source_url TEXT NOT NULL,
        row_count INTEGER NOT NULL,
        sent_at REAL NOT NULL,
        sent_date REAL NOT NULL,
        import_id TEXT,
        PRIMARY KEY (target, part, attempt)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE import_limits (
        endpoint TEXT PRIMARY KEY,
        row_count INTEGER NOT NULL,
        told_at REAL NOT NULL
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE withdrawals (
        target INTEGER NOT NULL REFERENCES targets (number),
        workflow_id TEXT NOT NULL,
        completeness REAL NOT NULL,
        withdrawn_at REAL NOT NULL,
        PRIMARY KEY (target, workflow_id)
    ) WITHOUT ROWID;
    """,
)
VERSION = len(MIGRATIONS)


def connect(path: Path) -> sqlite3.Connection:
    """Open a ledger to write to, making or migrating it; its integrity is checked first.

    Raises
    ------
    LedgerError
        When it is damaged, newer than this program, or cannot be written.
    """
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    try:
        _check(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        _migrate(connection)
        connection.execute("PRAGMA foreign_keys = ON")  # after the migrations, one of which lays a table anew
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a ledger that another process may be writing; one whose making has just begun reads as empty.

    Where the folder may be written, what a killed process left half done is rolled back first; elsewhere the
    file is read as it is.

    Raises
    ------
    LedgerError
        When it is damaged or newer than this program.
    """
    folder_may_be_written = os.access(path.parent, os.W_OK) and os.access(path, os.W_OK)
    mode = "mode=rw" if folder_may_be_written else "mode=ro&immutable=1"
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?{mode}", uri=True, isolation_level=None, timeout=30
    )
    try:
        version = _check_version(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection if version == VERSION else _brought_up_to_date(connection)


def _brought_up_to_date(older: sqlite3.Connection) -> sqlite3.Connection:
    """Copy an older ledger, or one whose making was interrupted, into memory and migrate the copy."""
    copy = sqlite3.connect(":memory:", isolation_level=None)
    older.backup(copy)
    older.close()
    _migrate(copy)
    return copy


def _check(connection: sqlite3.Connection, path: Path) -> None:
    _check_version(connection, path)
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise _damaged(path, verdict)


def _check_version(connection: sqlite3.Connection, path: Path) -> int:
    version: int
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise _damaged(path, str(error)) from error
    if version > VERSION:
        raise LedgerNewer(
            f"{path} was written by a newer zoocut (its version {version}, this one knows {VERSION}): "
            "upgrade with `pip install --upgrade zoocut`"
        )
    return version


def _damaged(path: Path, verdict: str) -> LedgerError:
    told = " ".join(verdict.split())  # SQLite tells it in lines
    return LedgerDamaged(
        f"{path} is damaged ({told}): restore a copy, or move it away and rebuild it from the server with "
        f"`zoocut adopt {typed(path.parent)} --project OWNER/NAME --set 'SET NAME'`"
    )


def _migrate(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version < VERSION:  # in one transaction: each would wait for the disk
        scripts = " ".join(MIGRATIONS[version:])
        connection.executescript(f"BEGIN IMMEDIATE; {scripts} PRAGMA user_version = {VERSION}; COMMIT;")
