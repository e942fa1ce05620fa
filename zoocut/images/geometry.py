"""Which pixels belong to a cutout, and how a cutout is turned: whole pixels only, nothing is resampled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from zoocut.model import FloatImage

if TYPE_CHECKING:
    from zoocut.images.rice_tiles import ScaledRows

__all__ = [
    "AS_READ_OUT",
    "FAR",
    "Box",
    "BoxArray",
    "Rows",
    "Turn",
    "blank_out",
    "box_around",
    "cut",
    "cut_all",
    "gathered",
    "merge_bands",
    "oblong_around",
    "overlapping",
    "rows_within",
    "squares_around",
    "turn_to_north",
    "turns_to_north",
]


Rows: TypeAlias = "npt.NDArray[np.generic] | ScaledRows"
"""An image or a band of its rows, or what becomes one when a part of it is taken."""

BoxArray = npt.NDArray[np.int64]
"""Many boxes: (n, 4), each as `Box` has it."""

FILL = np.finfo(np.float32).max
"""Resampling programs write this value, or its negative, where the template has no coverage (seen in ZTF)."""


FLOAT_STEP = float(np.finfo(np.float32).eps)
"""Relative distance within which two values are the same once they are written as 32-bit floats."""


FAR = 2.0**40
"""Pixels: a position off any image, of which whole numbers and their sums are exact."""

CUT_AT_ONCE = 64
"""Boxes that share an array: few, for one that is kept keeps them all."""


class Box(NamedTuple):
    """A rectangle of pixels, which may lie partly or wholly outside an image.

    Parameters
    ----------
    y, x : int
        The first row and column.
    height, width : int
        How many rows and columns. Many boxes are an array with a row of four for each.
    """

    y: int
    x: int
    height: int
    width: int

    def holds(self, y_pix: float, x_pix: float) -> bool:
        """Whether a position lies on a pixel of the box."""
        return -0.5 <= y_pix - self.y < self.height - 0.5 and -0.5 <= x_pix - self.x < self.width - 0.5


def overlapping(boxes: BoxArray, shape: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Tell of each of many boxes whether any of its pixels lies inside an image of `shape`."""
    y, x, height, width = np.moveaxis(boxes, -1, 0)
    inside: npt.NDArray[np.bool_] = (y < shape[0]) & (x < shape[1]) & (y + height > 0) & (x + width > 0)
    return inside


def rows_within(boxes: BoxArray, height: int) -> npt.NDArray[np.int64]:
    """Return of each box the first row, and the row after the last one, that lie in an image of that height."""
    rows: npt.NDArray[np.int64] = np.clip(boxes[:, :1] + boxes[:, 2:3] * [0, 1], 0, height)
    return rows


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


def squares_around(
    y_pix: npt.NDArray[np.float64], x_pix: npt.NDArray[np.float64], sizes: Sequence[int]
) -> BoxArray:
    """Return for each of n positions a box a size, as `box_around` does: (n, size, 4); of NaN some box."""
    places = np.clip(np.nan_to_num(np.stack((y_pix, x_pix), axis=-1)), -FAR, FAR)
    sides = np.asarray(sizes, np.int64)[:, None]
    corners = np.ceil(places[:, None] - sides / 2).astype(np.int64)
    boxes: BoxArray = np.concatenate((corners, np.broadcast_to(sides, corners.shape)), axis=-1)
    return boxes


def cut(image: Rows, box: Box, first_row: int = 0) -> FloatImage:
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
    dtype = _float_of(image)
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


def cut_all(image: Rows, boxes: npt.ArrayLike, first_row: int = 0) -> list[FloatImage]:
    """Copy boxes out of an image as `cut` does, those of one size that lie inside it together.

    Parameters
    ----------
    image : (y, x) array
        The image, or a band of its rows.
    boxes : (n, 4) array of int, or sequence of Box
        In the whole image's pixels.
    first_row : int
        The whole image's row that `image` begins with.

    Returns
    -------
    list of (y, x) array of float
        One a box; several may be parts of one array.
    """
    own: BoxArray = np.asarray(boxes, np.int64).reshape(-1, 4) - np.array([first_row, 0, 0, 0])
    corners, sizes = own[:, :2], own[:, 2:]
    inside = ((corners >= 0) & (corners + sizes <= image.shape)).all(axis=1)
    outside = np.flatnonzero(~inside).tolist()
    found = {i: cut(image, Box(*own[i].tolist())) for i in outside}
    for size in map(tuple, np.unique(sizes[inside], axis=0).tolist()):
        members = np.flatnonzero(inside & (sizes == size).all(axis=1))
        for start in range(0, len(members), CUT_AT_ONCE):
            part = members[start : start + CUT_AT_ONCE]
            found.update(zip(part.tolist(), _cut_alike(image, corners[part], size), strict=True))
    return [found[i] for i in range(len(own))]


def _cut_alike(image: Rows, corners: npt.NDArray[np.int64], size: tuple[int, int]) -> FloatImage:
    """Copy stamps of one size: gathered together they take half the time of one after the other."""
    stack: FloatImage = gathered(image, corners, size).astype(_float_of(image), copy=False)
    filled = np.abs(stack) == FILL
    if filled.any():
        stack[filled] = np.nan
    return stack


def gathered(image: Rows, corners: npt.NDArray[np.int64], size: tuple[int, int]) -> npt.NDArray[np.generic]:
    """Copy parts of one size out of an image, as they are, from (y, x) corners on."""
    if isinstance(image, np.ndarray):
        return sliding_window_view(image, size)[corners[:, 0], corners[:, 1]]
    return image.gathered(corners, size)


def _float_of(image: Rows) -> np.dtype[np.floating]:
    """Return what an image's pixels become: float32 stays it, everything else becomes float64."""
    return np.dtype(np.float32 if image.dtype.kind == "f" and image.dtype.itemsize <= 4 else np.float64)


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
        if self.matrix == UNTURNED:
            return image
        (yy, yx), (xy, xx) = self.matrix
        if yx:
            image = image.T
        return image[:: (yy or yx), :: (xx or xy)]

    @property
    def notes(self) -> tuple[str, ...]:
        """What to tell of a cutout that is turned so: nothing where it is as read out."""
        return () if self.matrix == UNTURNED else ("turned by right angles, so that north is up",)

    def vector(self, vector: Any) -> tuple[Any, Any]:
        """Turn a (y, x) direction: two numbers, or two arrays of them."""
        (yy, yx), (xy, xx) = self.matrix
        y, x = vector
        return yy * y + yx * x, xy * y + xx * x


UNTURNED = ((1, 0), (0, 1))
AS_READ_OUT = Turn(UNTURNED)

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
    return turns_to_north(np.array([north]), np.array([east]))[0]


def turns_to_north(north: npt.NDArray[np.float64], east: npt.NDArray[np.float64]) -> list[Turn]:
    """Choose the turns of several images, as `turn_to_north` does.

    Parameters
    ----------
    north, east : (n, 2) array
        (y, x) directions of each; those that are not finite get any turn.
    """
    agreements = [turn.vector(north.T)[0] - turn.vector(east.T)[1] for turn in _TURNS]
    return [_TURNS[i] for i in np.argmax(agreements, axis=0)]
