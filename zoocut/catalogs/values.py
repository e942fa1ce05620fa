"""Catalog cells to plain values: ids stay exact, and what is missing is None."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from zoocut.model import Value

__all__ = ["FORMER_NAMES", "exact_id", "number_or_none", "plain", "position"]

LARGEST_EXACT_FLOAT = 2**53
LARGEST_ID = 2**63 - 1

FORMER_NAMES = {
    "band": "filterName",
    "dec": "decl",
    "midpointMjdTai": "midPointTai",
    "psfChi2": "psChi2",
    "psfFlux": "psFlux",
    "psfFluxErr": "psFluxErr",
    "psfNdata": "psNdata",
    "reliability": "spuriousness",
    "scienceFlux": "totFlux",
    "scienceFluxErr": "totFluxErr",
}
"""Present name to former name, where zoocut looks at the column: DiaSource of alert schema 4 against 5 in
lsst-alert-packet, which follow the APDB's."""


def plain(cell: Any) -> Value:
    """Turn a cell into a plain value; NaN and anything that is not a scalar become None, dates ISO 8601."""
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else None
    if isinstance(cell, Decimal):
        return plain(float(cell))
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    if isinstance(cell, (date, datetime)):
        return cell.isoformat()
    return cell if isinstance(cell, (bool, int, str)) else None


def number_or_none(value: Value) -> float | None:
    """Give a number as it is, anything else as None."""
    return float(value) if isinstance(value, (int, float)) else None


def exact_id(cell: Any) -> int:
    """Read an id without loss.

    Raises
    ------
    ValueError
        When it is missing, not a whole number from 0 to 2^63 - 1, or went through floating point, which
        rounds whole numbers beyond 2^53.
    """
    if cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell)):
        raise ValueError("its id is missing: give every row one")
    if isinstance(cell, float) and (abs(cell) >= LARGEST_EXACT_FLOAT or not cell.is_integer()):
        raise ValueError(
            f"its id {cell!r} is floating-point, which loses digits beyond 2^53: save ids as integers or text"
        )
    try:
        number = int(cell)
    except (ValueError, TypeError):
        raise ValueError(f"its id {cell!r} is not a whole number: mend the id column") from None
    if not 0 <= number <= LARGEST_ID:
        raise ValueError(f"its id {number} is not between 0 and 2^63 - 1: mend the id column")
    return number


def position(columns: Mapping[str, Value], ra: str, dec: str) -> tuple[float, float]:
    """Read a position in degrees.

    Raises
    ------
    ValueError
        When either coordinate is missing or out of its range.
    """
    ra_deg, dec_deg = columns.get(ra), columns.get(dec)
    if not isinstance(ra_deg, (int, float)) or not isinstance(dec_deg, (int, float)):
        raise ValueError(f"its position is missing or not a number ({ra} = {ra_deg}, {dec} = {dec_deg})")
    if not (-360 <= ra_deg <= 360 and -90 <= dec_deg <= 90):
        raise ValueError(f"its position {ra} = {ra_deg}, {dec} = {dec_deg} is not in degrees on the sky")
    return float(ra_deg), float(dec_deg)
