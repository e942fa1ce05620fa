"""What an upload tells while it runs and when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from zoocut.ledger.records import State, Target

__all__ = ["Snapshot", "Summary", "TargetSummary"]


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
        Rows linked or on the way there, a second, since the command began.
    under_way : int
        Requests that have left.
    trouble : str or None
        The newest reason for waiting.
    """

    target: Target
    counts: Mapping[State, int]
    sent_bytes: int
    rate: float
    under_way: int
    trouble: str | None

    @property
    def rows(self) -> int:
        """How many rows the target has."""
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        """How many of them need nothing more."""
        return sum(self.counts[state] for state in (State.LINKED, State.SKIPPED, State.REJECTED))

    @property
    def left_s(self) -> float | None:
        """How long the rest takes at this rate, in seconds."""
        return (self.rows - self.done) / self.rate if self.rate > 0 else None


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
    """

    target: Target
    counts: Mapping[State, int]
    rejected: tuple[tuple[str, str], ...]

    @property
    def complete(self) -> bool:
        """Whether every row is in the set."""
        return sum(self.counts.values()) == self.counts[State.LINKED] + self.counts[State.SKIPPED]


@dataclass(frozen=True, slots=True)
class Summary:
    """How an upload ended.

    Parameters
    ----------
    targets : tuple of TargetSummary
        Every target that was worked on.
    sent_bytes : int
        What the store confirmed.
    requests_s : float
        How long it took, in seconds.
    """

    targets: tuple[TargetSummary, ...]
    sent_bytes: int
    took_s: float

    @property
    def rejected(self) -> int:
        """How many rows need a person."""
        return sum(target.counts[State.REJECTED] for target in self.targets)
