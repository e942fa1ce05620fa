"""Where pixels come from; one file a kind of image."""

from __future__ import annotations

from pathlib import Path

from zoocut.config.draw import DrawSettings
from zoocut.config.images import FramesSettings, ImagesSettings
from zoocut.model import Images

__all__ = ["open_images"]


def open_images(settings: ImagesSettings, draw: DrawSettings, folder: Path) -> Images:
    """Choose the adapter for a kind of image.

    Parameters
    ----------
    settings : ImagesSettings
        Where the pixels are.
    draw : DrawSettings
        Which part of them is wanted: sizes, footprint and orientation.
    folder : Path
        What relative paths in `settings` are relative to.

    Raises
    ------
    ConfigError
        When the settings ask for something that the kind of image cannot give.
    """
    if isinstance(settings, FramesSettings):
        from zoocut.images.frames import Frames

        return Frames(settings, draw, folder)
    from zoocut.images.stamps import Stamps

    return Stamps(settings, draw)
