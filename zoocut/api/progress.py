"""Progress as a bar, in a terminal or a notebook; nothing anywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.filesize import decimal

from zoocut.printing import printable

if TYPE_CHECKING:
    from rich.console import Console

    from zoocut.generating import Progress
    from zoocut.uploading.report import Snapshot

__all__ = ["drawing_bar", "drawing_shown", "upload_bar", "upload_lines", "upload_shown", "upload_words"]


def _nothing(_: object) -> None:
    """Show nothing."""


@contextmanager
def drawing_shown(progress: bool | Callable[[Progress], None]) -> Iterator[Callable[[Progress], None]]:
    """Yield the function that `generate` reports to: the one given, a bar, or one that does nothing."""
    if callable(progress):
        yield progress
    elif progress and (console := _console()):
        with drawing_bar(console) as report:
            yield report
    else:
        yield _nothing


@contextmanager
def upload_shown(progress: bool | Callable[[Snapshot], None]) -> Iterator[Callable[[Snapshot], None]]:
    """Yield the function that `upload` reports to: the one given, a bar, or one that does nothing."""
    if callable(progress):
        yield progress
    elif progress and (console := _console()):
        with upload_bar(console) as report:
            yield report
    else:
        yield _nothing


def _console() -> Console | None:
    """Open the place where a bar can be seen; None where there is none."""
    from rich.console import Console

    console = Console(stderr=True)
    return console if console.is_terminal or console.is_jupyter else None


@contextmanager
def drawing_bar(console: Console) -> Iterator[Callable[[Progress], None]]:
    """Show a bar while the block runs, and give the function that moves it."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("drawing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("drawing", total=None, rate="")

        def report(progress: Progress) -> None:
            done = progress.drawn + progress.kept + progress.rejected
            speed = bar.tasks[task].speed
            rate = "" if speed is None else f"{speed:.0f}/s"  # none is known before the second report
            bar.update(task, completed=done, total=progress.expected, rate=rate)

        yield report


@contextmanager
def upload_bar(console: Console) -> Iterator[Callable[[Snapshot], None]]:
    """Show a bar, and below it how things stand, while the block runs; give the function that moves them."""
    from rich.console import Group
    from rich.live import Live
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar
    from rich.text import Text

    bar = Bar(BarColumn(), TextColumn("{task.fields[rows]}"), TimeRemainingColumn(), console=console)
    task = bar.add_task("", total=None, rows="")
    live = Live(console=console, transient=True, refresh_per_second=4)

    def report(snapshot: Snapshot) -> None:
        rows = f"{snapshot.done}/{snapshot.rows} done"
        bar.update(task, completed=snapshot.steps_done, total=snapshot.steps, rows=rows)
        lines = (Text(line, overflow="fold", no_wrap=False) for line in upload_lines(snapshot))
        live.update(Group(bar, *lines))
        live.start()  # not earlier: a moving bar would hide a question

    try:
        yield report
    finally:
        live.stop()


def upload_lines(snapshot: Snapshot) -> list[str]:
    """Say how an upload stands in a line, and in a further one what it waits for."""
    states = ", ".join(f"{count} {state.value}" for state, count in snapshot.counts.items() if count)
    line = f"{states}; {snapshot.rate:.1f}/s, {decimal(snapshot.sent_bytes)}"
    return [printable(text) for text in (line, snapshot.waiting) if text]


def upload_words(snapshot: Snapshot) -> str:
    """Say how an upload stands, in a line for a log."""
    line, *waiting = upload_lines(snapshot)
    left = "" if snapshot.left_s is None else f", {snapshot.left_s:.0f} s left"
    return line + left + "".join(f" ({text})" for text in waiting)
