"""Plots of the results: fractions of votes against signal-to-noise, and classifications a day."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from zoocut.results.statistics import Floats
from zoocut.results.summary import Summary

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Plot", "make_plots"]

DPI = 110
SNR = ("snr", "candidate.scorr", "scorr", "signal_to_noise")
BAND = ("band", "filter", "candidate.fid", "fid")
NEGATIVE = ("isnegative",)
POSITIVE = ("isdiffpos", "candidate.isdiffpos")
FLUX = ("psfflux", "apflux", "diffflux")
ZTF_BANDS = {"1": "g", "2": "r", "3": "i"}
COLOURS = {"u": "#56b4e9", "g": "#009e73", "r": "#d55e00", "i": "#cc79a7", "z": "#e69f00", "y": "#0072b2"}
"""Of Okabe and Ito (2008), which people who do not see all colours can tell apart."""

MARKERS = {"positive": "^", "negative": "v", "": "o"}
MOST_PANELS = 4


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot that was drawn.

    Parameters
    ----------
    name : str
        For a file's name.
    words : str
        What it shows, for those who do not see it.
    png : bytes
        The picture.
    width_pix, height_pix : int
        Its size on a page.
    """

    name: str
    words: str
    png: bytes = field(repr=False)
    width_pix: int
    height_pix: int

    @property
    def address(self) -> str:
        """The picture as an address that holds it."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


def make_plots(table: pa.Table, summary: Summary) -> list[Plot]:
    """Draw what the results allow: the fractions need a column of signal-to-noise.

    Parameters
    ----------
    table : pyarrow.Table
        The results.
    summary : Summary
        Their tasks, and the days of the classifications.
    """
    fractions = _fractions(table, summary)
    days = _days(summary.per_day)
    return ([fractions] if fractions else []) + [days]


def _fractions(table: pa.Table, summary: Summary) -> Plot | None:
    """Draw the fraction of each answer to the first task against S/N, coloured by band, marked by sign."""
    names = {name.casefold(): name for name in table.column_names}
    snr = _numbers(table, names, SNR)
    if snr is None or not summary.tasks or not np.isfinite(snr).any():
        return None
    task = summary.tasks[0]
    keys = list(task.labels)[:MOST_PANELS]
    figure, panels = _figure(3.4 * len(keys) + 0.6, 3.4, len(keys))
    bands, signs = _bands(table, names), _signs(table, names, snr)
    for panel, key in zip(panels, keys, strict=True):
        shares = np.array(table[f"{task.name}.{key}.fraction"].to_pylist(), dtype=float)
        _scatter(panel, np.abs(snr), shares, bands, signs)
        panel.set(title=_short(task.labels[key]), xlabel="|S/N|", ylim=(-0.04, 1.04), xscale="log")
    panels[0].set_ylabel("fraction of volunteers")
    _legend(panels[-1], bands, signs)
    words = f"Fraction of volunteers who gave each answer to {task.name}, against signal-to-noise"
    return _drawn(figure, "fraction", words)


def _scatter(panel: Axes, snr: Floats, shares: Floats, bands: Sequence[str], signs: Sequence[str]) -> None:
    for band, sign in sorted(set(zip(bands, signs, strict=True))):
        chosen = np.array([pair == (band, sign) for pair in zip(bands, signs, strict=True)])
        chosen &= np.isfinite(snr) & np.isfinite(shares) & (snr > 0)
        panel.scatter(
            snr[chosen], shares[chosen], s=14, alpha=0.6, linewidths=0,
            marker=MARKERS[sign], color=COLOURS.get(band, "#555555"),
        )  # fmt: skip


def _legend(panel: Axes, bands: Sequence[str], signs: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    def entry(name: str, colour: str, marker: str) -> Line2D:
        return Line2D([], [], color=colour, marker=marker, linestyle="", label=name)

    known = [entry(band, COLOURS.get(band, "#555555"), "o") for band in sorted(set(bands) - {""})]
    known += [entry(sign, "#555555", MARKERS[sign]) for sign in sorted(set(signs) - {""})]
    if known:
        panel.legend(handles=known, fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)


def _days(per_day: Mapping[str, int]) -> Plot:
    figure, (panel,) = _figure(7.0, 2.6, 1)
    days = np.array(list(per_day), dtype="datetime64[D]")
    panel.bar(days.astype("O"), list(per_day.values()), width=0.9, color="#0072b2")
    panel.set_ylabel("classifications a day (UTC)")
    figure.autofmt_xdate()
    return _drawn(figure, "days", f"Classifications a day, from {min(per_day)} to {max(per_day)}")


def _figure(width_in: float, height_in: float, panels: int) -> tuple[Figure, Sequence[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=DPI, layout="constrained")
    made = figure.subplots(1, panels, sharey=True, squeeze=False)
    return figure, list(made[0])


def _drawn(figure: Figure, name: str, words: str) -> Plot:
    content = io.BytesIO()
    figure.savefig(content, format="png", metadata={"Software": None})
    width, height = figure.get_size_inches() * DPI
    return Plot(name, words, content.getvalue(), int(width), int(height))


def _column(table: pa.Table, names: Mapping[str, str], wanted: Iterable[str]) -> list[Any] | None:
    name = next((names[one] for one in wanted if one in names), None)
    return None if name is None else table[name].to_pylist()


def _numbers(table: pa.Table, names: Mapping[str, str], wanted: Iterable[str]) -> Floats | None:
    """Read a column as numbers, also one that is text; NaN for what is none."""
    values = _column(table, names, wanted)
    return None if values is None else np.array([_number(value) for value in values])


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return np.nan


def _bands(table: pa.Table, names: Mapping[str, str]) -> list[str]:
    values = _column(table, names, BAND) or [None] * table.num_rows
    told = ["" if value is None else str(value) for value in values]
    return [ZTF_BANDS.get(band, band) for band in told]


def _signs(table: pa.Table, names: Mapping[str, str], snr: Floats) -> list[str]:
    """Return whether a source is brighter or fainter than its template: a flag, else the sign of a flux or of S/N."""
    for wanted, yes, no in ((NEGATIVE, "negative", "positive"), (POSITIVE, "positive", "negative")):
        values = _column(table, names, wanted)
        if values is not None:
            return ["" if value is None else yes if _is_true(value) else no for value in values]
    flux = _numbers(table, names, FLUX)
    if flux is None and not (snr < 0).any():
        return [""] * len(snr)
    signed = snr if flux is None else flux
    return ["" if not np.isfinite(one) else "negative" if one < 0 else "positive" for one in signed]


def _is_true(value: Any) -> bool:
    return str(value).strip().casefold() in ("true", "t", "1", "y", "yes")


def _short(label: str) -> str:
    return label if len(label) <= 32 else f"{label[:31]}…"
