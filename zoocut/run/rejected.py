"""`rejected.csv`: what was not drawn, and why, over all calls."""

from __future__ import annotations

import csv
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path

from zoocut.error_kinds import RecordDamaged
from zoocut.errors import first_line
from zoocut.files import write_csv
from zoocut.model import Rejection, SourceId

__all__ = ["merge_rejected", "read_rejected"]

HEADER = ("diaSourceId", "row", "reason", "code")


def merge_rejected(
    path: Path, new: Iterable[Rejection], read_drawn: Callable[[], Container[SourceId]]
) -> None:
    """Bring the file up to date.

    Parameters
    ----------
    path : Path
        The run's `rejected.csv`.
    new : iterable of Rejection
        What this call refused.
    read_drawn : callable
        Gives the ids that the run has drawn: an earlier refusal of one of them is over. Called only if there is one.
    """
    earlier = {(old.dia_source_id, old.row): old for old in read_rejected(path)}
    if earlier:
        drawn = read_drawn()
        earlier = {which: old for which, old in earlier.items() if not _is_drawn(old, drawn)}
    merged = earlier | {(item.dia_source_id, item.row): item for item in new}
    write_csv(
        path, HEADER, ((item.dia_source_id, item.row, item.reason, item.code) for item in merged.values())
    )


def read_rejected(path: Path) -> Iterator[Rejection]:
    """Yield what the file tells, nothing where there is none; cells that are missing are empty.

    Raises
    ------
    InputError
        When the file cannot be read.
    """
    if not path.exists():
        return
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            for row in csv.DictReader(file, restval=""):
                yield Rejection(*(row.get(name) or "" for name in HEADER))
    except (OSError, csv.Error) as error:
        raise RecordDamaged(
            f"{path} cannot be read as CSV ({first_line(error)}): remove it and generate again"
        ) from error


def _is_drawn(rejection: Rejection, drawn: Container[SourceId]) -> bool:
    name = rejection.dia_source_id
    return name in drawn or (name.isdecimal() and int(name) in drawn)
