"""A history as what is drawn of it: series of points in the words and units that volunteers see.

What is left out is counted by reason. In order: what lies outside of the time shown; in magnitudes what has
none; points that lie far from all others; and of more points than are wanted, those between the lowest and the
highest of each run of neighbours.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from itertools import count as counting
from statistics import median
from typing import Annotated, Literal

from pydantic import Field

from zoocut.catalogs.history import History, Kind, Point
from zoocut.config.section import Section
from zoocut.model import AB_MAGNITUDE_OF_ONE_NJY

__all__ = ["BANDS", "Curve", "CurveSettings", "Plotted", "Series", "magnitude_of", "plot_curve", "thinned"]

BANDS = "ugrizy"
"""The order of bands, by wavelength; others come behind, by name."""

MAGNITUDE_PER_RATIO = 1.0857
LEAST_SNR = 3.0
"""Below it a magnitude is no measurement: its error is not symmetric, and half of all noise has none at all."""

LABELS = {
    ("flux", "difference"): "Brightness change (nJy)",
    ("flux", "total"): "Brightness (nJy)",
    ("magnitude", "difference"): "Magnitude of the change (AB)",
    ("magnitude", "total"): "Magnitude (AB)",
}

FAR = 10.0
POINTS_A_FAR_ONE = 50
LEAST_OTHERS = 5
"""At most one point in fifty (but one at least), ten times farther from the middle than all others, of which
there are five at least, does not set the scale; the detection itself always does."""


class CurveSettings(Section):
    """What a light curve shows."""

    brightness: Annotated[
        Literal["flux", "magnitude"],
        Field(
            description="flux in nJy, signed, with a line at zero; or AB magnitudes, of fluxes above zero at 3 sigma"
        ),
    ] = "flux"
    limits: Annotated[
        bool,
        Field(
            description="also draw 5 sigma limits, where nothing was measured; volunteers read them as data"
        ),
    ] = False
    time: Annotated[
        Literal["days", "mjd"], Field(description="days relative to the detection, or Modified Julian Dates")
    ] = "days"
    days: Annotated[
        float | None,
        Field(gt=0, description="how many days before the detection; none: 30 for ZTF, 365 for all others"),
    ] = None
    days_after: Annotated[
        float,
        Field(ge=0, description="how many days after the detection, where a table knows later measurements"),
    ] = 0.0
    x_label: Annotated[str | None, Field(min_length=1, description="words along the time axis")] = None
    y_label: Annotated[str | None, Field(min_length=1, description="words along the brightness axis")] = None
    trigger_label: Annotated[str, Field(min_length=1, description="what the detection itself is called")] = (
        "this detection"
    )
    zero_label: Annotated[str, Field(min_length=1, description="what the line at zero is called")] = (
        "no change"
    )
    far_points: Annotated[
        Literal["left out", "shown"],
        Field(description="single points so far from all others that nothing else could be told apart"),
    ] = "left out"
    max_points: Annotated[
        int,
        Field(
            ge=20,
            description="most points; of more, the lowest and highest of each run of neighbours in a band stay",
        ),
    ] = 2000
    required: Annotated[
        bool, Field(description="reject sources without a single measurement, in the place of leaving it out")
    ] = False


@dataclass(frozen=True, slots=True)
class Plotted:
    """A point as it is drawn: band, time, brightness and the half length of its error bar."""

    band: str
    x: float
    y: float
    y_error: float | None


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one band.

    Parameters
    ----------
    label : str
        Its name, which no other series has.
    band : str
        Its band.
    points : tuple of Plotted
        In order of time.
    """

    label: str
    band: str
    points: tuple[Plotted, ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """All that is drawn of a history.

    Parameters
    ----------
    bands, limits : tuple of Series
        Measurements and limits, one a band.
    trigger : Plotted or None
        The detection itself, to be marked.
    trigger_label, zero_label : str
        What the mark and the line at zero are called.
    x_range : tuple of float
        Time shown.
    x_label, y_label : str
        Words along the axes.
    is_magnitude : bool
        Whether brighter is up by an axis that runs backwards.
    far : tuple of float
        Brightness of points that are not drawn because they lie far from all others.
    left_out : Counter of str
        How many measurements are not drawn, by reason.
    """

    bands: tuple[Series, ...]
    limits: tuple[Series, ...]
    trigger: Plotted | None
    trigger_label: str
    zero_label: str
    x_range: tuple[float, float]
    x_label: str
    y_label: str
    is_magnitude: bool
    far: tuple[float, ...]
    left_out: Counter[str]

    def halved(self) -> Curve:
        """Return the curve with half the points, thinned by the same rule as all, and half the limits."""
        return replace(
            self,
            bands=tuple(_half(series, self.trigger) for series in self.bands),
            limits=tuple(_half(series, None) for series in self.limits),
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing was measured: limits alone are no curve."""
        return not self.bands


def plot_curve(history: History, settings: CurveSettings, quantity: str) -> Curve:
    """Choose what of a history is drawn, and where.

    Parameters
    ----------
    history : History
        The measurements.
    settings : CurveSettings
        What is shown.
    quantity : str
        `difference` or `total`, for the words along the axis.
    """
    left_out = Counter(history.left_out)
    origin = history.trigger_mjd if settings.time == "days" else 0.0
    start = history.trigger_mjd - (settings.days or history.days)
    end = history.trigger_mjd + settings.days_after
    shown = [point for point in history.points if start <= point.mjd <= end]
    left_out["outside of the time shown"] += len(history.points) - len(shown)
    measured = _placed((p for p in shown if p.kind is not Kind.LIMIT), origin, settings, left_out)
    limits = [p for p in shown if p.kind is Kind.LIMIT]
    left_out["limits"] += 0 if settings.limits else len(limits)
    trigger = next(
        iter(_placed([history.trigger] if history.trigger else [], origin, settings, Counter())), None
    )
    near, far = _without_far(measured, trigger, settings)
    kept = thinned(near, settings.max_points, trigger)
    left_out["far from all others"] += len(far)
    left_out["thinned"] += len(near) - len(kept)
    zero_label = _unlike(settings.zero_label, {settings.trigger_label})
    taken = {settings.trigger_label, zero_label}
    return Curve(
        bands=_series(kept, "{}", taken),
        limits=_series(
            _placed(limits if settings.limits else [], origin, settings, left_out), "{} limit", taken
        ),
        trigger=trigger,
        trigger_label=settings.trigger_label,
        zero_label=zero_label,
        x_range=(start - origin, end - origin),
        x_label=settings.x_label or _time_label(settings, history.scale),
        y_label=(settings.y_label or LABELS[settings.brightness, quantity]) + _told(far, settings),
        is_magnitude=settings.brightness == "magnitude",
        far=tuple(point.y for point in far),
        left_out=+left_out,
    )


def magnitude_of(point: Point) -> tuple[float, float | None] | None:
    """Return AB magnitude and error: m = 31.4 - 2.5 log10(f / nJy), 1.0857 err / f; None below 3 sigma."""
    flux, error = point.flux_njy, point.error_njy
    if flux <= 0:
        return None
    if point.kind is Kind.LIMIT:
        return AB_MAGNITUDE_OF_ONE_NJY - 2.5 * math.log10(flux), None
    if error is None or error <= 0 or flux < LEAST_SNR * error:
        return None
    return AB_MAGNITUDE_OF_ONE_NJY - 2.5 * math.log10(flux), MAGNITUDE_PER_RATIO * error / flux


def thinned(points: Sequence[Plotted], most: int, trigger: Plotted | None = None) -> list[Plotted]:
    """Keep the lowest and the highest point of each run of neighbours in time of one band.

    Parameters
    ----------
    points : sequence of Plotted
        Any number.
    most : int
        How many to keep at most, beside the detection itself and two a band.
    trigger : Plotted, optional
        The detection itself, which always stays.
    """
    if len(points) <= max(most, 2):
        return list(points)
    bands = {band: sorted((p for p in points if p.band == band), key=_in_time) for band in _ordered(points)}
    length = math.ceil(2 * len(points) / most)
    while sum(2 * math.ceil(len(found) / length) for found in bands.values()) > max(most, 2 * len(bands)):
        length += 1
    return [kept for found in bands.values() for kept in _extremes(found, length, trigger)]


def _half(series: Series, trigger: Plotted | None) -> Series:
    return replace(series, points=tuple(thinned(series.points, len(series.points) // 2, trigger)))


def _extremes(points: Sequence[Plotted], length: int, trigger: Plotted | None) -> Iterable[Plotted]:
    for first in range(0, len(points), length):
        run = points[first : first + length]
        lowest, highest = (chosen(run, key=lambda point: point.y) for chosen in (min, max))
        yield from (point for point in run if point in (lowest, highest, trigger))


def _in_time(point: Plotted) -> tuple[float, float]:
    return point.x, point.y


def _placed(
    points: Iterable[Point], origin: float, settings: CurveSettings, left_out: Counter[str]
) -> list[Plotted]:
    """Return points in the units drawn; those that have no magnitude are counted."""
    found = []
    for point in points:
        value = (
            magnitude_of(point) if settings.brightness == "magnitude" else (point.flux_njy, point.error_njy)
        )
        if value is None:
            left_out["too faint for a magnitude"] += 1
        elif not math.isfinite(value[0]):
            left_out["without a time or a flux"] += 1
        else:
            found.append(Plotted(point.band, point.mjd - origin, value[0], _half_length(value[1])))
    return found


def _half_length(error: float | None) -> float | None:
    return error if error is not None and math.isfinite(error) and error >= 0 else None


def _without_far(
    points: Sequence[Plotted], trigger: Plotted | None, settings: CurveSettings
) -> tuple[list[Plotted], list[Plotted]]:
    """Set points aside that lie ten times farther from the middle than all others."""
    if settings.far_points == "shown" or len(points) <= LEAST_OTHERS:
        return list(points), []
    middle = median(point.y for point in points)
    least = abs(trigger.y - middle) if trigger else 0.0
    by_distance = sorted((p for p in points if p != trigger), key=lambda p: abs(p.y - middle), reverse=True)
    most = min(max(1, len(points) // POINTS_A_FAR_ONE), len(by_distance) - LEAST_OTHERS)
    for count in range(most, 0, -1):
        reach = max(abs(by_distance[count].y - middle), least)
        if abs(by_distance[count - 1].y - middle) > FAR * reach > 0:
            far = set(by_distance[:count])
            return [point for point in points if point not in far], by_distance[:count]
    return list(points), []


def _series(points: Iterable[Plotted], name: str, taken: set[str]) -> tuple[Series, ...]:
    listed = list(points)
    series = []
    for band in _ordered(listed):
        label = _unlike(name.format(band), taken)
        taken.add(label)
        series.append(Series(label, band, tuple(sorted((p for p in listed if p.band == band), key=_in_time))))
    return tuple(series)


def _unlike(label: str, taken: Container[str]) -> str:
    """Return a label that no other series has."""
    candidates = chain([label], (f"{label} ({number})" for number in counting(2)))
    return next(candidate for candidate in candidates if candidate not in taken)


def _ordered(points: Iterable[Plotted]) -> list[str]:
    """Return the bands in the order of wavelength, unknown ones behind by name."""
    return sorted({p.band for p in points}, key=lambda band: (BANDS.find(band) % (len(BANDS) + 1), band))


def _time_label(settings: CurveSettings, scale: str) -> str:
    return "Days relative to this detection" if settings.time == "days" else f"Time (MJD, {scale})"


def _told(far: Sequence[Plotted], settings: CurveSettings) -> str:
    if not far:
        return ""
    unit = "" if settings.brightness == "magnitude" else " nJy"
    return f"; beyond: {', '.join(f'{point.y:.4g}{unit}' for point in far)}"
