"""One picture of a source: a ground that is always the same, and panels, bar and annotation on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy.typing as npt

from zoocut.config.draw import DrawSettings, PanelName
from zoocut.model import Cutout, DiaSource, Picture
from zoocut.render.layout import Layout, PanelPlace
from zoocut.render.palette import Ink, Palette
from zoocut.render.png import PngWriter
from zoocut.render.scale_bar import Bar, bar_for
from zoocut.render.text import Type

__all__ = ["BAR_GROUND", "BAR_INK", "BAR_LABEL_PIX", "Annotation", "PictureDrawer"]

BAR_GROUND, BAR_LINE = "blue", "yellow"
BAR_INK: Ink = (BAR_LINE, BAR_GROUND)
BAR_EDGE_PIX = 4
BAR_HALF_LINE_PIX = 1
BAR_LABEL_PIX = 11

Canvas = npt.NDArray[Any]


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
        self._annotation = annotation
        self._writer = PngWriter(palette.colours, layout.width_pix, layout.height_pix)
        ink = (draw.text_color, draw.background)
        self._ground = self._writer.canvas(palette.ground(ink))
        self._print_titles(types["title"], ink)
        annotation.print_labels(self._ground[:, 1:])

    @property
    def size_pix(self) -> tuple[int, int]:
        """(width, height) of the picture."""
        return self._layout.width_pix, self._layout.height_pix

    def draw(
        self,
        source: DiaSource,
        cutouts: tuple[Cutout, ...],
        painted: Mapping[tuple[PanelName, int], Canvas],
    ) -> Picture:
        """Draw a source.

        Parameters
        ----------
        source : DiaSource
            What the annotation tells of.
        cutouts : tuple of Cutout
            One a size, for their scales.
        painted : mapping of (panel, size index) to (y, x) array
            Palette indices, top row first, not yet zoomed.
        """
        rows = self._ground.copy()
        canvas = rows[:, 1:]
        for place in self._layout.panels:
            panel = painted[place.name, place.size_index]
            self._paste(rows, canvas, place, panel, cutouts[place.size_index].pixel_scale_arcsec)
        self._annotation.print_values(canvas, source)
        return Picture(self._writer.write(rows), *self.size_pix)

    def _paste(
        self, rows: Canvas, canvas: Canvas, place: PanelPlace, panel: Canvas, scale_arcsec: float | None
    ) -> None:
        """Zoom a panel by a whole number into the middle of its square."""
        height, width = panel.shape
        zoom = self._panel_pix // max(height, width)
        y = place.y + (self._panel_pix - height * zoom) // 2
        x = place.x + (self._panel_pix - width * zoom) // 2
        wide = panel.repeat(zoom, axis=1)
        target = rows[y : y + height * zoom].reshape(height, zoom, rows.shape[1])
        target[:, :, 1 + x : 1 + x + width * zoom] = wide[:, None, :]
        if self._bar_arcsec is not None and scale_arcsec:
            bar = bar_for(self._bar_arcsec, zoom / scale_arcsec, width * zoom)
            if bar is not None:
                self._draw_bar(canvas[y : y + height * zoom, x : x + width * zoom], bar, zoom)

    def _draw_bar(self, panel: Canvas, bar: Bar, zoom: int) -> None:
        inset = max(zoom, BAR_EDGE_PIX + 1)
        middle, start, stop = panel.shape[0] - inset, inset, inset + bar.length_pix
        outer = slice(max(middle - BAR_EDGE_PIX, 0), middle + BAR_EDGE_PIX + 1)
        inner = slice(max(middle - BAR_HALF_LINE_PIX, 0), middle + BAR_HALF_LINE_PIX + 1)
        panel[outer, start - BAR_EDGE_PIX : stop + BAR_EDGE_PIX] = self._palette.ground(BAR_INK)
        panel[inner, start - BAR_HALF_LINE_PIX : stop + BAR_HALF_LINE_PIX] = self._palette.solid(BAR_INK)
        if bar.label:
            self._label_bar(panel, bar.label, outer.start, start)

    def _label_bar(self, panel: Canvas, label: str, bottom: int, left: int) -> None:
        strip = self._palette.inks[BAR_INK][self._bar_type.strip(label)]
        space = panel[max(bottom - strip.shape[0], 0) : bottom, left - BAR_EDGE_PIX :][:, : strip.shape[1]]
        space[...] = strip[strip.shape[0] - space.shape[0] :, : space.shape[1]]

    def _print_titles(self, type_: Type, ink: Ink) -> None:
        for title in self._layout.titles:
            strip = self._palette.inks[ink][type_.strip(title.text)]
            y, x = title.baseline - type_.ascent, title.x_centre - strip.shape[1] // 2
            top, left = max(-y, 0), max(-x, 0)
            space = self._ground[y + top :, 1 + x + left :][: strip.shape[0] - top, : strip.shape[1] - left]
            space[...] = strip[top:, left:][: space.shape[0], : space.shape[1]]
