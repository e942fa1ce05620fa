"""Alert packets of any survey that names its fields in `[catalog]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoocut.catalogs.values import exact_id, number_or_none, plain
from zoocut.config.catalog import AlertsSettings
from zoocut.model import DiaSource, Rejection, Value
from zoocut.packets import Broken, Packet, find_packet_files, read_packets

__all__ = ["AlertCatalog"]


class AlertCatalog:
    """The detections that triggered a folder of alert packets.

    Parameters
    ----------
    settings : AlertsSettings
        Pattern of the files and names of the packet's fields.
    folder : Path
        What a relative pattern is relative to.

    Raises
    ------
    InputError
        When no file matches.
    """

    def __init__(self, settings: AlertsSettings, folder: Path) -> None:
        self._settings = settings
        self._paths = find_packet_files(folder / settings.path)

    @property
    def expected(self) -> int | None:
        """How many packets to expect: one a file, where each file is some packet's own."""
        return len(self._paths) if len(self._paths) > 1 else None

    def sources(self) -> Iterator[DiaSource | Rejection]:
        """Yield every packet's detection; a file that breaks off costs what lies behind the break."""
        for path in self._paths:
            for item in read_packets(Path(path)):
                yield (
                    Rejection("", item.row, item.reason)
                    if isinstance(item, Broken)
                    else self._source(path, item)
                )

    def _source(self, path: str, packet: Packet) -> DiaSource | Rejection:
        names = self._settings
        raw_id = _at(packet.fields, names.dia_source_id)
        if raw_id is None:
            return Rejection("", packet.row, self._without_id(packet.fields))
        try:
            dia_source_id = exact_id(raw_id)
        except ValueError as error:
            return Rejection(str(raw_id), packet.row, str(error))
        columns = self._columns(packet.fields) | {"diaSourceId": dia_source_id}
        ra_deg, dec_deg = (number_or_none(columns.get(name)) for name in (names.ra, names.dec))
        return DiaSource(dia_source_id, ra_deg, dec_deg, path, packet.row, columns)

    def _without_id(self, fields: Mapping[str, Any]) -> str:
        return (
            f"its field {self._settings.dia_source_id} is missing: name the one with the id in"
            f" catalog.dia_source_id (it has {', '.join(list(fields)[:12])})"
        )

    def _columns(self, fields: Mapping[str, Any]) -> dict[str, Value]:
        measurements = _at(fields, self._settings.measurements)
        cells = {**fields, **(measurements if isinstance(measurements, Mapping) else {})}
        named = {name: _at(fields, place) for name, place in self._settings.columns.items()}
        return {
            name: plain(cell)
            for name, cell in {**cells, **named}.items()
            if not isinstance(cell, (Mapping, list, bytes))
        }


def _at(fields: Mapping[str, Any], place: str) -> Any:
    """Follow dots into records; None where the way ends."""
    found: Any = fields
    for name in place.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
