"""When the sources of a run were observed: nothing of Rubin but alert packets is shared within 80 hours of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from zoocut.metadata_keys import PREFIXES
from zoocut.run.folder import Run

__all__ = ["EMBARGO", "newest_observation"]

EMBARGO = timedelta(hours=80)
"""Rubin's data policy: images and catalogs of visits stay where they are for 80 hours."""

MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
JD_OF_MJD_ZERO = 2400000.5
FIRST_MJD, LAST_MJD = 30000.0, 90000.0
"""1941 to 2105: what lies outside is no date."""

MJD = ("midpointMjdTai", "midPointTai", "midpointTai", "midpointMjd", "expMidptMJD", "obsMjd", "mjd", "MJD")
JD = ("jd", "JD", "obsjd")
DATES = ("date_obs", "dateObs", "DATE-OBS", "obs_date", "date-obs")
VISITS = ("visit", "visitId", "day_obs", "dayObs")
"""A visit of LSST begins with its night, as 2025042800123."""

COLUMNS = (*MJD, *JD, *DATES, *VISITS)
NIGHT = re.compile(r"(20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\d{5})?")


def newest_observation(run: Run) -> datetime | None:
    """Return when the newest source of a run was observed; None where nothing tells.

    Parameters
    ----------
    run : Run
        The run: its `sources.parquet`, or the metadata of its manifest where another tool made it.
    """
    return max(_times(_rows(run)), default=None)


def _rows(run: Run) -> Iterator[Mapping[str, Any]]:
    if run.sources.is_file():
        from zoocut.run.sources import read_drawn

        yield from (source.columns for source in read_drawn(run.sources, COLUMNS))
        return
    for row in run.rows():
        yield {key.lstrip(PREFIXES): value for key, value in row.metadata.items()}


def _times(rows: Iterable[Mapping[str, Any]]) -> Iterator[datetime]:
    for row in rows:
        told = (_time(name, row[name]) for name in COLUMNS if row.get(name) not in (None, ""))
        found = next((time for time in told if time is not None), None)
        if found is not None:
            yield found


def _time(name: str, value: Any) -> datetime | None:
    if name in VISITS:
        return _end_of_night(str(value))
    if name in DATES:
        return _date(str(value))
    try:
        days = float(value) - (JD_OF_MJD_ZERO if name in JD else 0.0)
    except (TypeError, ValueError):
        return None
    return MJD_ZERO + timedelta(days=days) if FIRST_MJD < days < LAST_MJD else None


def _end_of_night(text: str) -> datetime | None:
    """Return the end of the night that a number begins with: nights are named by the day at UTC-12."""
    found = NIGHT.fullmatch(text)
    try:
        begins = found and datetime(int(found[1]), int(found[2]), int(found[3]), 12, tzinfo=UTC)
    except ValueError:
        return None
    return begins + timedelta(days=1) if begins else None


def _date(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
