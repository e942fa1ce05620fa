"""How many requests are under way at once: more while latency holds, half when the server struggles."""

from __future__ import annotations

__all__ = ["ConcurrencyLimit"]

START = 4.0
"""Few enough for a server in trouble; one that is not is asked 64 at once after 60 good answers."""

SLOWED = 3.0
"""Answers that take this many times the quickest one mean that more requests would only wait longer; less may be
chance."""

HALVED_AT_MOST_S = 1.0
"""What comes back within a second of the last halving had left before it: it says nothing about the lower limit."""


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
            self._limit = min(self._most, self._limit + (1 / self._limit if self._steady else 1.0))

    def bad(self, now: float, retry_after_s: float | None) -> None:
        """Take note of trouble at `now`, in seconds of any one clock; halves at most once a second."""
        self._steady = True
        self.paused_until = max(self.paused_until, now + (retry_after_s or 0.0))
        if now - self._halved_at >= HALVED_AT_MOST_S:
            self._halved_at = now
            self._limit = max(1.0, self._limit / 2)
