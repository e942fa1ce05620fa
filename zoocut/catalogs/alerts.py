"""Alert packets in Avro containers, as ZTF and surveys like it publish them."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoocut.catalogs.values import exact_id, plain
from zoocut.config.catalog import AlertsSettings
from zoocut.errors import InputError
from zoocut.model import DiaSource, Rejection, Value

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
        self._paths = sorted(glob.glob(str(folder / settings.path), recursive=True))
        if not self._paths:
            raise InputError(f"no file matches {folder / settings.path}: check catalog.path or --input")

    @property
    def expected(self) -> int:
        """How many packets to expect, taking one a file."""
        return len(self._paths)

    def sources(self) -> Iterator[DiaSource | Rejection]:
        """Yield every packet's detection; a file that breaks off costs what lies behind the break."""
        for path in self._paths:
            yield from self._in_file(path)

    def _in_file(self, path: str) -> Iterator[DiaSource | Rejection]:
        import fastavro

        name = Path(path).name
        try:
            with open(path, "rb") as file:
                for number, packet in enumerate(fastavro.reader(file), start=1):
                    yield self._source(path, f"{name} packet {number}", packet)
        except Exception as error:  # fastavro lets whatever a broken file provokes escape
            yield Rejection("", name, f"{path} breaks off or is no Avro file ({error!r}): fetch it again")

    def _source(self, path: str, row: str, packet: Any) -> DiaSource | Rejection:
        try:
            dia_source_id = exact_id(packet.get(self._settings.dia_source_id))
        except (ValueError, AttributeError) as error:
            return Rejection("", row, str(error))
        columns = self._columns(packet) | {"diaSourceId": dia_source_id}
        ra_deg, dec_deg = columns.get("ra"), columns.get("dec")
        return DiaSource(dia_source_id, _number(ra_deg), _number(dec_deg), path, row, columns)

    def _columns(self, packet: Mapping[str, Any]) -> dict[str, Value]:
        measurements = packet.get(self._settings.measurements)
        cells = {**packet, **(measurements if isinstance(measurements, Mapping) else {})}
        return {
            name: plain(cell) for name, cell in cells.items() if not isinstance(cell, (Mapping, list, bytes))
        }


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
