"""Cutouts to PNG bytes: interval and stretch, layout, annotation, encoding."""

from zoocut.render.renderer import Renderer, kept_renderer, open_renderer

__all__ = ["Renderer", "kept_renderer", "open_renderer"]
