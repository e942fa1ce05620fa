"""What is known of files that are attached to subjects' Talk pages; kept beside the rows that they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from zoocut.ledger.book import Ledger
from zoocut.ledger.records import Target

__all__ = ["Attached", "Attachment", "AttachmentBook"]

CHECKSUM_DIGITS = 12
"""As in the key of subjects: enough to tell the files of one row from each other."""

COLUMNS = (
    "a.target, a.row, r.external_id, r.subject_id, a.file, a.sha256, a.state, a.md5, a.media_id, a.attempt, a.sent_at, "
    "a.reason"
)


class Attached(StrEnum):
    """Where an attachment stands."""

    PLANNED = "planned"
    INTENT = "intent"
    CREATED = "created"
    ATTACHED = "attached"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file on its way to a subject's Talk page.

    Parameters
    ----------
    target, row : int
        The row that it belongs to.
    external_id, subject_id : str
        What the manifest calls the row, and its subject.
    file, sha256 : str
        Relative to the run folder, and its checksum when it was drawn.
    state : Attached
        Where it stands.
    md5 : str or None
        Checksum of the bytes that were announced.
    media_id : str or None
        Its record at the server, known from CREATED on.
    attempt : int
        How many times a record was announced.
    sent_at : float or None
        When the last one was, in seconds since 1970.
    reason : str or None
        Why it is rejected.
    """

    target: int
    row: int
    external_id: str
    subject_id: str
    file: str
    sha256: str
    state: Attached
    md5: str | None = None
    media_id: str | None = None
    attempt: int = 0
    sent_at: float | None = None
    reason: str | None = None

    def key(self, run_id: str, set_id: str) -> str:
        """Return the key that its medium carries: run, set, row, file and its checksum."""
        name = self.file.rpartition("/")[2]
        return f"{run_id}/{set_id}/{self.external_id}/{name}/{self.sha256[:CHECKSUM_DIGITS]}"


class AttachmentBook:
    """Reads and writes attachments; each call is on disk when it returns.

    Parameters
    ----------
    ledger : Ledger
        The run's ledger.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def take_in(self, target: Target, files: Iterable[tuple[str, str, str]]) -> None:
        """Add what is new of (external_id, file, sha256); what was announced stays as it was announced.

        Parameters
        ----------
        target : Target
            Whose linked rows the files belong to.
        files : iterable of (str, str, str)
            As `talk.csv` names them.
        """
        with self._ledger.transaction() as write:
            write.executemany(
                "INSERT INTO attachments (target, row, file, sha256, state) "
                "SELECT target, row, ?, ?, 'planned' FROM rows "
                "WHERE target = ? AND external_id = ? AND state = 'linked' "
                "ON CONFLICT DO UPDATE SET sha256 = excluded.sha256, state = 'planned', reason = NULL "
                "WHERE attachments.state IN ('planned', 'rejected')",
                ((file, sha256, target.number, name) for name, file, sha256 in files),
            )

    def unfinished(self, target: Target) -> Iterator[list[Attachment]]:
        """Yield what is not attached yet, all of one row together."""
        after = -1
        while True:
            (found,) = self._ledger.query(
                "SELECT min(row) FROM attachments WHERE target = ? AND row > ? "
                "AND state IN ('planned', 'intent', 'created')", target.number, after,
            )  # fmt: skip
            if found[0] is None:
                return
            after = found[0]
            yield [one for one in self._of_row(target, after) if one.state not in AT_REST]

    def of_rows(self, target: Target) -> Iterator[list[Attachment]]:
        """Yield all attachments, those of one row together."""
        rows = self._ledger.query(
            "SELECT DISTINCT row FROM attachments WHERE target = ? ORDER BY row", target.number
        )
        for (row,) in rows:
            yield self._of_row(target, row)

    def rejected(self, target: Target) -> Iterator[Attachment]:
        """Yield the attachments that need a person."""
        if self.counts(target).get(Attached.REJECTED):
            for files in self.of_rows(target):
                yield from (one for one in files if one.state is Attached.REJECTED)

    def counts(self, target: Target) -> dict[Attached, int]:
        """Count attachments by state; none where there are none."""
        found = self._ledger.query(
            "SELECT state, count(*) FROM attachments WHERE target = ? GROUP BY state", target.number
        )
        return {Attached(state): count for state, count in found}

    def save(self, attachments: Iterable[Attachment]) -> None:
        """Write down where attachments stand, all or none."""
        with self._ledger.transaction() as write:
            write.executemany(
                "UPDATE attachments SET state = ?, md5 = ?, media_id = ?, attempt = ?, sent_at = ?, reason = ? "
                "WHERE target = ? AND row = ? AND file = ?",
                map(_stored, attachments),
            )

    def _of_row(self, target: Target, row: int) -> list[Attachment]:
        found = self._ledger.query(
            f"SELECT {COLUMNS} FROM attachments a JOIN rows r USING (target, row) "
            "WHERE a.target = ? AND a.row = ? ORDER BY a.rowid",
            target.number,
            row,
        )
        return [replace(read, state=Attached(read.state)) for read in (Attachment(*one) for one in found)]


def _stored(one: Attachment) -> tuple[Any, ...]:
    found = (one.state.value, one.md5, one.media_id, one.attempt, one.sent_at, one.reason)
    return (*found, one.target, one.row, one.file)


AT_REST = (Attached.ATTACHED, Attached.REJECTED)
