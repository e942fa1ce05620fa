"""The threads that carry requests out: what has left, and what came back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from zoocut.errors import ZoocutError
from zoocut.logs import logged
from zoocut.uploading.context import Outcome

__all__ = ["Finished", "Job", "Workers"]


class OfARow(Protocol):
    """Something that a row of the manifest has: the row itself, or a file that goes with it."""

    @property
    def external_id(self) -> str:
        """What the manifest calls the row."""
        ...


Item = TypeVar("Item", bound=OfARow)


@dataclass(frozen=True, slots=True)
class Job(Generic[Item]):
    """A piece of work that has left.

    Parameters
    ----------
    kind : str
        What it does: measure, create, renew, store, link, look or attach.
    entries : tuple of Entry, or of Attachment
        As they were when it left.
    left_at : float
        Monotonic seconds.
    """

    kind: str
    entries: tuple[Item, ...]
    left_at: float


@dataclass(frozen=True, slots=True)
class Finished(Generic[Item]):
    """A job that came back.

    Parameters
    ----------
    job : Job
        Which.
    outcome : Outcome
        What became of it; without an event when it failed.
    failure : Exception or None
        What it raised.
    """

    job: Job[Item]
    outcome: Outcome
    failure: Exception | None


class Workers(Generic[Item]):
    """A fixed number of threads.

    Parameters
    ----------
    size : int
        How many jobs are carried out at once.
    """

    def __init__(self, size: int) -> None:
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="zoocut-upload")
        self._out: dict[Future[Outcome], Job[Item]] = {}

    def __len__(self) -> int:
        return len(self._out)

    def busy_with(self, *kinds: str) -> bool:
        """Whether a job of one of these kinds is out."""
        return any(job.kind in kinds for job in self._out.values())

    def send(self, kind: str, entries: Sequence[Item], work: Callable[[], Outcome]) -> None:
        """Have `work` done for these entries."""
        named = logged(kind, [entry.external_id for entry in entries], work)
        try:
            future = self._threads.submit(named)
        except RuntimeError as error:
            raise ZoocutError(
                f"this machine has no room for another thread ({error}): give --requests a smaller number, or raise "
                "its limits; the run is safe"
            ) from error
        self._out[future] = Job(kind, tuple(entries), time.monotonic())

    def finished(self, wait_s: float) -> list[Finished[Item]]:
        """Return what came back; wait up to `wait_s` seconds for the first, also when nothing is out."""
        if not self._out:
            time.sleep(wait_s)
        done, _ = wait(self._out, timeout=wait_s, return_when=FIRST_COMPLETED)
        return [_finished_job(self._out.pop(future), future) for future in done]

    def shut_down(self) -> None:
        """Let the threads end when their jobs do."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _finished_job(job: Job[Item], future: Future[Outcome]) -> Finished[Item]:
    failure = future.exception()
    if failure is None:
        return Finished(job, future.result(), None)
    if isinstance(failure, MemoryError):
        failure = ZoocutError(
            "this machine ran out of memory: give --requests a smaller number; the run is safe"
        )
    if not isinstance(failure, Exception):
        raise failure
    return Finished(job, Outcome(), failure)
