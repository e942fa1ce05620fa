"""How an upload is stopped: one signal asks, the second one ends the process where it stands."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from zoocut.cli.console import notes

__all__ = ["Stop", "stopping"]


class Stop:
    """The first signal asks to finish what is under way; the second ends the process where it stands."""

    def __init__(self) -> None:
        self.flag = Event()
        self.exit_code = 0

    def __call__(self, number: int, frame: object) -> None:
        """Take a signal."""
        if self.flag.is_set():
            os._exit(128 + number)
        self.exit_code = 128 + number
        self.flag.set()
        notes.print(
            "finishing the requests under way; once more stops at once (either is safe)", markup=False
        )


@contextmanager
def stopping() -> Iterator[Stop]:
    """Take SIGINT and SIGTERM for the length of the block."""
    stop = Stop()
    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
