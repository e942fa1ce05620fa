"""Right ascensions and declinations in degrees, whatever they are written in."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from zoocut.error_kinds import WrongUnit
from zoocut.model import Value
from zoocut.values import number_of

__all__ = ["DEGREES", "Angle", "angle_of"]

SEXAGESIMAL = re.compile(
    r"(?P<sign>[+\-\u2212]?)\s*(?P<first>\d{1,3})(?P<unit>[:hd°]\s*|\s+)(?P<minutes>\d{1,2})(?:[:m'′]\s*|\s+)"
    r"(?P<seconds>\d{1,2}(?:\.\d*)?)\s*(?:s|\"|″|'')?",
    re.ASCII | re.IGNORECASE,
)
DEGREES_AN_HOUR = 15.0
UNITS = {
    **dict.fromkeys(("deg", "degree", "degrees", "°", "degs"), 1.0),
    **dict.fromkeys(("hourangle", "h", "hr", "hour", "hours", "hms"), DEGREES_AN_HOUR),
    **dict.fromkeys(("rad", "radian", "radians"), math.degrees(1)),
    "mrad": math.degrees(1e-3),
    **dict.fromkeys(("arcmin", "'"), 1 / 60),
    **dict.fromkeys(("arcsec", '"'), 1 / 3600),
    "mas": 1 / 3_600_000,
}
"""Degrees in one of each unit, by the names of astropy, VOUnits and CDS."""


@dataclass(frozen=True, slots=True)
class Angle:
    """How a column's cells become degrees.

    Parameters
    ----------
    degrees : callable
        Gives degrees; None for a cell that is no such angle.
    told : str
        What is converted, in words; empty for degrees.
    """

    degrees: Callable[[Value], float | None]
    told: str = ""


def _as_it_is(value: Value) -> float | None:
    number = None if isinstance(value, bool) else number_of(value)
    return None if number is None else float(number)


DEGREES = Angle(_as_it_is)
"""Numbers that are degrees already."""


def angle_of(column: str, unit: str, values: Iterable[Value], *, hours: bool) -> Angle:
    """Return how a column of angles is to be read.

    Parameters
    ----------
    column : str
        Its name.
    unit : str
        Its unit, empty where the file tells none.
    values : iterable of Value
        Its cells.
    hours : bool
        Whether sexagesimal text without letters counts hours (right ascensions) or degrees (declinations).

    Raises
    ------
    InputError
        When its unit is not one of angles.
    """
    if any(isinstance(value, str) and SEXAGESIMAL.fullmatch(value.strip()) for value in values):
        hours = hours and not unit.lower().startswith("deg")
        kind = "hours" if hours else "degrees"
        return Angle(
            lambda value: _sexagesimal(value, hours),
            f"{column} is read as sexagesimal {kind}, minutes and seconds",
        )
    if not unit:
        return DEGREES
    factor = UNITS.get(unit.strip().lower())
    if factor is None:
        raise WrongUnit(f"its column {column} is in {unit!r}, which is no unit of angles: give degrees")
    if factor == 1:
        return DEGREES
    return Angle(
        lambda value: None if (number := _as_it_is(value)) is None else number * factor,
        f"{column} is converted from {unit} to degrees",
    )


def _sexagesimal(value: Value, hours: bool) -> float | None:
    match = SEXAGESIMAL.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    first, minutes, seconds = int(match["first"]), int(match["minutes"]), float(match["seconds"])
    letter = match["unit"].strip().lower()
    in_hours = letter == "h" or (hours and letter not in ("d", "°"))
    if minutes >= 60 or seconds >= 60 or (in_hours and first >= 24):
        return None
    whole = (first * 3600 + minutes * 60 + seconds) / 3600 * (DEGREES_AN_HOUR if in_hours else 1)
    return -whole if match["sign"] in ("-", "\u2212") else whole
