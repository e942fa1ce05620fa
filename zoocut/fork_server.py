"""The process that drawing workers of this machine are forked from: it imports what drawing needs, once for all.

It stands below everything else, so that a command can start it before it imports the rest of the program itself:
both then import at the same time, each on a core.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running
from time import monotonic

__all__ = ["restore_environment", "seconds_until_ready", "start"]

PRELOADED = (
    "zoocut.fork_server_start",
    "zoocut.generating.drawing",
    "zoocut.images.frames",
    "zoocut.images.aligned",
    "zoocut.images.frame_files",
    "zoocut.media.triplet",
    # what drawing imports when it begins: a forked worker would import it for itself
    "astropy.visualization",
    "matplotlib.colors",
    "matplotlib.ft2font",
    # workers begin as the program did
    "zoocut.cli.main",
)

START_S = 0.5
"""The server has imported by then (0.4 s of processor time where measured)."""

SAFE_PATH, OURS = "PYTHONSAFEPATH", "for zoocut's server"
"""Any words will do for Python; these tell a worker that its user has not asked for it."""

_started: list[float] = []


def start() -> ForkServerContext:
    """Start the server unless it runs; return what starts its workers."""
    context = get_context("forkserver")
    if not _started:
        context.set_forkserver_preload([*PRELOADED])
        _started.append(monotonic())
    with _without_current_folder():
        with _left_to_the_command({signal.SIGHUP}):
            resource_tracker.ensure_running()  # lets SIGINT through again when it has started it
        with _left_to_the_command({signal.SIGHUP, signal.SIGINT}):
            ensure_running()
    return context


@contextmanager
def _without_current_folder() -> Iterator[None]:
    """Let what is started inside take no module from the folder that it is started in, as the command takes none.

    Python looks there first, and what imports a user's `select.py` runs it. Workers look where this process does.
    """
    os.environ[SAFE_PATH] = os.environ.get(SAFE_PATH) or OURS
    try:
        yield
    finally:
        restore_environment()


def restore_environment() -> None:
    """Undo, here or in a worker, what the server was started with: programs that either starts run as anywhere."""
    if os.environ.get(SAFE_PATH) == OURS:
        del os.environ[SAFE_PATH]


@contextmanager
def _left_to_the_command(signals: set[signal.Signals]) -> Iterator[None]:
    """Let what is started inside not be told what a terminal tells all its processes: they end with the command.

    Python has the server ignore Ctrl-C only when it has imported; before, it would answer with a traceback. Where a
    terminal that closes ends the process that cleans up after the others, a next one would be started that knows
    nothing of what it is told to clean up, and says so in tracebacks.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def seconds_until_ready() -> float:
    """Tell in how many seconds its workers can draw, whether it runs already or is still to be started."""
    return max(0.0, START_S - (monotonic() - _started[0])) if _started else START_S
