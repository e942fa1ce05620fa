"""Reading rows of tile-compressed images: by isal, a codec or cfitsio where that gives the same pixels sooner.

isal unpacks gzipped tiles in a third of astropy's time, astropy's codec those of RICE in two thirds of cfitsio's, since
only the pixels of stamps are scaled, and cfitsio others in two thirds of astropy's. They are given what decodes to the
same bits, which the tests compare; whatever they cannot read is astropy's, so that what is wrong with a file is told in
one way.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zoocut.images.gzip_tiles import read_gzipped
from zoocut.images.rice_tiles import ScaledRows, read_riced
from zoocut.images.tile_table import open_tiles
from zoocut.object_store import ObjectPath

__all__ = ["read_bands"]

Pixels = npt.NDArray[np.generic]
Rows = Pixels | ScaledRows

GZIPPED = ("GZIP_1", "GZIP_2")
KNOWN = ("GZIP_1", "GZIP_2", "RICE_1")
PLAIN_NAME = re.compile(r"[\w./-]+", re.ASCII)
"""cfitsio takes brackets, plus signs and more in a file's name for instructions (its manual, chapter 10)."""

FITS_START = b"SIMPLE"


def read_bands(path: Path, hdu: Any, number: int | None, bands: Sequence[tuple[int, int]]) -> Sequence[Rows]:
    """Read bands of rows.

    Parameters
    ----------
    path : Path
        The file.
    hdu : ImageHDU or CompImageHDU
        The image, as astropy has opened it.
    number : int or None
        Which of the file's HDUs it is, where that is known.
    bands : sequence of (first, after the last)
        Rows.

    Returns
    -------
    sequence of (y, x) array
        One a band; what is still to be scaled is, when a part of it is taken.

    Raises
    ------
    Exception
        Whatever astropy meets in a damaged file.
    """
    kind = getattr(hdu, "compression_type", None)
    if number is not None and kind in KNOWN and len(hdu.shape) == 2 and _is_plain(path):
        with suppress(Exception):  # whatever it is, astropy reads it or tells it
            return _by_codec(path, hdu, kind, bands) or _by_cfitsio(path, number, bands, hdu.shape[1])
    before = (0,) * (len(hdu.shape) - 2)
    return [np.asarray(hdu.section[(*before, slice(first, stop))]) for first, stop in bands]


def _by_codec(path: Path, hdu: Any, kind: str, bands: Sequence[tuple[int, int]]) -> Sequence[Rows] | None:
    """Read tiles that are whole rows by the codec of their kind; None where the image is stored otherwise."""
    if kind in GZIPPED:
        with open_tiles(path, hdu) as table:
            return read_gzipped(table, bands)
    # the codec is no public part of astropy: without it cfitsio unpacks these tiles, too
    with suppress(Exception), open_tiles(path, hdu) as table:
        return read_riced(table, bands)
    return None


def _is_plain(path: Path) -> bool:
    """Whether a file is one of this machine that is not gzipped as a whole, so that parts of it can be read."""
    if isinstance(path, ObjectPath):
        return False
    with path.open("rb") as file:
        return file.read(len(FITS_START)) == FITS_START


def _by_cfitsio(path: Path, number: int, bands: Sequence[tuple[int, int]], width: int) -> list[Pixels]:
    import fitsio

    if not PLAIN_NAME.fullmatch(str(path.absolute())):
        raise ValueError(f"{path}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fitsio.FITS(str(path.absolute())) as file:
            image = file[number]
            found = [image[first:stop, :] for first, stop in bands]
    for pixels, (first, stop) in zip(found, bands, strict=True):
        if pixels.shape != (stop - first, width):
            raise ValueError(f"{pixels.shape}")
    return found
