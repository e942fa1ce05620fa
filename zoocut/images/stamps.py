"""Pixels that come in the alert packets themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from zoocut.config.draw import DrawSettings
from zoocut.config.images import StampsSettings
from zoocut.error_kinds import BadPacket, BadStamp, WrongSetting
from zoocut.errors import InputError
from zoocut.images.fits_bytes import Stamp, read_stamp_of
from zoocut.images.geometry import (
    AS_READ_OUT,
    Box,
    Turn,
    blank_out,
    box_around,
    cut,
    oblong_around,
    turn_to_north,
)
from zoocut.images.sky import Located, SkyWcs, locate, scale_of
from zoocut.images.trimmed import StampPlaces, whole_shape
from zoocut.images.whole import needed_panels, refuse_empty
from zoocut.model import Cutout, DiaSource, Rejection
from zoocut.packets import KeptPackets
from zoocut.packets.fields import field_at, sign
from zoocut.packets.walk import PacketWalk

__all__ = ["Stamps"]

Packet = Mapping[str, Any]
SIGN_TURNED = "its difference stamp was template minus science, and has the other sign now"


class Stamps:
    """Cutouts out of alert packets.

    Parameters
    ----------
    settings : StampsSettings
        Names of the packet's fields.
    draw : DrawSettings
        Sizes and orientation.
    kept : KeptPackets, optional
        Has the packets that the catalog has read last; others are read again.

    Raises
    ------
    ConfigError
        When footprints are asked for, which packets do not have.
    """

    def __init__(self, settings: StampsSettings, draw: DrawSettings, kept: KeptPackets | None = None) -> None:
        if draw.use_footprint:
            raise WrongSetting("draw.use_footprint needs whole frames: set it to false for stamps")
        self._settings = settings
        self._sizes = draw.sizes
        self._north_up = draw.orientation == "north-up"
        self._needed = needed_panels(settings.allow_missing_template)
        self._places = StampPlaces(settings)
        self._kept = KeptPackets() if kept is None else kept
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
        for source, packet in zip(sources, self._packets(exposure, sources), strict=True):
            yield self._cutouts(source, packet, Path(exposure))

    def _packets(self, exposure: str, sources: Sequence[DiaSource]) -> Iterator[Packet | None]:
        """Take packets that are kept, and walk through the file for the others."""
        kept = [self._kept.take(exposure, source.row) for source in sources]
        missing = [source for source, packet in zip(sources, kept, strict=True) if packet is None]
        found = self._walk_of(exposure).find(missing)
        found = (
            chain([next(found)], found) if missing else found
        )  # a file that is gone is told before any packet
        for packet in kept:
            yield next(found) if packet is None else packet

    def _walk_of(self, exposure: str) -> PacketWalk:
        """Continue the walk through the file that the last call stopped in, or start one."""
        if self._walk is None or self._walk[0] != exposure:
            self._walk = (exposure, PacketWalk(Path(exposure), self._settings.id_fields, lists=False))
        return self._walk[1]

    def _cutouts(
        self, source: DiaSource, packet: Packet | None, path: Path
    ) -> tuple[Cutout, ...] | Rejection:
        if packet is None:
            return Rejection.of(
                source,
                f"{path} breaks off before its packet, or has changed since its catalog was read: fetch it again",
                BadPacket.code,
            )
        try:
            stamps, notes = self._stamps(packet)
            wcs = stamps[-1].wcs()
            place = self._locate(source, wcs)
            boxes = self._boxes(packet, path, stamps[-1].image.shape, place)
            scale_arcsec, turn = self._scale_arcsec(wcs, place), self._turn(place)
            cutouts = tuple(_cutout(stamps, box, turn, scale_arcsec, notes) for box in boxes)
            return refuse_empty(source, cutouts, self._needed)
        except InputError as error:
            return Rejection.of(source, f"{path}: {error}", error.code)

    def _stamps(self, packet: Packet) -> tuple[list[Stamp], tuple[str, ...]]:
        """Read template, science and difference, of one size and sign, and tell whether the sign was turned."""
        own = self._settings
        template = self._template(packet)
        science, difference = (read_stamp_of(packet, name) for name in (own.science, own.difference))
        if template is None:
            template = Stamp(np.full_like(science.image, np.nan), None)
        stamps = [template, science, difference]
        if len({stamp.image.shape for stamp in stamps}) > 1:
            told = ", ".join(f"{stamp.image.shape[1]} x {stamp.image.shape[0]}" for stamp in stamps)
            raise BadStamp(f"its three stamps have different sizes ({told}), so they cannot be aligned")
        for stamp in stamps:
            blank_out(stamp.image, own.no_data)
        if own.difference_sign == "science-template" and self._is_turned(packet):
            stamps[-1] = Stamp(-difference.image, difference.header)
            return stamps, (SIGN_TURNED,)
        return stamps, ()

    def _template(self, packet: Packet) -> Stamp | None:
        missing = field_at(packet, self._settings.template) is None
        return (
            None
            if missing and "template" not in self._needed
            else read_stamp_of(packet, self._settings.template)
        )

    def _is_turned(self, packet: Packet) -> bool:
        """Return whether the difference stamp is template minus science."""
        name = self._settings.sign
        told = field_at(packet, name)
        if told is None and "sign" not in self._settings.model_fields_set:
            return False
        brighter = sign(told)
        if brighter is None:
            raise BadStamp(
                f"its field {name} is {told!r}, where t, true and 1, or f, false and 0, tell the sign of the difference"
                ' stamp: name the field in images.sign, or set images.difference_sign = "as_sent"'
            )
        return brighter < 0

    def _boxes(self, packet: Packet, path: Path, shape: tuple[int, int], place: Located | None) -> list[Box]:
        if place is None:
            (y_pix, height), (x_pix, width) = self._places.of(packet, path, shape)
        else:
            y_pix, x_pix = float(place.y_pix[0]), float(place.x_pix[0])
            if not Box(0, 0, *shape).holds(y_pix, x_pix):
                raise BadStamp("its position lies off its own stamp: the packet contradicts itself")
            height, width = whole_shape(shape, y_pix, x_pix)
        if self._sizes:
            return [box_around(y_pix, x_pix, size) for size in self._sizes]
        return [Box(0, 0, *shape) if (height, width) == shape else oblong_around(y_pix, x_pix, height, width)]

    def _scale_arcsec(self, wcs: SkyWcs | None, place: Located | None) -> float | None:
        """Return the scale: the stamp's own where its WCS tells, else that of the settings."""
        if place is not None:
            return float(place.scale_arcsec[0])
        return self._settings.pixel_scale_arcsec if wcs is None else scale_of(wcs)

    def _turn(self, place: Located | None) -> Turn:
        if not self._north_up:
            return AS_READ_OUT
        if place is None:
            raise BadStamp('its stamps carry no WCS, so north is unknown: set draw.orientation = "detector"')
        return turn_to_north(tuple(place.north[0]), tuple(place.east[0]))

    def _locate(self, source: DiaSource, wcs: SkyWcs | None) -> Located | None:
        """Find the source by the stamp's WCS, where it has one."""
        if wcs is None or source.ra_deg is None or source.dec_deg is None:
            return None
        place = locate(wcs, np.array([source.ra_deg]), np.array([source.dec_deg]))
        return place if np.isfinite(place.y_pix[0]) else None


def _cutout(
    stamps: Sequence[Stamp], box: Box, turn: Turn, scale_arcsec: float | None, notes: tuple[str, ...]
) -> Cutout:
    template, science, difference = (turn.image(cut(stamp.image, box)) for stamp in stamps)
    return Cutout(template, science, difference, scale_arcsec, notes + turn.notes)
