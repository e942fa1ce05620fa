"""Measurements of an object over time, whatever survey took them: fluxes in nJy, times with their scale."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from zoocut.model import DiaSource, Rejection

__all__ = ["Histories", "History", "Kind", "Point", "one_per_exposure"]

SAME_EXPOSURE_DAYS = 1e-4
"""Times of one exposure as two tables give them: 9 s, less than any survey's exposure and read-out."""


class Kind(StrEnum):
    """How a point came about."""

    FORCED = "forced"
    DETECTION = "detection"
    LIMIT = "limit"


RANK = {Kind.LIMIT: 0, Kind.DETECTION: 1, Kind.FORCED: 2}
"""Forced photometry is measured at the object's place whether it is seen or not, so it has no selection."""


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement.

    Parameters
    ----------
    mjd : float
        Middle of the exposure, in the scale of its history.
    flux_njy : float
        Signed; of a limit the flux at 5 sigma.
    error_njy : float or None
        One sigma.
    band : str
        The band's name: u, g, r ...
    exposure : str
        Visit and detector; equal for all measurements of one exposure.
    kind : Kind
        How it came about.
    """

    mjd: float
    flux_njy: float
    error_njy: float | None
    band: str
    exposure: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class History:
    """All that is known of one source's object.

    Parameters
    ----------
    scale : str
        Time scale of all points: TAI or UTC, never both.
    trigger_mjd : float
        When the source itself was detected, the middle of the exposure.
    trigger : Point or None
        The source itself; None where its flux is unusable.
    points : tuple of Point
        Earlier and later measurements, in order of time; at most one an exposure, the source's own included.
    left_out : mapping of str to int
        How many measurements were left out, by reason.
    days : float
        How far back the survey's histories reach.
    """

    scale: str
    trigger_mjd: float
    trigger: Point | None
    points: tuple[Point, ...]
    left_out: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    days: float = 365.0


@runtime_checkable
class Histories(Protocol):
    """Where histories come from."""

    def of(self, sources: Iterable[DiaSource]) -> Iterable[History | Rejection]:
        """Yield the history of each source in turn, or why there is none.

        Raises
        ------
        InputError
            When nothing at all can be read.
        """
        ...


def one_per_exposure(points: Iterable[Point], left_out: Counter[str]) -> tuple[Point, ...]:
    """Keep one point an exposure, in order of time: forced before detected, detected before a limit.

    Parameters
    ----------
    points : iterable of Point
        Among equals the first counts.
    left_out : Counter of str
        Counts what is not kept.
    """
    best: dict[str, Point] = {}
    for point in points:
        known = best.get(point.exposure)
        if known is not None:
            left_out["measured twice in one exposure"] += 1
        if known is None or RANK[point.kind] > RANK[known.kind]:
            best[point.exposure] = point
    measured = _times_by_band(point for point in best.values() if point.kind is not Kind.LIMIT)
    kept = [point for point in best.values() if point.kind is not Kind.LIMIT or not _seen(point, measured)]
    left_out["measured twice in one exposure"] += len(best) - len(kept)
    return tuple(sorted(kept, key=lambda point: (point.mjd, point.band, point.exposure)))


def _times_by_band(points: Iterable[Point]) -> Mapping[str, Sequence[float]]:
    times: defaultdict[str, list[float]] = defaultdict(list)
    for point in sorted(points, key=lambda point: point.mjd):
        times[point.band].append(point.mjd)
    return times


def _seen(limit: Point, measured: Mapping[str, Sequence[float]]) -> bool:
    """Return whether the limit's exposure has a measurement that only bears another name."""
    times = measured.get(limit.band, ())
    after = bisect_left(times, limit.mjd - SAME_EXPOSURE_DAYS)
    return after < len(times) and times[after] < limit.mjd + SAME_EXPOSURE_DAYS
