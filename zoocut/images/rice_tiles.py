"""Rows of images whose tiles are compressed by RICE_1: unpacked by astropy's codec, their pixels scaled when asked for.

cfitsio and astropy scale every pixel of a row to floating point; of a frame's rows a stamp needs some thirty pixels in
thousands. So whole numbers are unpacked here, and numpy scales those that are cut out, in the same arithmetic: doubles,
then rounded to what the image has (FITS standard 4.0, section 10.2). Tiles with dithering, with missing pixels or in
other columns are left to cfitsio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from numpy.lib.stride_tricks import sliding_window_view

from zoocut.images.tile_table import DESCRIPTORS, TileTable

__all__ = ["ScaledRows", "read_riced"]

Pixels = npt.NDArray[np.generic]

FLOATS: dict[int, np.dtype[Any]] = {-32: np.dtype("f4"), -64: np.dtype("f8")}
SCALES = {"ZSCALE": np.dtype(">f8"), "ZZERO": np.dtype(">f8")}
TILES, OTHERWISE = "COMPRESSED_DATA", "GZIP_COMPRESSED_DATA"
BYTES_A_NUMBER = 4


@dataclass(frozen=True, slots=True)
class ScaledRows:
    """Rows of whole numbers that are pixels once they are scaled: an array, as far as cutting needs one.

    Parameters
    ----------
    numbers : (y, x) array of int
        As they are stored.
    scale, zero : (y,) array of float
        Of each row.
    dtype : dtype
        What the pixels are.
    """

    numbers: npt.NDArray[np.int32]
    scale: npt.NDArray[np.float64]
    zero: npt.NDArray[np.float64]
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.numbers.shape[0], self.numbers.shape[1]

    def __getitem__(self, part: tuple[slice, slice]) -> Pixels:
        return self._scaled(self.numbers[part], part[0])

    def gathered(self, corners: npt.NDArray[np.int64], size: tuple[int, int]) -> Pixels:
        """Take parts of one size, from (y, x) corners on: the same pixels as one after the other."""
        y, x = corners.T
        rows = y[:, None] + np.arange(size[0])
        return self._scaled(sliding_window_view(self.numbers, size)[y, x], rows)

    def _scaled(self, numbers: npt.NDArray[np.int32], rows: slice | npt.NDArray[np.int64]) -> Pixels:
        """Scale numbers of some rows, which their last axis but one is of."""
        scaled = numbers * self.scale[rows][..., None]
        scaled += self.zero[rows][..., None]
        pixels: Pixels = scaled.astype(self.dtype)
        return pixels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Pixels:
        return self[:, :].astype(dtype or self.dtype)


@dataclass(frozen=True, slots=True)
class _Tiles:
    """What tiles hold, and where."""

    table: TileTable
    dtype: np.dtype[Any]
    block_size: int
    rows: npt.NDArray[Any]


def read_riced(table: TileTable, bands: Sequence[tuple[int, int]]) -> list[ScaledRows] | None:
    """Read bands of rows.

    Parameters
    ----------
    table : TileTable
        Of the image.
    bands : sequence of (first, after the last)
        Rows.

    Returns
    -------
    list of ScaledRows or None
        One a band; None where the image is not stored in this way.

    Raises
    ------
    Exception
        Whatever a damaged tile, or another version of astropy, provokes.
    """
    tiles = _tiles(table)
    return None if tiles is None else [_rows(tiles, *band) for band in bands]


def _tiles(table: TileTable) -> _Tiles | None:
    header, dtype = table.header, FLOATS.get(table.header["ZBITPIX"])
    options = {header[f"ZNAME{n}"]: header[f"ZVAL{n}"] for n in range(1, 10) if f"ZNAME{n}" in header}
    # a scale for all tiles alike stands in the header: of columns each tile has its own
    is_plain = table.has_whole_rows and not any(name in header for name in ("ZBLANK", "ZSCALE", "ZZERO"))
    is_exact = header.get("ZQUANTIZ", "NO_DITHER").strip() == "NO_DITHER"
    columns = _columns(header)
    if dtype is None or columns is None or not (is_plain and is_exact):
        return None
    if options.get("BYTEPIX", BYTES_A_NUMBER) != BYTES_A_NUMBER:
        return None
    return _Tiles(table, dtype, int(options.get("BLOCKSIZE", 32)), table.rows(columns))


def _columns(header: fits.Header) -> np.dtype[Any] | None:
    """Lay out a row of the table; None where it has other columns than tiles with a scale of their own."""
    found: dict[str, Any] = {}
    for number in range(1, header["TFIELDS"] + 1):
        name, form = header[f"TTYPE{number}"].strip(), header[f"TFORM{number}"].strip().removeprefix("1")
        if name in SCALES and form == "D":
            found[name] = SCALES[name]
        elif name in (TILES, OTHERWISE) and form[:1] in DESCRIPTORS:
            found[name] = (DESCRIPTORS[form[:1]], (2,))
        else:
            return None
    columns = np.dtype(
        [(name, *(kind if isinstance(kind, tuple) else (kind,))) for name, kind in found.items()]
    )
    is_whole = {TILES, *SCALES} <= found.keys() and columns.itemsize == header["NAXIS1"]
    return columns if is_whole else None


def _rows(tiles: _Tiles, first: int, stop: int) -> ScaledRows:
    from astropy.io.fits.hdu.compressed._codecs import Rice1

    covering, top, bottom = tiles.table.covering(first, stop)
    height = tiles.table.height
    numbers = np.empty((bottom - top, tiles.table.shape[1]), np.int32)
    codec_of = cache(
        partial(Rice1, blocksize=tiles.block_size, bytepix=BYTES_A_NUMBER)
    )  # the last tile may be smaller
    places = tiles.rows[TILES][covering.start : covering.stop].tolist()
    for number, (length, offset) in zip(covering, places, strict=True):
        part = numbers[number * height - top :][:height]
        if not length:
            raise ValueError(f"tile {number} is stored otherwise")
        packed = np.frombuffer(tiles.table.packed(length, offset), np.uint8)
        part[...] = codec_of(tilesize=part.size).decode(packed).reshape(part.shape)
    scale, zero = (
        np.repeat(tiles.rows[name][covering.start : covering.stop].astype(np.float64), height)[
            first - top : stop - top
        ]
        for name in SCALES
    )
    return ScaledRows(numbers[first - top : stop - top], scale, zero, tiles.dtype)
