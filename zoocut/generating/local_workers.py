"""Processes on this machine that draw: `generate -j N`.

They are forked from one server process that imports what drawing needs while this process draws, or imports itself; a
process that imports for itself takes longer than it needs to draw a thousand sources. Little is drawn in this process
alone.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from math import inf
from multiprocessing import current_process, parent_process
from multiprocessing.connection import wait
from threading import Thread
from time import monotonic
from typing import ParamSpec, TypeVar

from zoocut import fork_server
from zoocut.error_kinds import WrongArguments
from zoocut.generating.drawing import BatchDrawer, Drawn, Endings, draw_batches, draw_here, endings_by
from zoocut.generating.plan import SOURCES_AT_ONCE, Batch

__all__ = ["LocalWorkers"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

AHEAD = 3
"""Batches a process that wait for it or are being drawn: fewer would let it wait, more only hold memory."""

TRIED_S = 0.05
"""So many seconds of drawing tell how long a source takes: some hundred of the quickest, few of the slowest."""

WORTH_S = 0.3
"""What is left once workers can draw must take this process as long: to fork two, and to open fonts and files in each,
takes 0.06 s where measured, sending another tenth, and half of the rest is won."""

OPENING_S = 0.25
"""To import what draws and to open it takes this process as long; workers that are there by then do all of it."""

PIECE_S = 0.2
"""Workers get pieces of batches that take as long: a full one takes half a minute where images are slow to open."""

PIECE = 32
"""The fewest sources of a piece, and how many are drawn at once while time is measured."""

UNTRIED_PIECE = 64
"""So many where nothing was drawn here: 12 ms of the quickest, of which sending takes a tenth."""

MOST_LOOKED_AT = 64
"""Batches that are held at most to see how much is left; a run that goes on has many with nothing to draw."""


class LocalWorkers:
    """Processes to draw with, started once there is enough for them to draw, and ended with the block.

    Parameters
    ----------
    jobs : int
        How many.
    ahead : float
        How many sources may be looked at before they are drawn, to see whether there is enough.

    Raises
    ------
    WrongArguments
        In a process that draws, which imports the script of the one that it draws for.
    """

    def __init__(self, jobs: int, ahead: float = inf) -> None:
        if getattr(
            current_process(), "_inheriting", False
        ):  # Python's own guard is passed when all is drawn here
            raise WrongArguments(
                "each process that draws imports the script that asks for them, and comes to the same call: put it "
                'below `if __name__ == "__main__":`, or draw with jobs = 1'
            )
        self._jobs = jobs
        self._ahead = ahead
        self._executor: _Processes | None = None
        self._tried = _Tried()

    def __enter__(self) -> LocalWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)

    def endings(self, drawer: BatchDrawer) -> Endings:
        """Open the media and tell what their files end in: by a worker, where one can begin before this process.

        Raises
        ------
        ConfigError, InputError
            As `open_media`.
        """
        if fork_server.seconds_until_ready() > OPENING_S or "astropy" in sys.modules:
            return drawer.endings
        self._executor = self._processes()
        return endings_by(self._executor, drawer)

    def draw(self, batches: Iterable[Batch], drawer: BatchDrawer) -> Iterator[tuple[Batch, Drawn]]:
        """Draw all batches: here as long as workers would not be worth their start, then by them.

        Yields
        ------
        (Batch, Drawn)
            In the order of the batches; the first ones may be divided.
        """
        plan = _Plan(batches)
        if self._executor is None:
            yield from self._draw_until_worth(plan, drawer)
            if not plan.holds(1):
                return
            self._executor = yield from self._start(plan, drawer)
        yield from draw_batches(plan.pieces(self._tried.piece), drawer, self._executor, AHEAD * self._jobs)

    def _draw_until_worth(self, plan: _Plan, drawer: BatchDrawer) -> Iterator[tuple[Batch, Drawn]]:
        """Draw as long as what is left is too little to start workers for, to the end if it stays so."""
        while not self._is_worth(plan):
            batch = plan.take(PIECE if self._tried.seconds < TRIED_S else SOURCES_AT_ONCE)
            if batch is None:
                return
            yield batch, self._tried.draw(batch, drawer)

    def _is_worth(self, plan: _Plan) -> bool:
        if self._tried.seconds < TRIED_S:
            return False
        until_ready = fork_server.seconds_until_ready()
        needed = (until_ready + WORTH_S) / self._tried.each_s
        # what cannot be seen is guessed: where so much was drawn, as much may follow
        if needed > self._ahead and self._tried.seconds < until_ready + WORTH_S:
            return False
        return plan.holds(min(needed, self._ahead))

    def _start(self, plan: _Plan, drawer: BatchDrawer) -> Generator[tuple[Batch, Drawn], None, _Processes]:
        """Start workers, and draw here until they can."""
        fork_server.start()
        yield from draw_here(plan.pieces_until(monotonic() + fork_server.seconds_until_ready()), drawer)
        return self._processes()

    def _processes(self) -> _Processes:
        context = fork_server.start()
        return _Processes(ProcessPoolExecutor(self._jobs, mp_context=context, initializer=_end_with_parent))


class _Processes(Executor):
    """Processes that a thread of their own gives work to.

    To give work is also to start a process. A Ctrl-C, which only the main thread takes, would break that off where
    the process runs and is not counted yet: it then takes the word to end that another waits for, for ever.
    """

    def __init__(self, processes: ProcessPoolExecutor) -> None:
        self._processes = processes
        self._thread = ThreadPoolExecutor(1)

    def submit(self, do: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        return self._thread.submit(self._processes.submit, do, *args, **kwargs).result()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._thread.shutdown(wait)
        self._processes.shutdown(wait, cancel_futures=cancel_futures)


class _Tried:
    """How long this process took to draw."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._count = 0
        self._is_warm = False

    @property
    def piece(self) -> float:
        """How many sources are sent together."""
        return max(PIECE, PIECE_S / self.each_s) if self._count else UNTRIED_PIECE

    @property
    def each_s(self) -> float:
        """Seconds a source."""
        return self.seconds / self._count

    def draw(self, batch: Batch, drawer: BatchDrawer) -> Drawn:
        """Draw a batch; the first is not counted where it is small, since fonts and files are opened for it."""
        start = monotonic()
        drawn = drawer.draw(batch.exposures)
        if batch.planned >= (1 if self._is_warm else SOURCES_AT_ONCE):
            self.seconds += monotonic() - start
            self._count += batch.planned
        self._is_warm = self._is_warm or batch.planned > 0
        return drawn


