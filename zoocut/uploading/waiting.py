"""What an upload waits for, and until when, in words."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from zoocut.ledger import Entry
from zoocut.uploading.machine import settled_at

__all__ = ["Waiting", "waiting_words"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What stands in the way now.

    Parameters
    ----------
    trouble : str or None
        Why the newest answer was none; None when it was one.
    again_in_s : float or None
        In how many seconds the next request leaves; None while some are under way.
    doubtful : collection of Entry
        The rows whose create was not answered.
    settle_s : float
        Until their absence counts.
    now : float
        Seconds of the clock that the entries were sent by.
    """

    trouble: str | None
    again_in_s: float | None
    doubtful: Collection[Entry]
    settle_s: float
    now: float


def waiting_words(waiting: Waiting) -> str | None:
    """Say what is waited for and until when; None when nothing is."""
    told = []
    if waiting.trouble and waiting.again_in_s is not None:
        told.append(f"{waiting.trouble}: tried again at {_clock(waiting.again_in_s, seconds=True)}")
    elif waiting.trouble:
        told.append(f"{waiting.trouble}: being tried again")
    if waiting.doubtful:
        told.append(_doubt(waiting))
    return "; ".join(told) or None


def _doubt(waiting: Waiting) -> str:
    count = len(waiting.doubtful)
    lost = "1 answer was lost" if count == 1 else f"{count} answers were lost"
    left_s = max(settled_at(entry, waiting.settle_s) for entry in waiting.doubtful) - waiting.now
    if left_s <= 0:
        return f"{lost}: their subjects are looked for"
    return f"{lost}: waiting until {_clock(left_s, seconds=left_s < 60)} to be sure"


def _clock(in_s: float, *, seconds: bool) -> str:
    """Write the time in so many seconds, rounded up: what is told has passed when it is read."""
    if seconds:
        return f"{datetime.fromtimestamp(time.time() + in_s + 1):%H:%M:%S}"
    return f"{datetime.fromtimestamp(time.time() + in_s + 60):%H:%M}"
