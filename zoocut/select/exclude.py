"""Lists of sources to leave out."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from zoocut.errors import InputError

__all__ = ["read_excluded"]

ID_COLUMNS = ("diaSourceId", "external_id")


def read_excluded(names: Iterable[str], folder: Path) -> frozenset[int]:
    """Read the ids of all lists.

    Parameters
    ----------
    names : iterable of str
        CSV files, or run folders, whose manifests are such files.
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
            rows = csv.DictReader(file)
            column = next((name for name in ID_COLUMNS if name in (rows.fieldnames or ())), None)
            if column is None:
                raise InputError(
                    f"{path} in select.exclude has no column {' or '.join(ID_COLUMNS)}: name one so"
                )
            return [int(row[column]) for row in rows]
    except OSError as error:
        raise InputError(
            f"{path} in select.exclude cannot be read ({error.strerror}): give a CSV or a run with a manifest"
        ) from error
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} in select.exclude holds something else than ids ({error})") from error
