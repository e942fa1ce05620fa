"""Alert packets of any survey that names its fields in `[catalog]`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from zoocut.catalogs.alert_columns import AlertColumns
from zoocut.config.catalog import AlertsSettings
from zoocut.config.rights import covers_partners
from zoocut.error_kinds import BadId, BadPacket, MissingColumn, RightsUnclear
from zoocut.errors import InputError, code_of
from zoocut.model import DiaSource, Rejection, Value
from zoocut.object_store import local_path
from zoocut.packets import Broken, KeptPackets, Packet, find_packet_files, read_packets
from zoocut.packets.fields import field_at
from zoocut.values import ID_RULES

__all__ = ["AlertCatalog"]

PUBLIC_PROGRAM = ("1", "1.0")
"""ZTF's `programid` of the public survey; 2 is the partnership's, 3 Caltech's (ztf-avro-alert, schema.md)."""


class AlertCatalog:
    """The detections that triggered a folder of alert packets.

    Parameters
    ----------
    settings : AlertsSettings
        Pattern of the files and names of the packet's fields.
    folder : Path
        What a relative pattern is relative to.
    rights_basis : str, optional
        Why packets of a survey's partners may be shown; without it they are rejected.
    kept : KeptPackets, optional
        Keeps what is read for whoever cuts the stamps.

    Raises
    ------
    InputError
        When no file matches.
    """

    def __init__(
        self,
        settings: AlertsSettings,
        folder: Path,
        rights_basis: str | None = None,
        kept: KeptPackets | None = None,
    ) -> None:
        self._settings = settings
        self._kept = KeptPackets() if kept is None else kept
        self._columns = AlertColumns(settings)
        self._rights_basis = rights_basis
        self._paths = find_packet_files(local_path(folder, settings.path, "catalog.path"))

    @property
    def expected(self) -> int | None:
        """How many packets to expect: one a file, where each file is some packet's own."""
        return len(self._paths) if len(self._paths) > 1 else None

    def sources(self) -> Iterator[DiaSource | Rejection]:
        """Yield every packet's detection; a file that breaks off costs what lies behind the break.

        Raises
        ------
        InputError
            When the settings name a field that no packet has.
        """
        self._refuse_unknown_fields()
        for path in self._paths:
            for item in _packets(path, self._kept.read):
                yield (
                    Rejection("", item.row, item.reason, BadPacket.code)
                    if isinstance(item, Broken)
                    else self._source(path, item)
                )

    def _refuse_unknown_fields(self) -> None:
        """Read packets until each field that the settings name was met in one, which most often is the first."""
        unmet, known = set(self._columns.needed()), dict[str, Any]()
        packets = (
            item for path in self._paths for item in _packets(path, read_packets) if isinstance(item, Packet)
        )
        while unmet and (packet := next(packets, None)):
            unmet = self._columns.missing(unmet, packet.fields)
            known = known or dict(packet.fields)
        if unmet and known:
            raise MissingColumn(self._unknown_fields(sorted(unmet), known))

    def _unknown_fields(self, keys: list[str], known: Mapping[str, Any]) -> str:
        named = self._columns.needed()
        places = list(_places(known))
        told = "; ".join(f"{key} = {named[key]!r}{_nearest(named[key], places)}" for key in keys)
        return (
            f"no packet of {self._settings.path} has what the settings name: {told}. Name a field that is there, or put"
            " it under [catalog.optional_columns]"
        )

    def _source(self, path: str, packet: Packet) -> DiaSource | Rejection:
        try:
            raw_id = self._raw_id(packet.fields)
            dia_source_id = ID_RULES[self._settings.id_kind](raw_id)
        except ValueError as error:
            return Rejection(self._told_id(packet.fields), packet.row, str(error), code_of(error))
        columns = self._columns.of(packet.fields)
        program = columns.get("programid")
        if not _is_public(program) and not covers_partners(self._rights_basis):
            reason = (
                f"its programid is {program}, so it is of a survey's partners and not public: leave it out, or tell why"
                " it may be shown in [rights] basis, in your words"
            )
            return Rejection(str(dia_source_id), packet.row, reason, RightsUnclear.code)
        ra_deg, dec_deg = self._columns.position(packet.fields, columns)
        return DiaSource(
            dia_source_id, ra_deg, dec_deg, path, packet.row, columns | {"diaSourceId": dia_source_id}
        )

    def _raw_id(self, fields: Mapping[str, Any]) -> Any:
        """Find the id at the packet's top or in its measurements.

        Raises
        ------
        ValueError
            When it is in neither, or not the same in both.
        """
        name = self._settings.dia_source_id
        top, inside = field_at(fields, name), field_at(fields, f"{self._settings.measurements}.{name}")
        if top is None and inside is None:
            raise BadId(
                f"its field {name} is missing: name the one with the id in catalog.dia_source_id"
                f" (it has {', '.join(list(fields)[:12])})"
            )
        if None not in (top, inside) and top != inside:
            raise BadId(
                f"its id {name} is {top}, but {inside} in {self._settings.measurements}: name the one that counts in"
                " catalog.dia_source_id"
            )
        return inside if top is None else top

    def _told_id(self, fields: Mapping[str, Any]) -> str:
        found = field_at(fields, self._settings.dia_source_id)
        return "" if found is None else str(found)


def _packets(path: str, read: Callable[[Path], Iterator[Packet | Broken]]) -> Iterator[Packet | Broken]:
    """Read a file; one that cannot be opened is a broken one, and the others are read."""
    try:
        yield from read(Path(path))
    except InputError as error:
        yield Broken(Path(path).name, str(error))


def _is_public(program: Value) -> bool:
    return program is None or str(program) in PUBLIC_PROGRAM


def _places(fields: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for name, value in fields.items():
        yield before + name
        if isinstance(value, Mapping):
            yield from _places(value, f"{before}{name}.")


def _nearest(place: str, known: list[str]) -> str:
    near = difflib.get_close_matches(place, known, n=1, cutoff=0.6)
    last = [name for name in known if name.rpartition(".")[2] == place.rpartition(".")[2]]
    return f" (did you mean {(last or near)[0]}?)" if last or near else ""
