"""A curve as the JSON that Zooniverse's viewer `dataImage` reads.

The viewer draws series in their order, takes the range of both axes from the points alone, and has no option
for it: so the line at zero is two small points at the ends of the time shown, with bars that meet. Its glyphs
are filled, so the detection's mark is a large dark circle under the point of its band: a ring around it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from zoocut.error_kinds import NoHistory
from zoocut.media.curve import Curve, Plotted, Series

__all__ = ["COLOURS", "GLYPHS", "curve_json"]

COLOURS = {"u": "#1600ea", "g": "#31de1f", "r": "#b52626", "i": "#370201", "z": "#ba52ff", "y": "#61a2b3"}
"""Rubin's colours of bands on white, safe for the colour-blind (RTN-045; `lsst.utils.plotting`)."""

OTHER_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
"""Okabe and Ito's, for bands of other surveys."""

GLYPHS = {"u": "circle", "g": "triangle", "r": "diamond", "i": "square", "z": "star", "y": "cross"}
OTHER_GLYPHS = ("circle", "square", "diamond", "triangle", "star", "cross")
LIMIT_GLYPH = "wye"
RING_COLOUR, ZERO_COLOUR = "#000000", "#5c5c5c"
POINT_SIZE, RING_SIZE, LIMIT_SIZE, ZERO_SIZE = 50, 220, 40, 2
"""Areas in square pixels: the viewer's own default is 25, the ring is twice as wide as a point."""

BEYOND = 1 / 30
"""How far the line at zero reaches beyond the last time shown, so that the mark there is drawn whole."""

MARGIN = {"bottom": 60, "left": 90, "right": 10, "top": 10}
Y_LABEL_OFFSET = 55
"""Room for numbers of seven digits between the axis and its label."""


def curve_json(curve: Curve, max_bytes: int = 1_000_000) -> bytes:
    """Write a curve.

    Parameters
    ----------
    curve : Curve
        What is drawn.
    max_bytes : int
        Largest file; of a larger one half the points are thinned away until it fits.

    Returns
    -------
    bytes
        UTF-8; numbers as exact as they are, never NaN or null.

    Raises
    ------
    InputError
        When no thinning makes it small enough.
    """
    content = _document(curve)
    while len(content) > max_bytes:
        curve = curve.halved()
        smaller = _document(curve)
        if len(smaller) == len(content):
            raise NoHistory(
                f"its curve of {len(curve.bands)} bands is larger than {max_bytes} bytes and cannot be thinned: check"
                " which column tells the band, or the length of labels"
            )
        content = smaller
    return content


def _document(curve: Curve) -> bytes:
    series = [*_zero(curve), *_ring(curve)]
    series += [_measured(one, number) for number, one in enumerate(curve.bands)]
    series += [_limits(one, number) for number, one in enumerate(curve.limits)]
    options = {
        "xAxisLabel": curve.x_label,
        "yAxisLabel": curve.y_label,
        "yAxisLabelOffset": Y_LABEL_OFFSET,
        "invertAxes": {"x": False, "y": curve.is_magnitude},
        "margin": MARGIN,
    }
    document = {"data": series, "chartOptions": options}
    return json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()


def _zero(curve: Curve) -> Iterable[Mapping[str, Any]]:
    if not curve.is_magnitude:
        start, end = curve.x_range
        length = (end - start) * (1 + BEYOND)
        points = [{"x": x, "y": 0, "x_error": length} for x in (start, start + length)]
        yield _one(points, curve.zero_label, ZERO_COLOUR, "circle", ZERO_SIZE)


def _ring(curve: Curve) -> Iterable[Mapping[str, Any]]:
    if curve.trigger is not None:
        points = [{"x": curve.trigger.x, "y": curve.trigger.y}]
        yield _one(points, curve.trigger_label, RING_COLOUR, "circle", RING_SIZE)


def _measured(series: Series, number: int) -> Mapping[str, Any]:
    colour, glyph = style_of(series.band, number)
    return _one(map(_point, series.points), series.label, colour, glyph, POINT_SIZE)


def _limits(series: Series, number: int) -> Mapping[str, Any]:
    return _one(
        map(_point, series.points), series.label, style_of(series.band, number)[0], LIMIT_GLYPH, LIMIT_SIZE
    )


def style_of(band: str, number: int) -> tuple[str, str]:
    """Return a band's colour and glyph; of one that Rubin does not have those at its place among the series."""
    other = number % len(OTHER_COLOURS)
    return COLOURS.get(band, OTHER_COLOURS[other]), GLYPHS.get(band, OTHER_GLYPHS[other])


def _point(point: Plotted) -> dict[str, float]:
    place = {"x": point.x, "y": point.y}
    return place if point.y_error is None else place | {"y_error": point.y_error}


def _one(
    points: Iterable[Mapping[str, float]], label: str, colour: str, glyph: str, size: int
) -> Mapping[str, Any]:
    options = {"label": label, "color": colour, "glyph": glyph, "pointSize": size}
    return {"seriesData": list(points), "seriesOptions": options}
