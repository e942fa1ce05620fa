"""The medium `lightcurve_png`: a source's history as a small plot, for workflows whose viewer shows pictures alone."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from zoocut.catalogs.history import open_histories
from zoocut.error_kinds import NoHistory
from zoocut.media.curve import Curve, CurveSettings, Plotted, Series
from zoocut.media.lightcurve import CurveMedium
from zoocut.media.lightcurve_json import BEYOND, style_of
from zoocut.media.medium import MediaContext
from zoocut.render.text import font_file, missing_letters, require_letters

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.font_manager import FontProperties

__all__ = ["CurvePlotter", "LightcurvePngSettings", "open_lightcurve_png"]

DOTS_AN_INCH = 100
MINUS = "\N{MINUS SIGN}"
POINTS_AN_INCH = 72
MARKERS = {
    "circle": "o", "triangle": "^", "diamond": "D", "square": "s", "star": "*", "cross": "P", "wye": "1",
}  # fmt: skip
MARKER_PIX, RING_PIX = 11, 24
LEGEND_ENTRY_TYPES = 8
"""Width of an entry of the legend over the type size, by the longest: the detection's own."""
ZERO_COLOUR, RING_COLOUR = "#5c5c5c", "#000000"
MARGIN, LONGEST_BAR = 0.06, 0.25
"""Room above and below the points, and what one error bar may add to it, over the range of the points."""


class LightcurvePngSettings(CurveSettings):
    """What the plot shows, and its size."""

    width_pix: Annotated[int, Field(ge=200, le=4096, description="width of the picture")] = 800
    height_pix: Annotated[int, Field(ge=150, le=4096, description="height of the picture")] = 600
    text_height_pix: Annotated[
        float,
        Field(ge=6, le=200, description="type size; a phone shows a picture of 800 pixels at half its size"),
    ] = 24.0


class CurvePlotter:
    """Draws curves with matplotlib, all in one manner.

    Parameters
    ----------
    settings : LightcurvePngSettings
        Size and type.
    font : str
        A font family that matplotlib finds, or the path of a .ttf file.

    Raises
    ------
    ConfigError
        When there is no such font.
    """

    def __init__(self, settings: LightcurvePngSettings, font: str) -> None:
        self._settings = settings
        self._font, self._named = font_file(font), font

    def png(self, curve: Curve) -> bytes:
        """Draw a curve; the same curve gives the same bytes.

        Raises
        ------
        InputError
            When the font lacks a letter of a band's name.
        """
        missing = missing_letters(self._named, "".join(s.label for s in (*curve.bands, *curve.limits)))
        if missing:
            raise NoHistory(
                f"its bands' names have {', '.join(map(repr, missing))}, which the font {self._named!r} cannot draw: "
                "name another in draw.font, or the bands in history.columns.bands"
            )
        return self._drawn(curve)

    def _drawn(self, curve: Curve) -> bytes:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.font_manager import FontProperties

        settings = self._settings
        size = (settings.width_pix / DOTS_AN_INCH, settings.height_pix / DOTS_AN_INCH)
        figure = Figure(figsize=size, dpi=DOTS_AN_INCH, layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        points = settings.text_height_pix / DOTS_AN_INCH * POINTS_AN_INCH
        font = FontProperties(fname=str(self._font), size=points)
        _draw(axes, curve, font)
        columns = max(1, int(settings.width_pix / settings.text_height_pix / LEGEND_ENTRY_TYPES))
        legend = figure.legend(
            loc="outside upper left",
            ncols=columns,
            prop=font,
            frameon=False,
            handlelength=1.0,
            handletextpad=0.3,
            columnspacing=0.8,
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
        file = io.BytesIO()
        figure.savefig(file, format="png", metadata={"Software": None})
        return file.getvalue()


def open_lightcurve_png(context: MediaContext) -> CurveMedium:
    """Open the medium.

    Raises
    ------
    ConfigError
        When a setting is wrong, or the font of `[draw]` does not exist or lacks a letter of a label.
    InputError
        When the histories are not there.
    """
    settings = context.section(LightcurvePngSettings)
    for words in (settings.x_label, settings.y_label, settings.trigger_label):
        require_letters(context.settings.draw.font, words or "", "the label")
    plotter = CurvePlotter(settings, context.settings.draw.font)
    histories = open_histories(context.settings, context.folder)
    quantity = context.settings.history.quantity
    return CurveMedium(histories, settings, quantity, "-lightcurve.png", plotter.png, "lightcurve_png: ")


def _draw(axes: Axes, curve: Curve, font: FontProperties) -> None:
    if not curve.is_magnitude:
        axes.axhline(0, color=ZERO_COLOUR, linewidth=1.5, zorder=0)
    for number, series in enumerate(curve.bands):
        colour, glyph = style_of(series.band, number)
        _errors(axes, series.points, colour)
        _points(axes, series, glyph, {"color": colour})
    for number, series in enumerate(curve.limits):
        colour, _ = style_of(series.band, number)
        _points(axes, series, "wye", {"color": colour, "alpha": 0.6})
    if curve.trigger is not None:
        style: dict[str, Any] = {"mfc": "none", "mec": RING_COLOUR, "mew": 2.0}
        size = RING_PIX * POINTS_AN_INCH / DOTS_AN_INCH
        x, y = [curve.trigger.x], [curve.trigger.y]
        axes.plot(x, y, "o", markersize=size, label=_shown(curve.trigger_label), zorder=5, **style)
    _ranges(axes, curve)
    _words(axes, curve, font)


def _errors(axes: Axes, points: Iterable[Plotted], colour: str) -> None:
    barred = [(point.x, point.y, point.y_error) for point in points if point.y_error is not None]
    x, y, errors = ([bar[at] for bar in barred] for at in range(3))
    axes.errorbar(x, y, errors, fmt="none", ecolor=colour, alpha=0.5, zorder=1)


def _points(axes: Axes, series: Series, glyph: str, style: dict[str, Any]) -> None:
    x, y = [point.x for point in series.points], [point.y for point in series.points]
    size = MARKER_PIX * POINTS_AN_INCH / DOTS_AN_INCH
    axes.plot(x, y, MARKERS[glyph], markersize=size, label=_shown(series.label), zorder=2, **style)


def _shown(label: str) -> str:
    """Return a label as matplotlib shows it: those that begin with an underscore it leaves out."""
    return f" {label}" if label.startswith("_") else label


def _ranges(axes: Axes, curve: Curve) -> None:
    start, end = curve.x_range
    axes.set_xlim(start, end + (end - start) * BEYOND)
    points = [point for series in (*curve.bands, *curve.limits) for point in series.points]
    points += [curve.trigger] if curve.trigger else []
    values = [point.y for point in points] + ([] if curve.is_magnitude else [0.0])
    reach = max(values) - min(values) or abs(values[0]) or 1.0
    bars = [(point.y, min(point.y_error or 0.0, reach * LONGEST_BAR)) for point in points]
    low = min(*values, *(y - bar for y, bar in bars)) - reach * MARGIN
    high = max(*values, *(y + bar for y, bar in bars)) + reach * MARGIN
    axes.set_ylim(*((high, low) if curve.is_magnitude else (low, high)))


def _words(axes: Axes, curve: Curve, font: FontProperties) -> None:
    from matplotlib.ticker import FuncFormatter

    axes.set_xlabel(curve.x_label, fontproperties=font, parse_math=False)
    axes.set_ylabel(curve.y_label, fontproperties=font, parse_math=False)
    axes.locator_params(nbins=5)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontproperties(font)
    if not curve.is_magnitude:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}".replace("-", MINUS)))
    axes.grid(alpha=0.25)
