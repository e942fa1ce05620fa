"""Numbers of 32 bits in packets: decoders widen them, which prints digits that nobody measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["shorten", "singles_of_arrow", "singles_of_avro"]

Path = tuple[str, ...]
"""Names that lead through records to a field."""

DEEPEST = 6
"""Records in records: packets of surveys have two."""


def shorten(record: dict[str, Any], paths: Iterable[Path]) -> None:
    """Replace numbers in place by the shortest decimal that is exactly them in 32 bits.

    Parameters
    ----------
    record : dict
        A packet as it was decoded.
    paths : iterable of tuple of str
        Its fields of 32 bits, those of a record next to each other.
    """
    import numpy as np

    for above, names in groupby(paths, key=itemgetter(slice(-1))):
        holder: Any = record
        for step in above:
            holder = holder.get(step) if isinstance(holder, dict) else None
        if isinstance(holder, dict):
            found = [(path[-1], value) for path in names if isinstance(value := holder.get(path[-1]), float)]
            singles = np.array([value for _, value in found], np.float32)
            holder.update((name, float(str(one))) for (name, _), one in zip(found, singles, strict=True))


def singles_of_avro(schema: Any) -> tuple[Path, ...]:
    """Find the fields of type float in a parsed schema, those in arrays left out."""
    return tuple(_avro(schema, {}, ()))


def _avro(kind: Any, named: dict[str, Any], above: Path) -> Iterator[Path]:
    kind = named.get(kind, kind) if isinstance(kind, str) else kind
    if len(above) > DEEPEST:  # a record that holds itself
        return
    if isinstance(kind, list):
        for one in kind:
            yield from _avro(one, named, above)
    elif kind == "float" or (isinstance(kind, Mapping) and kind.get("type") == "float"):
        yield above
    elif isinstance(kind, Mapping) and kind.get("type") == "record":
        named[kind["name"]] = kind
        for field in kind["fields"]:
            yield from _avro(field["type"], named, (*above, field["name"]))


def singles_of_arrow(schema: pa.Schema) -> tuple[Path, ...]:
    """Find the fields of type float in a schema of arrow, those in lists left out."""
    return tuple(path for field in schema for path in _arrow(field, ()))


def _arrow(field: pa.Field, above: Path) -> Iterator[Path]:
    import pyarrow as pa

    here = (*above, field.name)
    if pa.types.is_float32(field.type):
        yield here
    if pa.types.is_struct(field.type):
        for inner in field.type.fields:
            yield from _arrow(inner, here)
