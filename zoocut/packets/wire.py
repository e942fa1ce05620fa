"""LSST alerts as they travel: a zero byte, the schema's id as a big-endian uint32, then bare Avro.

The packet does not carry its schema, and another version may decode it without complaint to wrong values; so
the id alone decides. Ids are 100 times the major plus the minor version; the schemas are those that
`lsst-alert-packet` publishes.
"""

from __future__ import annotations

import io
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from zoocut.error_kinds import BadPacket
from zoocut.packets.schemas import SchemaDecoder

__all__ = ["read_wire"]

HEADER_BYTES = 5
FIRST_SCHEMA, LAST_SCHEMA = 100, 99999
"""Ids that versions 1.0 to 999.99 would have; what looks like another is the beginning of some other file."""


def read_wire(content: bytes, lists: bool = True) -> dict[str, Any]:
    """Decode one packet.

    Parameters
    ----------
    content : bytes
        The whole packet with its header.
    lists : bool
        Whether the lists in it are decoded; an empty one stands for each where they are not.

    Raises
    ------
    InputError
        When it is cut short, or its schema is unknown or not installed.
    """
    if len(content) <= HEADER_BYTES or content[0] != 0:
        raise BadPacket("is no LSST alert: it lacks the zero byte and the schema id")
    number = int.from_bytes(content[1:HEADER_BYTES], "big")
    if not FIRST_SCHEMA <= number <= LAST_SCHEMA:
        raise BadPacket("is no alert packet: leave it out")
    decoder = _decoder(number, lists)
    body = io.BytesIO(content[HEADER_BYTES:])
    try:
        packet = decoder.decode(body)
    except Exception as error:  # fastavro lets whatever a broken packet provokes escape
        raise BadPacket(
            f"breaks off or is no alert of schema {number} ({error!r}): fetch it again"
        ) from error
    if body.read(1):
        raise BadPacket(f"is longer than an alert of schema {number}: fetch it again")
    return packet


@lru_cache(maxsize=8)
def _decoder(number: int, lists: bool) -> SchemaDecoder:
    return SchemaDecoder(_schema(number), lists)


@lru_cache(maxsize=4)
def _schema(number: int) -> Any:
    import fastavro.schema

    major, minor = divmod(number, 100)
    root = _schemas()
    path = root / str(major) / str(minor) / f"lsst.v{major}_{minor}.alert.avsc"
    if not path.is_file():
        known = sorted(
            100 * int(p.parent.parent.name) + int(p.parent.name) for p in root.glob("*/*/*.alert.avsc")
        )
        raise BadPacket(
            f"has the schema id {number}, which the installed lsst-alert-packet does not know (it has"
            f" {', '.join(map(str, known))}): upgrade it"
        )
    return fastavro.schema.load_schema(str(path))


def _schemas() -> Path:
    """Find the folder of schemas without importing the package, which brings much else."""
    try:
        found = find_spec("lsst.alert")
    except ModuleNotFoundError:
        found = None
    places = list(found.submodule_search_locations or []) if found else []
    if not places:
        raise BadPacket("needs the schemas of LSST alerts: pip install 'zoocut[lsst-alerts]'")
    return Path(places[0]) / "packet" / "schema"
