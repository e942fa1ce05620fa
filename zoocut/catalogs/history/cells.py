"""What the cells of a measurement mean: numbers that are numbers, magnitudes as fluxes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from zoocut.model import AB_MAGNITUDE_OF_ONE_NJY, object_or_none
from zoocut.values import number_of

__all__ = ["MAGNITUDE_PER_RATIO", "ab_flux_njy", "magnitude", "number", "object_id", "withdrawn"]

MAGNITUDE_PER_RATIO = 1.0857
"""2.5 / ln 10: the error of a magnitude over that of its flux, relative to the flux."""

FAINTEST, BRIGHTEST = 60.0, -40.0
"""No magnitude lies beyond: what does is a mark for missing ones, such as -999 or 99."""


def number(cell: Any) -> float | None:
    """Return a finite number; None for what is missing, NaN or none."""
    if isinstance(cell, str):
        cell = number_of(cell)
    if isinstance(cell, bool) or not isinstance(cell, Real):
        return None
    value = float(cell)
    return value if math.isfinite(value) else None


def magnitude(cell: Any) -> float | None:
    """Return a magnitude; None for what only marks a missing one."""
    value = number(cell)
    return value if value is not None and BRIGHTEST < value < FAINTEST else None


def ab_flux_njy(ab_magnitude: float) -> float:
    """Turn an AB magnitude into nJy."""
    return float(10 ** (0.4 * (AB_MAGNITUDE_OF_ONE_NJY - ab_magnitude)))


def object_id(cell: Any) -> int | None:
    """Return an object's id; 0 and null are no object."""
    found = object_or_none("diaObjectId", cell)
    if isinstance(found, str) and found.isascii() and found.isdecimal():
        return int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def withdrawn(row: Mapping[str, Any], names: Iterable[str]) -> bool:
    """Return whether a row was withdrawn: any of the columns holds a time."""
    cells = [row.get(name) for name in names]
    return any(cell is not None and cell == cell for cell in cells)
