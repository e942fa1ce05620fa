"""Agreement before something is changed for good, and what is said when a command is stopped."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from zoocut.cli.console import notes
from zoocut.error_kinds import NotConfirmed
from zoocut.errors import Interrupted, ZoocutError

__all__ = ["agree", "agreed_to_create", "ask", "assent", "told_when_stopped"]


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
        raise NotConfirmed(f"nothing was changed; {question} add --yes to do it without being asked")
    if not _says_yes(question):
        raise ZoocutError("nothing was changed, as you say")


def ask(concern: str) -> bool:
    """Ask on a terminal whether to go on although there is a concern.

    Returns
    -------
    bool
        True: the answer was yes.

    Raises
    ------
    ConfigError
        When there is nobody to ask.
    ZoocutError
        When the answer is no.
    Interrupted
        When there is none.
    """
    if not sys.stdin.isatty():
        raise NotConfirmed(f"{concern}; nothing was sent: add --yes if that is meant")
    if not _says_yes(f"{concern}. Go on?"):
        raise ZoocutError("nothing was sent, as you say")
    return True


def agreed_to_create(question: str) -> bool:
    """Ask on a terminal whether to make a further set; where there is none, the answer is no.

    Raises
    ------
    ZoocutError
        When the answer on a terminal is no.
    Interrupted
        When there is no answer.
    """
    if not sys.stdin.isatty():
        return False
    if not _says_yes(f"{question}. Make it?"):
        raise ZoocutError("nothing was made, as you say")
    return True


def assent(concern: str) -> bool:
    """Say what the user has agreed to beforehand, or need not decide; the answer is yes."""
    notes.print(f"note: {concern}", markup=False)
    return True


def _says_yes(question: str) -> bool:
    """Print a question and read the answer; Ctrl-C ends the command here, whatever takes signals otherwise."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        notes.print(f"{question} [y/N] ", end="", markup=False)
        return input().strip().lower() in ("y", "yes")
    except (KeyboardInterrupt, EOFError):
        raise Interrupted("stopped; nothing was changed") from None
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def told_when_stopped(message: str) -> Iterator[None]:
    """Turn Ctrl-C inside the block into `message` and its exit code."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(message) from None
