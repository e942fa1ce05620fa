"""Which boxes of a frame a source's cutouts are: one square a size, or its footprint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from zoocut.config.draw import DrawSettings
from zoocut.config.images import FootprintColumns
from zoocut.error_kinds import MissingColumn, NoFootprint, WrongSetting
from zoocut.images.geometry import Box, box_around
from zoocut.model import DiaSource
from zoocut.values import id_key, number_of

__all__ = ["Boxes", "Footprints", "boxes_for", "footprint_boxes"]

Boxes = Callable[[DiaSource, float, float], tuple[Box, ...]]
"""Gives the boxes of a source at (y_pix, x_pix); raises InputError when it cannot."""


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
        return lambda source, _y_pix, _x_pix: (footprint_box(source, columns),)
    if not draw.sizes:
        raise WrongSetting("draw.sizes is empty, which means whole stamps: give sizes = [30] for frames")
    sizes = draw.sizes
    return lambda _, y_pix, x_pix: tuple(box_around(y_pix, x_pix, size) for size in sizes)


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

    def boxes(source: DiaSource, _y_pix: float, _x_pix: float) -> tuple[Box, ...]:
        known = footprints.boxes.get(id_key(source.dia_source_id))
        if known is not None:
            return (known,)
        if source.columns.get(columns.x_min) is None:
            raise NoFootprint(footprints.missing)
        return (footprint_box(source, columns),)

    return boxes


def footprint_box(source: DiaSource, columns: FootprintColumns) -> Box:
    """Read a source's footprint box from its columns.

    Raises
    ------
    InputError
        When a column is missing or empty, or the box has no pixel.
    """
    x_min, x_max = _pixel(source, columns.x_min), _pixel(source, columns.x_max)
    y_min, y_max = _pixel(source, columns.y_min), _pixel(source, columns.y_max)
    if x_max < x_min or y_max < y_min:
        raise NoFootprint(f"its footprint, x {x_min} to {x_max} and y {y_min} to {y_max}, has no pixel")
    return Box(y_min, x_min, y_max - y_min + 1, x_max - x_min + 1)


def _pixel(source: DiaSource, column: str) -> int:
    value = source.columns.get(column)
    number = number_of(value)
    if number is not None and number == int(number):
        return int(number)
    raise MissingColumn(
        f"its column {column} is {'missing or empty' if value is None else value}, where use_footprint needs "
        "a whole pixel number: name the columns in [images.footprint]"
    )
