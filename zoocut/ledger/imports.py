"""The server-side imports that were asked for, each noted before its request leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from zoocut.ledger.book import Ledger
from zoocut.ledger.records import Entry, Target

__all__ = ["Import", "ImportLimit", "ImportRecords", "ImportState", "import_limits"]


class ImportState(StrEnum):
    """Where an import stands."""

    INTENT = "intent"
    RUNNING = "running"
    STALLED = "stalled"
    OVER = "over"
    REFUSED = "refused"

    @property
    def open(self) -> bool:
        """Whether it may still make subjects, or was not looked at for the last time."""
        return self in (ImportState.INTENT, ImportState.RUNNING, ImportState.STALLED)


@dataclass(frozen=True, slots=True)
class Import:
    """One request for an import.

    Parameters
    ----------
    part, attempt : int
        Which part of the rows, and how many times it was asked for.
    state : ImportState
        Where it stands.
    source_url : str
        The part's manifest; it names run, set, part and attempt, and no other import has it.
    rows : int
        How many rows it has.
    sent_at, sent_date : float
        When it was announced, by this process's clock and by the server's.
    import_id : str or None
        The server's number; None as long as it was not told.
    """

    part: int
    attempt: int
    state: ImportState
    source_url: str
    rows: int
    sent_at: float
    sent_date: float
    import_id: str | None = None


@dataclass(frozen=True, slots=True)
class ImportLimit:
    """How many rows a server imports at once, as it said when a larger manifest was refused.

    Parameters
    ----------
    endpoint : str
        The server.
    rows : int
        The limit.
    told_at : float
        When it was told, in seconds of the server's clock.
    """

    endpoint: str
    rows: int
    told_at: float


def import_limits(ledger: Ledger) -> list[ImportLimit]:
    """List the limits that servers told."""
    told = ledger.query("SELECT endpoint, row_count, told_at FROM import_limits ORDER BY endpoint")
    return [ImportLimit(*one) for one in told]


class ImportRecords:
    """The part of a ledger that knows the imports into one set.

    Parameters
    ----------
    ledger : Ledger
        Open.
    target : Target
        The set.
    """

    def __init__(self, ledger: Ledger, target: Target) -> None:
        self._ledger, self._target = ledger, target

    def all(self) -> list[Import]:
        """List the imports in the order of their making."""
        found = self._ledger.query(
            "SELECT part, attempt, state, source_url, row_count, sent_at, sent_date, import_id FROM imports "
            "WHERE target = ? ORDER BY part, attempt",
            self._target.number,
        )
        return [Import(part, attempt, ImportState(state), *rest) for part, attempt, state, *rest in found]

    def open(self) -> list[Import]:
        """List those that may still make subjects, or were not looked at for the last time."""
        return [one for one in self.all() if one.state.open]

    def save(self, one: Import) -> None:
        """Write an import down; on disk when this returns."""
        with self._ledger.transaction() as write:
            write.execute(
                "INSERT OR REPLACE INTO imports (target, part, attempt, state, source_url, row_count, sent_at, "
                "sent_date, import_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(self._target.number, one.part, one.attempt, one.state.value, one.source_url, one.rows),
                    *(one.sent_at, one.sent_date, one.import_id),
                ),
            )

    def note_limit(self, rows: int, told_at: float) -> None:
        """Note how many rows the server imports at once."""
        with self._ledger.transaction() as write:
            write.execute(
                "INSERT OR REPLACE INTO import_limits VALUES (?, ?, ?)",
                (self._target.endpoint, rows, told_at),
            )

    def entries(self, external_ids: Sequence[str]) -> dict[str, Entry]:
        """Read the entries of up to a page of external ids."""
        marks = ", ".join("?" * len(external_ids))
        rows = self._ledger.query(
            f"SELECT row FROM rows WHERE target = ? AND copy = 0 AND external_id IN ({marks}) ORDER BY row",
            self._target.number,
            *external_ids,
        )
        return {
            entry.external_id: entry for entry in self._ledger.rows(self._target, [row for (row,) in rows])
        }
