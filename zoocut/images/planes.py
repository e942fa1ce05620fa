"""FITS frames as planes of pixels, opened once and read in bands of rows."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from zoocut.errors import InputError
from zoocut.images.geometry import Box, cut, merge_bands
from zoocut.images.sky import SkyWcs, read_wcs
from zoocut.model import FloatImage

__all__ = ["Plane", "is_scaled", "open_fits", "open_plane"]

GAP_PIX = 8
"""Rows between two bands that cost less to decompress than a second read."""

Pixels = npt.NDArray[np.generic]


class Plane:
    """One open image of a frame.

    Parameters
    ----------
    path : Path
        Its file, for messages.
    hdu : ImageHDU or CompImageHDU
        The image.
    """

    def __init__(self, path: Path, hdu: Any) -> None:
        self.path = path
        self.header: fits.Header = hdu.header
        self.shape: tuple[int, int] = tuple(hdu.shape)
        self.origin = (0, 0)
        self._hdu = hdu
        self._bands: list[tuple[int, Pixels]] = []

    @cached_property
    def wcs(self) -> SkyWcs | None:
        """The celestial WCS of the image's own pixels; None where there is none."""
        return read_wcs(self.header)

    def load(self, rows: Sequence[tuple[int, int]]) -> None:
        """Read the rows that cutouts will be taken from.

        Parameters
        ----------
        rows : sequence of (first, after the last)
            Within the image.

        Raises
        ------
        InputError
            When the file breaks off or its compression is damaged.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", AstropyWarning)
                self._bands = list(self._read(rows))
        except Exception as error:  # a damaged file makes astropy raise almost anything
            raise InputError(f"{self.path} cannot be read ({_brief(error)}): fetch it again") from error

    def cut(self, box: Box) -> FloatImage:
        """Copy a box out of the rows that were loaded; outside the image is NaN."""
        first, _ = box.rows_within(self.shape[0])
        start, band = next(pair for pair in reversed(self._bands) if pair[0] <= first)
        return cut(band, box, start)

    def release(self) -> None:
        """Let go of the rows that were loaded."""
        self._bands = []

    def _read(self, rows: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Pixels]]:
        if isinstance(self._hdu, fits.CompImageHDU) or is_scaled(self.header):
            for first, stop in merge_bands(rows, GAP_PIX):
                yield first, np.asarray(self._hdu.section[first:stop])
        else:
            yield 0, self._hdu.data


@contextmanager
def open_plane(path: Path, extension: int | str | None) -> Iterator[Plane]:
    """Open one image of a FITS file.

    Parameters
    ----------
    path : Path
        Plain, gzipped or tile-compressed FITS.
    extension : int, str or None
        Number or name; None takes the first extension with an image of two dimensions.

    Raises
    ------
    InputError
        When the file is missing or no FITS, or has no such image.
    """
    with open_fits(path, memmap=True) as mapped:
        hdu = _image_of(mapped, path, extension)
        if isinstance(hdu, fits.CompImageHDU) or not is_scaled(hdu.header):
            yield Plane(path, hdu)
            return
    with open_fits(path, memmap=False) as file:  # astropy does not scale pixels that are mapped
        yield Plane(path, _image_of(file, path, extension))


def open_fits(path: Path, memmap: bool) -> fits.HDUList:
    """Open a FITS file.

    Parameters
    ----------
    path : Path
        The file.
    memmap : bool
        Whether pixels are mapped; scaled ones cannot be.

    Raises
    ------
    InputError
        When the file is missing or no FITS.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            return fits.open(path, memmap=memmap, lazy_load_hdus=True)
        except FileNotFoundError:
            raise InputError(f"{path} does not exist: check the paths in [images]") from None
        except Exception as error:
            raise InputError(f"{path} cannot be read ({_brief(error)}): fetch it again") from error


def is_scaled(header: fits.Header) -> bool:
    """Whether stored pixels must be converted: scaled, or with a value that means no data."""
    return (header.get("BZERO", 0), header.get("BSCALE", 1), header.get("BLANK")) != (0, 1, None)


def _image_of(file: fits.HDUList, path: Path, extension: int | str | None) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            hdu = file[extension] if extension is not None else next(hdu for hdu in file if _is_image(hdu))
            if _is_image(hdu):
                return hdu
    except (KeyError, IndexError):
        raise InputError(f"{path} has no extension {extension!r}: see `fitsinfo {path.name}`") from None
    except StopIteration:
        raise InputError(f"{path} has no image of two dimensions: is it the right file?") from None
    except Exception as error:
        raise InputError(f"{path} cannot be read ({_brief(error)}): fetch it again") from error
    raise InputError(f"{path} extension {extension!r} is no image of two dimensions: choose another")


def _is_image(hdu: Any) -> bool:
    return bool(hdu.is_image) and len(hdu.shape) == 2


def _brief(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
