"""How an upload is stopped: one signal asks, the second one ends the process where it stands."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from zoocut.cli.console import notes

__all__ = ["Stop"]


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
    def taking_signals(self) -> Iterator[Event]:
        """Take SIGINT and SIGTERM for the length of the block, and give what the first one sets."""
        before = {number: signal.signal(number, self) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield self.flag
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
