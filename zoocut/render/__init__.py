"""Cutouts to PNG bytes: interval and stretch, layout, annotation, encoding."""

from zoocut.render.annotation import words_of
from zoocut.render.renderer import Renderer, kept_renderer, open_renderer
from zoocut.render.text import missing_letters

__all__ = ["Renderer", "kept_renderer", "missing_letters", "open_renderer", "words_of"]
