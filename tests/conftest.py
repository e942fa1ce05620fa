"""What all tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from zoocut.sandbox import Running, running

os.environ["PANOPTES_ENDPOINT"] = "http://127.0.0.1:9"
"""Nothing answers there: a test that forgets its own endpoint fails instead of reaching the real site."""

for secret in ("PANOPTES_USERNAME", "PANOPTES_PASSWORD", "PANOPTES_CLIENT_ID", "PANOPTES_CLIENT_SECRET"):
    os.environ.pop(secret, None)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of survey files and recorded exchanges beside the checkout."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}, which is not on this machine")
    return folder


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Running]:
    """One sandbox in a process of its own, without faults, for all tests that leave none behind."""
    with running() as server:
        yield server


Columns = Mapping[str, tuple[str, Sequence[Any]]]
"""A table of an object: format and values of each column."""

INDEX = (("id", "1J"), ("cat.archive", "1J"), ("cat.persistable", "1J"), ("row0", "1J"), ("nrows", "1J"))


@dataclass
class AfwArchive:
    """Lays objects out as afw's OutputArchive does: tables of one schema share an HDU, the index comes first."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    tables: dict[tuple[tuple[str, str], ...], dict[str, list[Any]]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    count: int = 0

    def put(self, name: str, module: str, *parts: Columns) -> int:
        """Add an object made of tables; without any, it is written as empty."""
        self.count += 1
        for persistable, part in enumerate(parts):
            schema = tuple((column, form) for column, (form, _) in part.items())
            table = self.tables.setdefault(schema, {column: [] for column in part})
            place = list(self.tables).index(schema)
            self.names[place:] = [name, *self.names[place + 1 :]]
            first = len(next(iter(table.values())))
            for column, (_, values) in part.items():
                table[column].extend(values)
            count = len(next(iter(part.values()))[1])
            self.rows.append((self.count, place + 1, persistable, first, count, name, module))
        if not parts:
            self.rows.append((self.count, -1, -1, -1, 0, name, module))
        return self.count

    def hdus(self) -> list[fits.BinTableHDU]:
        """Give the index and the tables."""
        form = [*INDEX, ("name", "64A"), ("module", "64A")]
        cells = list(zip(*self.rows, strict=True)) or [()] * len(form)
        index = [fits.Column(n, f, array=list(v)) for (n, f), v in zip(form, cells, strict=True)]
        header = fits.Header({"EXTTYPE": "ARCHIVE_INDEX", "AR_CATN": 0, "AR_NCAT": len(self.tables) + 1})
        return [
            fits.BinTableHDU.from_columns(index, header, name="ARCHIVE_INDEX"),
            *map(self._table, range(len(self.tables))),
        ]

    def _table(self, place: int) -> fits.BinTableHDU:
        schema, table = list(self.tables.items())[place]
        columns = [fits.Column(n, f, array=_cells(f, table[n])) for n, f in schema]
        header = fits.Header({"EXTTYPE": "ARCHIVE_DATA", "AR_CATN": place + 1, "AR_NAME": self.names[place]})
        if schema[0][0] == "flags":
            header["FLAGCOL"] = 1
        return fits.BinTableHDU.from_columns(columns, header, name=self.names[place])


def _cells(form: str, values: list[Any]) -> Any:
    if form not in ("1QB", "1QE"):
        return values
    cells = np.empty(len(values), dtype=object)
    cells[:] = [np.asarray(value, np.uint8 if form == "1QB" else np.float32) for value in values]
    return cells


@pytest.fixture
def afw_archive() -> AfwArchive:
    """An archive without objects."""
    return AfwArchive()
