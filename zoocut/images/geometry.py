"""Which pixels belong to a cutout, and how a cutout is turned: whole pixels only, nothing is resampled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from zoocut.model import FloatImage

__all__ = [
    "AS_READ_OUT",
    "Box",
    "Turn",
    "blank_out",
    "box_around",
    "cut",
    "merge_bands",
    "oblong_around",
    "turn_to_north",
]


FILL = np.finfo(np.float32).max
"""Resampling programs write this value, or its negative, where the template has no coverage (seen in ZTF)."""


FLOAT_STEP = float(np.finfo(np.float32).eps)
"""Relative distance within which two values are the same once they are written as 32-bit floats."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels, which may lie partly or wholly outside an image.

    Parameters
    ----------
    y, x : int
        The first row and column.
    height, width : int
        How many rows and columns.
    """

    y: int
    x: int
    height: int
    width: int

    def overlaps(self, shape: tuple[int, int]) -> bool:
        """Whether any pixel lies inside an image of `shape`."""
        return (
            self.y < shape[0] and self.x < shape[1] and self.y + self.height > 0 and self.x + self.width > 0
        )

    def holds(self, y_pix: float, x_pix: float) -> bool:
        """Whether a position lies on a pixel of the box."""
        return -0.5 <= y_pix - self.y < self.height - 0.5 and -0.5 <= x_pix - self.x < self.width - 0.5

    def rows_within(self, height: int) -> tuple[int, int]:
        """First row and the row after the last one that lie inside an image of that height."""
        return max(self.y, 0), min(self.y + self.height, height)


def box_around(y_pix: float, x_pix: float, size_pix: int) -> Box:
    """Return the box of a square cutout around a position.

    Parameters
    ----------
    y_pix, x_pix : float
        Zero-based position; integers are pixel centres.
    size_pix : int
        Width and height.

    Returns
    -------
    Box
        The pixels that `astropy.nddata.Cutout2D` takes: the first one is ceil(position - size / 2).
    """
    return oblong_around(y_pix, x_pix, size_pix, size_pix)


def oblong_around(y_pix: float, x_pix: float, height: int, width: int) -> Box:
    """Return the box of a cutout of any height and width around a position, by the same rule."""
    return Box(ceil(y_pix - height / 2), ceil(x_pix - width / 2), height, width)


def cut(image: npt.NDArray[np.generic], box: Box, first_row: int = 0) -> FloatImage:
    """Copy a box out of an image; what lies outside, and pixels that hold a fill value, are NaN.

    Parameters
    ----------
    image : (y, x) array
        The image, or a band of its rows.
    box : Box
        In the whole image's pixels.
    first_row : int
        The whole image's row that `image` begins with.

    Returns
    -------
    (y, x) array of float
        In native byte order; float32 stays float32, everything else becomes float64.
    """
    dtype = np.dtype(np.float32 if image.dtype.kind == "f" and image.dtype.itemsize <= 4 else np.float64)
    top, left = box.y - first_row, box.x
    y0, y1 = max(top, 0), min(top + box.height, image.shape[0])
    x0, x1 = max(left, 0), min(left + box.width, image.shape[1])
    if (y1 - y0, x1 - x0) == (box.height, box.width):
        cutout = image[y0:y1, x0:x1].astype(dtype)
    else:
        cutout = np.full((box.height, box.width), np.nan, dtype)
        if y1 > y0 and x1 > x0:
            cutout[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    cutout[np.abs(cutout) == FILL] = np.nan
    return cutout


def blank_out(image: FloatImage, no_data: Sequence[float]) -> None:
    """Make pixels NaN that hold one of some values, to the precision of 32-bit floats.

    Parameters
    ----------
    image : (y, x) array of float
        Changed in place.
    no_data : sequence of float
        Values that stand for no data.
    """
    for value in no_data:
        image[np.abs(image - value) <= FLOAT_STEP * abs(value)] = np.nan


def merge_bands(rows: Iterable[tuple[int, int]], gap_pix: int) -> Iterator[tuple[int, int]]:
    """Join row ranges that touch or lie no further apart than `gap_pix`.

    Parameters
    ----------
    rows : iterable of (first, after the last)
        In any order; empty ranges are left out.
    gap_pix : int
        Rows that it is cheaper to read than to skip.

    Yields
    ------
    (first, after the last)
        Disjoint and rising.
    """
    band: tuple[int, int] | None = None
    for first, stop in sorted(pair for pair in rows if pair[0] < pair[1]):
        if band is None:
            band = (first, stop)
        elif first <= band[1] + gap_pix:
            band = (band[0], max(band[1], stop))
        else:
            yield band
            band = (first, stop)
    if band is not None:
        yield band


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn by right angles, with or without a flip.

    Parameters
    ----------
    matrix : ((int, int), (int, int))
        Takes (y, x) directions before to (y, x) directions after: a signed permutation.
    """

    matrix: tuple[tuple[int, int], tuple[int, int]]

    def image(self, image: FloatImage) -> FloatImage:
        """Turn an image."""
        (yy, yx), (xy, xx) = self.matrix
        if yx:
            image = image.T
        return image[:: (yy or yx), :: (xx or xy)]

    def vector(self, vector: tuple[float, float]) -> tuple[float, float]:
        """Turn a (y, x) direction."""
        (yy, yx), (xy, xx) = self.matrix
        y, x = vector
        return yy * y + yx * x, xy * y + xx * x


AS_READ_OUT = Turn(((1, 0), (0, 1)))

_TURNS = tuple(
    turn for a in (1, -1) for b in (1, -1) for turn in (Turn(((a, 0), (0, b))), Turn(((0, a), (b, 0))))
)


def turn_to_north(north: tuple[float, float], east: tuple[float, float]) -> Turn:
    """Choose the turn that brings north nearest to up (+y) and east nearest to left (-x).

    Parameters
    ----------
    north, east : (y, x) of float
        Directions of rising declination and right ascension in the image.
    """

    def agreement(turn: Turn) -> float:
        return turn.vector(north)[0] - turn.vector(east)[1]

    return max(_TURNS, key=agreement)
