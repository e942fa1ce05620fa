"""The server's clock, followed without trusting this machine's: a laptop may be a day off or be set during a run."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

__all__ = ["ServerClock"]

RESOLUTION_S = 2.0
"""`Date` counts whole seconds and travels a while: differences this small say nothing, and would let time go back."""


class ServerClock:
    """Tells the server's time from the `Date` of its answers and the monotonic clock of this machine."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def heard(self, date: str | None) -> None:
        """Take over the `Date` header of an answer; anything unreadable is passed over."""
        try:
            heard_s = parsedate_to_datetime(date or "").timestamp() - time.monotonic()
        except (TypeError, ValueError):
            return
        if abs(heard_s - self._offset_s) > RESOLUTION_S:
            self._offset_s = heard_s

    def now(self) -> float:
        """Tell the server's time in seconds since 1970, true to about two seconds."""
        return time.monotonic() + self._offset_s
