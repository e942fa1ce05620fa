"""Two clocks: this process's own, by which all waiting is measured, and the server's, for what the server dates.

A row in doubt waits by the own clock alone, which nobody can set while the process lives: a `Date` that was wrong
once must not freeze rows for years, nor end a wait too early. Only the end of a signature is told by the server.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

__all__ = ["Clock"]

RESOLUTION_S = 2.0
"""`Date` counts whole seconds and travels a while: differences this small say nothing, and would let time go back."""


class Clock:
    """Tells this process's time, and the server's from the `Date` of Panoptes' own answers."""

    def __init__(self) -> None:
        self._wall_s = self._server_s = time.time() - time.monotonic()

    def now(self) -> float:
        """Return the time in seconds since 1970 as this machine had it when the process began, monotonic since."""
        return time.monotonic() + self._wall_s

    def heard(self, date: str | None) -> None:
        """Take over the `Date` header of one of Panoptes' own answers; anything unreadable is passed over."""
        try:
            heard_s = parsedate_to_datetime(date or "").timestamp() - time.monotonic()
        except (TypeError, ValueError, OverflowError):
            return
        if abs(heard_s - self._server_s) > RESOLUTION_S:
            self._server_s = heard_s

    def server_now(self) -> float:
        """Return the server's time in seconds since 1970, true to about two seconds as far as it told it truly."""
        return time.monotonic() + self._server_s

    def own_time_of(self, server_s: float) -> float:
        """Return when by this process's clock a moment of the server's clock comes."""
        return server_s - self._server_s + self._wall_s
