"""How commands are stopped by signals.

An upload finishes what is under way: one signal asks, the second one ends the process where it stands. What can be
broken off anywhere is broken off at once.
"""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event, current_thread, main_thread
from types import FrameType

from zoocut.cli.console import notes
from zoocut.errors import Interrupted

__all__ = ["Stop", "broken_off", "noted_interrupts"]

HANGUP: int = getattr(signal, "SIGHUP", 0)
"""A terminal was closed; Windows knows no such signal."""

ENDING = [signal.SIGTERM, HANGUP] if HANGUP else [signal.SIGTERM]


class Stop:
    """The first signal asks to finish what is under way; the second ends the process where it stands."""

    def __init__(self) -> None:
        self.flag = Event()
        self.exit_code = 0

    def __call__(self, number: int, frame: object) -> None:
        """Take a signal."""
        if number == HANGUP:
            _hung_up()
        if self.flag.is_set():
            os._exit(128 + number)
        self.exit_code = 128 + number
        self.flag.set()
        notes.print(
            "finishing the requests under way; once more stops at once (either is safe)", markup=False
        )

    @contextmanager
    def taking_signals(self) -> Iterator[Event]:
        """Take SIGINT, SIGTERM and SIGHUP for the length of the block, and give what the first one sets."""
        with _handling([signal.SIGINT, *ENDING], self):
            yield self.flag


class _Signalled(KeyboardInterrupt):
    """SIGTERM or SIGHUP, which no handler of ordinary errors may take for one."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@contextmanager
def noted_interrupts() -> Iterator[Event]:
    """Have Ctrl-C noted before it is raised: libraries make errors of their own of what breaks into their imports."""
    noted = Event()

    def note(number: int, frame: FrameType | None) -> None:
        noted.set()
        signal.default_int_handler(number, frame)

    is_raised = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with _handling([signal.SIGINT] if is_raised and current_thread() is main_thread() else [], note):
        yield noted


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
        if number == HANGUP:
            _hung_up()
        raise _Signalled(number)

    with _handling(ENDING, interrupt):
        try:
            yield
        except KeyboardInterrupt as stopped:
            raise Interrupted(message, 128 + getattr(stopped, "number", signal.SIGINT)) from None


@contextmanager
def _handling(numbers: Sequence[int], handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Have signals handled for the length of the block; SIGHUP stays ignored where it is, as `nohup` wants it."""
    taken = [one for one in numbers if one != HANGUP or signal.getsignal(one) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in taken}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _hung_up() -> None:
    """Write nothing more to a terminal that is gone, and take it once: the system and the shell both tell of it."""
    signal.signal(HANGUP, signal.SIG_IGN)
    for descriptor in (1, 2):
        with suppress(OSError):  # one that the caller had closed stays so
            # a device that is no terminal any more; whatever is written to it would fail
            if stat.S_ISCHR(os.fstat(descriptor).st_mode) and not os.isatty(descriptor):
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
