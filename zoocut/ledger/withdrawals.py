"""Which sets were taken out of which workflow, when, and how complete they were."""

from __future__ import annotations

import time

from zoocut.ledger.book import Ledger
from zoocut.ledger.records import Target

__all__ = ["Withdrawals"]


class Withdrawals:
    """The part of a ledger that knows what workflows serve no more.

    Parameters
    ----------
    ledger : Ledger
        Open; to be written to for `note` and `end`.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def note(self, target: Target, workflow_id: str, completeness: float) -> None:
        """Note that a workflow serves a set no more; what was noted first stays.

        Parameters
        ----------
        target : Target
            The set.
        workflow_id : str
            The workflow.
        completeness : float
            The share of its subjects that were retired then, 0 to 1.
        """
        with self._ledger.transaction() as write:
            write.execute(
                "INSERT OR IGNORE INTO withdrawals VALUES (?, ?, ?, ?)",
                (target.number, workflow_id, completeness, time.time()),
            )

    def end(self, target: Target, workflow_id: str) -> None:
        """Note that the workflow serves the set again."""
        with self._ledger.transaction() as write:
            write.execute(
                "DELETE FROM withdrawals WHERE target = ? AND workflow_id = ?", (target.number, workflow_id)
            )

    def workflows(self, target: Target) -> frozenset[str]:
        """Return the ids of the workflows that serve a set no more."""
        found = self._ledger.query("SELECT workflow_id FROM withdrawals WHERE target = ?", target.number)
        return frozenset(str(one) for (one,) in found)

    def unfinished(self, target: Target) -> frozenset[str]:
        """Return the ids of the workflows that a set was taken out of before it was complete."""
        found = self._ledger.query(
            "SELECT workflow_id FROM withdrawals WHERE target = ? AND completeness < 1", target.number
        )
        return frozenset(str(one) for (one,) in found)
