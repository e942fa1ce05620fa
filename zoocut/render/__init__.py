"""Cutouts to PNG bytes: interval and stretch, layout, annotation, encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoocut.config.draw import DrawSettings

if TYPE_CHECKING:
    from zoocut.render.renderer import Renderer

__all__ = ["Renderer", "open_renderer"]


def open_renderer(draw: DrawSettings) -> Renderer:
    """Make ready to draw: find fonts and colours, lay out the picture.

    Raises
    ------
    ConfigError
        When a colour, colour map, font, interval or stretch does not exist.
    """
    from zoocut.render.workshop import make_renderer

    return make_renderer(draw)
