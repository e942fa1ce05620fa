"""Which night a source was seen in, as its own data tell: never the clock of the machine that asks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from zoocut.config.night import NightSettings
from zoocut.error_kinds import NightsUnclear
from zoocut.model import DiaSource, Value
from zoocut.values import number_of

__all__ = ["night_of"]

MJD_0 = datetime(1858, 11, 17, tzinfo=UTC)
JD_OF_MJD_0 = 2400000.5
LSST_OFFSET_H = -12.0
"""Rubin's day of observation is the date of TAI - 12 h (SITCOMTN-032): it changes at noon UTC, daytime in Chile."""

LAST_MJD = 100_000
"""The year 2132."""

ZTF_NIGHT_0 = date(2017, 1, 1)
"""ZTF counts nights from here: nid 1105 is 2020-01-11 (the packets' own jd)."""


DATE = re.compile(r"[0-9]{8}")


def night_of(source: DiaSource, settings: NightSettings) -> date:
    """Tell a source's night.

    Raises
    ------
    ConfigError
        When its columns do not tell, and the settings name none that does.
    """
    columns = source.columns
    found = (
        _by_settings(columns, settings)
        if settings.time_column is not None
        else _of_visit(columns.get("visit")) or _of_lsst(columns) or _of_ztf(columns)
    )
    if found is None:
        wanted = settings.time_column or "visit, midpointMjdTai, nid or jd"
        raise NightsUnclear(
            f"{source.row} does not tell its night by {wanted}: set night.time_column, night.time_format and "
            "night.time_offset_h, or write {run_date} in the place of {night}"
        )
    return found


def _by_settings(columns: Mapping[str, Value], settings: NightSettings) -> date | None:
    value = columns.get(settings.time_column or "")
    offset = timedelta(hours=settings.time_offset_h)
    match settings.time_format:
        case "mjd":
            return _of_mjd(value, settings.time_offset_h)
        case "jd":
            return _of_jd(value, settings.time_offset_h)
        case "iso":
            return _of_iso(value, offset)
        case "yyyymmdd":
            return _of_digits(str(value).strip()[:8])


def _of_visit(value: Value) -> date | None:
    """Read the day of observation that Rubin's visits begin with: 2025123100244 is of 2025-12-31."""
    digits = str(value)
    return _of_digits(digits[:8]) if digits.isdecimal() and len(digits) == 13 else None


def _of_digits(digits: str) -> date | None:
    if not DATE.fullmatch(digits):  # strptime takes 2024111 for one of two dates
        return None
    try:
        return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def _of_lsst(columns: Mapping[str, Value]) -> date | None:
    return _of_mjd(columns.get("midpointMjdTai"), LSST_OFFSET_H)


def _of_ztf(columns: Mapping[str, Value]) -> date | None:
    number = _number(columns.get("nid"))
    if number is not None and number == int(number) and 0 < number < 100_000:
        return ZTF_NIGHT_0 + timedelta(days=number)
    return _of_jd(columns.get("jd"), 0.0)


def _of_mjd(value: Value, offset_h: float) -> date | None:
    number = _number(value)
    if number is None or not 0 < number < LAST_MJD:
        return None
    return (MJD_0 + timedelta(days=number, hours=offset_h)).date()


def _of_jd(value: Value, offset_h: float) -> date | None:
    number = _number(value)
    return None if number is None else _of_mjd(number - JD_OF_MJD_0, offset_h)


def _number(value: Value) -> float | None:
    """Return a number, also where a column of text holds it."""
    return None if isinstance(value, bool) else number_of(value)


def _of_iso(value: Value, offset: timedelta) -> date | None:
    try:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        return ((moment if moment.tzinfo is None else moment.astimezone(UTC)) + offset).date()
    except (ValueError, OverflowError):
        return None
