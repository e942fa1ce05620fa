"""Catalog cells to plain values: ids stay exact, and what is missing is None."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from zoocut.catalogs.angles import DEGREES, Angle
from zoocut.error_kinds import BadPosition
from zoocut.model import Value

__all__ = ["FORMER_NAMES", "plain", "position"]

DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")

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
        return _decimal(cell)
    if isinstance(cell, bytes):
        return _text(cell)
    if isinstance(cell, (date, datetime)):
        return cell.isoformat()
    return cell if isinstance(cell, (bool, int, str)) else None


def _decimal(cell: Decimal) -> Value:
    """Return a whole number exactly, another as the number that prints alike, else as text."""
    if not cell.is_finite():
        return None
    if cell == cell.to_integral_value() and int(str(cell.as_tuple().exponent)) >= 0:
        return int(cell)
    return float(cell) if Decimal(repr(float(cell))) == cell else str(cell)


def _text(cell: bytes) -> str | None:
    try:
        return cell.decode("utf-8")
    except UnicodeDecodeError:
        return None


def position(
    columns: Mapping[str, Value], ra: str, dec: str, angles: tuple[Angle, Angle] = (DEGREES, DEGREES)
) -> tuple[float, float]:
    """Read a position in degrees.

    Parameters
    ----------
    columns : mapping of str to Value
        The row.
    ra, dec : str
        Its columns of right ascension and declination.
    angles : tuple of Angle
        How these become degrees.

    Raises
    ------
    ValueError
        When either coordinate is missing or out of its range.
    """
    told = f"{ra} = {columns.get(ra)}, {dec} = {columns.get(dec)}"
    ra_deg, dec_deg = (
        angle.degrees(columns.get(name)) for angle, name in zip(angles, (ra, dec), strict=True)
    )
    if ra_deg is None or dec_deg is None:
        comma = any(DECIMAL_COMMA.fullmatch(str(columns.get(name))) for name in (ra, dec))
        advice = ": write decimal points, not commas" if comma else ""
        raise BadPosition(f"its position is missing or not a number ({told}){advice}")
    if not (-360 <= ra_deg <= 360 and -90 <= dec_deg <= 90):
        raise BadPosition(f"its position {told} is not in degrees on the sky")
    return ra_deg, dec_deg
