"""Where the source is in a stamp that its survey trimmed at a detector's edge.

ZTF cuts 63 x 63 pixels around a source out of the difference image; nearer to an edge than 31 pixels the stamp is what
is left of them. So the source keeps pixel 31 along an axis that was trimmed at its high end, and along one trimmed
at its low end the stamp begins with the detector's first pixel (seen in 8 trimmed stamps of real packets).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

from zoocut.config.images import StampsSettings
from zoocut.error_kinds import BadStamp
from zoocut.errors import InputError
from zoocut.images.fits_bytes import read_stamp_of
from zoocut.packets import Packet, read_packets
from zoocut.packets.fields import field_at, is_ztf

__all__ = ["StampPlaces", "Stretch", "whole_shape"]

OFF_CENTRE_PIX = 1.5
"""A source this far from the middle of its stamp, by the stamp's WCS, was trimmed: others lie within a pixel of it."""

ZTF_PIX = 63
TOLERANCE_PIX = 1
"""Even and odd widths: where only others tell how wide a whole stamp is, this much narrower is not called trimmed."""

FELLOWS = 20
"""Packets whose stamps tell how wide a whole one is: few are near an edge, so some of these are whole."""

Stretch = tuple[float, int]
"""Where the source is along an axis, zero-based, and how many pixels a whole stamp has there."""


class StampPlaces:
    """Finds sources in stamps without a WCS.

    Parameters
    ----------
    settings : StampsSettings
        Names of the fields with pixels on the detector, and how wide whole stamps are.
    """

    def __init__(self, settings: StampsSettings) -> None:
        self._settings = settings

    def of(self, packet: Mapping[str, Any], path: Path, shape: tuple[int, int]) -> tuple[Stretch, Stretch]:
        """Find the source along y and x.

        Parameters
        ----------
        packet : mapping
            Its packet.
        path : Path
            The packet's file, whose other packets tell how wide a whole stamp is.
        shape : (y, x) of int
            Of its stamps.

        Raises
        ------
        InputError
            When the stamp is trimmed and nothing tells where, or what tells it contradicts the stamp.
        """
        known = self._known_pix(packet)
        whole = max(known or _widest_in(path.parent, path.suffix, self._settings.difference), *shape)
        fewest = whole if known else whole - TOLERANCE_PIX
        fields = (self._settings.y, self._settings.x)
        y, x = (
            ((length - 1) / 2, length) if length >= fewest else self._trimmed(packet, field, length, whole)
            for field, length in zip(fields, shape, strict=True)
        )
        return y, x

    def _known_pix(self, packet: Mapping[str, Any]) -> int | None:
        return self._settings.whole_pix or (ZTF_PIX if is_ztf(packet) else None)

    def _trimmed(self, packet: Mapping[str, Any], field: str, length: int, whole: int) -> Stretch:
        place = field_at(packet, field)
        if not isinstance(place, (int, float)) or not place == place:
            raise BadStamp(
                f"its stamp is {length} pixels wide where a whole one has {whole}: it seems trimmed at a detector's"
                f" edge, and no field {field} tells where in it the source is: name the fields in images.x and y, or"
                " set images.whole_pix where stamps are smaller by intent"
            )
        return _centre_in(length, whole, place - self._settings.first_pixel), whole


def whole_shape(shape: tuple[int, int], y_pix: float, x_pix: float) -> tuple[int, int]:
    """Return the size that a stamp with a WCS had before it was trimmed, which is square.

    Parameters
    ----------
    shape : (y, x) of int
        The stamp's size.
    y_pix, x_pix : float
        Where its WCS puts the source.

    Returns
    -------
    (y, x) of int
        `shape` itself where the source is in the middle.
    """
    places = tuple(zip((y_pix, x_pix), shape, strict=True))
    trimmed = [abs(place - (length - 1) / 2) > OFF_CENTRE_PIX for place, length in places]
    if not any(trimmed):
        return shape
    if all(trimmed):
        side = round(max(2 * max(place, length - 1 - place) + 1 for place, length in places))
    else:
        side = max(shape)
    return max(side, shape[0]), max(side, shape[1])


def _centre_in(length: int, whole: int, place: float) -> float:
    """Find the source along an axis that is trimmed, from its pixel on the detector."""
    half = whole // 2
    if place > half - 0.5:  # farther from the first pixel than half a stamp: trimmed at the high end
        return float(half)
    left = round(place) + half + 1
    if abs(length - left) > TOLERANCE_PIX:
        raise BadStamp(
            f"its stamp is {length} pixels wide, and not {left} as its place on the detector, pixel"
            f" {place:.1f}, would leave of {whole}: the packet contradicts itself"
        )
    return place


@lru_cache(maxsize=64)
def _widest_in(folder: Path, suffix: str, field: str) -> int:
    """Return the largest side of the stamps in the first packets of a folder's files of one kind."""
    files = sorted(path for path in folder.iterdir() if path.suffix == suffix and path.is_file())[:FELLOWS]
    of_each = -(-FELLOWS // max(len(files), 1))
    packets = chain.from_iterable(islice(_packets(path), of_each) for path in files)
    return max((_side(packet, field) for packet in packets), default=0)


def _packets(path: Path) -> Iterator[Mapping[str, Any]]:
    return (item.fields for item in read_packets(path) if isinstance(item, Packet))


def _side(packet: Mapping[str, Any], field: str) -> int:
    try:
        return int(max(read_stamp_of(packet, field).image.shape))
    except InputError:
        return 0
