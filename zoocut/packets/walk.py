"""Finding the packets of sources in a file of many, in one walk that later calls continue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoocut.model import DiaSource
from zoocut.packets.fields import field_at, ids_of
from zoocut.packets.files import Broken, Packet, read_packets

__all__ = ["PacketWalk"]


class PacketWalk:
    """A walk through the packets of one file.

    Sources come in the order of their packets, batch after batch, so the walk goes on where the last call
    stopped; it starts again only for a source that lies behind. A source that the file's own catalog made is
    found by its packet's place in the file; one of another catalog by the id in its packet.

    Parameters
    ----------
    path : Path
        The file.
    id_fields : sequence of str
        Fields that hold a packet's id, with dots into records; the first that is there counts.
    lists : bool
        Whether the lists in packets are decoded, as `read_packets` has it.
    """

    def __init__(self, path: Path, id_fields: Sequence[str], lists: bool = True) -> None:
        self._path = path
        self._id_fields = id_fields
        self._lists = lists
        self._packets = self._walk()
        self._is_midway = False

    def find(self, wanted: Sequence[DiaSource]) -> Iterator[Mapping[str, Any] | None]:
        """Yield the packet of each source in turn; None for one that is not there or cannot be read.

        Raises
        ------
        InputError
            When the file cannot be opened.
        """
        rows, ids = {source.row for source in wanted}, {str(source.dia_source_id) for source in wanted}
        ahead: dict[str, Packet] = {}
        rounds, self._is_midway = 2 if self._is_midway else 1, True
        for source in wanted:
            while source.row not in ahead and rounds:
                packet = next(self._packets, None)
                if packet is None:
                    rounds -= 1
                    self._packets = self._walk()
                elif packet.row in rows:
                    ahead.setdefault(packet.row, packet)
                elif (number := self._id(packet.fields)) in ids:
                    ahead.setdefault(number, packet)
            rows.discard(source.row)
            yield self._taken(ahead, source)

    def _taken(self, ahead: dict[str, Packet], source: DiaSource) -> Mapping[str, Any] | None:
        number = str(source.dia_source_id)
        packet = ahead.pop(source.row, None) or ahead.pop(number, None)
        if packet is None or number not in ids_of(packet.fields):  # another file has taken its place
            return None
        return packet.fields

    def _walk(self) -> Iterator[Packet]:
        return (item for item in read_packets(self._path, self._lists) if not isinstance(item, Broken))

    def _id(self, fields: Mapping[str, Any]) -> str:
        values = (field_at(fields, name) for name in self._id_fields)
        return next((str(value) for value in values if value is not None), "")
