"""The options that every command takes: how much is said, and what is written down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zoocut.cli.console import notes
from zoocut.printing import printable

if TYPE_CHECKING:
    from logging import Formatter

__all__ = ["general_options_first", "spoken"]

FLAGS = ("-v", "-vv", "--verbose", "-q", "--quiet")
WITH_VALUE = "--log-file"


def general_options_first(words: Sequence[str]) -> list[str]:
    """Move the options of the program before the command, where people type them behind it.

    Parameters
    ----------
    words : sequence of str
        The command line without the program's name.
    """
    first: list[str] = []
    others: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            others += [word, *rest]
        elif word in FLAGS or word.startswith(f"{WITH_VALUE}="):
            first.append(word)
        elif word == WITH_VALUE:
            value = next(rest, None)
            if value is None:
                return [word]  # without its file it must not take the command for one
            first += [word, value]
        else:
            others.append(word)
    return first + others


def _printable_formatter() -> Formatter:
    """Make a formatter of lines that may hold a server's words."""
    import logging

    class Printable(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return printable(super().format(record))

    return Printable("%(asctime)s %(message)s", "%H:%M:%S")


@contextmanager
def spoken(verbose: int, quiet: bool, path: Path | None) -> Iterator[None]:
    """Say as much as is asked for, for the length of the block.

    Parameters
    ----------
    verbose : int
        1 for retries and what was decided, 2 for every request as well.
    quiet : bool
        Whether only results and errors are printed.
    path : Path or None
        Where a log of JSON lines is added to.
    """
    import logging

    from zoocut.logs import log, log_file

    with ExitStack() as stack:
        if path is not None:
            stack.enter_context(log_file(path))
        if verbose:
            handler = logging.StreamHandler(notes.file)
            handler.setLevel(logging.INFO if verbose == 1 else logging.DEBUG)
            handler.setFormatter(_printable_formatter())
            log.addHandler(handler)
            stack.callback(log.removeHandler, handler)
            stack.callback(log.setLevel, log.level)
            log.setLevel(logging.DEBUG)
        if quiet:
            stack.callback(setattr, notes, "quiet", notes.quiet)
            notes.quiet = True
        yield
