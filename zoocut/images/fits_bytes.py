"""Stamps of alert packets: FITS in memory, plain or gzipped, from a stranger."""

from __future__ import annotations

import io
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from isal import isal_zlib

from zoocut.error_kinds import BadStamp
from zoocut.errors import InputError
from zoocut.images.plain_fits import read_plain
from zoocut.images.sky import SkyWcs, read_wcs
from zoocut.images.stamp_wcs import wcs_of_header
from zoocut.model import FloatImage
from zoocut.packets.fields import field_at

__all__ = ["LARGEST_STAMP_BYTES", "Stamp", "read_stamp", "read_stamp_of"]

LARGEST_STAMP_BYTES = 64 * 2**20
"""Nothing larger is unpacked: a stamp is some kilobytes, and a few bytes of gzip can claim gigabytes."""

GZIP = b"\x1f\x8b"
GZIP_LAYERS = 2
"""Some surveys compress the packet's stamps twice."""


@dataclass(frozen=True, slots=True, eq=False)
class Stamp:
    """A stamp.

    Parameters
    ----------
    image : (y, x) array of float
        Its pixels.
    header : Header, bytes or None
        Its header, as astropy has read it or as it is in the file.
    """

    image: FloatImage
    header: fits.Header | bytes | None

    def wcs(self) -> SkyWcs | None:
        """Read its own WCS; None where it has none, or one that cannot be read: it is placed without, too."""
        try:
            if isinstance(self.header, bytes):
                return wcs_of_header(self.header)
            return None if self.header is None else read_wcs(self.header)
        except ValueError:
            return None


def read_stamp(content: bytes) -> tuple[FloatImage, fits.Header | bytes]:
    """Read the first image of a FITS file in memory.

    Parameters
    ----------
    content : bytes
        FITS, plain or gzipped once or twice.

    Returns
    -------
    image : (y, x) array of float
        In native byte order.
    header : Header or bytes
        Its header, as astropy has read it or as it is in the file.

    Raises
    ------
    InputError
        When it is truncated, too large or no FITS image.
    """
    plain = _unpacked(content)
    return read_plain(plain) or _read_any(plain)


def _read_any(plain: bytes) -> tuple[FloatImage, fits.Header]:
    unsigned = b"BLANK   =" not in plain  # astropy forgets BLANK where it keeps unsigned integers
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            with fits.open(io.BytesIO(plain), memmap=False, uint=unsigned) as file:
                hdu = _image_of(file)
                header, data = hdu.header, hdu.data.reshape(hdu.shape[-2:])
        except InputError:
            raise
        except Exception as error:  # a damaged stamp makes astropy raise almost anything
            raise BadStamp(f"is no readable FITS ({error})") from error
    dtype = np.float32 if data.dtype.kind == "f" and data.dtype.itemsize <= 4 else np.float64
    return data.astype(dtype), header


def read_stamp_of(packet: Mapping[str, Any], name: str) -> Stamp:
    """Read a stamp out of its packet.

    Parameters
    ----------
    packet : mapping
        The packet.
    name : str
        The field with the stamp: bytes, or a record whose `stampData` are bytes; dots lead into records.

    Raises
    ------
    InputError
        When there is none, or it is no image.
    """
    field = field_at(packet, name)
    content = field.get("stampData") if isinstance(field, Mapping) else field
    if not isinstance(content, bytes) or not content:
        raise BadStamp(f"the packet has no stamp in its field {name}: name the fields in [images]")
    try:
        image, header = read_stamp(content)
    except InputError as error:
        raise BadStamp(f"the stamp {name} {error}") from error
    return Stamp(image, header)


def _image_of(file: fits.HDUList) -> Any:
    """Return the first image of two axes; further ones of length 1 do not count."""
    others = []
    for hdu in file:
        if hdu.is_image and len(hdu.shape) >= 2:
            if all(length == 1 for length in hdu.shape[:-2]):
                return hdu
            others.append(" x ".join(map(str, hdu.shape)))
    raise BadStamp(f"has no image of two dimensions{f', but one of {others[0]} pixels' if others else ''}")


def _unpacked(content: bytes) -> bytes:
    for _ in range(GZIP_LAYERS):
        if not content.startswith(GZIP):
            break
        content = _gunzip(content)
    return content


def _gunzip(content: bytes) -> bytes:
    """Unpack with isal, four times as fast as zlib; what it stumbles over is left to zlib, which tells the reason."""
    quick = isal_zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain: bytes = quick.decompress(content, LARGEST_STAMP_BYTES)
    except Exception:  # IsalError, which isal's stubs do not call an exception
        plain = b""
    return plain if quick.eof else _gunzip_by_zlib(content)


def _gunzip_by_zlib(content: bytes) -> bytes:
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = stream.decompress(content, LARGEST_STAMP_BYTES)
    except zlib.error as error:
        raise BadStamp(f"is damaged gzip ({error})") from error
    if stream.eof:
        return plain
    if len(plain) >= LARGEST_STAMP_BYTES:
        raise BadStamp(f"unpacks to more than {LARGEST_STAMP_BYTES // 2**20} MB, which no stamp does")
    raise BadStamp("is truncated gzip")
