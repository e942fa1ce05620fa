"""How commands are stopped by signals.

An upload finishes what is under way: one signal asks, the second one ends the process where it stands. What can be
broken off anywhere is broken off at once.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from zoocut.cli.console import notes
from zoocut.errors import Interrupted

__all__ = ["Stop", "broken_off"]


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


class _Signalled(KeyboardInterrupt):
    """SIGTERM or SIGHUP, which no handler of ordinary errors may take for one."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def broken_off(message: str) -> Iterator[None]:
    """Let SIGTERM and a terminal that is closed break the block off as Ctrl-C does.

    Parameters
    ----------
    message : str
        What was reached, and the command that goes on from there.

    Raises
    ------
    Interrupted
        After one of these signals.
    """

    def interrupt(number: int, frame: object) -> None:
        raise _Signalled(number)

    numbers = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    except KeyboardInterrupt as stopped:
        raise Interrupted(message, 128 + getattr(stopped, "number", signal.SIGINT)) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
