"""Which boxes of a frame a source's cutouts are: one square a size, or its footprint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt

from zoocut.config.draw import DrawSettings
from zoocut.config.images import FootprintColumns
from zoocut.error_kinds import MissingColumn, NoFootprint, WrongSetting
from zoocut.errors import InputError
from zoocut.images.geometry import FAR, Box, BoxArray, squares_around
from zoocut.model import DiaSource
from zoocut.values import id_key, number_of

__all__ = ["Boxes", "Footprints", "boxes_for", "footprint_boxes", "squares", "whole_of"]

LARGEST_PIXELS = 1 << 26
"""Of a footprint: more than any detector has; what stands for a missing value may ask for more memory than there is."""

Floats = npt.NDArray[np.float64]
Found = tuple[BoxArray, Mapping[int, InputError]]
"""(n, box, 4) as `Box` has them, and what is wrong with those of sources that have none, by their numbers."""

Boxes = Callable[[Sequence[DiaSource], Floats, Floats], Found]
"""Gives the boxes of n sources at (n,) y_pix and x_pix, as many of each; NaN is a source without a pixel."""


def boxes_for(columns: FootprintColumns, draw: DrawSettings) -> Boxes:
    """Choose how boxes are made.

    Parameters
    ----------
    columns : FootprintColumns
        Where the footprint boxes are.
    draw : DrawSettings
        Whether footprints are wanted, and which sizes.

    Raises
    ------
    ConfigError
        When neither sizes nor footprints are asked for: a whole frame is no cutout.
    """
    if draw.use_footprint:
        return _one_by_one(partial(footprint_box, columns=columns))
    if not draw.sizes:
        raise WrongSetting("draw.sizes is empty, which means whole stamps: give sizes = [30] for frames")
    return squares(draw.sizes)


def squares(sizes: Sequence[int]) -> Boxes:
    """Make boxes that are squares of some sizes around each source."""
    return lambda _, y_pix, x_pix: (squares_around(y_pix, x_pix, sizes), {})


def whole_of(shape: tuple[int, int]) -> Boxes:
    """Make boxes that are a whole image of (y, x) pixels, whatever the source."""
    return _one_by_one(lambda _: Box(0, 0, *shape))


def _one_by_one(box_of: Callable[[DiaSource], Box]) -> Boxes:
    """Make boxes that each source has one of."""

    def boxes(sources: Sequence[DiaSource], _y_pix: Floats, _x_pix: Floats) -> Found:
        found, missing = np.zeros((len(sources), 1, 4), np.int64), {}
        for at, source in enumerate(sources):
            try:
                found[at, 0] = box_of(source)
            except InputError as error:
                missing[at] = error
        return found, missing

    return boxes


@dataclass(frozen=True, slots=True)
class Footprints:
    """What a catalog of footprints has for an exposure.

    Parameters
    ----------
    missing : str
        What to tell of a source that is not among them, and what to do then.
    boxes : mapping of int to Box
        By source id, in the frame of the exposure.
    """

    missing: str
    boxes: Mapping[int, Box] = field(default_factory=dict)


def footprint_boxes(footprints: Footprints, columns: FootprintColumns) -> Boxes:
    """Take boxes from a catalog of footprints; from the source's columns where it has none.

    Parameters
    ----------
    footprints : Footprints
        Of the exposure.
    columns : FootprintColumns
        What a source's own box would be in.
    """

    def box_of(source: DiaSource) -> Box:
        known = footprints.boxes.get(id_key(source.dia_source_id))
        if known is not None:
            return known
        if source.columns.get(columns.x_min) is None:
            raise NoFootprint(footprints.missing)
        return footprint_box(source, columns)

    return _one_by_one(box_of)


def footprint_box(source: DiaSource, columns: FootprintColumns) -> Box:
    """Read a source's footprint box from its columns.

    Raises
    ------
    InputError
        When a column is missing or empty, or the box has no pixel.
    """
    x_min, x_max = _pixel(source, columns.x_min), _pixel(source, columns.x_max)
    y_min, y_max = _pixel(source, columns.y_min), _pixel(source, columns.y_max)
    told = f"its footprint, x {x_min:.12g} to {x_max:.12g} and y {y_min:.12g} to {y_max:.12g},"
    if x_max < x_min or y_max < y_min:
        raise NoFootprint(f"{told} has no pixel")
    box = Box(y_min, x_min, y_max - y_min + 1, x_max - x_min + 1)
    if box.height * box.width > LARGEST_PIXELS or max(map(abs, box)) > FAR:
        raise NoFootprint(f"{told} is that of no source: correct the catalog")
    return box


def _pixel(source: DiaSource, column: str) -> int:
    value = source.columns.get(column)
    number = number_of(value)
    if number is not None and number == int(number):
        return int(number)
    raise MissingColumn(
        f"its column {column} is {'missing or empty' if value is None else value}, where use_footprint needs "
        "a whole pixel number: name the columns in [images.footprint]"
    )
