"""The runs on this machine that sets were made by, as their ledgers tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zoocut.errors import InputError, LedgerError
from zoocut.ledger import Ledger, State
from zoocut.run.folder import Run

__all__ = ["LocalRun", "local_runs"]


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
    for record in sorted([*folder.glob("run.toml"), *folder.glob("*/run.toml")]):
        try:
            found |= _sets_of(Run.open(record.parent), endpoint)
        except (InputError, LedgerError):
            continue
    return found


def _sets_of(run: Run, endpoint: str) -> dict[str, LocalRun]:
    if not run.ledger.exists():
        return {}
    with Ledger.read(run.ledger) as ledger:
        return {
            target.set_id: LocalRun(run.path, _unfinished(ledger.counts(target)))
            for target in ledger.targets()
            if target.endpoint == endpoint
        }


def _unfinished(counts: Mapping[State, int]) -> int:
    return sum(number for state, number in counts.items() if not state.in_set)
