"""The ledger as the rest of the program sees it: entries out, entries in, one transaction a call."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoocut.error_kinds import LedgerDamaged, LedgerUnwritable, NotARun
from zoocut.files import typed
from zoocut.ledger.planning import PlannedRow, take_in
from zoocut.ledger.records import Entry, Image, State, Target
from zoocut.ledger.schema import connect, connect_to_read
from zoocut.run.record import RunFiles, ledger_in

__all__ = ["Ledger", "run_id_in"]

PAGE = 500
"""Rows read at a time: few enough to be held in memory, and for a read between two writes to be short."""

AT_REST = ", ".join(f"'{state.value}'" for state in State if state.at_rest)

ENTRY_COLUMNS = (
    "target, row, external_id, metadata, state, subject_id, attempt, sent_at, sent_as, watermark, reason, "
    "sent_date"
)


class Ledger:
    """A run's ledger.

    Parameters
    ----------
    connection : sqlite3.Connection
        As `open` and `read` make it.
    path : Path
        Its file, for messages.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @classmethod
    @contextmanager
    def open(cls, path: Path, run_id: str) -> Iterator[Ledger]:
        """Open the ledger of a run to write to, making it when there is none.

        Raises
        ------
        LedgerError
            When it is damaged, newer, another run's, or cannot be written.
        """
        with _explained(path):
            connection = connect(path)
        try:
            ledger = cls(connection, path)
            ledger._belong_to(run_id)
            yield ledger
        finally:
            connection.close()

    @classmethod
    @contextmanager
    def read(cls, path: Path) -> Iterator[Ledger]:
        """Open a ledger to look at, also while another process writes it.

        Raises
        ------
        LedgerError
            When it is damaged or newer.
        """
        with _explained(path):
            connection = connect_to_read(path)
        try:
            yield cls(connection, path)
        finally:
            connection.close()

    @classmethod
    @contextmanager
    def read_uploaded(cls, run: RunFiles) -> Iterator[Ledger]:
        """Open the ledger of a run whose upload has begun, to look at.

        Raises
        ------
        InputError
            When it has not begun.
        LedgerError
            When the ledger is damaged or newer.
        """
        upload = f"zoocut upload {typed(run.path)} --project OWNER/NAME --set 'SET NAME'"
        not_yet = NotARun(f"{run.path} was not uploaded yet: run `{upload}` first")
        if not run.ledger.exists():
            raise not_yet
        with cls.read(run.ledger) as ledger:
            if not ledger.targets():
                raise not_yet
            yield ledger

    def _belong_to(self, run_id: str) -> None:
        with self.transaction() as write:
            known = write.execute("SELECT id FROM run").fetchone()
            if known is None:
                write.execute("INSERT INTO run VALUES (?)", (run_id,))
            elif known[0] != run_id:
                raise LedgerDamaged(
                    f"{self._path} is the ledger of run {known[0]}, not of run {run_id} in run.toml: put back "
                    "the files that belong together"
                )

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write, all or nothing; for the modules of this room."""
        with _explained(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def query(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        """Read; for the modules of this room."""
        with _explained(self._path):
            return self._connection.execute(question, values).fetchall()

    def targets(self) -> list[Target]:
        """List every target that the run has gone to, the first one first."""
        found = self.query(
            "SELECT number, endpoint, project_id, project_slug, set_id, set_name, set_by, set_value, manifest, "
            "project_created, set_created FROM targets ORDER BY number"
        )
        return [Target(*row) for row in found]

    def add_target(
        self,
        endpoint: str,
        project_id: str,
        project_slug: str,
        set_id: str,
        set_name: str,
        set_by: str = "",
        set_value: str = "",
        manifest: str = "manifest.csv",
        project_created: str = "",
        set_created: str = "",
    ) -> Target:
        """Return the target of this set, made when it is new; its names are brought up to date.

        A set of the same number that was made at another time is another set, of a server that was rebuilt.
        """
        with self.transaction() as write:
            write.execute(
                "UPDATE targets SET project_created = ?, set_created = ? "
                "WHERE endpoint = ? AND project_id = ? AND set_id = ? AND set_created = ''",
                (project_created, set_created, endpoint, project_id, set_id),
            )
            write.execute(
                "INSERT INTO targets (endpoint, project_id, project_slug, set_id, set_name, set_by, set_value, "
                "manifest, project_created, set_created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE "
                "SET project_slug = excluded.project_slug, set_name = excluded.set_name, manifest = excluded.manifest",
                (
                    *(endpoint, project_id, project_slug, set_id, set_name, set_by, set_value, manifest),
                    *(project_created, set_created),
                ),
            )
        known, every = (endpoint, project_id, set_id, set_created), self.targets()
        return next(t for t in every if (t.endpoint, t.project_id, t.set_id, t.set_created) == known)

    def lease(self, target: Target) -> str:
        """Return what `keep_lease` noted last; empty for nothing."""
        ((text,),) = self.query("SELECT lease FROM targets WHERE number = ?", target.number)
        return str(text)

    def keep_lease(self, target: Target, text: str) -> None:
        """Note the lease of the set that an upload from here holds."""
        with self.transaction() as write:
            write.execute("UPDATE targets SET lease = ? WHERE number = ?", (text, target.number))

    def note_rights(self, target: Target, basis: str | None) -> None:
        """Record on what grounds the pixels were uploaded."""
        with self.transaction() as write:
            write.execute("UPDATE targets SET rights_basis = ? WHERE number = ?", (basis, target.number))

    def rights_of(self, target: Target) -> str | None:
        """Return on what grounds the pixels were uploaded."""
        return self._noted(target, "rights_basis")

    def counts(self, target: Target) -> dict[State, int]:
        """Count the entries of a target by state; every state is there."""
        found = dict(
            self.query("SELECT state, COUNT(*) FROM rows WHERE target = ? GROUP BY state", target.number)
        )
        return {state: found.get(state.value, 0) for state in State}

    def count_unfinished(self, target: Target) -> int:
        """Count the entries that an upload has something to do for."""
        return sum(count for state, count in self.counts(target).items() if not state.at_rest)

    def count_larger(self, target: Target, size: int) -> int:
        """Count the images of more than `size` bytes that are still to be sent."""
        ((count,),) = self.query(
            "SELECT COUNT(*) FROM images JOIN rows USING (target, row) WHERE target = ? AND size > ? AND NOT proved "
            f"AND state NOT IN ({AT_REST})",
            target.number,
            size,
        )
        return int(count)

    def entries(self, target: Target, state: State, after: int = -1, limit: int = PAGE) -> list[Entry]:
        """Read entries in one state, by row number, beginning behind `after`."""
        heads = self.query(
            f"SELECT {ENTRY_COLUMNS} FROM rows WHERE target = ? AND state = ? AND row > ? ORDER BY row LIMIT ?",
            target.number,
            state.value,
            after,
            limit,
        )
        return self._with_images(target, heads)

    def rows(self, target: Target, numbers: Sequence[int]) -> list[Entry]:
        """Read up to a page of entries by their row numbers."""
        which = f"target = ? AND row IN ({', '.join('?' * len(numbers))}) ORDER BY row"
        heads = self.query(f"SELECT {ENTRY_COLUMNS} FROM rows WHERE {which}", target.number, *numbers)
        return self._with_images(target, heads)

    def every(self, target: Target) -> Iterator[Entry]:
        """Read all entries of a target by row number, a page at a time."""
        after = -1
        while heads := self.query(
            f"SELECT {ENTRY_COLUMNS} FROM rows WHERE target = ? AND row > ? ORDER BY row LIMIT ?",
            target.number,
            after,
            PAGE,
        ):
            yield from self._with_images(target, heads)
            after = heads[-1][1]

    def _with_images(self, target: Target, heads: Sequence[tuple[Any, ...]]) -> list[Entry]:
        if not heads:
            return []
        images: dict[int, list[Image]] = {head[1]: [] for head in heads}
        for row, *image in self.query(
            "SELECT row, path, mime, size, sha256, md5, media_name, proved FROM images "
            "WHERE target = ? AND row BETWEEN ? AND ? ORDER BY row, position",
            target.number,
            heads[0][1],
            heads[-1][1],
        ):
            if row in images:
                path, mime, size, sha256, md5, media_name, proved = image
                images[row].append(Image(path, mime, size, sha256, md5, media_name, bool(proved)))
        return [_entry(head, tuple(images[head[1]])) for head in heads]

    def save(self, entries: Iterable[Entry], with_images: Container[int] | None = None) -> None:
        """Write what happened to these entries; on disk when this returns.

        Parameters
        ----------
        entries : iterable of Entry
            As they are now.
        with_images : container of int, optional
            The rows whose images are not as they were saved; all when not told. Only half of the steps of an upload
            change any.

        Raises
        ------
        LedgerError
            When the disk is full or the file cannot be written.
        """
        saved = list(entries)
        with self.transaction() as write:
            write.executemany(
                "UPDATE rows SET state = ?, subject_id = ?, attempt = ?, sent_at = ?, sent_as = ?, "
                "watermark = ?, reason = ?, sent_date = ? WHERE target = ? AND row = ?",
                [
                    (
                        *(entry.state.value, entry.subject_id, entry.attempt, entry.sent_at, entry.sent_as),
                        *(entry.watermark, entry.reason, entry.sent_date, entry.target, entry.row),
                    )
                    for entry in saved
                ],
            )
            write.executemany(
                "UPDATE images SET mime = ?, size = ?, sha256 = ?, md5 = ?, media_name = ?, proved = ? "
                "WHERE target = ? AND row = ? AND position = ?",
                [
                    (i.mime, i.size, i.sha256, i.md5, i.media_name, i.proved, entry.target, entry.row, at)
                    for entry in saved
                    if with_images is None or entry.row in with_images
                    for at, i in enumerate(entry.images, start=1)
                ],
            )

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def manifest_of(self, target: Target) -> str | None:
        """Return the checksum of the manifest that the target was last planned from."""
        return self._noted(target, "manifest_sha256")

    def plan(self, target: Target, rows: Iterable[PlannedRow], manifest_sha256: str) -> None:
        """Take in the manifest: new rows are added, rows not begun follow it, begun rows must not differ.

        Raises
        ------
        LedgerError
            When a row that was begun is missing from the manifest or says something else now.
        """
        with self.transaction() as write:
            beside = self._path.with_name(target.manifest)
            take_in(write, target, rows, beside if beside.exists() else Path(target.manifest))
            write.execute(
                "UPDATE targets SET manifest_sha256 = ?, members_count = NULL WHERE number = ?",
                (manifest_sha256, target.number),
            )

    def highest_subject_id(self, target: Target) -> int:
        """Return the highest subject id that was known when any of these rows was sent; 0 when none was."""
        ((known,),) = self.query(
            "SELECT MAX(MAX(IFNULL(CAST(subject_id AS INTEGER), 0), watermark)) FROM rows WHERE target = ?",
            target.number,
        )
        return int(known or 0)

    def amend(self, entry: Entry, row: PlannedRow) -> None:
        """Take over what a manifest row says now, after the entry's subject was brought to say the same."""
        with self.transaction() as write:
            write.execute(
                "UPDATE rows SET metadata = ?, digest = ? WHERE target = ? AND row = ?",
                (json.dumps(row.metadata), row.digest, entry.target, entry.row),
            )

    def last_error(self, target: Target) -> str | None:
        """Return what stopped the last upload to the target, if anything did."""
        return self._noted(target, "last_error")

    def _noted(self, target: Target, column: str) -> str | None:
        ((text,),) = self.query(f"SELECT {column} FROM targets WHERE number = ?", target.number)
        return None if text is None else str(text)

    def note_error(self, target: Target, text: str | None) -> None:
        """Remember what stopped an upload, or None when it ended well."""
        with self.transaction() as write:
            write.execute("UPDATE targets SET last_error = ? WHERE number = ?", (text, target.number))


def run_id_in(folder: Path) -> str | None:
    """Return the id of the run whose ledger lies in a folder; None where there is none.

    Raises
    ------
    LedgerError
        When it is damaged or newer.
    """
    path = ledger_in(folder)
    if not path.exists():
        return None
    with Ledger.read(path) as ledger:
        known = ledger.query("SELECT id FROM run")
    return str(known[0][0]) if known else None


def _entry(head: tuple[Any, ...], images: tuple[Image, ...]) -> Entry:
    target, row, external_id, metadata, state, *rest = head
    return Entry(target, row, external_id, json.loads(metadata), State(state), images, *rest)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise LedgerUnwritable(
            f"cannot use the ledger {path} ({error}): free some space and check its folder, then "
            "run the same command again"
        ) from error
    except sqlite3.DatabaseError as error:
        raise LedgerDamaged(
            f"{path} is damaged ({error}): restore a copy, or move it away and rebuild it from the server with "
            f"`zoocut adopt {typed(path.parent)} --project OWNER/NAME --set 'SET NAME'`"
        ) from error
