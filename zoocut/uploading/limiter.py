"""How many requests are under way at once: more while latency holds, half when the server struggles."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["ConcurrencyLimit", "most_that_fit"]

START = 8.0
"""Few enough for a server in trouble."""

GROWTH = 3.0
"""What a good answer adds to the limit before the first trouble: after 8 and then 11 of them 64 requests are under way,
within two rounds. With 1.0 it took four, a sixth of the time that 200 rows take."""

SLOWED = 3.0
"""Answers that take this many times the quickest one mean that more requests would only wait longer; less may be
chance."""

HALVED_AT_MOST_S = 1.0
"""What comes back within a second of the last halving had left before it: it says nothing about the lower limit."""

FILES_A_REQUEST = 3
"""What a request may hold open: a connection to the API, one to the store of images, and the image."""

OTHER_FILES = 14
"""What an upload opens beside: its ledger with log and lock, the connection of the lease, a log file, its talk with the
terminal; some more for what libraries read when they are first used."""


def most_that_fit(wanted: int) -> int:
    """Return how many requests may be under way at once so that files and connections stay below the process's limit.

    Connections are kept open, so that one too many would stand in the way of every later file for good.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return wanted
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return wanted
    listed = Path("/dev/fd")
    in_use = len(os.listdir(listed)) if listed.is_dir() else 0
    return max(1, min(wanted, (most - in_use - OTHER_FILES) // FILES_A_REQUEST))


class ConcurrencyLimit:
    """The limit of requests under way, adapted by what comes back.

    Parameters
    ----------
    most : int
        Never more than this.
    """

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self._limit = min(START, self._most)
        self._quickest_s = float("inf")
        self._steady = False
        self._halved_at = float("-inf")
        self.paused_until = float("-inf")

    @property
    def limit(self) -> int:
        """How many requests may be under way now."""
        return int(self._limit)

    def good(self, took_s: float) -> None:
        """Take note of an answer that came after `took_s` seconds."""
        self._quickest_s = min(self._quickest_s, took_s)
        if took_s <= SLOWED * self._quickest_s:
            self._limit = min(self._most, self._limit + (1 / self._limit if self._steady else GROWTH))

    def bad(self, now: float, retry_after_s: float | None) -> None:
        """Take note of trouble at `now`, in seconds of any one clock; halves at most once a second."""
        self._steady = True
        self.paused_until = max(self.paused_until, now + (retry_after_s or 0.0))
        if now - self._halved_at >= HALVED_AT_MOST_S:
            self._halved_at = now
            self._limit = max(1.0, self._limit / 2)