class _Plan:
    """Batches, some of which are looked at before they are drawn."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self._batches = iter(batches)
        self._looked_at: deque[Batch] = deque()

    def take(self, least: float) -> Batch | None:
        """Return the next exposures that have so many sources or more, of one batch; None at the end."""
        batch = self._looked_at.popleft() if self._looked_at else next(self._batches, None)
        if batch is None or batch.planned <= least:
            return batch
        piece, rest = batch.divided(least)
        if rest.planned:
            self._looked_at.appendleft(rest)
        return piece

    def pieces(self, least: float) -> Iterator[Batch]:
        """Take what is left, piece by piece."""
        return iter(lambda: self.take(least), None)

    def pieces_until(self, end: float) -> Iterator[Batch]:
        """Take pieces up to a moment of the monotonic clock."""
        while monotonic() < end and (piece := self.take(PIECE)) is not None:
            yield piece

    def holds(self, count: float) -> bool:
        """Whether so many sources or more are to be drawn, as far as is looked ahead."""
        found = sum(batch.planned for batch in self._looked_at)
        while found < count and len(self._looked_at) < MOST_LOOKED_AT:
            batch = next(self._batches, None)
            if batch is None:
                return False
            self._looked_at.append(batch)
            found += batch.planned
        return found >= count


def _end_with_parent() -> None:
    """End this worker when its parent is gone, whatever ended that; signals of the terminal are the parent's."""
    gc.freeze()  # what the server has imported is no garbage: to look through it is an eighth of a worker's time
    fork_server.restore_environment()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        Thread(target=_wait_and_end, args=(parent.sentinel,), daemon=True).start()


def _wait_and_end(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
