"""Histories that come in the alert packets themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from zoocut.catalogs.history.lsst import is_lsst, lsst_history
from zoocut.catalogs.history.mapped import MappedRows
from zoocut.catalogs.history.points import History, Kind, one_per_exposure
from zoocut.catalogs.history.ztf import ztf_history
from zoocut.config.history import FieldsHistorySettings, PacketHistorySettings
from zoocut.error_kinds import NoHistory
from zoocut.errors import InputError
from zoocut.model import DiaSource, Rejection
from zoocut.packets.fields import is_ztf
from zoocut.packets.walk import PacketWalk

__all__ = ["PacketHistories"]

DAYS = 365.0

Packet = Mapping[str, Any]


class PacketHistories:
    """The histories in the packets that the sources came from.

    Parameters
    ----------
    settings : PacketHistorySettings or FieldsHistorySettings
        What is drawn, and for other surveys than LSST and ZTF the names of its fields.
    """

    def __init__(self, settings: PacketHistorySettings | FieldsHistorySettings) -> None:
        self._settings = settings
        self._walk: tuple[str, PacketWalk] | None = None

    def of(self, sources: Iterable[DiaSource]) -> Iterator[History | Rejection]:
        """Yield each source's history in turn; one whose packet cannot be found or used as a rejection.

        Raises
        ------
        InputError
            When a file cannot be opened.
        """
        for path, group in groupby(sources, lambda source: source.origin):
            wanted = list(group)
            packets = self._walk_of(path).find(wanted)
            for source, packet in zip(wanted, packets, strict=True):
                yield self._history(source, packet, path)

    def _walk_of(self, path: str) -> PacketWalk:
        if self._walk is None or self._walk[0] != path:
            self._walk = (path, PacketWalk(Path(path), self._settings.id_fields))
        return self._walk[1]

    def _history(self, source: DiaSource, packet: Packet | None, path: str) -> History | Rejection:
        try:
            if packet is None:
                raise NoHistory(f"{path} has no packet of that id: set history.id_fields")
            return _read(packet, self._settings)
        except InputError as error:
            return Rejection.of(source, f"no history: {error}", error.code)


def _read(packet: Packet, settings: PacketHistorySettings | FieldsHistorySettings) -> History:
    if isinstance(settings, FieldsHistorySettings):
        return _mapped(packet, settings)
    if is_lsst(packet):
        return lsst_history(packet, settings.quantity, settings.flags)
    if is_ztf(packet):
        return ztf_history(packet, settings)
    raise NoHistory('it is a packet of neither LSST nor ZTF: name its fields with [history] kind = "fields"')


def _mapped(packet: Packet, settings: FieldsHistorySettings) -> History:
    left_out: Counter[str] = Counter()
    rows = MappedRows(settings.columns, settings.flags, left_out)
    record = packet.get(settings.trigger)
    if not isinstance(record, Mapping):
        raise NoHistory(f"the packet has no record {settings.trigger}: set history.trigger")
    mjd = rows.mjd(record)
    if mjd is None:
        raise NoHistory(f"its detection has no time ({settings.trigger}.{settings.columns.time})")
    trigger = rows.point(record, Kind.DETECTION)
    points = [trigger] if trigger else []
    points += rows.points(_list(packet, settings.detections), Kind.DETECTION)
    points += rows.points(_list(packet, settings.forced), Kind.FORCED)
    scale = settings.columns.time_scale
    return History(scale, mjd, trigger, one_per_exposure(points, left_out), +left_out, DAYS)


def _list(packet: Packet, name: str | None) -> Iterable[Packet]:
    found = packet.get(name) if name is not None else None
    return found if isinstance(found, list) else ()
