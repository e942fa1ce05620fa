"""Exposures as LSST writes them, by `lsst.afw` or by `lsst.images`: image, mask planes, origin, calibration.

Both name their HDUs IMAGE and MASK, older afw files by EXTTYPE only; a mask plane's bit is `MP_<name>` (a bit
number) in afw and `MSKN<n>`, `MSKM<n>` (name and bit value) in lsst.images, which writes one MASK more for every
31 planes; the first pixel's position in the parent frame is CRVAL1A, CRVAL2A in both, and LTV1, LTV2 with the
opposite sign in afw.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy.typing as npt
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from zoocut.error_kinds import NoImage
from zoocut.images.lsst.afw_archive import Archive, open_archive
from zoocut.images.lsst.exposure_wcs import exposure_wcs
from zoocut.images.planes import Plane, is_scaled, open_fits, unreadable
from zoocut.images.sky import SkyWcs
from zoocut.model import AB_MAGNITUDE_OF_ONE_NJY, FloatImage

__all__ = ["LsstPlane", "calibration_njy", "mask_bits", "open_exposure", "origin_of"]

AB_ZERO_NJY = 10 ** (AB_MAGNITUDE_OF_ONE_NJY / 2.5)
"""Flux of magnitude 0 in the AB system."""


class LsstPlane(Plane):
    """The image of an exposure; pixels under the blanked mask planes are NaN.

    Parameters
    ----------
    path : Path
        Its file, for messages.
    hdu : ImageHDU or CompImageHDU
        The image.
    wcs : WCS, AstWcs or None
        Of the image's own pixels.
    masks : sequence of (Plane, int)
        The masks, and the bits of each whose pixels hold no data.
    factor : float
        What pixel values are multiplied by.
    no_data : sequence of float
        Pixel values, before that, which stand for no data.
    number : int, optional
        Which of the file's HDUs the image is.
    """

    def __init__(
        self,
        path: Path,
        hdu: Any,
        wcs: SkyWcs | None,
        masks: Sequence[tuple[Plane, int]],
        factor: float,
        no_data: Sequence[float] = (),
        number: int | None = None,
    ) -> None:
        used = [(mask, bits) for mask, bits in masks if bits]
        super().__init__(path, hdu, masks=used, no_data=no_data, number=number)
        self.origin = origin_of(hdu.header)
        self.wcs = wcs
        self._factor = factor

    def cut_all(self, boxes: npt.ArrayLike) -> list[FloatImage]:
        """Copy boxes out of the rows that were loaded; outside the image and without data is NaN."""
        images = super().cut_all(boxes)
        return images if self._factor == 1 else [image * image.dtype.type(self._factor) for image in images]


@contextmanager
def open_exposure(
    path: Path, blank: Collection[str], in_njy: bool, no_data: Sequence[float] = ()
) -> Iterator[LsstPlane]:
    """Open the image of an exposure.

    Parameters
    ----------
    path : Path
        Its FITS file.
    blank : collection of str
        Mask planes whose pixels hold no data; one that the file does not have blanks nothing.
    in_njy : bool
        Whether pixels are converted to nanojansky; the alternative is as stored.
    no_data : sequence of float
        Pixel values as stored that stand for no data.

    Raises
    ------
    InputError
        When the file is missing or no exposure, or its calibration is asked for and is not in it.
    """
    with open_fits(path, memmap=True) as mapped:
        headers = _headers(path, mapped)
        if not any(map(is_scaled, headers)):
            yield _plane(path, mapped, blank, in_njy, no_data)
            return
    # astropy does not scale pixels that are mapped, and forgets BLANK where it keeps unsigned integers
    unsigned = not any("BLANK" in header for header in headers)
    with open_fits(path, memmap=False, unsigned=unsigned) as file:
        yield _plane(path, file, blank, in_njy, no_data)


def _headers(path: Path, file: fits.HDUList) -> list[fits.Header]:
    images, masks = _images_and_masks(path, file)
    return [hdu.header for hdu in images[:1] + masks]


def _plane(
    path: Path, file: fits.HDUList, blank: Collection[str], in_njy: bool, no_data: Sequence[float]
) -> LsstPlane:
    images, masks = _images_and_masks(path, file)
    if not images:
        raise NoImage(f"{path} is no exposure of LSST: it has no image named IMAGE")
    factor = calibration_njy(file) if in_njy else 1.0
    if factor is None:
        raise NoImage(
            f"{path} does not tell its photometric calibration as one number: set images.pixels to as-stored"
        )
    wcs = exposure_wcs(path, file, images[0], origin_of(images[0].header))
    planes = [(Plane(path, hdu, number=file.index_of(hdu)), _blank_bits(hdu, blank)) for hdu in masks]
    return LsstPlane(path, images[0], wcs, planes, factor, no_data, file.index_of(images[0]))


def _blank_bits(mask: Any, blank: Collection[str]) -> int:
    bits = mask_bits(mask.header)
    return sum(1 << bits[name] for name in bits.keys() & set(blank))


def _images_and_masks(path: Path, file: fits.HDUList) -> tuple[list[Any], list[Any]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            return _hdus(file, "IMAGE"), _hdus(file, "MASK")
    except Exception as error:  # headers are read when they are asked for
        raise unreadable(path, error) from error


def _hdus(file: fits.HDUList, name: str) -> list[Any]:
    """Find images by their name, or by their type where they have none."""
    named = (
        hdu for hdu in file if hdu.is_image and name in (hdu.name, hdu.header.get("EXTTYPE", "").strip())
    )
    return [hdu for hdu in named if len(hdu.shape) == 2]


def origin_of(header: fits.Header) -> tuple[int, int]:
    """Return (y, x) of the first pixel in the frame of the whole detector or tract."""
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
    """Return the nanojansky that a pixel value of 1 stands for; None when the file does not tell one number."""
    if any(str(hdu.header.get("BUNIT", "")).strip() == "nJy" for hdu in _hdus(file, "IMAGE")[:1]):
        return 1.0
    archive = open_archive(file, file[0].header)
    number = None if archive is None else file[0].header.get("PHOTOCALIB_ID") or archive.first("PhotoCalib")
    if archive is not None and number is not None:
        return _archived_calibration(archive, int(number))
    flux_of_zero = float(file[0].header.get("FLUXMAG0", 0))
    return AB_ZERO_NJY / flux_of_zero if flux_of_zero > 0 else None


def _archived_calibration(archive: Archive, number: int) -> float | None:
    """Read afw's PhotoCalib: its only flag tells whether the mean holds everywhere."""
    part = archive.part(number)
    if part is None or ("flags" in part.names and not part.column("flags").all()):
        return None
    return float(part.column("calibrationMean")[0])
