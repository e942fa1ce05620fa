"""The loop that moves every row of a target on: workers send, this thread alone decides and writes.

Each turn takes in what came back, saves it in one transaction, and sends what is next; creates leave only
after their intents, announced together, are on disk.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event as Flag

from zoocut.errors import NotPermitted, QuotaReached, ZooniverseError
from zoocut.ledger.book import Ledger
from zoocut.ledger.records import Entry, State
from zoocut.upload import machine
from zoocut.upload.creating import create
from zoocut.upload.linking import BATCH, Batch, link
from zoocut.upload.machine import Facts, LostSight, NotCreated, Rejected, Sent, after, next_step, settled_at
from zoocut.upload.measuring import measure
from zoocut.upload.pace import Pace
from zoocut.upload.place import Outcome, Place
from zoocut.upload.reconciling import Look, look
from zoocut.upload.report import Snapshot
from zoocut.upload.shelf import Shelf
from zoocut.upload.storing import renew, store
from zoocut.zooniverse.faults import Busy

__all__ = ["Conductor", "Patience"]

LONGEST_BACKOFF_S = 60.0
SAME_REFUSALS = 10
"""As many rows refused one after the other with the same words are the fault of something else."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds, and how much is done at once.

    Parameters
    ----------
    settle_s : float
        Until the absence of a doubtful subject counts.
    give_up_after_s : float
        Without any progress.
    most_requests : int
        Requests under way at once.
    first_backoff_s : float
        Before the first repetition; doubles with each further one.
    """

    settle_s: float
    give_up_after_s: float
    most_requests: int
    first_backoff_s: float = 0.5


@dataclass(frozen=True, slots=True)
class _Errand:
    """A piece of work that has left."""

    entries: tuple[Entry, ...]
    left_at: float
    counts: bool = True
    """Whether it counts for the pace: measuring does not."""


class Conductor:
    """Moves the rows of one target until nothing is left to do.

    Parameters
    ----------
    place : Place
        Where.
    ledger : Ledger
        The only memory.
    patience : Patience
        How long, how much.
    stop : threading.Event
        Set from outside to begin nothing more.
    report : callable
        Told a `Snapshot` each turn.
    """

    def __init__(
        self,
        place: Place,
        ledger: Ledger,
        patience: Patience,
        stop: Flag,
        report: Callable[[Snapshot], None],
    ) -> None:
        self._place, self._ledger, self._patience = place, ledger, patience
        self._stop, self._report = stop, report
        self._pace = Pace(patience.most_requests)
        self._shelf = Shelf(ledger, place.target)
        self._errands: dict[Future[Outcome | Batch | Look], _Errand] = {}
        self._addresses: dict[int, tuple[machine.Addresses, ...]] = {}
        self._failures: dict[int, int] = {}
        self._counts = ledger.counts(place.target)
        self._ending: Exception | None = None
        self._refusals: list[str] = []
        self._watermark = 0
        self._looked_at = float("-inf")
        self._next_look = self._next_link = float("-inf")
        self._looking = self._linking = False
        self._began = self._progress_at = time.monotonic()
        self._moved = self._sent_bytes = 0
        self._trouble: str | None = None
