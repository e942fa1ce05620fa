"""Exposures as LSST writes them, by `lsst.afw` or by `lsst.images`: image, mask planes, origin, calibration.

Both name their HDUs IMAGE and MASK, older afw files by EXTTYPE only; a mask plane's bit is `MP_<name>` (a bit
number) in afw and `MSKN<n>`, `MSKM<n>` (name and bit value) in lsst.images; the first pixel's position in the
parent frame is CRVAL1A, CRVAL2A in both, and LTV1, LTV2 with the opposite sign in afw.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from zoocut.errors import InputError
from zoocut.images.geometry import Box
from zoocut.images.planes import Plane, is_scaled, open_fits
from zoocut.model import FloatImage

__all__ = ["LsstPlane", "calibration_njy", "mask_bits", "open_exposure", "origin_of"]

AB_ZERO_NJY = 3631e9
"""Flux of magnitude 0 in the AB system (Oke and Gunn 1983), in nanojansky."""


class LsstPlane(Plane):
    """The image of an exposure; pixels under the blanked mask planes are NaN.

    Parameters
    ----------
    path : Path
        Its file, for messages.
    hdu : ImageHDU or CompImageHDU
        The image.
    mask : Plane or None
        The mask.
    blank_bits : int
        Bits of the mask whose pixels hold no data.
    factor : float
        What pixel values are multiplied by.
    """

    def __init__(self, path: Path, hdu: Any, mask: Plane | None, blank_bits: int, factor: float) -> None:
        super().__init__(path, hdu)
        self.origin = origin_of(hdu.header)
        self._mask = mask if blank_bits else None
        self._blank_bits = blank_bits
        self._factor = factor

    def load(self, rows: Sequence[tuple[int, int]]) -> None:
        """Read the rows that cutouts will be taken from, of image and mask."""
        super().load(rows)
        if self._mask is not None:
            self._mask.load(rows)

    def cut(self, box: Box) -> FloatImage:
        """Copy a box out of the rows that were loaded; outside the image and under blanked planes is NaN."""
        image = super().cut(box)
        if self._mask is not None:
            bits = np.nan_to_num(self._mask.cut(box)).astype(np.int64)
            image[(bits & self._blank_bits) != 0] = np.nan
        return image if self._factor == 1 else image * image.dtype.type(self._factor)


@contextmanager
def open_exposure(path: Path, blank: Collection[str], in_njy: bool) -> Iterator[LsstPlane]:
    """Open the image of an exposure.

    Parameters
    ----------
    path : Path
        Its FITS file.
    blank : collection of str
        Mask planes whose pixels hold no data; one that the file does not have blanks nothing.
    in_njy : bool
        Whether pixels are converted to nanojansky; the alternative is as stored.

    Raises
    ------
    InputError
        When the file is missing or no exposure, or its calibration is asked for and is not in it.
    """
    with open_fits(path, memmap=True) as mapped:
        if not _holds_scaled_pixels(path, mapped):
            yield _plane(path, mapped, blank, in_njy)
            return
    with open_fits(path, memmap=False) as file:  # astropy does not scale pixels that are mapped
        yield _plane(path, file, blank, in_njy)


def _holds_scaled_pixels(path: Path, file: fits.HDUList) -> bool:
    hdus = _image_and_mask(path, file)
    return any(
        hdu is not None and not isinstance(hdu, fits.CompImageHDU) and is_scaled(hdu.header) for hdu in hdus
    )


def _plane(path: Path, file: fits.HDUList, blank: Collection[str], in_njy: bool) -> LsstPlane:
    image, mask = _image_and_mask(path, file)
    factor = calibration_njy(file) if in_njy else 1.0
    if image is None:
        raise InputError(f"{path} is no exposure of LSST: it has no image named IMAGE")
    if factor is None:
        raise InputError(f"{path} does not tell its photometric calibration: set images.pixels to as-stored")
    if mask is None:
        return LsstPlane(path, image, None, 0, factor)
    bits = mask_bits(mask.header)
    return LsstPlane(
        path, image, Plane(path, mask), sum(1 << bits[name] for name in bits.keys() & set(blank)), factor
    )


def _image_and_mask(path: Path, file: fits.HDUList) -> tuple[Any, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            return _hdu(file, "IMAGE"), _hdu(file, "MASK")
    except Exception as error:  # headers are read when they are asked for
        raise InputError(f"{path} cannot be read ({error}): fetch it again") from error


def _hdu(file: fits.HDUList, name: str) -> Any:
    """Find an image by its name, or by its type where it has none."""
    named = (
        hdu for hdu in file if hdu.is_image and name in (hdu.name, hdu.header.get("EXTTYPE", "").strip())
    )
    return next((hdu for hdu in named if len(hdu.shape) == 2), None)


def origin_of(header: fits.Header) -> tuple[int, int]:
    """Give (y, x) of the first pixel in the frame of the whole detector or tract."""
    if header.get("CTYPE1A", "").strip() == "LINEAR":
        return int(header["CRVAL2A"]), int(header["CRVAL1A"])
    return -int(header.get("LTV2", 0)), -int(header.get("LTV1", 0))


def mask_bits(header: fits.Header) -> dict[str, int]:
    """Map each mask plane to its bit's number."""
    afw = {key.removeprefix("MP_"): int(header[key]) for key in header if key.startswith("MP_")}
    named = {
        str(header[key]).strip(): int(header[f"MSKM{key[4:]}"]).bit_length() - 1
        for key in header
        if key.startswith("MSKN") and f"MSKM{key[4:]}" in header
    }
    return afw | named


def calibration_njy(file: fits.HDUList) -> float | None:
    """Give the nanojansky that a pixel value of 1 stands for; None when the file does not tell one number."""
    image = _hdu(file, "IMAGE")
    if image is not None and str(image.header.get("BUNIT", "")).strip() == "nJy":
        return 1.0
    archived = _archived_calibration(file)
    if archived is not None:
        return archived
    flux_of_zero = float(file[0].header.get("FLUXMAG0", 0))
    return AB_ZERO_NJY / flux_of_zero if flux_of_zero > 0 else None


def _archived_calibration(file: fits.HDUList) -> float | None:
    """Look afw's PhotoCalib up in the archive that an exposure carries."""
    number = int(file[0].header.get("AR_HDU", 0))
    if not 0 < number <= len(file):
        return None
    for row in file[number - 1].data:
        if str(row["name"]).strip() == "PhotoCalib":
            table = file[number - 1 + int(row["cat.archive"])].data
            return float(table["calibrationMean"][int(row["row0"])])
    return None
