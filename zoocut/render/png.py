"""PNG files of one palette, or of true colours where the palette would be too large."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import numpy.typing as npt
from isal import isal_zlib

__all__ = ["DEFLATE_LEVEL", "PngWriter", "chunk"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PALETTE, TRUE_COLOUR = 3, 2
"""Colour types of the PNG specification (W3C Recommendation, third edition, table 12)."""

DEFLATE_LEVEL = 1
LARGEST_PALETTE = 256


class PngWriter:
    """Writes pictures of one size and one set of colours.

    Parameters
    ----------
    colours : (n, 3) array of uint8
        Red, green and blue of each index.
    width_pix, height_pix : int
        Size of every picture.

    Attributes
    ----------
    indexed : bool
        Whether pixels are indices of a palette.
    head, tail : bytes
        What stands before and behind the pixels of every picture.
    """

    def __init__(self, colours: npt.NDArray[np.uint8], width_pix: int, height_pix: int) -> None:
        self._colours = colours
        self.indexed = len(colours) <= LARGEST_PALETTE
        kind = PALETTE if self.indexed else TRUE_COLOUR
        header = struct.pack(">IIBBBBB", width_pix, height_pix, 8, kind, 0, 0, 0)
        palette = chunk(b"PLTE", colours.tobytes()) if self.indexed else b""
        self.head = SIGNATURE + chunk(b"IHDR", header) + palette
        self.tail = chunk(b"IEND", b"")

    def canvas(self, index: int) -> npt.NDArray[Any]:
        """Make the rows of a picture of one colour.

        Returns
        -------
        (y, 1 + x) array
            Column 0 is not part of the picture: it holds the filter type of each row, 0 for none.
        """
        height, width = struct.unpack(">II", self.head[20:24] + self.head[16:20])
        rows = np.full((height, 1 + width), index, np.uint8 if self.indexed else np.uint16)
        rows[:, 0] = 0
        return rows

    def write(self, rows: npt.NDArray[Any]) -> bytes:
        """Encode a picture.

        Parameters
        ----------
        rows : (y, 1 + x) array
            As `canvas` made it, painted with indices.
        """
        data = rows if self.indexed else self._true_colours(rows)
        packed = isal_zlib.compress(data, DEFLATE_LEVEL)
        return b"".join((self.head, chunk(b"IDAT", packed), self.tail))

    def _true_colours(self, rows: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        height, width = rows.shape[0], rows.shape[1] - 1
        data = np.zeros((height, 1 + 3 * width), np.uint8)
        data[:, 1:] = self._colours[rows[:, 1:]].reshape(height, 3 * width)
        return data


def chunk(kind: bytes, content: bytes) -> bytes:
    """Write a part of a PNG file."""
    checksum = isal_zlib.crc32(content, isal_zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(content)), kind, content, struct.pack(">I", checksum)))
