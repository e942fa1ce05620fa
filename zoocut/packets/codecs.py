"""Unpacking blocks of Avro containers, of which none may grow beyond a limit.

The codecs are those of the Avro 1.11 specification, section "Required Codecs" and "Optional Codecs".
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Mapping

from zoocut.error_kinds import BadPacket

__all__ = ["unpacked"]

CHECKSUM_BYTES = 4
MEMORY_BYTES = 512 * 2**20
"""What a block of xz may ask for to be unpacked; the highest preset needs 65 MiB (xz manual, section "-9")."""


def unpacked(block: bytes, codec: str, largest_bytes: int) -> bytes:
    """Unpack a block.

    Parameters
    ----------
    block : bytes
        As it is in the file.
    codec : str
        As the file's header names it.
    largest_bytes : int
        What it may unpack to.

    Raises
    ------
    InputError
        When it would unpack to more, or the codec is unknown.
    Exception
        Whatever else the decoder meets in a broken block.
    """
    unpack = UNPACKERS.get(codec)
    if unpack is None:
        raise BadPacket(
            f"its blocks are packed with {codec}, which Avro does not have: pack them with"
            f" {', '.join(name for name in UNPACKERS if name != 'null')}, or not at all"
        )
    plain = unpack(block, largest_bytes)
    if len(plain) > largest_bytes:
        raise BadPacket(f"a block unpacks to more than {largest_bytes // 2**20} MB")
    return plain


def _deflate(block: bytes, largest_bytes: int) -> bytes:
    return zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(block, largest_bytes + 1)


def _bzip2(block: bytes, largest_bytes: int) -> bytes:
    return bz2.BZ2Decompressor().decompress(block, largest_bytes + 1)


def _xz(block: bytes, largest_bytes: int) -> bytes:
    return lzma.LZMADecompressor(memlimit=MEMORY_BYTES).decompress(block, largest_bytes + 1)


def _zstandard(block: bytes, largest_bytes: int) -> bytes:
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferReader(block), "zstd") as stream:
        return bytes(stream.read(largest_bytes + 1))


def _snappy(block: bytes, largest_bytes: int) -> bytes:
    """Unpack a block that tells its size in front, as a varint, and a checksum of what it holds behind."""
    import pyarrow as pa

    size = sum((byte & 127) << 7 * n for n, byte in enumerate(_varint(block)))
    if size > largest_bytes:
        raise BadPacket(f"a block unpacks to more than {largest_bytes // 2**20} MB")
    plain = bytes(pa.Codec("snappy").decompress(block[:-CHECKSUM_BYTES], decompressed_size=size))
    if zlib.crc32(plain) != int.from_bytes(block[-CHECKSUM_BYTES:], "big"):
        raise BadPacket("the checksum of a block is wrong")
    return plain


def _varint(block: bytes) -> bytes:
    end = next((n for n, byte in enumerate(block[:5]) if byte < 128), None)
    if end is None:
        raise BadPacket("a block does not tell its size")
    return block[: end + 1]


UNPACKERS: Mapping[str, Callable[[bytes, int], bytes]] = {
    "null": lambda block, _: block,
    "deflate": _deflate,
    "bzip2": _bzip2,
    "snappy": _snappy,
    "xz": _xz,
    "zstandard": _zstandard,
}
