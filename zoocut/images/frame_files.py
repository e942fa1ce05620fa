"""Opening the image of a FITS file that is a whole frame: which extension, with which mask and whose WCS."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from zoocut.config.images import Extension
from zoocut.error_kinds import NoImage
from zoocut.errors import InputError
from zoocut.images.planes import Plane, image_shape, is_scaled, open_fits, unreadable
from zoocut.images.sky import read_wcs
from zoocut.object_store import ObjectPath

__all__ = ["FrameFile", "open_frame"]

NO_IMAGES = frozenset(
    {"MASK", "BPM", "DQ", "FLAG", "FLAGS", "VAR", "VARIANCE", "ERR", "ERROR", "WEIGHT", "WHT", "IVAR"}
)
"""Names of extensions that accompany an image: none of them is the image itself."""

STRUCTURE = ("SIMPLE", "BITPIX", "NAXIS", "EXTEND", "BSCALE", "BZERO", "BLANK", "END")
"""Cards that INHERIT does not hand on: they describe the primary array (FITS standard 4.0, appendix K)."""


@dataclass(frozen=True, slots=True)
class FrameFile:
    """A frame.

    Parameters
    ----------
    path : Path
        Plain, gzipped or tile-compressed FITS.
    extension : int, str or None
        Number or name, or name and version as "SCI,2"; None takes the first extension with an image.
    mask_extension : int, str or None
        The same for the mask in the same file; None: no mask.
    mask_bits : int or None
        Bits of the mask whose pixels hold no data; None: every value but 0.
    no_data : tuple of float
        Pixel values that stand for no data.
    """

    path: Path
    extension: Extension = None
    mask_extension: Extension = None
    mask_bits: int | None = None
    no_data: tuple[float, ...] = ()


@contextmanager
def open_frame(frame: FrameFile) -> Iterator[Plane]:
    """Open one image of a FITS file.

    Raises
    ------
    InputError
        When the file is missing or no FITS, or has no such image.
    """
    with open_fits(frame.path, memmap=True) as mapped:
        headers = [hdu.header for hdu in _images(mapped, frame)]
        unsigned = not any("BLANK" in header for header in headers)
        is_mapped = not isinstance(frame.path, ObjectPath)
        if not any(map(is_scaled, headers)) or (unsigned and not is_mapped):
            yield _plane(mapped, frame)
            return
    # astropy does not scale pixels that are mapped, and forgets BLANK where it keeps unsigned integers
    with open_fits(frame.path, memmap=False, unsigned=unsigned) as file:
        yield _plane(file, frame)


def _plane(file: fits.HDUList, frame: FrameFile) -> Plane:
    image, *masks = _images(file, frame)
    header = _header_with_wcs(file, image)
    return Plane(
        frame.path,
        image,
        header,
        [(Plane(frame.path, mask, number=file.index_of(mask)), frame.mask_bits) for mask in masks],
        frame.no_data,
        file.index_of(image),
    )


def _images(file: fits.HDUList, frame: FrameFile) -> list[Any]:
    """Return the image and, where one is named, its mask."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            first = (
                _first_image(file, frame.path)
                if frame.extension is None
                else _named(file, frame, frame.extension)
            )
            more = [] if frame.mask_extension is None else [_named(file, frame, frame.mask_extension)]
            return [first, *more]
    except Exception as error:
        raise unreadable(frame.path, error) from error


def _first_image(file: fits.HDUList, path: Path) -> Any:
    others = []
    for hdu in file:
        if hdu.is_image and len(hdu.shape):
            try:
                image_shape(hdu)
            except ValueError as error:
                others.append(str(error))
                continue
            if hdu.name.upper() in NO_IMAGES:
                raise NoImage(
                    f"{path} begins with an image named {hdu.name}: say which extension is the image, with"
                    " images.template_extension, science_extension or difference_extension"
                )
            return hdu
    found = f", but one of {others[0].replace('x', ' x ')} pixels" if others else ""
    advice = "write the plane that is meant into a file of its own" if others else "is it the right file?"
    raise NoImage(f"{path} has no image of two dimensions{found}: {advice}")


def _named(file: fits.HDUList, frame: FrameFile, extension: int | str) -> Any:
    hdu = (
        _of_number(file, frame, extension) if isinstance(extension, int) else _of_name(file, frame, extension)
    )
    try:
        image_shape(hdu)
    except ValueError as error:
        told = f" but one of {str(error).replace('x', ' x ')} pixels" if str(error) else ""
        raise NoImage(
            f"{frame.path} extension {extension!r} is no image of two dimensions{told}: choose another"
        ) from None
    return hdu


def _of_number(file: fits.HDUList, frame: FrameFile, number: int) -> Any:
    try:
        return file[number]
    except IndexError:
        raise _unknown(frame, number) from None


def _of_name(file: fits.HDUList, frame: FrameFile, name: str) -> Any:
    """Find an extension by its name, or by name and version; a name that several have is not enough."""
    name, _, version = (part.strip() for part in name.upper().partition(","))
    named = [hdu for hdu in file if hdu.name.upper() == name]
    found = [hdu for hdu in named if not version or str(hdu.ver) == version]
    if not found:
        raise _unknown(frame, f"{name},{version}" if version else name)
    if len(found) > 1:
        versions = ", ".join(f'"{name},{hdu.ver}"' for hdu in found)
        raise NoImage(
            f"{frame.path} has {len(found)} extensions {name}: say which one, {versions}, or its number"
        )
    return found[0]


def _unknown(frame: FrameFile, extension: int | str) -> InputError:
    return NoImage(f"{frame.path} has no extension {extension!r}: see `fitsinfo {frame.path.name}`")


def _header_with_wcs(file: fits.HDUList, image: Any) -> fits.Header:
    """Return the image's header, completed by the primary one where it says INHERIT and has no WCS of its own."""
    header = image.header
    if not header.get("INHERIT") or _has_wcs(header):
        return header
    inherited = fits.Header(
        [card for card in file[0].header.cards if not card.keyword.startswith(STRUCTURE)], copy=True
    )
    inherited.update(header)
    return inherited


def _has_wcs(header: fits.Header) -> bool:
    try:
        return read_wcs(header) is not None
    except ValueError:
        return True
