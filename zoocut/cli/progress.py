"""Progress on a terminal as a bar with rate and time left; in a pipe as a plain line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from zoocut.cli.console import notes

if TYPE_CHECKING:
    from zoocut.generating import Progress
    from zoocut.uploading.report import Snapshot

__all__ = ["generation_progress", "upload_progress"]

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def generation_progress() -> Iterator[Callable[[Progress], None]]:
    """Give the function that `generate` reports to."""
    if notes.is_terminal:
        with _bar() as report:
            yield report
    else:
        yield _lines()


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("drawing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.speed:.0f}/s"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=notes, transient=True) as bar:
        task = bar.add_task("drawing", total=None)

        def report(progress: Progress) -> None:
            done = progress.drawn + progress.kept + progress.rejected
            bar.update(task, completed=done, total=progress.expected)

        yield report


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
    """Give the function that `upload` reports to."""
    if notes.is_terminal:
        with _upload_bar() as report:
            yield report
    else:
        yield _upload_lines()


@contextmanager
def _upload_bar() -> Iterator[Callable[[Snapshot], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    bar = Bar(*columns, console=notes, transient=True)
    task = bar.add_task("", total=None)

    def report(snapshot: Snapshot) -> None:
        bar.update(task, completed=snapshot.done, total=snapshot.rows, description=_upload_words(snapshot))
        bar.start()  # not earlier: a moving bar would hide a question

    try:
        yield report
    finally:
        bar.stop()


def _upload_lines() -> Callable[[Snapshot], None]:
    last = time.monotonic()

    def report(snapshot: Snapshot) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= SECONDS_BETWEEN_LINES:
            last = now
            notes.print(f"{snapshot.done}/{snapshot.rows}: {_upload_words(snapshot)}", markup=False)

    return report


def _upload_words(snapshot: Snapshot) -> str:
    states = ", ".join(f"{count} {state.value}" for state, count in snapshot.counts.items() if count)
    left = "" if snapshot.left_s is None else f", {snapshot.left_s:.0f} s left"
    trouble = f" ({snapshot.trouble})" if snapshot.trouble else ""
    return f"{states}; {snapshot.rate:.1f}/s, {snapshot.sent_bytes / 1e6:.1f} MB{left}{trouble}"
