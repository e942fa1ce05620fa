"""Reading rows of tile-compressed images: by isal or cfitsio where that gives the same pixels sooner, else by astropy.

isal unpacks gzipped tiles in a third of astropy's time, cfitsio others in two thirds. They are given what decodes to
the same bits, which the tests compare; whatever they cannot read is astropy's, so that what is wrong with a file is
told in one way.
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
from zoocut.object_store import ObjectPath

__all__ = ["read_bands"]

Pixels = npt.NDArray[np.generic]

GZIPPED = ("GZIP_1", "GZIP_2")
KNOWN = ("GZIP_1", "GZIP_2", "RICE_1")
PLAIN_NAME = re.compile(r"[\w./-]+", re.ASCII)
"""cfitsio takes brackets, plus signs and more in a file's name for instructions (its manual, chapter 10)."""

FITS_START = b"SIMPLE"


def read_bands(path: Path, hdu: Any, number: int | None, bands: Sequence[tuple[int, int]]) -> list[Pixels]:
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
    list of (y, x) array
        One a band.

    Raises
    ------
    Exception
        Whatever astropy meets in a damaged file.
    """
    kind = getattr(hdu, "compression_type", None)
    if number is not None and kind in KNOWN and len(hdu.shape) == 2 and _is_plain(path):
        with suppress(Exception):  # whatever it is, astropy reads it or tells it
            gzipped = read_gzipped(path, hdu, bands) if kind in GZIPPED else None
            return gzipped or _by_cfitsio(path, number, bands, hdu.shape[1])
    before = (0,) * (len(hdu.shape) - 2)
    return [np.asarray(hdu.section[(*before, slice(first, stop))]) for first, stop in bands]


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
