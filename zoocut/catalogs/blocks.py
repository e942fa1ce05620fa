"""Rows of a table whose cells become plain values a column at a time, when a cell of it is asked for.

What a call has drawn before is recognised by its id: of such rows the other columns are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from zoocut.catalogs.values import plain
from zoocut.model import Value

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Block", "BlockRow", "whole_row"]


class Block:
    """Some rows of a table that follow each other.

    Parameters
    ----------
    table : Table
        The rows.
    renamed : mapping of str to str
        Further columns: the name to give them = the name they have.
    ids : sequence
        What `diaSourceId` is in each row.
    """

    def __init__(self, table: pa.Table, renamed: Mapping[str, str], ids: list[Any]) -> None:
        self._table, self._renamed = table, renamed
        self._columns: dict[str, list[Value]] = {"diaSourceId": ids}

    @cached_property
    def names(self) -> dict[str, None]:
        """The columns in order."""
        return dict.fromkeys([*self._table.column_names, *self._renamed, "diaSourceId"])

    @cached_property
    def rows(self) -> list[tuple[Value, ...]]:
        """The values of all columns, row by row."""
        return list(zip(*map(self.column, self.names), strict=True))

    def column(self, name: str) -> list[Value]:
        """Return the values of a column.

        Raises
        ------
        KeyError
            When there is none of that name.
        """
        known = self._columns.get(name)
        if known is None:
            if name not in self.names:
                raise KeyError(name)
            known = self._columns[name] = plain_values(self._table[self._renamed.get(name, name)])
        return known


class BlockRow(Mapping[str, Value]):
    """A row of a block: its values by the names of their columns."""

    __slots__ = ("_at", "_block")

    def __init__(self, block: Block, at: int) -> None:
        self._block, self._at = block, at

    def __getitem__(self, name: str) -> Value:
        return self._block.column(name)[self._at]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value; the default where there is no such column."""
        return self._block.column(name)[self._at] if name in self._block.names else default

    def __contains__(self, name: object) -> bool:
        return name in self._block.names

    def __iter__(self) -> Iterator[str]:
        return iter(self._block.names)

    def __len__(self) -> int:
        return len(self._block.names)

    def to_dict(self) -> dict[str, Value]:
        """Return all of its values."""
        return dict(zip(self._block.names, self._block.rows[self._at], strict=True))

    def __reduce__(self) -> tuple[Any, ...]:
        """Be sent without the other rows of the block."""
        return dict, (self.to_dict(),)

    def __repr__(self) -> str:
        return repr(self.to_dict())


def whole_row(columns: Mapping[str, Value]) -> dict[str, Value]:
    """Return all values of a source, whatever keeps them."""
    return columns.to_dict() if isinstance(columns, BlockRow) else dict(columns)


def plain_values(column: pa.ChunkedArray) -> list[Value]:
    """Turn a column into plain values, as `plain` does a cell."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_floating(kind):
        finite = pc.if_else(pc.is_finite(column), column, pa.scalar(None, kind))
        return list(finite.to_pylist())
    exact = pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_string(kind)
    return list(column.to_pylist() if exact else map(plain, column.to_pylist()))
