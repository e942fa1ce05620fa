"""Packets that were decoded for the catalog, kept until their stamps are cut: so each is decoded once."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoocut.packets.files import Broken, Packet, read_packets

__all__ = ["KeptPackets"]

MOST = 512
"""Two batches of sources: packets are some hundred kilobytes each."""

Signature = tuple[int, int, int]
"""Inode, size and time of a file: another one under its name is not taken for it."""


class KeptPackets:
    """What was read of packets and is soon wanted again.

    Sent to another process it is empty there, where packets are read again.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[Signature | None, Mapping[str, Any]]] = OrderedDict()

    def __reduce__(self) -> tuple[type[KeptPackets], tuple[()]]:
        return KeptPackets, ()

    def read(self, path: Path) -> Iterator[Packet | Broken]:
        """Walk through a file without the lists in its packets, and keep the last of these.

        Raises
        ------
        InputError
            When the file cannot be opened.
        """
        signature, name = _signature(path), str(path)
        for item in read_packets(path, lists=False):
            if isinstance(item, Packet):
                self._kept[name, item.row] = signature, item.fields
                if len(self._kept) > MOST:
                    self._kept.popitem(last=False)
            yield item

    def take(self, path: str, row: str) -> Mapping[str, Any] | None:
        """Return what was kept of a packet, and let go of it; None where nothing was, or its file has changed."""
        signature, fields = self._kept.pop((path, row), (None, None))
        return fields if signature is not None and signature == _signature(Path(path)) else None


def _signature(path: Path) -> Signature | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
