"""FITS frames as planes of pixels, opened once and read in bands of rows."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from zoocut.error_kinds import FileMissing, NoImage
from zoocut.errors import NotPermitted, ZoocutError, first_line
from zoocut.images.compressed import read_bands
from zoocut.images.geometry import BoxArray, Rows, blank_out, cut_all, merge_bands
from zoocut.images.sky import SkyWcs, header_wcs, same_header
from zoocut.model import FloatImage
from zoocut.object_store import ObjectPath, is_of_store, store_error

__all__ = ["Mask", "Plane", "image_shape", "is_scaled", "open_fits", "unreadable"]

PLAIN = b"SIMPLE"
"""What a FITS file begins with (standard 4.0, section 4.4.1); in another the bytes of a compressed one are."""

GAP_PIX = 8
"""Rows between two bands that cost less to decompress than a second read."""

DAMAGE = (OSError, EOFError, zlib.error, fits.VerifyError)
"""What reading a file that breaks off, or was garbled on its way, raises."""

Mask = tuple["Plane", int | None]
"""A plane of mask values, and the bits of it whose pixels hold no data; None: every value but 0."""


class Plane:
    """One open image of a frame.

    Parameters
    ----------
    path : Path
        Its file, for messages.
    hdu : ImageHDU or CompImageHDU
        The image; further axes of length 1 are dropped.
    header : Header, optional
        What tells its WCS, where that is not the image's own header.
    masks : sequence of (Plane, int or None)
        Masks of the same shape.
    no_data : sequence of float
        Pixel values that stand for no data.
    number : int, optional
        Which of the file's HDUs the image is: lets a faster reader find it.

    Raises
    ------
    InputError
        When a mask has another shape.
    """

    def __init__(
        self,
        path: Path,
        hdu: Any,
        header: fits.Header | None = None,
        masks: Sequence[Mask] = (),
        no_data: Sequence[float] = (),
        number: int | None = None,
    ) -> None:
        self.path = path
        self.header: fits.Header = hdu.header if header is None else header
        self.shape = image_shape(hdu)
        self.origin = (0, 0)
        self._hdu = hdu
        self._number = number
        self._masks = masks
        self._no_data = no_data
        self._bands: list[tuple[int, Rows]] = []
        for mask, _ in masks:
            if mask.shape != self.shape:
                raise NoImage(
                    f"{path} has a mask of {_size(mask.shape)} pixels for an image of {_size(self.shape)}: name "
                    "the extension of the mask that belongs to it"
                )

    @cached_property
    def wcs(self) -> SkyWcs | None:
        """The celestial WCS of the image's own pixels; None where there is none."""
        return header_wcs(self.path, self.header)

    def share_wcs(self, other: Plane) -> None:
        """Take over the WCS of a plane whose header is the same, card for card: to read one takes a millisecond."""
        if "wcs" not in self.__dict__ and same_header(self.header, other.header):
            self.wcs = other.wcs

    def load(self, rows: npt.ArrayLike) -> None:
        """Read the rows that cutouts will be taken from, of image and masks.

        Parameters
        ----------
        rows : (n, 2) array of int, or sequence of (first, after the last)
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
            raise unreadable(self.path, error) from error
        for mask, _ in self._masks:
            mask.load(rows)

    def cut_all(self, boxes: npt.ArrayLike) -> list[FloatImage]:
        """Copy boxes out of the rows that were loaded; outside the image and without data is NaN.

        Parameters
        ----------
        boxes : (n, 4) array of int, or sequence of Box
            In the image's own pixels.
        """
        images = self._cut_from_bands(np.asarray(boxes, np.int64).reshape(-1, 4))
        for image in images if self._no_data else ():
            blank_out(image, self._no_data)
        for mask, bits in self._masks:
            for image, found in zip(images, mask.cut_all(boxes), strict=True):
                values = np.nan_to_num(found)
                image[values != 0 if bits is None else (values.astype(np.int64) & bits) != 0] = np.nan
        return images

    def _cut_from_bands(self, boxes: BoxArray) -> list[FloatImage]:
        """Cut each box out of the band that holds its rows."""
        starts = [start for start, _ in self._bands]
        bands = np.searchsorted(starts, np.maximum(boxes[:, 0], 0), side="right") - 1
        found: dict[int, FloatImage] = {}
        for band in np.unique(bands).tolist():
            members = np.flatnonzero(bands == band)
            start, pixels = self._bands[band]
            found.update(zip(members.tolist(), cut_all(pixels, boxes[members], start), strict=True))
        return [found[i] for i in range(len(boxes))]

    def release(self) -> None:
        """Let go of the rows that were loaded, of image and masks."""
        self._bands = []
        for mask, _ in self._masks:
            mask.release()

    def _read(self, rows: npt.ArrayLike) -> Iterator[tuple[int, Rows]]:
        if self._is_read_in_bands():
            firsts, stops = np.asarray(rows, np.int64).reshape(-1, 2).T.tolist()
            bands = list(merge_bands(zip(firsts, stops, strict=True), GAP_PIX))
            number = None if is_scaled(self._hdu.header) else self._number
            read = read_bands(self.path, self._hdu, number, bands)
            yield from zip((first for first, _ in bands), read, strict=True)
        else:
            yield 0, self._hdu.data.reshape(self.shape)

    def _is_read_in_bands(self) -> bool:
        """Whether pixels cost something before they are looked at; those that are mapped do not."""
        compressed = isinstance(self._hdu, fits.CompImageHDU)
        return compressed or is_scaled(self._hdu.header) or isinstance(self.path, ObjectPath)


def image_shape(hdu: Any) -> tuple[int, int]:
    """Return (y, x) of an image; FITS files may give it further axes of length 1, for frequency or polarisation.

    Raises
    ------
    ValueError
        When it has other axes.
    """
    shape = tuple(hdu.shape) if hdu.is_image else ()
    if len(shape) < 2 or any(length != 1 for length in shape[:-2]):
        raise ValueError("x".join(map(str, shape)))
    return shape[-2], shape[-1]


def open_fits(path: Path, memmap: bool, unsigned: bool = True) -> fits.HDUList:
    """Open a FITS file.

    Parameters
    ----------
    path : Path
        The file.
    memmap : bool
        Whether pixels are mapped; scaled ones cannot be.
    unsigned : bool
        Whether integers that BZERO makes unsigned stay integers: BLANK is lost on them.

    Raises
    ------
    InputError
        When the file is missing or no FITS.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            if isinstance(path, ObjectPath):
                return _open_object(path, unsigned)
            return fits.open(path, memmap=memmap, lazy_load_hdus=True, uint=unsigned)
        except FileNotFoundError:
            raise FileMissing(f"{path} does not exist: check the paths in [images]") from None
        except Exception as error:
            raise unreadable(path, error) from error


