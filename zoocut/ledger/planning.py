"""Taking a manifest's rows into the ledger: new ones are added, those not begun follow it, begun ones must agree."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoocut.error_kinds import RowChanged
from zoocut.ledger.records import Image, State, Target

__all__ = ["PlannedRow", "take_in"]

UNSETTLED = ", ".join(f"'{state.value}'" for state in State if state.unsettled)
BEGUN = f"(rows.subject_id IS NOT NULL OR rows.state IN ({UNSETTLED}))"
"""Rows that may have a subject, as `Entry.begun` says: the manifest can change them no more."""


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """A manifest row as the ledger takes it in.

    Parameters
    ----------
    external_id : str
        The manifest's own id.
    metadata : dict of str to str
        What the subject is to carry.
    images : tuple of Image
        Its locations, not measured yet.
    problem : str or None
        Why the row cannot be uploaded.
    """

    external_id: str
    metadata: dict[str, str]
    images: tuple[Image, ...]
    problem: str | None = None

    @property
    def digest(self) -> str:
        """A checksum of what the manifest says, to tell a changed row from the same one."""
        words = [self.external_id, *(image.path for image in self.images), json.dumps(self.metadata)]
        return hashlib.sha256("\0".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def take_in(write: sqlite3.Connection, target: Target, rows: Iterable[PlannedRow], manifest: Path) -> None:
    """Take in a manifest's rows, inside a transaction.

    Parameters
    ----------
    write : sqlite3.Connection
        The ledger.
    target : Target
        Where the rows go.
    rows : iterable of PlannedRow
        Every row that goes there, in the manifest's order.
    manifest : Path
        Where they are from, for messages.

    Raises
    ------
    LedgerError
        When a row that was begun is missing or says something else now.
    """
    write.execute(
        "CREATE TEMP TABLE incoming (line INTEGER PRIMARY KEY, external_id TEXT, copy INTEGER, digest TEXT, "
        "metadata TEXT, images TEXT, problem TEXT, UNIQUE (external_id, copy))"
    )
    write.executemany("INSERT INTO incoming VALUES (NULL, ?, ?, ?, ?, ?, ?)", _numbered_copies(rows))
    _refuse_changes(write, target, manifest)
    _replace_unbegun(write, target.number)
    write.execute("DROP TABLE incoming")


def _refuse_changes(write: sqlite3.Connection, target: Target, manifest: Path) -> None:
    changed = write.execute(
        "SELECT rows.external_id, incoming.digest IS NULL FROM rows LEFT JOIN incoming USING (external_id, copy)"
        f" WHERE target = ? AND {BEGUN} AND rows.digest IS NOT incoming.digest LIMIT 1",
        (target.number,),
    ).fetchone()
    if changed is not None:
        what = "is missing from" if changed[1] else "differs from what was uploaded in"
        raise RowChanged(
            f"row {changed[0]} {what} {manifest}: a row whose upload has begun cannot change; restore the manifest, "
            "or make another run"
        )


def _numbered_copies(rows: Iterable[PlannedRow]) -> Iterator[tuple[Any, ...]]:
    seen: dict[str, int] = {}
    for row in rows:
        copy = seen.get(row.external_id, 0)
        seen[row.external_id] = copy + 1
        problem = row.problem or (
            f"external_id {row.external_id} appears more than once in the manifest: give each row its own"
            if copy
            else None
        )
        images = json.dumps([(image.path, image.mime, image.size) for image in row.images])
        yield row.external_id, copy, row.digest, json.dumps(row.metadata), images, problem


def _replace_unbegun(write: sqlite3.Connection, target: int) -> None:
    write.execute(f"DELETE FROM rows WHERE target = ? AND NOT {BEGUN}", (target,))
    write.execute(
        "INSERT INTO rows (target, row, external_id, copy, digest, metadata, state, reason) "
        "SELECT :target, "
        "(SELECT IFNULL(MAX(row), 0) FROM rows WHERE target = :target) + ROW_NUMBER() OVER (ORDER BY line), "
        "external_id, copy, digest, metadata, IIF(problem IS NULL, 'planned', 'rejected'), problem "
        "FROM incoming WHERE NOT EXISTS (SELECT 1 FROM rows WHERE rows.target = :target "
        "AND rows.external_id = incoming.external_id AND rows.copy = incoming.copy)",
        {"target": target},
    )
    write.execute(
        "INSERT INTO images (target, row, position, path, mime, size) "
        "SELECT :target, row, value.key + 1, value.value ->> 0, value.value ->> 1, value.value ->> 2 "
        "FROM rows JOIN incoming USING (external_id, copy), json_each(incoming.images) AS value "
        f"WHERE rows.target = :target AND NOT {BEGUN}",
        {"target": target},
    )
