"""What astropy does not tell of an ECSV: rows that it takes for comments, and units where it cannot read the rows."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from zoocut.catalogs.columns import Tell
from zoocut.error_kinds import UnreadableText

__all__ = ["require_all_rows", "units_of_ecsv"]

REMEDY = "save the table as .fits or .parquet, which have no comments"


def require_all_rows(path: Path, tell: Tell) -> None:
    """Refuse an ECSV with rows that astropy leaves out, because it takes each line with a `#` in front for a comment.

    Parameters
    ----------
    path : Path
        The file.
    tell : callable
        Told of comments among the rows, which are left out.

    Raises
    ------
    UnreadableText
        When such a line is a row, or the middle of a cell of several lines.
    """
    comments = sum(1 for _ in _comments(path))
    if comments:
        tell(f"{path.name}: {comments} lines among its rows begin with # and are left out as comments")


def _comments(path: Path) -> Iterator[int]:
    """Yield the numbers of the lines behind the header that are surely comments."""
    header: list[str] = []
    names: list[str] = []
    within_cell = False
    for number, line in enumerate(_lines(path), start=1):
        marked = line.lstrip().startswith("#")
        if not names:
            header += [line] if marked else []
            names = [] if marked else _cells(line, header)
        elif not marked:
            within_cell ^= line.count('"') % 2 == 1
        elif within_cell or len(_cells(line, header)) == len(names):
            what = "goes on with the cell of the line before" if within_cell else "has as many cells as a row"
            advice = REMEDY if within_cell else f"put its first cell into double quotes, or {REMEDY}"
            raise UnreadableText(f"{path} line {number} begins with #, as comments do, but {what}: {advice}")
        else:
            yield number


def _cells(line: str, header: Sequence[str]) -> list[str]:
    """Split a line by the delimiter that the header names: a blank unless it says another."""
    named = re.search(r"^# delimiter: ['\"]?(.)", "".join(header), flags=re.MULTILINE)
    delimiter = named[1] if named else " "
    return next(csv.reader([line.strip()], delimiter=delimiter, skipinitialspace=True), [])


def _lines(path: Path) -> Iterator[str]:
    opened: Callable[..., Any] = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig") as file:
        yield from file


def units_of_ecsv(path: Path) -> dict[str, str]:
    """Read the units that an ECSV's header gives, where astropy cannot read its rows."""
    from astropy.table.meta import get_header_from_yaml

    lines = [line[1:].removeprefix(" ").rstrip("\r\n") for line in _lines(path) if line.startswith("#")]
    described = get_header_from_yaml([line for line in lines if not line.startswith("%")])
    return {column["name"]: str(column["unit"]) for column in described["datatype"] if column.get("unit")}
