"""Decoding records of one Avro schema, which is parsed once for all packets that have it."""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import groupby
from typing import IO, Any

from zoocut.packets.singles import shorten, singles_of_avro

__all__ = ["SchemaDecoder", "decoder_of"]


class SchemaDecoder:
    """Decodes records of a schema.

    Most of a survey's packet is its list of earlier detections, which only light curves need: to step over it takes
    fastavro half as long as to decode it.

    Parameters
    ----------
    schema : dict
        Parsed by fastavro.
    lists : bool
        Whether lists at the top of a record are decoded; an empty one stands for each where they are not.
    """

    def __init__(self, schema: Any, lists: bool) -> None:
        self._singles = singles_of_avro(schema)
        self._parts = [(False, schema)] if lists or not _is_record(schema) else _parts(schema)

    def decode(self, file: IO[bytes]) -> dict[str, Any]:
        """Decode the next record.

        Raises
        ------
        Exception
            Whatever fastavro meets in broken bytes.
        """
        import fastavro

        record: dict[str, Any] = {}
        for skipped, part in self._parts:
            found: Any = fastavro.schemaless_reader(file, part, {**part, "fields": []} if skipped else None)
            record |= {field["name"]: [] for field in part["fields"]} if skipped else found
        shorten(record, self._singles)
        return record


@lru_cache(maxsize=16)
def decoder_of(schema: bytes, lists: bool) -> SchemaDecoder:
    """Return the decoder of a schema as it stands in a file.

    Raises
    ------
    Exception
        Whatever fastavro meets in what is no schema.
    """
    import fastavro

    return SchemaDecoder(fastavro.parse_schema(json.loads(schema)), lists)


def _is_record(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "record"


def _parts(schema: Any) -> list[tuple[bool, Any]]:
    """Part a record's fields into runs of lists, which are stepped over, and of others."""
    groups = groupby(schema["fields"], key=lambda field: _holds_list(field["type"]))
    return [(skipped, {**schema, "fields": list(fields)}) for skipped, fields in groups]


def _holds_list(kind: Any) -> bool:
    """Return whether a field is a list, or one or null."""
    kinds = kind if isinstance(kind, list) else [kind]
    return any(isinstance(one, dict) and one.get("type") == "array" for one in kinds)
