"""Avro containers, block by block, so that a small file cannot unpack to more than memory holds.

fastavro's own container reader unpacks a block of any size in one go. The framing is that of the Avro 1.11
specification, section "Object Container Files".
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import IO, Any

from zoocut.errors import InputError
from zoocut.packets.codecs import unpacked
from zoocut.packets.singles import shorten, singles_of_avro

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


def read_container(file: IO[bytes]) -> Iterator[Any]:
    """Yield the records of a container.

    Parameters
    ----------
    file : binary file
        At its beginning.

    Raises
    ------
    InputError
        When a block is too large, its compression unknown, or the file breaks off.
    Exception
        Whatever else the decoder meets in a broken file.
    """
    import fastavro

    header: Any = fastavro.schemaless_reader(file, HEADER, None)
    codec = header["meta"].get("avro.codec", b"null").decode()
    schema = fastavro.parse_schema(json.loads(header["meta"]["avro.schema"]))
    singles = singles_of_avro(schema)
    while file.read(1):
        file.seek(-1, io.SEEK_CUR)
        count, block = _block(file, header["sync"], codec)
        for _ in range(count):
            record: Any = fastavro.schemaless_reader(block, schema, None)
            shorten(record, singles)
            yield record


def _block(file: IO[bytes], sync: bytes, codec: str) -> tuple[int, IO[bytes]]:
    import fastavro

    count, size = (int(str(fastavro.schemaless_reader(file, "long", None))) for _ in range(2))
    if not 0 <= size <= LARGEST_BLOCK_BYTES:
        raise InputError(f"it claims a block of {size} bytes")
    packed = file.read(size)
    if len(packed) < size or file.read(SYNC_BYTES) != sync:
        raise InputError("its last block is incomplete")
    return count, io.BytesIO(unpacked(packed, codec, LARGEST_BLOCK_BYTES))
