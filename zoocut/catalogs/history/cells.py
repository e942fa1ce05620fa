"""What the cells of a measurement mean: numbers that are numbers, magnitudes as fluxes, names of bands."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from numbers import Real
from typing import Any

from zoocut.error_kinds import NoHistory
from zoocut.model import AB_MAGNITUDE_OF_ONE_NJY
from zoocut.values import flag_of, marks_missing, number_of, object_of

__all__ = [
    "MAGNITUDE_PER_RATIO",
    "ObjectId",
    "ab_flux_njy",
    "band_name",
    "error_bar",
    "magnitude",
    "number",
    "object_id",
    "raised_flag",
    "records",
    "require_flags",
    "valid_mjd",
    "withdrawn",
]

ObjectId = int | str

MAGNITUDE_PER_RATIO = 1.0857
"""2.5 / ln 10: the error of a magnitude over that of its flux, relative to the flux."""

FAINTEST, BRIGHTEST = 60.0, -40.0
"""No magnitude lies beyond: what does is a mark for missing ones, such as -999 or 99."""

LAST_MJD = 100_000.0
"""The year 2132: no Modified Julian Date is later; Julian dates and seconds since 1970 are."""


def number(cell: Any) -> float | None:
    """Return a finite number; None for what is missing, NaN or none."""
    if isinstance(cell, str):
        cell = number_of(cell)
    if isinstance(cell, bool) or not isinstance(cell, (Real, Decimal)):
        return None
    value = float(cell)
    return value if math.isfinite(value) else None


def error_bar(cell: Any) -> float | None:
    """Return an error of one sigma; None for what only marks a missing one: no error is 0 or negative."""
    value = number(cell)
    return value if value is not None and value > 0 else None


def valid_mjd(value: float | None) -> float | None:
    """Return a Modified Julian Date; None for a number that cannot be one."""
    return value if value is not None and 0 < value < LAST_MJD else None


def magnitude(cell: Any) -> float | None:
    """Return a magnitude; None for what only marks a missing one."""
    value = number(cell)
    return value if value is not None and BRIGHTEST < value < FAINTEST else None


def ab_flux_njy(ab_magnitude: float) -> float:
    """Turn an AB magnitude into nJy."""
    return float(10 ** (0.4 * (AB_MAGNITUDE_OF_ONE_NJY - ab_magnitude)))


def band_name(cell: Any) -> str:
    """Return what a cell calls its band, alike for text, padded text, bytes and numbers; `unknown` for none."""
    if isinstance(cell, bytes):
        cell = cell.decode("utf-8", "replace")
    if cell is None or cell != cell or marks_missing(cell):
        return "unknown"
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return str(cell).strip("\0 \t")


def object_id(cell: Any) -> ObjectId | None:
    """Return an object's id, a number or a name; 0, negative numbers and null are no object."""
    if isinstance(cell, Decimal) and cell == cell.to_integral_value():
        cell = int(cell)
    found = object_of(cell.decode("utf-8", "replace") if isinstance(cell, bytes) else cell)
    return found if isinstance(found, (int, str)) else None


def withdrawn(row: Mapping[str, Any], names: Iterable[str]) -> bool:
    """Return whether a row was withdrawn: any of the columns holds a time."""
    cells = [row.get(name) for name in names]
    return any(cell == cell and not marks_missing(cell) and bool(cell) for cell in cells)


def raised_flag(row: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """Return the first flag that a row has set, also where it is written as text."""
    return next((name for name in names if flag_of(row.get(name))), None)


def records(cell: Any) -> list[Mapping[str, Any]]:
    """Return the records of a list; none where it is missing, and without entries that are null."""
    return [row for row in cell if isinstance(row, Mapping)] if isinstance(cell, (list, tuple)) else []


def require_flags(flags: Iterable[str], detection: Mapping[str, Any]) -> None:
    """Refuse flags that the record of the detection does not know: they would leave nothing out.

    Raises
    ------
    InputError
        When one is missing.
    """
    missing = [name for name in flags if name not in detection]
    if missing:
        raise NoHistory(f"its detection has no flag {', '.join(missing)}: check history.flags")
