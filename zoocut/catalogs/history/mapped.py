"""Measurements of any survey that says what its columns are called and what their units are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoocut.catalogs.history.cells import (
    MAGNITUDE_PER_RATIO,
    ab_flux_njy,
    band_name,
    error_bar,
    magnitude,
    number,
    raised_flag,
    valid_mjd,
    withdrawn,
)
from zoocut.catalogs.history.points import Kind, Point
from zoocut.config.history import MeasurementColumns
from zoocut.error_kinds import MissingColumn, WrongSetting
from zoocut.model import AB_MAGNITUDE_OF_ONE_NJY
from zoocut.packets.fields import sign

if TYPE_CHECKING:
    from astropy.units import UnitBase

__all__ = ["MappedRows", "require_units"]

NJY = {"nJy": 1.0, "uJy": 1e3, "mJy": 1e6, "Jy": 1e9}
JD_OF_MJD_ZERO = 2400000.5
SECONDS_A_DAY = 86400

ZERO_POINTS_DIFFER = 0.02
"""Magnitudes: 8.9 and 23.9 are rounded, of 8.906 and 23.906 by another definition of the Jansky's zero."""

Row = Mapping[str, Any]


class MappedRows:
    """Reads rows of measurements.

    Parameters
    ----------
    columns : MeasurementColumns
        Names and units.
    flags : sequence of str
        Columns whose rows are left out where they are set.
    left_out : Counter of str
        Counts them by reason.
    time_of : callable, optional
        Gives a row's MJD at mid-exposure, where no column does.
    """

    def __init__(
        self,
        columns: MeasurementColumns,
        flags: Sequence[str],
        left_out: Counter[str],
        time_of: Callable[[Row], float | None] | None = None,
    ) -> None:
        self._columns = columns
        self._flags = flags
        self._left_out = left_out
        self.mjd = time_of or self._mjd

    def points(self, rows: Iterable[Row], kind: Kind) -> list[Point]:
        """Read rows of one kind."""
        return [point for row in rows if (point := self.point(row, kind)) is not None]

    def point(self, row: Row, kind: Kind) -> Point | None:
        """Read a row; None, and counted, where it is no measurement.

        Raises
        ------
        InputError
            When the row lacks a column that every row must have.
        """
        self._require_columns(row)
        mjd = self.mjd(row)
        flag = raised_flag(row, self._flags)
        if withdrawn(row, self._columns.withdrawn):
            return self._without("withdrawn")
        if flag is not None:
            return self._without(f"flagged {flag}")
        if mjd is None:
            return self._without(self._why_no_time(row))
        measured = self._measured(row)
        if measured is None:
            return self._limit(row, mjd)
        return Point(mjd, *measured, self._band(row), self._exposure(row, mjd), kind)

    def _require_columns(self, row: Row) -> None:
        missing = [name for name in (*self._columns.needed, *self._flags) if name not in row]
        if missing:
            raise MissingColumn(
                f"its measurements have no {', '.join(missing)}: name what they have in [history.columns]"
                f" ({', '.join(list(row)[:12])})"
            )

    def _mjd(self, row: Row) -> float | None:
        columns = self._columns
        time = number(row.get(columns.time)) if columns.time is not None else None
        if time is None:
            return None
        mjd = time - JD_OF_MJD_ZERO if columns.time_format == "jd" else time
        if columns.exposure_s is None:
            return valid_mjd(mjd)
        length_s = self._value(row, columns.exposure_s)
        return None if length_s is None or length_s < 0 else valid_mjd(mjd + length_s / 2 / SECONDS_A_DAY)

    def _why_no_time(self, row: Row) -> str:
        time = number(row.get(self._columns.time or ""))
        if time is None or valid_mjd(time - JD_OF_MJD_ZERO * (self._columns.time_format == "jd")):
            return "without a time or a flux"
        return f"whose time is no {self._columns.time_format.upper()}: check history.columns.time_format"

    def _measured(self, row: Row) -> tuple[float, float | None] | None:
        """Return signed flux and error; None where there is none."""
        columns = self._columns
        if columns.magnitude is not None:
            return self._of_magnitude(row, columns.magnitude)
        flux = number(row.get(columns.flux or ""))
        unit = NJY[columns.unit] if columns.unit else self._unit_of_zero_point(row)
        if flux is None or flux in columns.missing or unit is None:
            return None
        error = error_bar(row.get(columns.flux_error)) if columns.flux_error is not None else None
        return flux * unit, None if error is None else error * unit

    def _of_magnitude(self, row: Row, name: str) -> tuple[float, float | None] | None:
        columns = self._columns
        mag, direction = magnitude(row.get(name)), sign(row.get(columns.sign or ""))
        if mag is None or direction is None:
            return None
        flux = ab_flux_njy(mag)
        sigma = magnitude(row.get(columns.magnitude_error or ""))
        return direction * flux, None if sigma is None else error_bar(flux * sigma / MAGNITUDE_PER_RATIO)

    def _unit_of_zero_point(self, row: Row) -> float | None:
        assert self._columns.zero_point is not None
        zero = magnitude(self._value(row, self._columns.zero_point))
        return None if zero is None else ab_flux_njy(zero)

    def _limit(self, row: Row, mjd: float) -> Point | None:
        limit = magnitude(row.get(self._columns.limit)) if self._columns.limit else None
        if limit is None:
            seen = (
                self._columns.magnitude is not None
                and magnitude(row.get(self._columns.magnitude)) is not None
            )
            return self._without("of unknown sign" if seen else "without a time or a flux")
        exposure = self._exposure(row, mjd)
        return Point(mjd, ab_flux_njy(limit), None, self._band(row), exposure, Kind.LIMIT)

    def _value(self, row: Row, given: float | str) -> float | None:
        return number(row.get(given)) if isinstance(given, str) else given

    def _band(self, row: Row) -> str:
        held = band_name(row.get(self._columns.band))
        return self._columns.bands.get(held, held)

    def _exposure(self, row: Row, mjd: float) -> str:
        visit, detector = row.get(self._columns.visit), row.get(self._columns.detector)
        if visit is None:
            return f"{self._band(row)} at {mjd!r}"
        return f"{visit}/{detector}"

    def _without(self, reason: str) -> Point | None:
        self._left_out[reason] += 1
        return None


