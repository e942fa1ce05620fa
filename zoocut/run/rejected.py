"""`rejected.csv`: what was not drawn, and why, over all calls."""

from __future__ import annotations

import csv
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from zoocut.files import appear_whole
from zoocut.model import Rejection

__all__ = ["merge_rejected", "read_rejected"]

HEADER = ("diaSourceId", "row", "reason")


def merge_rejected(path: Path, new: Iterable[Rejection], drawn: Container[int]) -> None:
    """Bring the file up to date.

    Parameters
    ----------
    path : Path
        The run's `rejected.csv`.
    new : iterable of Rejection
        What this call refused.
    drawn : container of int
        Ids that the run has drawn: an earlier refusal of one of them is over.
    """
    earlier = {(old.dia_source_id, old.row): old for old in read_rejected(path) if not _is_drawn(old, drawn)}
    merged = earlier | {(item.dia_source_id, item.row): item for item in new}
    with appear_whole(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows((item.dia_source_id, item.row, item.reason) for item in merged.values())


def read_rejected(path: Path) -> Iterator[Rejection]:
    """Yield what the file tells, nothing where there is none."""
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            next(rows, None)
            yield from (Rejection(*row) for row in rows if len(row) == len(HEADER))


def _is_drawn(rejection: Rejection, drawn: Container[int]) -> bool:
    return rejection.dia_source_id.isdecimal() and int(rejection.dia_source_id) in drawn
