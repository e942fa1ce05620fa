"""Choosing the adapter for a kind of image."""

from __future__ import annotations

from pathlib import Path

from zoocut.config.draw import DrawSettings
from zoocut.config.images import ButlerSettings, FramesSettings, ImagesSettings, StampsSettings
from zoocut.config.plugged import PluggedImages
from zoocut.error_kinds import PluginFailed
from zoocut.model import Images
from zoocut.packets import KeptPackets

__all__ = ["open_images"]


def open_images(
    settings: ImagesSettings, draw: DrawSettings, folder: Path, kept: KeptPackets | None = None
) -> Images:
    """Choose the adapter for a kind of image.

    Parameters
    ----------
    settings : ImagesSettings
        Where the pixels are.
    draw : DrawSettings
        Which part of them is wanted: sizes, footprint and orientation.
    folder : Path
        What relative paths in `settings` are relative to.
    kept : KeptPackets, optional
        Has the alert packets that the catalog has read last.

    Raises
    ------
    ConfigError
        When the settings ask for something that the kind of image cannot give.
    """
    match settings:
        case FramesSettings():
            from zoocut.images.frames import Frames

            return Frames(settings, draw, folder)
        case ButlerSettings():
            from zoocut.butler import closing_with, open_butler
            from zoocut.images.butler import ButlerImages

            where = (settings.repository, settings.collections, folder)
            return ButlerImages(settings, draw, lambda owner: closing_with(owner, open_butler(*where)))
        case StampsSettings():
            from zoocut.images.stamps import Stamps

            return Stamps(settings, draw, kept)
        case PluggedImages():
            return _plugged(settings, draw, folder)


def _plugged(settings: PluggedImages, draw: DrawSettings, folder: Path) -> Images:
    images = settings.load()(settings, draw, folder)
    if not isinstance(images, Images):
        raise PluginFailed(
            f"images.kind = {settings.kind!r}: what its package opens, {type(images).__name__}, is no "
            "zoocut.Images"
        )
    return images
