"""Rows of images whose tiles are compressed by RICE_1: unpacked by astropy's codec, their pixels scaled when asked for.

cfitsio and astropy scale every pixel of a row to floating point; of a frame's rows a stamp needs some thirty pixels in
thousands. So whole numbers are unpacked here, and numpy scales those that are cut out, in the same arithmetic: doubles,
then rounded to what the image has (FITS standard 4.0, section 10.2). Tiles with dithering, with missing pixels or in
other columns are left to cfitsio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from zoocut.images.gzip_tiles import DESCRIPTORS, read_part

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
        rows = part[0]
        scaled = self.numbers[part] * self.scale[rows, None]
        scaled += self.zero[rows, None]
        return scaled.astype(self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Pixels:
        return self[:, :].astype(dtype or self.dtype)


@dataclass(frozen=True, slots=True)
class _Tiles:
    """Where the tiles of an image are: whole rows, so many at a time."""

    dtype: np.dtype[Any]
    shape: tuple[int, int]
    height: int
    block_size: int
    table: npt.NDArray[Any]
    heap: int


def read_riced(path: Path, hdu: Any, bands: Sequence[tuple[int, int]]) -> list[ScaledRows] | None:
    """Read bands of rows.

    Parameters
    ----------
    path : Path
        The file.
    hdu : CompImageHDU
        The image, as astropy has opened it.
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
    with path.open("rb") as file:
        place = hdu.fileinfo()
        tiles = _tiles(file, place["hdrLoc"], place["datLoc"])
        return None if tiles is None else [_rows(file, tiles, *band) for band in bands]


def _tiles(file: IO[bytes], at: int, data: int) -> _Tiles | None:
    header = fits.Header.fromstring(read_part(file, at, data - at).decode("ascii"))
    rows, width = header["ZNAXIS2"], header["ZNAXIS1"]
    dtype, height = FLOATS.get(header["ZBITPIX"]), header.get("ZTILE2", 1)
    options = {header[f"ZNAME{n}"]: header[f"ZVAL{n}"] for n in range(1, 10) if f"ZNAME{n}" in header}
    is_plain = header["ZNAXIS"] == 2 and header.get("ZTILE1", width) == width and "ZBLANK" not in header
    is_scaled = (
        "ZSCALE" not in header and "ZZERO" not in header
    )  # for all tiles alike: of columns each has its own
    is_exact = header.get("ZQUANTIZ", "NO_DITHER").strip() == "NO_DITHER"
    columns = _columns(header)
    if dtype is None or columns is None or not (is_plain and is_scaled and is_exact):
        return None
    if options.get("BYTEPIX", BYTES_A_NUMBER) != BYTES_A_NUMBER or header["NAXIS2"] != -(-rows // height):
        return None
    table = np.frombuffer(read_part(file, data, header["NAXIS1"] * header["NAXIS2"]), columns)
    heap = data + header.get("THEAP", header["NAXIS1"] * header["NAXIS2"])
    return _Tiles(dtype, (rows, width), height, int(options.get("BLOCKSIZE", 32)), table, heap)


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


def _rows(file: IO[bytes], tiles: _Tiles, first: int, stop: int) -> ScaledRows:
    from astropy.io.fits.hdu.compressed._codecs import Rice1

    begin, end = first // tiles.height, -(-stop // tiles.height)
    top, bottom = begin * tiles.height, min(end * tiles.height, tiles.shape[0])
    numbers = np.empty((bottom - top, tiles.shape[1]), np.int32)
    for number in range(begin, end):
        at = number * tiles.height - top
        part = numbers[at : at + tiles.height]
        length, offset = tiles.table[TILES][number].tolist()
        if not length:
            raise ValueError(f"tile {number} is stored otherwise")
        codec = Rice1(blocksize=tiles.block_size, bytepix=BYTES_A_NUMBER, tilesize=part.size)
        packed = np.frombuffer(read_part(file, tiles.heap + offset, length), np.uint8)
        part[...] = codec.decode(packed).reshape(part.shape)
    scale, zero = (
        np.repeat(tiles.table[name][begin:end].astype(np.float64), tiles.height)[first - top : stop - top]
        for name in SCALES
    )
    return ScaledRows(numbers[first - top : stop - top], scale, zero, tiles.dtype)
