"""The columns of a run's record: how those of several parts become one table's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoocut.model import Value

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["column_of", "common_schema", "fitted"]


def column_of(values: list[Value]) -> pa.Array:
    """Return values as a column; as text where they are of types that do not go together."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values])


def common_schema(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """Return the columns of several tables, each of a type that holds what all of them have."""
    import pyarrow as pa

    fields: dict[str, pa.Field] = {}
    for field in (field for schema in schemas for field in schema):
        known = fields.get(field.name, field)
        fields[field.name] = known.with_type(_wider(known.type, field.type))
    return pa.schema(list(fields.values()))


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    return pa.string()


def fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table with the columns of a schema; those that it lacks are empty."""
    import pyarrow as pa

    present = set(table.schema.names)
    arrays = [
        table.column(field.name).cast(field.type)
        if field.name in present
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)
