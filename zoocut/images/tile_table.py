"""The binary table that leads to the compressed tiles of an image (FITS standard 4.0, section 10).

Its header tells how the image was cut into tiles, each row where a tile's bytes lie in the heap behind the table.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

__all__ = ["DESCRIPTORS", "TileTable", "open_tiles"]

DESCRIPTORS: dict[str, np.dtype[Any]] = {"P": np.dtype(">i4"), "Q": np.dtype(">i8")}
"""Numbers by which a column leads to the heap: two of them, length and offset."""


@dataclass(frozen=True)
class TileTable:
    """The table of an image whose tiles are whole rows, so many at a time.

    Parameters
    ----------
    file : file
        Open for reading.
    header : Header
        Of the table.
    data : int
        Where the table begins in the file.
    """

    file: IO[bytes]
    header: fits.Header
    data: int

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the image."""
        return self.header["ZNAXIS2"], self.header["ZNAXIS1"]

    @cached_property
    def height(self) -> int:
        """Rows of a tile; the last one may have fewer."""
        return int(self.header.get("ZTILE2", 1))

    @cached_property
    def has_whole_rows(self) -> bool:
        """Whether the image has two axes, and a row of the table for each tile of whole rows."""
        rows, width = self.shape
        is_plane = self.header["ZNAXIS"] == 2 and self.header.get("ZTILE1", width) == width
        return bool(is_plane and self.header["NAXIS2"] == -(-rows // self.height))

    @cached_property
    def _size(self) -> int:
        return int(self.header["NAXIS1"] * self.header["NAXIS2"])

    @cached_property
    def _heap(self) -> int:
        return int(self.data + self.header.get("THEAP", self._size))

    def rows(self, columns: np.dtype[Any]) -> npt.NDArray[Any]:
        """Read all rows of the table."""
        return np.frombuffer(_read_part(self.file, self.data, self._size), columns)

    def packed(self, length: int, offset: int) -> bytes:
        """Read the bytes of a tile."""
        return _read_part(self.file, self._heap + offset, length)

    def covering(self, first: int, stop: int) -> tuple[range, int, int]:
        """Return the tiles that hold rows of the image, the first of all their rows and the one behind the last."""
        tiles = range(first // self.height, -(-stop // self.height))
        return tiles, tiles.start * self.height, min(tiles.stop * self.height, self.shape[0])


@contextmanager
def open_tiles(path: Path, hdu: Any) -> Iterator[TileTable]:
    """Open the table of a compressed image.

    Parameters
    ----------
    path : Path
        The file.
    hdu : CompImageHDU
        The image, as astropy has opened it.
    """
    with path.open("rb") as file:
        place = hdu.fileinfo()
        at, data = place["hdrLoc"], place["datLoc"]
        yield TileTable(file, fits.Header.fromstring(_read_part(file, at, data - at).decode("ascii")), data)


def _read_part(file: IO[bytes], at: int, length: int) -> bytes:
    """Read a part of a file; one that is mapped would count as memory."""
    return os.pread(file.fileno(), length, at)
