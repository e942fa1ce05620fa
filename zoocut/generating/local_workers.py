"""Processes on this machine that draw: `generate -j N`.

They are forked from one server process that has imported what drawing needs while this process still reads the
catalog; a process that imports for itself takes longer than it needs to draw a thousand sources.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread

__all__ = ["local_workers"]

PRELOADED = ["zoocut.generating.drawing", "zoocut.images.frames", "zoocut.render.renderer"]


@contextmanager
def local_workers(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Start processes to draw with, and end them with the block."""
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    executor = ProcessPoolExecutor(jobs, mp_context=context, initializer=_end_with_parent)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    """End this worker when its parent is gone, whatever ended that; signals of the terminal are the parent's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        Thread(target=_wait_and_end, args=(parent.sentinel,), daemon=True).start()


def _wait_and_end(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
