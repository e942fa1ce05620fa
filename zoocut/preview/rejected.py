"""`rejected.csv`, read for showing."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from zoocut.errors import InputError

__all__ = ["read_rejected"]


def read_rejected(path: Path) -> Iterator[list[str]]:
    """Yield (diaSourceId, row, reason) of each source that was not drawn; nothing when there is no file.

    Raises
    ------
    InputError
        When the file cannot be read.
    """
    if not path.exists():
        return
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            for row in csv.DictReader(file, restval=""):
                yield [row.get(name) or "" for name in ("diaSourceId", "row", "reason")]
    except (OSError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as CSV: {error}; remove it and generate again") from error
