"""Tables of delimited text: CSV, and what astronomers separate by blanks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from zoocut.catalogs.columns import Tell, column_of_texts
from zoocut.delimited import DelimitedText, Line
from zoocut.error_kinds import NothingInside, RepeatedColumn, UnreadableText
from zoocut.model import Rejection

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_csv"]

ROWS_AT_ONCE = 20_000
"""Rows that are held as Python's texts before they become a chunk of a column."""


def read_csv(
    path: Path, id_column: str, encoding: str | None, broken: list[Rejection], tell: Tell
) -> tuple[pa.Table, list[int]]:
    """Read delimited text, ids as text.

    Parameters
    ----------
    path : Path
        The file.
    id_column : str
        The column of ids.
    encoding : str or None
        The file's encoding, where it is neither UTF-8 nor UTF-16.
    broken : list of Rejection
        Lines with too many or too few cells are put here.
    tell : callable
        Told what was recognised, and of cells that are unlike the others of their column.

    Returns
    -------
    tuple of (Table, list of int)
        The table, and the line that each row begins in.

    Raises
    ------
    InputError
        When it is no delimited text, or has a name twice.
    """
    import pyarrow as pa

    lines: list[int] = []
    with DelimitedText(path, encoding) as text:
        if text.told:
            tell(f"{path.name}: {text.told}")
        names = _names(path, text.header, tell)
        chunks: list[list[pa.Array]] = [[] for _ in names]
        good = _whole(path, len(names), text.lines(), broken)
        while cells := _next_cells(good, lines):
            for at, column in enumerate(chunks):
                column.append(pa.array(cells[at :: len(names)], pa.string()))
    columns = {name: pa.chunked_array(parts, pa.string()) for name, parts in zip(names, chunks, strict=True)}
    typed = {
        name: column if name == id_column else column_of_texts(name, column, tell)
        for name, column in columns.items()
    }
    return pa.table(typed), lines


def _next_cells(good: Iterator[Line], lines: list[int]) -> list[str]:
    """Return the cells of the next lines, row after row in one list: a list a row would keep garbage collection busy.

    Where the lines begin is put into `lines`.
    """
    cells: list[str] = []
    for line in islice(good, ROWS_AT_ONCE):
        lines.append(line.number)
        cells += line.cells
    return cells


def _names(path: Path, header: Sequence[str], tell: Tell) -> list[str]:
    """Name the columns: a # in front of a whole header is none of its first name, and none stays without."""
    if not header:
        raise NothingInside(f"{path} is empty: give a table with a line of column names")
    names = list(header)
    if names[0].startswith("#") and names[0].lstrip("# ") not in names:
        names[0] = names[0].lstrip("# ")
    for at, name in enumerate(names):
        if not name:
            names[at] = f"column {at + 1}"
            tell(f"{path.name}: column {at + 1} has no name and is called {names[at]!r}")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise RepeatedColumn(
            f"{path} has several columns named {', '.join(repeated)}: rename or delete all but one"
        )
    return names


def _whole(path: Path, width: int, lines: Iterator[Line], broken: list[Rejection]) -> Iterator[Line]:
    """Pass on the lines that have a cell for each name, and put the others aside."""
    for line in lines:
        if len(line.cells) != width:
            wrong = f"it has {len(line.cells)} cells where the header has {width}"
        elif "\0" in "".join(line.cells):
            wrong = "it holds NUL bytes"
        else:
            yield line
            continue
        where = f"{path.name} line {line.number}"
        broken.append(Rejection("", where, f"{wrong}: mend the line", UnreadableText.code))
