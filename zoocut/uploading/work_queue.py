"""The entries that are being worked on, kept in memory by what they wait for; the rest stays in the ledger."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator

from zoocut.ledger import Entry, Ledger, State, Target

__all__ = ["MEASURED_AT_ONCE", "QUICK_BYTES", "WorkQueue"]

MOST_WAITING = 1000
"""With as many stored but not linked, or in doubt, nothing new is begun: ten batches to link, and what a server in
trouble may turn into doubts stays in memory and within ten pages of its list."""

QUICK_BYTES = 128 << 10
MEASURED_AT_ONCE = 8
"""So many rows with images of at most `QUICK_BYTES` are measured by one job, which takes some milliseconds: with a job
for each an upload of 1,000 rows takes 6 % more of a processor's time."""


class WorkQueue:
    """Entries in work.

    Parameters
    ----------
    ledger, target : Ledger, Target
        Where further entries are read from.
    """

    def __init__(self, ledger: Ledger, target: Target) -> None:
        self.ready: deque[Entry] = deque()
        self.linkable: dict[int, Entry] = {}
        self.doubtful: dict[int, Entry] = {}
        self.repeated: dict[int, Entry] = {}
        self._asleep: list[tuple[float, int, Entry]] = []
        self._in_work: set[int] = set()
        self._unread = _unfinished(ledger, target)
        self._read_all = False
        self._finishing = False

    def only_finish(self) -> None:
        """Begin no further rows: those that have no subject yet stay in the ledger."""
        self._finishing = True
        self.ready = deque(entry for entry in self.ready if entry.state is not State.PLANNED)
        self.repeated.clear()
        self._asleep = [sleeper for sleeper in self._asleep if sleeper[2].state is not State.PLANNED]
        heapq.heapify(self._asleep)

    def put(self, entry: Entry) -> None:
        """Take an entry back in, under what its state waits for; entries at rest are let go."""
        self._in_work.add(entry.row)
        self.linkable.pop(entry.row, None)
        self.doubtful.pop(entry.row, None)
        self.repeated.pop(entry.row, None)
        match entry.state:
            case State.PLANNED if self._finishing:
                self._in_work.discard(entry.row)
            case State.PLANNED if not entry.images[0].sha256:
                self.ready.append(entry)
            case State.PLANNED if entry.asked_before:
                self.repeated[entry.row] = entry
            case State.PLANNED:  # measured already: its intent is saved together with what was measured
                self.ready.appendleft(entry)
            case State.CREATED if entry.images_to_store:
                self.ready.appendleft(entry)
            case State.CREATED | State.STORED:
                self.linkable[entry.row] = entry
            case State.IN_DOUBT:
                self.doubtful[entry.row] = entry
            case _:
                self._in_work.discard(entry.row)

    def measured_with(self, entry: Entry) -> list[Entry]:
        """Take the ready rows that are measured together with a first one: small files that lie here."""
        found: list[Entry] = []
        while _quick(entry) and self.ready and _quick(self.ready[0]) and len(found) < MEASURED_AT_ONCE - 1:
            found.append(self.ready.popleft())
        return found

    def sleep(self, entry: Entry, until: float) -> None:
        """Keep an entry until a moment of the caller's clock."""
        heapq.heappush(self._asleep, (until, entry.row, entry))

    def wake(self, now: float) -> None:
        """Put back the entries whose moment has come."""
        while self._asleep and self._asleep[0][0] <= now:
            self.put(heapq.heappop(self._asleep)[2])

    @property
    def wakes_at(self) -> float:
        """When the first sleeper is put back, by the caller's clock; in the past when none sleeps."""
        return self._asleep[0][0] if self._asleep else float("-inf")

    def refill(self, wanted: int) -> None:
        """Read on in the ledger until `wanted` entries are ready, unless too many wait further on."""
        while len(self.ready) < wanted and not self._read_all and not self.full:
            entry = next(self._unread, None)
            if entry is None or (self._finishing and entry.state is State.PLANNED):
                self._read_all = True
            elif entry.row not in self._in_work:
                self.put(entry)

    @property
    def full(self) -> bool:
        """Whether too many entries wait to be linked or settled for new ones to be begun."""
        return max(len(self.linkable), len(self.doubtful) + len(self.repeated)) >= MOST_WAITING

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left, here or in the ledger."""
        waiting = self.ready or self.linkable or self.doubtful or self.repeated or self._asleep
        return self._read_all and not waiting


def _quick(entry: Entry) -> bool:
    """Whether an entry is to be measured, and quickly: what an address serves may take long, and fail alone."""
    to_measure = entry.state is State.PLANNED and not entry.images[0].sha256
    return to_measure and all(image.hosted and (image.size or 0) <= QUICK_BYTES for image in entry.images)


def _unfinished(ledger: Ledger, target: Target) -> Iterator[Entry]:
    for state in (State.IN_DOUBT, State.CREATED, State.STORED, State.PLANNED):
        after = -1
        while page := ledger.entries(target, state, after):
            yield from page
            after = page[-1].row
