"""Stamps of alert packets: FITS in memory, plain or gzipped, from a stranger."""

from __future__ import annotations

import io
import warnings
import zlib

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from zoocut.errors import InputError
from zoocut.model import FloatImage

__all__ = ["LARGEST_STAMP_BYTES", "read_stamp"]

LARGEST_STAMP_BYTES = 64 * 2**20
"""Nothing larger is unpacked: a stamp is some kilobytes, and a few bytes of gzip can claim gigabytes."""

GZIP = b"\x1f\x8b"
GZIP_LAYERS = 2
"""Some surveys compress the packet's stamps twice."""


def read_stamp(content: bytes) -> tuple[FloatImage, fits.Header]:
    """Read the first image of a FITS file in memory.

    Parameters
    ----------
    content : bytes
        FITS, plain or gzipped once or twice.

    Returns
    -------
    image : (y, x) array of float
        In native byte order.
    header : Header
        Its header.

    Raises
    ------
    InputError
        When it is truncated, too large or no FITS image.
    """
    plain = _unpacked(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            with fits.open(io.BytesIO(plain), memmap=False) as file:
                hdu = next(hdu for hdu in file if hdu.is_image and len(hdu.shape) == 2)
                header, data = hdu.header, hdu.data
        except StopIteration:
            raise InputError("has no image of two dimensions") from None
        except Exception as error:  # a damaged stamp makes astropy raise almost anything
            raise InputError(f"is no readable FITS ({error})") from error
    dtype = np.float32 if data.dtype.kind == "f" and data.dtype.itemsize <= 4 else np.float64
    return data.astype(dtype), header


def _unpacked(content: bytes) -> bytes:
    for _ in range(GZIP_LAYERS):
        if not content.startswith(GZIP):
            break
        content = _gunzip(content)
    return content


def _gunzip(content: bytes) -> bytes:
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = stream.decompress(content, LARGEST_STAMP_BYTES)
    except zlib.error as error:
        raise InputError(f"is damaged gzip ({error})") from error
    if stream.eof:
        return plain
    if len(plain) >= LARGEST_STAMP_BYTES:
        raise InputError(f"unpacks to more than {LARGEST_STAMP_BYTES // 2**20} MB, which no stamp does")
    raise InputError("is truncated gzip")
