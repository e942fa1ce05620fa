"""The threads that carry requests out: what has left, and what came back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, Protocol, TypeVar

from zoocut.error_kinds.outcomes import no_room
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
    """A piece of work.

    Parameters
    ----------
    kind : str
        What it does: measure, create, renew, store, link, look or attach.
    entries : tuple of Entry, or of Attachment
        As they are when it leaves.
    work : callable
        Does it.
    """

    kind: str
    entries: tuple[Item, ...]
    work: Callable[[], Outcome]


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
    took_s : float
        How long it took, in seconds; waiting for a thread or for the ledger is no part of it.
    """

    job: Job[Item]
    outcome: Outcome
    failure: Exception | None
    took_s: float


class Workers(Generic[Item]):
    """Threads, as many as there were jobs at once.

    A future for each job, as the standard library's pools make, would cost a tenth of what an upload computes.

    Parameters
    ----------
    size : int
        How many jobs are carried out at once.
    """

    def __init__(self, size: int) -> None:
        self._size, self._threads = size, list[Thread]()
        self._out, self._count = Counter[str](), 0
        self._jobs = SimpleQueue[Job[Item] | None]()
        self._broken: BaseException | None = None
        self._back = SimpleQueue[tuple[Job[Item], Outcome | BaseException, float]]()

    def __len__(self) -> int:
        return self._count

    def busy_with(self, *kinds: str) -> bool:
        """Whether a job of one of these kinds is out."""
        return any(self._out[kind] for kind in kinds)

    def send(self, job: Job[Item]) -> None:
        """Have a job done."""
        if len(self) >= len(self._threads) < self._size:
            self._start_thread()
        self._jobs.put(job)
        self._out[job.kind] += 1
        self._count += 1

    def _start_thread(self) -> None:
        thread = Thread(target=self._work, name=f"zoocut-upload-{len(self._threads)}")
        thread.start()
        self._threads.append(thread)

    def _work(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                self._carry_out(job)
        except BaseException as failure:  # without memory not even a failure can be put into the queue
            self._broken = failure

    def _carry_out(self, job: Job[Item]) -> None:
        began = time.monotonic()
        result: Outcome | BaseException
        try:
            result = logged(job.kind, [entry.external_id for entry in job.entries], job.work)()
        except BaseException as failure:  # whatever it is, the loop must hear of it
            result = failure
        self._back.put((job, result, time.monotonic() - began))

    def finished(self, wait_s: float, gather_s: float = 0.0) -> list[Finished[Item]]:
        """Return what came back.

        Parameters
        ----------
        wait_s : float
            Longest wait for the first, also when nothing is out.
        gather_s : float
            Wait after the first for others that are out.
        """
        found: list[Finished[Item]] = []
        try:
            found.append(self._taken(*self._back.get(timeout=wait_s)))
            if self._count and gather_s:
                time.sleep(gather_s)
            while True:
                found.append(self._taken(*self._back.get_nowait()))
        except Empty:
            if self._broken is not None:
                raise no_room(self._broken) or self._broken from None
            return found

    def _taken(self, job: Job[Item], result: Outcome | BaseException, took_s: float) -> Finished[Item]:
        self._out[job.kind] -= 1
        self._count -= 1
        if isinstance(result, Outcome):
            return Finished(job, result, None, took_s)
        if refused := no_room(result):
            result = refused
        if not isinstance(result, Exception):
            raise result
        return Finished(job, Outcome(), result, took_s)

    def shut_down(self) -> None:
        """Let the threads end when their jobs do; those that have not begun are not carried out."""
        with suppress(Empty):
            while True:
                self._jobs.get_nowait()
        for _ in self._threads:
            self._jobs.put(None)