def require_units(columns: MeasurementColumns, units: Mapping[str, str], where: object) -> None:
    """Refuse settings that contradict the units that a table itself tells.

    Parameters
    ----------
    columns : MeasurementColumns
        Names, and what the settings say of units.
    units : mapping of str to str
        Units by column, as FITS, VOTable and ECSV tell them; others tell none.
    where : object
        The table, for the message.

    Raises
    ------
    ConfigError
        When one is another.
    """
    for name in (columns.flux, columns.flux_error):
        told = _unit(units.get(name or "", ""))
        if told is not None and not _agrees(told, columns):
            stated = f"unit = {columns.unit!r}" if columns.unit else f"zero_point = {columns.zero_point!r}"
            raise WrongSetting(
                f"{where} says that its column {name} is in {told}, and history.columns.{stated}: write"
                " what the table says"
            )
    told = _unit(units.get(columns.time or "", ""))
    if told is not None and told != _unit("d"):
        raise WrongSetting(
            f"{where} says that its column {columns.time} is in {told}, which is no date in days"
        )


def _unit(text: str) -> UnitBase | None:
    """Return a unit; None where none is told, or one that astropy does not know."""
    from astropy.units import Unit, UnrecognizedUnit

    if not text:
        return None
    unit = Unit(text, parse_strict="silent")
    return None if isinstance(unit, UnrecognizedUnit) else unit


def _agrees(told: UnitBase, columns: MeasurementColumns) -> bool:
    """Whether a unit of a flux is what the settings say; data numbers and others have a zero point alone."""
    if not told.is_equivalent("nJy"):
        return columns.unit is None
    njy = told.to("nJy")
    if columns.unit is not None:
        return math.isclose(njy, NJY[columns.unit], rel_tol=1e-6)
    zero_point = AB_MAGNITUDE_OF_ONE_NJY - 2.5 * math.log10(njy)
    given = columns.zero_point
    return not isinstance(given, float) or abs(given - zero_point) < ZERO_POINTS_DIFFER
