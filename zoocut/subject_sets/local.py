"""The runs on this machine that sets were made by, as their ledgers tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zoocut.errors import LedgerError
from zoocut.ledger import Ledger, State

__all__ = ["LocalRun", "local_runs"]

LEDGER = "ledger.sqlite3"


@dataclass(frozen=True, slots=True)
class LocalRun:
    """A run that went to a set.

    Parameters
    ----------
    path : Path
        Its folder.
    unfinished : int
        How many of its rows are not in the set yet.
    """

    path: Path
    unfinished: int


def local_runs(folder: Path, endpoint: str) -> Mapping[str, LocalRun]:
    """Map set ids of a server to the runs in `folder`, or in the folders right below it, that went there."""
    found: dict[str, LocalRun] = {}
    for ledger in sorted([*folder.glob(LEDGER), *folder.glob(f"*/{LEDGER}")]):
        try:
            found |= _sets_of(ledger, endpoint)
        except LedgerError:
            continue
    return found


def _sets_of(path: Path, endpoint: str) -> dict[str, LocalRun]:
    with Ledger.read(path) as ledger:
        return {
            target.set_id: LocalRun(path.parent, _unfinished(ledger.counts(target)))
            for target in ledger.targets()
            if target.endpoint == endpoint
        }


def _unfinished(counts: Mapping[State, int]) -> int:
    return sum(number for state, number in counts.items() if not state.in_set)
