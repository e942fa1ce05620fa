"""The threads that carry requests out: what has left, and what came back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from zoocut.ledger import Entry
from zoocut.uploading.place import Outcome

__all__ = ["Crew", "Errand", "Returned"]


@dataclass(frozen=True, slots=True)
class Errand:
    """A piece of work that has left.

    Parameters
    ----------
    kind : str
        What it does: measure, create, renew, store, link or look.
    entries : tuple of Entry
        As they were when it left.
    left_at : float
        Monotonic seconds.
    """

    kind: str
    entries: tuple[Entry, ...]
    left_at: float


@dataclass(frozen=True, slots=True)
class Returned:
    """An errand that came back.

    Parameters
    ----------
    errand : Errand
        Which.
    outcome : Outcome
        What became of it; without an event when it failed.
    failure : Exception or None
        What it raised.
    """

    errand: Errand
    outcome: Outcome
    failure: Exception | None


class Crew:
    """A fixed number of threads.

    Parameters
    ----------
    size : int
        How many errands are carried out at once.
    """

    def __init__(self, size: int) -> None:
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="zoocut-upload")
        self._out: dict[Future[Outcome], Errand] = {}

    def __len__(self) -> int:
        return len(self._out)

    def busy_with(self, *kinds: str) -> bool:
        """Whether an errand of one of these kinds is out."""
        return any(errand.kind in kinds for errand in self._out.values())

    def send(self, kind: str, entries: Sequence[Entry], work: Callable[[], Outcome]) -> None:
        """Have `work` done for these entries."""
        self._out[self._threads.submit(work)] = Errand(kind, tuple(entries), time.monotonic())

    def returned(self, patience_s: float) -> list[Returned]:
        """Give what came back; wait up to `patience_s` seconds for the first, also when nothing is out."""
        if not self._out:
            time.sleep(patience_s)
        done, _ = wait(self._out, timeout=patience_s, return_when=FIRST_COMPLETED)
        return [_returned(self._out.pop(future), future) for future in done]

    def dismiss(self) -> None:
        """Let the threads end when their errands do."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _returned(errand: Errand, future: Future[Outcome]) -> Returned:
    failure = future.exception()
    if failure is None:
        return Returned(errand, future.result(), None)
    if not isinstance(failure, Exception):
        raise failure
    return Returned(errand, Outcome(), failure)
