"""Draws batches of cutouts.

A renderer is put together once from the settings: palette, fonts, one `PictureDrawer` a picture, one `Levels` a panel.
Cutouts of one shape are stacked, so that numpy finds limits and levels of many at once; then each source's panels are
zoomed into its pictures, which share their ground, and written as PNG.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from zoocut.config.draw import DrawSettings, PanelName
from zoocut.model import Cutout, DiaSource, FloatImage, Picture, Rejection
from zoocut.reasons import TOO_WIDE
from zoocut.render.annotation import ANNOTATION_COLOURS, Unannotated, WithMetadata
from zoocut.render.layout import lay_out
from zoocut.render.levels import Levels, open_levels
from zoocut.render.palette import Ink, Palette, check_colours, mix_palette
from zoocut.render.patterned import PatternDrawer
from zoocut.render.picture import BAR_INK, Annotation, Cut, Painted, PictureDrawer, bar_label_pix
from zoocut.render.reducing import reduced
from zoocut.render.text import Type, font_file, require_letters
from zoocut.run.record import FIRST_ENCODING, NEWEST_ENCODING

__all__ = ["Renderer", "kept_renderer", "open_renderer"]

AT_ONCE = 64
"""Cutouts that are stretched together: more would gain nothing where measured, fewer cost more calls of numpy."""

PIXELS_AT_ONCE = 2**18
"""Of large cutouts fewer, so that an array of doubles has two megabytes."""

DRAWERS: Mapping[int, type[PictureDrawer]] = {FIRST_ENCODING: PictureDrawer, NEWEST_ENCODING: PatternDrawer}
"""What writes pictures in each encoding: the same pixels in other bytes."""


class Renderer:
    """Draws the pictures of a run.

    Parameters
    ----------
    draw : DrawSettings
        What they look like.
    drawers : sequence of PictureDrawer
        The pictures of a source.
    levels : mapping of str to Levels
        Interval and stretch of each panel.
    colours : (count + 1,) array
        Palette index of each level.
    """

    def __init__(
        self,
        draw: DrawSettings,
        drawers: Sequence[PictureDrawer],
        levels: dict[PanelName, Levels],
        colours: npt.NDArray[Any],
    ) -> None:
        self._panel_pix = draw.panel_pix
        self._reduces = draw.use_footprint
        self._rows = 1 if draw.use_footprint else max(1, len(draw.sizes))
        self._names = draw.panels
        self._suffixes = tuple(f"-{name}" for name in draw.panels) if draw.layout == "separate" else ("",)
        self._drawers = drawers
        self._levels = levels
        self._colours = colours

    @property
    def size_pix(self) -> tuple[int, int]:
        """(width, height) of every picture."""
        return self._drawers[0].size_pix

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What to put behind a source's id to name each of its pictures."""
        return self._suffixes

    def draw(self, batch: Sequence[Cut]) -> Iterator[tuple[Picture, ...] | Rejection]:
        """Draw sources, many at a time for speed; what is drawn does not depend on the company.

        Parameters
        ----------
        batch : sequence of (DiaSource, tuple of Cutout)
            Some hundreds, or all of an exposure.

        Yields
        ------
        tuple of Picture or Rejection
            For each source in order its pictures, or why there are none.
        """
        if self._reduces:
            batch = [(source, self._fitting(cutouts)) for source, cutouts in batch]
        refusals = [self._refusal(source, cutouts) for source, cutouts in batch]
        pictures: dict[int, tuple[Picture, ...]] = {}
        for alike in _of_one_kind([cutouts for _, cutouts in batch], refusals):
            several = [batch[i] for i in alike]
            painted = self.paint([cutouts for _, cutouts in several])
            drawn = zip(*(drawer.draw(several, painted) for drawer in self._drawers), strict=True)
            pictures.update(zip(alike, drawn, strict=True))
        yield from (refusal or pictures[i] for i, refusal in enumerate(refusals))

    def _fitting(self, cutouts: tuple[Cutout, ...]) -> tuple[Cutout, ...]:
        """Average footprints down that are larger than a panel; sizes are chosen, and so never reduced."""
        return tuple(reduced(cutout, -(-max(cutout.template.shape) // self._panel_pix)) for cutout in cutouts)

    def _refusal(self, source: DiaSource, cutouts: tuple[Cutout, ...]) -> Rejection | None:
        for cutout in cutouts:
            height, width = cutout.template.shape
            if max(height, width) > self._panel_pix:
                return Rejection.of(
                    source,
                    f"its cutout of {width} x {height} pixels does not fit a panel of {self._panel_pix}: set "
                    f"draw.panel_pix to {max(height, width)} or more, or name draw.sizes",
                    TOO_WIDE,
                )
        if len(cutouts) != self._rows:
            raise ValueError(f"a source came with {len(cutouts)} cutouts where {self._rows} are drawn")
        return None

    def paint(self, alike: Sequence[tuple[Cutout, ...]]) -> Painted:
        """Give each panel at each size of sources of one kind its palette indices, top row first, before zooming."""
        painted = {}
        for row in range(self._rows):
            for name in self._names:
                images = [_native(getattr(cutouts[row], name)) for cutouts in alike]
                # half the time of np.stack, which makes a view of each first
                stack = np.concatenate(images).reshape(len(images), *images[0].shape)
                painted[name, row] = self._colours.take(self._levels[name].of(stack))[:, ::-1]
        return painted


def _of_one_kind(
    batch: Sequence[tuple[Cutout, ...]], refusals: Sequence[Rejection | None]
) -> Iterator[list[int]]:
    """Yield numbers of sources whose cutouts can be stacked, few enough to stay in the processor's cache."""
    groups: dict[object, list[int]] = defaultdict(list)
    for i, (cutouts, refusal) in enumerate(zip(batch, refusals, strict=True)):
        if refusal is None:
            groups[tuple(map(_kind, cutouts))].append(i)
    for group in groups.values():
        largest = max(cutout.template.size for cutout in batch[group[0]])
        several = max(1, min(AT_ONCE, PIXELS_AT_ONCE // largest))
        yield from (group[i : i + several] for i in range(0, len(group), several))


def _kind(cutout: Cutout) -> object:
    return (
        cutout.template.shape,
        _dtype(cutout.template),
        _dtype(cutout.science),
        _dtype(cutout.difference),
    )


NATIVE = (np.dtype(np.float32), np.dtype(np.float64))


def _dtype(image: FloatImage) -> np.dtype[Any]:
    return NATIVE[0 if image.dtype.kind == "f" and image.dtype.itemsize == 4 else 1]


def _native(image: FloatImage) -> FloatImage:
    """Return an image as floats in native byte order, masked pixels as NaN."""
    if type(image) is np.ndarray and image.dtype in NATIVE:
        return image
    return np.ma.filled(image.astype(_dtype(image), copy=False), np.nan)


def open_renderer(draw: DrawSettings, encoding: int = NEWEST_ENCODING) -> Renderer:
    """Make ready to draw: find fonts, colours, intervals and stretches, and lay out the pictures.

    Parameters
    ----------
    draw : DrawSettings
        What pictures look like.
    encoding : int
        The run's, as `run.toml` tells it; of what belongs to no run, the newest.

    Raises
    ------
    ConfigError
        When a colour, colour map, font, interval or stretch does not exist, or the font lacks a letter of a title.
    """
    check_colours(draw)
    for name in draw.panels:
        require_letters(draw.font, draw.panel(name).title, "the title")
    palette = mix_palette(draw.colormap, draw.nan_color, _inks(draw))
    types = {
        "title": Type(font_file(draw.font), draw.title_height_pix),
        "bar": Type(font_file(draw.font), bar_label_pix(draw.panel_pix)),
    }
    drawers = [
        DRAWERS[encoding](layout, draw, palette, types, _annotation(draw, palette, layout.width_pix))
        for layout in lay_out(draw)
    ]
    count = len(palette.levels) - 1
    levels = {name: open_levels(name, draw.panel(name), count) for name in draw.panels}
    return Renderer(draw, drawers, levels, palette.levels)


def kept_renderer(draw: DrawSettings, encoding: int = NEWEST_ENCODING) -> Renderer:
    """Return the renderer of some settings, the same one when asked again; see `open_renderer`.

    A process that draws one picture a call, or a run after the other, prepares palette and patterns only once: what
    they take, some ten milliseconds, is as long as it takes to draw a hundred sources.
    """
    return _kept_renderer(_Look(repr(draw), draw), encoding)


@dataclass(frozen=True, slots=True)
class _Look:
    """Settings that are found again by how Python writes them; JSON has no infinity, which a limit may be."""

    written: str
    draw: DrawSettings = field(compare=False)


@lru_cache(maxsize=4)
def _kept_renderer(look: _Look, encoding: int) -> Renderer:
    return open_renderer(look.draw, encoding)


def _inks(draw: DrawSettings) -> list[Ink]:
    colours = [draw.text_color]
    if draw.add_metadata:
        colours += [draw.label_color, *ANNOTATION_COLOURS]
    return [*dict.fromkeys((colour, draw.background) for colour in colours), BAR_INK]


def _annotation(draw: DrawSettings, palette: Palette, width_pix: int) -> Annotation:
    return WithMetadata(draw, palette, width_pix) if draw.add_metadata else Unannotated()
