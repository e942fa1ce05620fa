"""Cutouts to PNG bytes: interval and stretch, layout, annotation, encoding."""

from zoocut.render.renderer import Renderer, open_renderer

__all__ = ["Renderer", "open_renderer"]
