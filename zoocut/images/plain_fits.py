"""The first image of a plain FITS file in memory, read without astropy: what nearly every alert's stamp is.

Whatever is not plain - scaled, compressed, of integers, of other axes, broken off - is left to astropy, which opens a
file in some twenty times the time. What a header tells is kept: stamps of a survey often share theirs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from zoocut.model import FloatImage

__all__ = ["read_plain"]

BLOCK_BYTES, CARD_BYTES = 2880, 80
LARGEST_HEADER_BYTES = 20 * BLOCK_BYTES
DTYPES: dict[int, np.dtype[Any]] = {-32: np.dtype(">f4"), -64: np.dtype(">f8")}
"""Pixels that need no conversion but that of byte order (FITS standard 4.0, table 8)."""

TRUE = re.compile(rb"SIMPLE  = +T *(/.*)?")
NUMBER = re.compile(rb"(BITPIX|NAXIS[12]?) *= +(-?\d+) *(/.*)?")
MANDATORY = (b"BITPIX", b"NAXIS", b"NAXIS1", b"NAXIS2")
UNUSUAL = re.compile(
    rb"(SIMPLE|BITPIX|NAXIS\d*|BSCALE|BZERO|BLANK|GROUPS|PCOUNT|GCOUNT|XTENSION|CONTINUE|HIERARCH|ZIMAGE) *(=|$)"
)
"""What follows the mandatory cards of no plain image."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the pixels behind a header are."""

    dtype: np.dtype[Any]
    shape: tuple[int, int]


def read_plain(content: bytes) -> tuple[FloatImage, bytes] | None:
    """Read the first image.

    Parameters
    ----------
    content : bytes
        The file.

    Returns
    -------
    (image, header) or None
        The (y, x) pixels in native byte order, and the header as it is in the file; None where astropy is to read it.
    """
    size = _header_bytes(content)
    layout = _layout(content[:size]) if size else None
    if layout is None or len(content) < size + layout.dtype.itemsize * layout.shape[0] * layout.shape[1]:
        return None
    pixels = np.frombuffer(content, layout.dtype, layout.shape[0] * layout.shape[1], size)
    return pixels.reshape(layout.shape).astype(layout.dtype.newbyteorder("=")), content[:size]


def _header_bytes(content: bytes) -> int:
    """Return the length of the header with what fills its last block; 0 where no END is found."""
    at = content.find(b"END ", 0, LARGEST_HEADER_BYTES)
    while at % CARD_BYTES and at > 0:
        at = content.find(b"END ", at + 1, LARGEST_HEADER_BYTES)
    return 0 if at < 0 else -(-(at + CARD_BYTES) // BLOCK_BYTES) * BLOCK_BYTES


@lru_cache(maxsize=64)
def _layout(block: bytes) -> _Layout | None:
    cards = [block[i : i + CARD_BYTES].rstrip() for i in range(0, len(block), CARD_BYTES)]
    end = cards.index(b"END") if b"END" in cards else 0
    if end < 5 or not block.isascii() or len(block) % BLOCK_BYTES or any(cards[end + 1 :]):
        return None
    if not TRUE.fullmatch(cards[0]) or any(map(UNUSUAL.match, cards[5:end])):
        return None
    found = [NUMBER.fullmatch(card) for card in cards[1:5]]
    values = [int(one[2]) for one, name in zip(found, MANDATORY, strict=True) if one and one[1] == name]
    if len(values) < len(MANDATORY):
        return None
    bits, axes, width, height = values
    if bits not in DTYPES or axes != 2 or min(width, height) < 1:
        return None
    return _Layout(DTYPES[bits], (height, width))
