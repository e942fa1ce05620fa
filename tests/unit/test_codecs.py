"""Every codec of Avro, as fastavro writes it; none unpacks to more than it may."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import fastavro
import pytest

from zoocut.errors import InputError
from zoocut.packets import Broken, Packet, read_packets
from zoocut.packets.codecs import UNPACKERS, unpacked

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "alert",
    "fields": [{"name": "candid", "type": "long"}, {"name": "stamp", "type": "bytes"}],
}
ROWS = [{"candid": 2**60 + n, "stamp": bytes(range(256)) * n} for n in range(40)]


def container(codec: str, rows: list[dict[str, Any]], sync_interval: int = 16000) -> bytes:
    file = io.BytesIO()
    try:
        fastavro.writer(file, fastavro.parse_schema(SCHEMA), rows, codec=codec, sync_interval=sync_interval)
    except (
        ValueError
    ) as error:  # of versions that know no other package for zstandard than the one of that name
        pytest.skip(f"fastavro cannot write it: {error}")
    return file.getvalue()


def block_of(content: bytes) -> bytes:
    """The one block of a container, packed as it is."""
    (block,) = fastavro.block_reader(io.BytesIO(content))
    sync = content[-16:]
    first = content.index(sync) + len(sync)
    file = io.BytesIO(content[first:])
    assert fastavro.schemaless_reader(file, {"type": "long"}, None) == block.num_records
    size = int(str(fastavro.schemaless_reader(file, {"type": "long"}, None)))
    return file.read(size)


@pytest.fixture(params=list(UNPACKERS))
def codec(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_packet_is_read(codec: str, tmp_path: Path) -> None:
    path = tmp_path / "night.avro"
    path.write_bytes(container(codec, ROWS))
    assert [packet.fields for packet in read_packets(path) if isinstance(packet, Packet)] == ROWS


def test_no_block_grows_beyond_its_limit(codec: str) -> None:
    zeros = [{"candid": 1, "stamp": bytes(2**20)}]
    block = block_of(container(codec, zeros, sync_interval=2**30))
    assert codec == "null" or len(block) < 2**17
    whole = unpacked(block, codec, 2**21)
    assert len(whole) > 2**20
    assert unpacked(block, codec, len(whole)) == whole
    with pytest.raises(InputError, match="a block unpacks to more than 1 MB"):
        unpacked(block, codec, len(whole) - 1)


def test_a_checksum_that_is_wrong(tmp_path: Path) -> None:
    content = bytearray(container("snappy", ROWS, sync_interval=2**30))
    content[-17] ^= 1
    path = tmp_path / "night.avro"
    path.write_bytes(content)
    (broken,) = read_packets(path)
    assert isinstance(broken, Broken)
    assert "night.avro breaks off or is no Avro file (the checksum of a block is wrong)" in broken.reason


def test_codecs_that_avro_does_not_have(tmp_path: Path) -> None:
    path = tmp_path / "night.avro"
    path.write_bytes(container("null", ROWS).replace(b"\x08null", b"\x06lz4", 1))
    (broken,) = read_packets(path)
    assert isinstance(broken, Broken)
    assert "packed with lz4, which Avro does not have: pack them with deflate, bzip2, snappy" in broken.reason
