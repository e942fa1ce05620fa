"""What an upload tells while it runs and when it ends."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.filesize import decimal

from zoocut.ledger import Entry, State, Target
from zoocut.notebook import data_frame, html_table
from zoocut.reasons import Reason

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Snapshot", "Tally", "TargetSummary", "UploadSummary"]

ON_THE_WAY = {State.CREATED: 1, State.STORED: 2}
ALL_STEPS = 3
"""Created, stored, linked: each is a third of a row's work, so that a bar moves before the first hundred are linked."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where an upload stands.

    Parameters
    ----------
    target : Target
        Which set is being filled.
    counts : mapping of State to int
        Its rows by state.
    sent_bytes : int
        What the store confirmed since the command began.
    rate : float
        Rows linked a second, since the command began.
    under_way : int
        Requests that have left.
    steps_a_second : float
        Steps of rows (made, stored, linked) taken a second, since the command began.
    waiting : str or None
        What is waited for, and until when.
    """

    target: Target
    counts: Mapping[State, int]
    sent_bytes: int
    rate: float
    under_way: int
    steps_a_second: float
    waiting: str | None

    @property
    def rows(self) -> int:
        """How many rows the target has."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """How many of them need nothing more."""
        return sum(count for state, count in self.counts.items() if state.at_rest)

    @property
    def steps(self) -> int:
        """How many steps are to be taken in all, of rows that are done and of others."""
        return ALL_STEPS * self.rows

    @property
    def steps_done(self) -> int:
        """How many of them were taken."""
        return _steps(self.counts)

    @property
    def left_s(self) -> float | None:
        """How long the rest takes at this rate, in seconds."""
        return (self.steps - self.steps_done) / self.steps_a_second if self.steps_a_second > 0 else None


def _steps(counts: Mapping[State, int]) -> int:
    return sum(
        count * (ALL_STEPS if state.at_rest else ON_THE_WAY.get(state, 0)) for state, count in counts.items()
    )


class Tally:
    """Counts what moves.

    Parameters
    ----------
    target : Target
        Which set is being filled.
    counts : mapping of State to int
        Its rows by state, as the upload finds them.
    """

    def __init__(self, target: Target, counts: Mapping[State, int]) -> None:
        self.counts = dict(counts)
        self.sent_bytes = 0
        self.trouble: str | None = None
        self._target = target
        self._linked = 0
        self._steps_before = _steps(counts)
        self._set_back: set[int] = set()
        self._began = self._moved_at = time.monotonic()

    def moved(self, changes: Iterable[tuple[Entry, Entry]]) -> None:
        """Take note of entries as they were and as they are."""
        for before, entry in changes:
            self.counts[before.state] -= 1
            self.counts[entry.state] += 1
            self._linked += entry.state is State.LINKED
            if self._further(before, entry):
                self._moved_at = time.monotonic()

    def _further(self, before: Entry, entry: Entry) -> bool:
        """Whether a row got further than it ever was: one that was set back has to arrive to count again."""
        if entry.state.at_rest:
            self._set_back.discard(entry.row)
            return True
        now, then = _way(entry), _way(before)
        if now < then:
            self._set_back.add(entry.row)
        return now > then and entry.row not in self._set_back

    def idle_s(self) -> float:
        """Return for how many seconds no row got any further."""
        return time.monotonic() - self._moved_at

    def snapshot(self, under_way: int, waiting: str | None) -> Snapshot:
        """Return the picture of now."""
        took_s = max(1e-3, time.monotonic() - self._began)
        steps = (_steps(self.counts) - self._steps_before) / took_s
        rate = self._linked / took_s
        return Snapshot(self._target, dict(self.counts), self.sent_bytes, rate, under_way, steps, waiting)


def _way(entry: Entry) -> tuple[int, int]:
    """Return how far an entry is that is not at rest."""
    return ON_THE_WAY.get(entry.state, 0), [image.proved for image in entry.images].count(True)


@dataclass(frozen=True, slots=True)
class TargetSummary:
    """How one target ended.

    Parameters
    ----------
    target : Target
        Which.
    counts : mapping of State to int
        Its rows by state.
    rejected : tuple of (str, str)
        The first rejected rows, as external_id and reason.
    reasons : tuple of Reason
        The reasons of all of them, and of files that cannot be attached for Talk, the most frequent first.
    talk : mapping of str to int
        Its files for Talk by state; empty where it has none.
    """

    target: Target
    counts: Mapping[State, int]
    rejected: tuple[tuple[str, str], ...]
    reasons: tuple[Reason, ...] = ()
    talk: Mapping[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every row is in the set."""
        return all(state.in_set for state, count in self.counts.items() if count)

    @property
    def not_on_talk(self) -> int:
        """How many files for Talk need a person."""
        return self.talk.get("rejected", 0)

    def to_dict(self) -> dict[str, Any]:
        """Return it in the form of `zoocut upload --json`."""
        where = self.target
        return {
            "endpoint": where.endpoint,
            "project": {"id": where.project_id, "slug": where.project_slug},
            "subject_set": {"id": where.set_id, "display_name": where.set_name},
            "states": {state.value: count for state, count in self.counts.items()},
            "complete": self.complete,
            "talk": dict(self.talk),
            "rejected": [{"external_id": name, "reason": why} for name, why in self.rejected],
        }

    def to_row(self) -> dict[str, Any]:
        """Return it as one row of a table."""
        states = {state.value: count for state, count in self.counts.items()}
        return {"subject_set": self.target.set_name, "id": self.target.set_id, **states}


@dataclass(frozen=True, slots=True)
class UploadSummary:
    """How an upload ended.

    Parameters
    ----------
    path : Path
        The run folder.
    targets : tuple of TargetSummary
        Every target that was worked on.
    sent_bytes : int
        What the store confirmed.
    took_s : float
        How long it took, in seconds.
    """

    path: Path
    targets: tuple[TargetSummary, ...]
    sent_bytes: int
    took_s: float

    @property
    def rejected(self) -> int:
        """How many rows need a person."""
        return sum(target.counts[State.REJECTED] for target in self.targets)

    @property
    def not_on_talk(self) -> int:
        """How many files for Talk need a person."""
        return sum(target.not_on_talk for target in self.targets)

    @property
    def complete(self) -> bool:
        """Whether every row is in its set."""
        return all(target.complete for target in self.targets)

    def __iter__(self) -> Iterator[TargetSummary]:
        return iter(self.targets)

    def to_dict(self) -> dict[str, Any]:
        """Return it in the form of `zoocut upload --json`."""
        return {
            "version": 1,
            "run": {"path": str(self.path)},
            "targets": [target.to_dict() for target in self.targets],
            "sent_bytes": self.sent_bytes,
            "took_s": round(self.took_s, 3),
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return the sets as a data frame, one a row."""
        return data_frame(target.to_row() for target in self.targets)

    def _repr_html_(self) -> str:
        rejected = [
            {"external_id": name, "rejected because": why}
            for one in self.targets
            for name, why in one.rejected
        ]
        title = f"{self.path}: {decimal(self.sent_bytes)} in {self.took_s:.1f} s"
        table = html_table(title, [target.to_row() for target in self.targets])
        return table + (html_table("", rejected) if rejected else "")
