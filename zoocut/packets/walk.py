"""Finding the packets of sources in a file of many, in one walk that later calls continue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoocut.packets.files import Broken, read_packets

__all__ = ["PacketWalk"]


class PacketWalk:
    """A walk through the packets of one file.

    Sources come in the order of their packets, batch after batch, so the walk goes on where the last call
    stopped; it starts again only for a source that lies behind.

    Parameters
    ----------
    path : Path
        The file.
    id_fields : sequence of str
        Fields that hold a packet's id; the first that is there counts.
    """

    def __init__(self, path: Path, id_fields: Sequence[str]) -> None:
        self._path = path
        self._id_fields = id_fields
        self._packets = self._walk()
        self._is_midway = False

    def find(self, wanted: Sequence[int]) -> Iterator[Mapping[str, Any] | None]:
        """Yield the packet of each id in turn; None for one that is not there or cannot be read.

        Raises
        ------
        InputError
            When the file cannot be opened.
        """
        missing = set(wanted)
        ahead: dict[int, Mapping[str, Any]] = {}
        rounds, self._is_midway = 2 if self._is_midway else 1, True
        for number in wanted:
            while number not in ahead and rounds:
                found = next(self._packets, None)
                if found is None:
                    rounds -= 1
                    self._packets = self._walk()
                elif found[0] in missing:
                    ahead.setdefault(*found)
            missing.discard(number)
            yield ahead.pop(number, None)

    def _walk(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        for item in read_packets(self._path):
            if not isinstance(item, Broken) and (number := self._id(item.fields)) is not None:
                yield number, item.fields

    def _id(self, fields: Mapping[str, Any]) -> int | None:
        values = [fields[name] for name in self._id_fields if fields.get(name) is not None]
        return values[0] if values and isinstance(values[0], int) else None
