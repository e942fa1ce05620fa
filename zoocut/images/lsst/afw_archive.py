"""Objects that `lsst.afw` writes behind a table or an exposure: WCS, calibration, footprints.

An archive is an index and the tables that follow it in the file. A row of the index gives the object's number
(`id`), which of the object's own tables it describes (`cat.persistable`), and where that table's rows were put:
from `row0` on `nrows` rows of the `cat.archive`-th table after the index. `AR_HDU` counts the index's HDU from one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

__all__ = ["Archive", "Part", "open_archive"]


@dataclass(frozen=True, slots=True)
class Part:
    """Those rows of a table that belong to one object.

    Parameters
    ----------
    table : FITS_rec
        Holds the rows of many objects.
    rows : slice
        The object's own.
    """

    table: Any
    rows: slice

    @property
    def names(self) -> tuple[str, ...]:
        """The table's columns."""
        return tuple(self.table.names)

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return the object's values of a column."""
        return np.asarray(self.table[name][self.rows])


class Archive:
    """The objects of one archive, by their numbers.

    Parameters
    ----------
    file : HDUList
        The open file.
    index_hdu : int
        Zero-based position of the index.
    """

    def __init__(self, file: fits.HDUList, index_hdu: int) -> None:
        self._file = file
        self._index_hdu = index_hdu
        index = file[index_hdu].data
        numbers = index["id"].tolist()
        places = zip(*(index[name].tolist() for name in ("cat.archive", "row0", "nrows")), strict=True)
        keys = zip(numbers, index["cat.persistable"].tolist(), strict=True)
        self._places = dict(zip(keys, places, strict=True))
        self._names = dict(zip(numbers, map(str.strip, index["name"].tolist()), strict=True))

    def name(self, number: int) -> str | None:
        """Name the class of an object; None where there is none of that number."""
        return self._names.get(number)

    def first(self, name: str) -> int | None:
        """Return the number of the first object of a class."""
        return next((number for number, known in self._names.items() if known == name), None)

    def part(self, number: int, which: int = 0) -> Part | None:
        """Return one of an object's tables; None where it has none."""
        place = self._places.get((number, which))
        if place is None or place[0] <= 0:  # an object without content is written with negative places
            return None
        table, first, count = place
        return Part(self._file[self._index_hdu + table].data, slice(first, first + count))


def open_archive(file: fits.HDUList, header: fits.Header) -> Archive | None:
    """Open the archive that a header points to; None where it points to none.

    Parameters
    ----------
    file : HDUList
        The open file.
    header : Header
        Its primary header for an exposure, the table's for a catalog.
    """
    number = int(header.get("AR_HDU", 0))
    return Archive(file, number - 1) if 0 < number <= len(file) else None
