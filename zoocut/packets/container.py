"""Avro containers, block by block, so that a small file cannot unpack to more than memory holds.

fastavro's own container reader unpacks a block of any size in one go. The framing is that of the Avro 1.11
specification, section "Object Container Files".
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import lru_cache
from typing import IO, Any

from zoocut.error_kinds import BadPacket
from zoocut.packets.codecs import unpacked
from zoocut.packets.schemas import decoder_of

__all__ = ["LARGEST_BLOCK_BYTES", "read_container"]

LARGEST_BLOCK_BYTES = 256 * 2**20
"""Largest block that is unpacked; writers close a block after some kilobytes or after one packet."""

SYNC_BYTES = 16
HEADER = {
    "type": "record",
    "name": "header",
    "fields": [
        {"name": "magic", "type": {"type": "fixed", "name": "magic", "size": 4}},
        {"name": "meta", "type": {"type": "map", "values": "bytes"}},
        {"name": "sync", "type": {"type": "fixed", "name": "sync", "size": SYNC_BYTES}},
    ],
}


def read_container(file: IO[bytes], lists: bool = True) -> Iterator[Any]:
    """Yield the records of a container.

    Parameters
    ----------
    file : binary file
        At its beginning.
    lists : bool
        Whether the lists in a record are decoded; an empty one stands for each where they are not.

    Raises
    ------
    InputError
        When a block is too large, its compression unknown, or the file breaks off.
    Exception
        Whatever else the decoder meets in a broken file.
    """
    import fastavro

    header: Any = fastavro.schemaless_reader(file, _header_schema(), None)
    codec = header["meta"].get("avro.codec", b"null").decode()
    decoder = decoder_of(header["meta"]["avro.schema"], lists)
    while file.read(1):
        file.seek(-1, io.SEEK_CUR)
        count, block = _block(file, header["sync"], codec)
        for _ in range(count):
            yield decoder.decode(block)


@lru_cache(maxsize=1)
def _header_schema() -> Any:
    import fastavro

    return fastavro.parse_schema(HEADER)


def _block(file: IO[bytes], sync: bytes, codec: str) -> tuple[int, IO[bytes]]:
    import fastavro

    count, size = (int(str(fastavro.schemaless_reader(file, "long", None))) for _ in range(2))
    if not 0 <= size <= LARGEST_BLOCK_BYTES:
        raise BadPacket(f"it claims a block of {size} bytes")
    packed = file.read(size)
    if len(packed) < size or file.read(SYNC_BYTES) != sync:
        raise BadPacket("its last block is incomplete")
    return count, io.BytesIO(unpacked(packed, codec, LARGEST_BLOCK_BYTES))
