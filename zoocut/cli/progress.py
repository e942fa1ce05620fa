"""Progress on a terminal as a bar with rate and time left; in a pipe as a plain line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zoocut.api.progress import drawing_bar, upload_bar, upload_words
from zoocut.cli.console import notes

if TYPE_CHECKING:
    from zoocut.generating import Progress
    from zoocut.uploading.report import Snapshot

__all__ = ["counting", "counting_several", "generation_progress", "upload_progress", "waiting_words"]

SECONDS_BETWEEN_LINES = 10.0

LOOKING = "looking at the run, the account, the project and the set ..."
"""Said before anything is asked: a server that does not answer is waited for."""


@contextmanager
def generation_progress() -> Iterator[Callable[[Progress], None]]:
    """Yield the function that `generate` reports to."""
    if notes.is_terminal:
        with drawing_bar(notes) as report:
            yield report
    else:
        yield _lines()


def _lines() -> Callable[[Progress], None]:
    started = last = time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES:
            last = now
            notes.print(
                f"{progress.drawn} drawn, {progress.kept} already there, {progress.rejected} rejected,"
                f" {progress.drawn / (now - started):.0f} a second",
                markup=False,
            )

    return report


@contextmanager
def upload_progress() -> Iterator[Callable[[Snapshot], None]]:
    """Yield the function that `upload` reports to."""
    if notes.is_terminal:
        notes.print(LOOKING)
        with upload_bar(notes) as report:
            yield report
    else:
        yield _upload_lines()


def _upload_lines() -> Callable[[Snapshot], None]:
    last = float("-inf")  # the first line comes at once: whoever reads a log sees that it has begun

    def report(snapshot: Snapshot) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES:
            last = now
            notes.print(f"{snapshot.done}/{snapshot.rows}: {upload_words(snapshot)}", markup=False)

    return report


@contextmanager
def counting(words: str) -> Iterator[Callable[[int, int | None], None]]:
    """Yield a function that is told how many there are, and how many there will be where that is known.

    Parameters
    ----------
    words : str
        What is counted, with `{}` for the number.
    """
    with counting_several() as report:

        def of_one(count: int, total: int | None = None) -> None:
            report(words, count, total)

        yield of_one


@contextmanager
def counting_several() -> Iterator[Callable[[str, int, int | None], None]]:
    """Yield a function that is told what is counted, how many there are, and how many there will be."""
    last, widest = time.monotonic(), 0

    def report(words: str, count: int, total: int | None = None) -> None:
        nonlocal last, widest
        now = time.monotonic()
        if now - last >= (0.2 if notes.is_terminal else SECONDS_BETWEEN_LINES):
            last = now
            share = f" ({count / total:.0%})" if total else ""
            told = (words if "{}" in words else "{} " + words).format(f"{count:,}") + share
            widest = max(widest, len(told))
            end = "\r" if notes.is_terminal else "\n"
            notes.print(told.ljust(widest if notes.is_terminal else 0), markup=False, end=end)

    yield report
    if notes.is_terminal and widest:
        notes.print(" " * widest, end="\r")


def waiting_words(gone_s: float, state: str) -> None:
    """Say how long something has been waited for, and in what state it is."""
    notes.print(f"the export is {state or 'asked for'}: waited {gone_s:.0f} s", markup=False)
