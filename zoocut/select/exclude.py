"""Lists of sources to leave out."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

from zoocut.errors import InputError

__all__ = ["read_excluded"]

ID_COLUMNS = ("diaSourceId", "external_id")
SOURCES = "a CSV such as `zoocut export` and `zoocut sets members --csv` write, or a run with a manifest"


def read_excluded(names: Iterable[str], folder: Path) -> frozenset[int]:
    """Read the ids of all lists.

    Parameters
    ----------
    names : iterable of str
        CSV files with a column of ids, where an empty cell names no source; or run folders, whose manifests
        are such files.
    folder : Path
        What relative names are relative to.

    Raises
    ------
    InputError
        When a list cannot be read, has no column of ids or something else than ids in it.
    """
    return frozenset(number for name in names for number in _ids(folder / name))


def _ids(path: Path) -> list[int]:
    if path.is_dir():
        path = path / "manifest.csv"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [
                exact for line, cell in _cells(path, file) if (exact := _id(path, line, cell)) is not None
            ]
    except OSError as error:
        raise InputError(
            f"{path} in select.exclude cannot be read ({error.strerror}): give {SOURCES}"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} in select.exclude is no CSV ({error}): give {SOURCES}") from error


def _cells(path: Path, file: TextIO) -> Iterator[tuple[int, str]]:
    rows = csv.DictReader(file)
    column = next((name for name in ID_COLUMNS if name in (rows.fieldnames or ())), None)
    if column is None:
        raise InputError(f"{path} in select.exclude has no column {' or '.join(ID_COLUMNS)}: name one so")
    for row in rows:
        yield rows.line_num, (row[column] or "").strip()


def _id(path: Path, line: int, cell: str) -> int | None:
    if cell and not (cell.isascii() and cell.isdecimal()):
        raise InputError(
            f"{path} in select.exclude holds {cell!r} in line {line}, which is no id: give whole numbers, or"
            " nothing where a row stands for no source"
        )
    return int(cell) if cell else None
