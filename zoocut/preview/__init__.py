"""A page of the cutouts of a run, for people."""

from zoocut.preview.page import Preview, make_preview

__all__ = ["Preview", "make_preview"]
