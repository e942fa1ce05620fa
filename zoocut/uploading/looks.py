"""What looks through the server's newest subjects have told so far, and for which rows."""

from __future__ import annotations

from collections.abc import Mapping

from zoocut.ledger import Entry
from zoocut.uploading.machine import Absent, Event

__all__ = ["Looks"]

ABSENCE_COUNTS_S = 2.0
"""So long a look that did not find a row's subject lets its create be sent again, or as long as the look took itself:
the request leaves at once unless too many others are under way."""

NEVER = float("-inf")


class Looks:
    """Remembers the newest look; all times are in seconds of one clock."""

    def __init__(self) -> None:
        self.newest_began = NEVER
        self._absent: set[int] = set()
        self._absent_until = NEVER

    def absent_until(self, entry: Entry) -> float:
        """Return until when it counts that an entry's subject was not found."""
        return self._absent_until if entry.row in self._absent else NEVER

    def leaves(self) -> None:
        """Let nothing be made that a look may find which is on its way."""
        self._absent.clear()

    def create_leaves(self, entry: Entry) -> None:
        """Have one look let one create leave, even one that is refused and then sent again."""
        self._absent.discard(entry.row)

    def came_back(self, began: float, now: float, verdicts: Mapping[int, Event]) -> None:
        """Take note of what a look found."""
        self.newest_began = max(self.newest_began, began)
        self._absent = {row for row, event in verdicts.items() if isinstance(event, Absent)}
        self._absent_until = now + max(ABSENCE_COUNTS_S, now - began)