def _open_object(path: ObjectPath, unsigned: bool) -> fits.HDUList:
    """Open a FITS file of an object store: by ranges, unless it is compressed as a whole."""
    try:
        opened = path.open_ranges()
        is_plain = opened.read(len(PLAIN)) == PLAIN
    except NotPermitted as error:  # a store that may not be listed says so of what is missing, too
        raise FileMissing(f"{path} is not there, or may not be read: {error}") from error
    opened.seek(0)
    if is_plain:
        return fits.open(opened, memmap=False, lazy_load_hdus=True, uint=unsigned)
    with path.copied_here() as copy:  # on POSIX a file that is open stays until it is closed
        return fits.open(copy, memmap=False, lazy_load_hdus=True, uint=unsigned)


def is_scaled(header: fits.Header) -> bool:
    """Whether stored pixels must be converted: scaled, or with a value that means no data."""
    return (header.get("BZERO", 0), header.get("BSCALE", 1), header.get("BLANK")) != (0, 1, None)


def unreadable(path: Path, error: Exception) -> ZoocutError:
    """Tell that a file cannot be read; it is not called damaged for what may be a fault of zoocut.

    Parameters
    ----------
    path : Path
        The file.
    error : Exception
        What reading it raised.
    """
    if isinstance(error, ZoocutError):
        return error
    if isinstance(path, ObjectPath) and is_of_store(error):
        return store_error(error, path.key)
    if isinstance(error, DAMAGE):
        return NoImage(f"{path} cannot be read ({first_line(error)}): fetch it again")
    return NoImage(
        f"{path} cannot be read ({type(error).__name__}: {first_line(error)}): where other programs read it, zoocut is "
        "at fault, and its makers would like to see the file; else fetch it again"
    )


def _size(shape: tuple[int, int]) -> str:
    return f"{shape[1]} x {shape[0]}"
