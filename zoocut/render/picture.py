"""One picture of a source: a ground that is always the same, and panels, bar and annotation on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import ceil
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from zoocut.config.draw import DrawSettings, PanelName
from zoocut.model import Cutout, DiaSource, Picture
from zoocut.render.layout import Layout, PanelBox
from zoocut.render.palette import Ink, Palette
from zoocut.render.png import PngWriter
from zoocut.render.scale_bar import Bar, bar_for
from zoocut.render.text import Type

__all__ = ["BAR_GROUND", "BAR_INK", "Annotation", "PictureDrawer", "bar_label_pix"]

BAR_GROUND, BAR_LINE = "blue", "yellow"
BAR_INK: Ink = (BAR_LINE, BAR_GROUND)
BAR_EDGE_PIX = 4
BAR_HALF_LINE_PIX = 1
REFERENCE_PANEL_PIX = 194
"""The panel that these are for; they grow with larger ones."""

BAR_LABEL_PART = 18 / REFERENCE_PANEL_PIX
SMALLEST_BAR_LABEL_PIX = 8
"""Type of 18 pixels is still some 11 on a phone that shows a picture of three panels 390 pixels wide."""

Canvas = npt.NDArray[Any]
Cut = tuple[DiaSource, tuple[Cutout, ...]]
Painted = Mapping[tuple[PanelName, int], Canvas]
"""Palette indices of each panel at each size."""


class Annotation(Protocol):
    """Writes what a catalog says of a source above its panels."""

    def print_labels(self, canvas: Canvas) -> None:
        """Print what is the same in every picture."""
        ...

    def print_values(self, canvas: Canvas, source: DiaSource) -> None:
        """Print what differs."""
        ...


class PictureDrawer:
    """Draws one picture of each source.

    Parameters
    ----------
    layout : Layout
        Where things lie.
    draw : DrawSettings
        What the picture looks like.
    palette : Palette
        Its colours.
    types : mapping of str to Type
        Fonts for `title` and `bar`.
    annotation : Annotation
        What to print above the panels.
    """

    def __init__(
        self,
        layout: Layout,
        draw: DrawSettings,
        palette: Palette,
        types: Mapping[str, Type],
        annotation: Annotation,
    ) -> None:
        self._layout = layout
        self._panel_pix = draw.panel_pix
        self._bar_arcsec = draw.scale_bar_arcsec
        self._palette = palette
        self._bar_type = types["bar"]
        self._bar_ground, self._bar_solid = palette.ground(BAR_INK), palette.solid(BAR_INK)
        self._annotation = annotation
        growth = max(1.0, draw.panel_pix / REFERENCE_PANEL_PIX)
        self._bar_edge, self._bar_half = (
            round(((2 * half + 1) * growth - 1) / 2) for half in (BAR_EDGE_PIX, BAR_HALF_LINE_PIX)
        )
        self._writer = PngWriter(palette.colours, layout.width_pix, layout.height_pix)
        ink = (draw.text_color, draw.background)
        self._ground = self._writer.canvas(palette.ground(ink))
        self._print_titles(types["title"], ink)
        annotation.print_labels(self._ground[:, 1:])

    @property
    def size_pix(self) -> tuple[int, int]:
        """(width, height) of the picture."""
        return self._layout.width_pix, self._layout.height_pix

    def draw(self, batch: Sequence[Cut], painted: Painted) -> list[Picture]:
        """Draw sources whose cutouts are of the same shapes.

        Parameters
        ----------
        batch : sequence of (DiaSource, tuple of Cutout)
            What the annotations tell of, and one cutout a size, for their scales.
        painted : mapping of (panel, size index) to (n, y, x) array
            Palette indices of all of them, top row first, not yet zoomed.
        """
        return [
            self._draw_one(source, cutouts, {key: panels[i] for key, panels in painted.items()})
            for i, (source, cutouts) in enumerate(batch)
        ]

    def _draw_one(self, source: DiaSource, cutouts: tuple[Cutout, ...], painted: Painted) -> Picture:
        rows = self._ground.copy()
        for place in self._layout.panels:
            panel = painted[place.name, place.size_index]
            bar = self._bar(panel.shape, cutouts[place.size_index].pixel_scale_arcsec)
            self._paste(rows, place, panel, bar)
        self._annotation.print_values(rows[:, 1:], source)
        return Picture(self._writer.write(rows), *self.size_pix)

    def _bar(self, shape: tuple[int, ...], scale_arcsec: float | None) -> Bar | None:
        """Choose the bar of a panel."""
        if self._bar_arcsec is None or not scale_arcsec:
            return None
        height, width = _drawn(shape, self._panel_pix)
        return bar_for(self._bar_arcsec, max(height, width) / max(shape) / scale_arcsec, width)

    def _paste(self, rows: Canvas, place: PanelBox, panel: Canvas, bar: Bar | None) -> None:
        """Zoom a panel into the middle of its square."""
        longest = max(panel.shape)
        panel = _filling(panel, self._panel_pix)
        zoom = self._panel_pix // max(panel.shape)
        height, width = panel.shape[0] * zoom, panel.shape[1] * zoom
        y = place.y + (self._panel_pix - height) // 2
        x = place.x + (self._panel_pix - width) // 2
        target = rows[y : y + height].reshape(panel.shape[0], zoom, rows.shape[1])
        target[:, :, 1 + x : 1 + x + width] = panel.repeat(zoom, axis=1)[:, None, :]
        if bar is not None:
            enlarged = max(height, width) / longest
            self._draw_bar(rows[y : y + height, 1 + x : 1 + x + width], bar, ceil(enlarged))

    def _draw_bar(self, panel: Canvas, bar: Bar, zoom: int) -> None:
        edge, half = self._bar_edge, self._bar_half
        inset = max(zoom, edge + 1)
        middle, start, stop = panel.shape[0] - inset, inset, inset + bar.length_pix
        outer = slice(max(middle - edge, 0), middle + edge + 1)
        inner = slice(max(middle - half, 0), middle + half + 1)
        panel[outer, start - edge : stop + edge] = self._bar_ground
        panel[inner, start - half : stop + half] = self._bar_solid
        if bar.label:
            self._label_bar(panel, bar.label, outer.start, start)

    def _label_bar(self, panel: Canvas, label: str, bottom: int, left: int) -> None:
        strip = self._palette.inks[BAR_INK][self._bar_type.strip(label)]
        space = panel[max(bottom - strip.shape[0], 0) : bottom, left - self._bar_edge :][:, : strip.shape[1]]
        space[...] = strip[strip.shape[0] - space.shape[0] :, : space.shape[1]]

    def _print_titles(self, type_: Type, ink: Ink) -> None:
        for title in self._layout.titles:
            fitting = type_.fitting(title.text, title.width_pix)
            strip = self._palette.inks[ink][fitting.strip(title.text)]
            y, x = title.baseline - fitting.ascent, title.x_centre - strip.shape[1] // 2
            top, left = max(-y, 0), max(-x, 0)
            space = self._ground[y + top :, 1 + x + left :][: strip.shape[0] - top, : strip.shape[1] - left]
            space[...] = strip[top:, left:][: space.shape[0], : space.shape[1]]


def bar_label_pix(panel_pix: int) -> float:
    """Return the type size of a bar's label."""
    return max(SMALLEST_BAR_LABEL_PIX, BAR_LABEL_PART * panel_pix)


def _is_stretched(shape: tuple[int, ...], side: int) -> bool:
    """Whether no whole number but 1 zooms a panel, and that leaves a part of its square: it is stretched to fill it.

    Its pixels are then one or two wide. A smaller one is left for the largest whole number that fits, which keeps all
    pixels of one size.
    """
    return side // max(shape) == 1 and max(shape) != side


@lru_cache(maxsize=256)
def _drawn(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Return how high and wide a panel is drawn."""
    longest = max(shape)
    height, width = (
        max(length * side // longest, 1) if _is_stretched(shape, side) else side // longest * length
        for length in shape
    )
    return height, width


def _filling(panel: Canvas, side: int) -> Canvas:
    """Stretch a panel that is to be stretched."""
    if not _is_stretched(panel.shape, side):
        return panel
    rows, columns = (
        _steps(length, goal) for length, goal in zip(panel.shape, _drawn(panel.shape, side), strict=True)
    )
    return panel[rows[:, None], columns]


@lru_cache(maxsize=256)
def _steps(length: int, goal: int) -> npt.NDArray[np.intp]:
    """Return for each of `goal` pixels the one of `length` that it shows."""
    return np.arange(goal) * length // goal
