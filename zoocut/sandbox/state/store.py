"""The sandbox's state on disk: one SQLite database that survives a kill of the process."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoocut.error_kinds import SandboxData
from zoocut.sandbox.state.tables import STEPS, VERSION

__all__ = ["Row", "Store", "UnstorableError", "now_us"]

Row = sqlite3.Row
NULL = re.compile(r"\0|(?<!\\)(?:\\\\)*\\u0000")
"""A null character, as such or as JSON writes it."""


class UnstorableError(Exception):
    """A text holds what the server's database takes in no text: a null character."""


def now_us() -> int:
    """Return the time in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def _check(values: Iterable[Any]) -> None:
    if any(isinstance(value, str) and NULL.search(value) for value in values):
        raise UnstorableError


class Store:
    """The database of one sandbox; all reads and writes happen in the thread of the event loop.

    Parameters
    ----------
    path : Path
        The database file; made with its tables when missing.

    Raises
    ------
    InputError
        When the file is not a sandbox's, or was written by a newer zoocut.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.row_factory = sqlite3.Row
            self._prepare()
        except sqlite3.Error as error:
            raise SandboxData(
                f"cannot use {path} as the sandbox's state: {error}; give --data another folder"
            ) from error

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA cache_size = -16000")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise SandboxData(
                f"{self._path} was written by a newer zoocut (its version is {version}, this program reads "
                f"{VERSION}); update zoocut or give --data another folder"
            )
        if version < VERSION:
            self._db.executescript(f"BEGIN;{STEPS[version]};PRAGMA user_version = {VERSION};COMMIT;")

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    @contextmanager
    def write(self) -> Iterator[None]:
        """Commit everything written inside the block at its end, or nothing when it raises."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def run(self, sql: str, *values: Any) -> int:
        """Execute one statement and return how many rows it changed."""
        _check(values)
        return self._db.execute(sql, values).rowcount

    def insert(self, table: str, **columns: Any) -> int:
        """Insert one row and return its id."""
        _check(columns.values())
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        cursor = self._db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(columns.values()))
        return int(cursor.lastrowid or 0)

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """Return all rows of a query."""
        return self._db.execute(sql, values).fetchall()

    def select(self, sql: str, named: Mapping[str, Any]) -> list[Row]:
        """Return all rows of a query with named values."""
        return self._db.execute(sql, dict(named)).fetchall()

    def stream(self, sql: str, *values: Any) -> Iterator[Row]:
        """Yield the rows of a query one at a time."""
        yield from self._db.execute(sql, values)

    def one(self, sql: str, *values: Any) -> Row | None:
        """Return the first row of a query, or None."""
        row: Row | None = self._db.execute(sql, values).fetchone()
        return row

    def value(self, sql: str, *values: Any) -> Any:
        """Return the first column of the first row of a query, or None."""
        row = self.one(sql, *values)
        return None if row is None else row[0]

    def note(
        self, kind: str, subject_id: int | None = None, set_id: int | None = None, path: str | None = None
    ) -> int:
        """Append one event to the record of what happened, and return its place in the order."""
        return self.insert(
            "events", at=now_us(), kind=kind, subject_id=subject_id, subject_set_id=set_id, path=path
        )

    def later(self, kind: str, delay_s: float, **payload: Any) -> None:
        """Queue a job of the background worker."""
        self.insert("jobs", due_at=now_us() + int(delay_s * 1e6), kind=kind, payload=json.dumps(payload))
