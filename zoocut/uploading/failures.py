"""What failed while rows were moved: how long to wait before the next attempt, and when it is time to end."""

from __future__ import annotations

import random
from collections.abc import Iterable

from zoocut.error_kinds import RowsRefused, ServerStalled
from zoocut.errors import ZooniverseError
from zoocut.ledger import Entry, State
from zoocut.uploading.machine import Created, Event, Rejected
from zoocut.zooniverse.request_errors import NotNow

__all__ = ["Failures"]

MOST_REFUSALS = 10
"""As many rows refused one after the other are not at fault themselves: a rule of the server is, and thousands of rows
would be rejected before anybody looks."""

MOST_DOUBTS = 10
"""With as many creates lost one after the other no further one leaves until they are settled; when as many are not
found afterwards the upload ends. So a server that loses every answer gets tens of creates, not thousands."""

MOST_READS = 5
"""So often an image that stays elsewhere is asked for before its row is rejected: with pauses that double from half a
second that takes four to eight seconds, in which a web server may have come back."""

LONGEST_BACKOFF_S = 60.0
"""Longest pause before a request is sent again: a server that comes back is noticed within a minute."""

OF_MANY = {"look": -1, "link": -2}
"""Under which numbers, which no row has, the failures of looks and links are counted."""


class Failures:
    """Counts failures, by row and in all.

    Parameters
    ----------
    first_backoff_s : float
        The pause before the first repetition, in seconds; doubles with each further one.
    """

    def __init__(self, first_backoff_s: float) -> None:
        self._first_backoff_s = first_backoff_s
        self._of_row: dict[int, int] = {}
        self._refusals = self._doubts = self._absences = 0
        self._lost: set[int] = set()

    def backoff_s(self, row: int, trouble: ZooniverseError) -> float:
        """Count a failure of a row; return how long it waits, in seconds."""
        count = self._of_row[row] = self._of_row.get(row, 0) + 1
        doubled = self._first_backoff_s * float(2 ** min(count - 1, 10))
        asked = trouble.retry_after_s if isinstance(trouble, NotNow) else None
        return max(asked or 0.0, min(LONGEST_BACKOFF_S, doubled) * random.uniform(0.5, 1.0))

    def pause_s(self, kind: str, trouble: ZooniverseError | None, otherwise_s: float) -> float:
        """Return how long to wait before the next look or link, in seconds; `otherwise_s` after one that went well."""
        if trouble is not None:
            return self.backoff_s(OF_MANY[kind], trouble)
        self.forget(OF_MANY[kind])
        return otherwise_s

    def forget(self, row: int) -> None:
        """Forget the failures of a row that has got further."""
        self._of_row.pop(row, None)

    def last_reading(self, row: int) -> bool:
        """Whether an image that could not be had just now has been asked for often enough."""
        return self._of_row.get(row, 0) + 1 >= MOST_READS

    @property
    def many_doubts(self) -> bool:
        """Whether so many creates were lost one after the other that they must be settled before there are more."""
        return self._doubts >= MOST_DOUBTS

    def created(self, events: Iterable[Event]) -> ZooniverseError | None:
        """Count what creates came to; return why the upload should end, where too many rows were refused."""
        for event in events:
            if isinstance(event, Created):
                self._refusals = 0
            elif isinstance(event, Rejected):
                self._refusals += 1
                if self._refusals >= MOST_REFUSALS:
                    return RowsRefused(
                        f"{MOST_REFUSALS} rows were refused one after the other ({event.reason}): mend what they "
                        "have in common, then run `zoocut upload RUN --retry-rejected`"
                    )
        return None

    def settled(self, changes: Iterable[tuple[Entry, Entry]], trouble: str | None) -> ZooniverseError | None:
        """Count creates that were lost, and those of them that were not found: too many end the upload."""
        for before, entry in changes:
            if before.state is State.INTENT and entry.state is State.IN_DOUBT:
                self._lost.add(entry.row)
                self._doubts += 1
            elif entry.subject_id is not None and before.subject_id is None:
                self._doubts = self._absences = 0
            elif before.state is State.IN_DOUBT and entry.state is not State.IN_DOUBT:
                self._absences += entry.row in self._lost
        if self._absences < MOST_DOUBTS:
            return None
        return ServerStalled(
            f"{self._absences} creates were neither answered nor found afterwards ({trouble}): more would only leave "
            "more subjects behind; the run is safe, run the same command again later"
        )
