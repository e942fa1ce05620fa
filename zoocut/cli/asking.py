"""Agreement before something is changed for good, and what is said when a command is stopped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from zoocut.cli.console import notes
from zoocut.cli.tables import printable
from zoocut.errors import ConfigError, Interrupted, ZoocutError

__all__ = ["agree", "told_when_stopped"]


def agree(question: str, yes: bool) -> None:
    """Ask on the terminal, unless `--yes` was given.

    Raises
    ------
    ConfigError
        When there is nobody to ask.
    ZoocutError
        When the answer is no.
    Interrupted
        When there is none.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError(f"nothing was changed; {question} add --yes to do it without being asked")
    try:
        notes.print(f"{printable(question)} [y/N] ", end="", markup=False)
        answer = input()
    except (KeyboardInterrupt, EOFError):
        raise Interrupted("stopped; nothing was changed") from None
    if answer.strip().lower() not in ("y", "yes"):
        raise ZoocutError("nothing was changed, as you say")


@contextmanager
def told_when_stopped(message: str) -> Iterator[None]:
    """Turn Ctrl-C inside the block into `message` and its exit code."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(message) from None
