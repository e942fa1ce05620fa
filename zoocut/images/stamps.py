"""Pixels that come in the alert packets themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from zoocut.config.draw import DrawSettings
from zoocut.config.images import StampsSettings
from zoocut.errors import ConfigError, InputError
from zoocut.images.fits_bytes import read_stamp
from zoocut.images.geometry import AS_READ_OUT, Box, Turn, box_around, central_box, cut, turn_to_north
from zoocut.images.sky import Located, locate, read_wcs
from zoocut.images.whole import refuse_empty, refused
from zoocut.model import Cutout, DiaSource, FloatImage, Rejection
from zoocut.packets.walk import PacketWalk

__all__ = ["Stamps"]

Packet = Mapping[str, Any]


class Stamps:
    """Cutouts out of alert packets.

    Parameters
    ----------
    settings : StampsSettings
        Names of the packet's fields.
    draw : DrawSettings
        Sizes and orientation.

    Raises
    ------
    ConfigError
        When footprints are asked for, which packets do not have.
    """

    def __init__(self, settings: StampsSettings, draw: DrawSettings) -> None:
        if draw.use_footprint:
            raise ConfigError("draw.use_footprint needs whole frames: set it to false for stamps")
        self._settings = settings
        self._sizes = draw.sizes
        self._north_up = draw.orientation == "north-up"
        self._fields = (settings.template, settings.science, settings.difference)
        self._walk: tuple[str, PacketWalk] | None = None

    def exposure_of(self, source: DiaSource) -> str:
        """Name the packet's file."""
        return source.origin

    def cut(self, exposure: str, sources: Sequence[DiaSource]) -> Iterator[tuple[Cutout, ...] | Rejection]:
        """Take every source's stamps out of its packet.

        Yields
        ------
        tuple of Cutout or Rejection
            For each source in order: one cutout a size, or why there is none.

        Raises
        ------
        InputError
            When the file cannot be opened, before anything is yielded.
        """
        walk = self._walk_of(exposure)
        packets = walk.find([source.dia_source_id for source in sources])
        for source, packet in zip(sources, packets, strict=True):
            yield self._cutouts(source, packet, Path(exposure))

    def _walk_of(self, exposure: str) -> PacketWalk:
        """Continue the walk through the file that the last call stopped in, or start one."""
        if self._walk is None or self._walk[0] != exposure:
            self._walk = (exposure, PacketWalk(Path(exposure), self._settings.id_fields))
        return self._walk[1]

    def _cutouts(
        self, source: DiaSource, packet: Packet | None, path: Path
    ) -> tuple[Cutout, ...] | Rejection:
        if packet is None:
            return refused(
                source,
                f"{path} breaks off before its packet, or names its id otherwise: set images.id_fields, or "
                "fetch the file again",
            )
        try:
            stamps = [_stamp(packet, name) for name in self._fields]
            return refuse_empty(source, self._aligned(source, stamps))
        except InputError as error:
            return refused(source, f"{path}: {error}")

    def _aligned(
        self, source: DiaSource, stamps: Sequence[tuple[FloatImage, fits.Header]]
    ) -> tuple[Cutout, ...]:
        images = [image for image, _ in stamps]
        shapes = {image.shape for image in images}
        if len(shapes) > 1:
            told = ", ".join(f"{image.shape[1]} x {image.shape[0]}" for image in images)
            raise InputError(f"its three stamps have different sizes ({told}), so they cannot be aligned")
        place = self._place(source, stamps[-1][1])
        turn = self._turn(place)
        return tuple(self._cutout(images, box, place, turn) for box in self._boxes(images[0].shape, place))

    def _boxes(self, shape: tuple[int, int], place: Located | None) -> list[Box]:
        if not self._sizes:
            return [Box(0, 0, *shape)]
        if place is None:
            return [central_box(shape, size) for size in self._sizes]
        boxes = [box_around(float(place.y_pix[0]), float(place.x_pix[0]), size) for size in self._sizes]
        if all(box.overlaps(shape) for box in boxes):
            return boxes
        raise InputError("its position lies off its own stamp: the packet contradicts itself")

    def _cutout(self, images: Sequence[FloatImage], box: Box, place: Located | None, turn: Turn) -> Cutout:
        template, science, difference = (turn.image(cut(image, box)) for image in images)
        scale = self._settings.pixel_scale_arcsec
        if place is not None:
            scale = scale or float(place.scale_arcsec[0])
        return Cutout(template, science, difference, scale)

    def _turn(self, place: Located | None) -> Turn:
        if not self._north_up:
            return AS_READ_OUT
        if place is None:
            raise InputError(
                'its stamps carry no WCS, so north is unknown: set draw.orientation = "detector"'
            )
        return turn_to_north(tuple(place.north[0]), tuple(place.east[0]))

    def _place(self, source: DiaSource, header: fits.Header) -> Located | None:
        """Find the source by the stamp's WCS, where it has one."""
        wcs = read_wcs(header)
        if wcs is None or source.ra_deg is None or source.dec_deg is None:
            return None
        place = locate(wcs, np.array([source.ra_deg]), np.array([source.dec_deg]))
        return place if np.isfinite(place.y_pix[0]) else None


def _stamp(packet: Packet, name: str) -> tuple[FloatImage, fits.Header]:
    field = packet.get(name)
    content = field.get("stampData") if isinstance(field, Mapping) else field
    if not isinstance(content, bytes) or not content:
        raise InputError(f"the packet has no stamp in its field {name}: name the fields in [images]")
    try:
        return read_stamp(content)
    except InputError as error:
        raise InputError(f"the stamp {name} {error}") from error
