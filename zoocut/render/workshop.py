"""Puts a renderer together from the settings."""

from __future__ import annotations

from zoocut.config.draw import DrawSettings
from zoocut.render.annotation import ANNOTATION_COLOURS, Unannotated, WithMetadata
from zoocut.render.frame import BAR_INK, BAR_LABEL_PIX, Annotation, Frame
from zoocut.render.layout import lay_out
from zoocut.render.levels import open_levels
from zoocut.render.palette import Ink, Palette, check_colours, mix_palette
from zoocut.render.renderer import Renderer
from zoocut.render.text import Type, font_file

__all__ = ["make_renderer"]


def make_renderer(draw: DrawSettings) -> Renderer:
    """Find fonts, colours, intervals and stretches, and lay out the pictures.

    Raises
    ------
    ConfigError
        When one of them does not exist.
    """
    check_colours(draw)
    palette = mix_palette(draw.colormap, draw.nan_color, _inks(draw))
    types = {
        "title": Type(font_file(draw.font), draw.title_height_pix),
        "bar": Type(font_file(draw.font), BAR_LABEL_PIX),
    }
    frames = [
        Frame(layout, draw, palette, types, _annotation(draw, palette, layout.width_pix))
        for layout in lay_out(draw)
    ]
    count = len(palette.levels) - 1
    levels = {name: open_levels(name, draw.panel(name), count) for name in draw.panels}
    return Renderer(draw, frames, levels, palette.levels)


def _inks(draw: DrawSettings) -> list[Ink]:
    colours = [draw.text_color]
    if draw.add_metadata:
        colours += [draw.label_color, *ANNOTATION_COLOURS]
    return [*dict.fromkeys((colour, draw.background) for colour in colours), BAR_INK]


def _annotation(draw: DrawSettings, palette: Palette, width_pix: int) -> Annotation:
    return WithMetadata(draw, palette, width_pix) if draw.add_metadata else Unannotated()
