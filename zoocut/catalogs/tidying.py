"""Undoing what types have done to the columns of a table.

32-bit numbers become the shortest decimal that is exactly them, whole numbers that missing values made floating-point
become whole again, and where that has cost digits the cell is left out and told. Whether a column is one of whole
numbers only all of its cells tell: `Tidying` looks at every batch of a table first, then tidies them one by one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoocut.catalogs.columns import Tell
from zoocut.error_kinds import RepeatedColumn

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

__all__ = ["Tidying", "tidied"]

LARGEST_EXACT_FLOAT = 2**53


def tidied(table: pa.Table, tell: Tell, id_column: str = "") -> pa.Table:
    """Undo what types have done to the columns of a table that has types.

    Parameters
    ----------
    table : Table
        As parquet, a data frame or astropy give it.
    tell : callable
        Told of columns that have lost something.
    id_column : str
        The column of ids, which refuses its cells one by one and is left as it is.

    Raises
    ------
    InputError
        When a name is there twice.
    """
    tidying = Tidying(table.schema, id_column)
    tidying.look(table)
    tidying.settle(tell)
    return tidying.apply(table)


@dataclass(slots=True)
class _Floats:
    """What the cells of a column of floating-point numbers have in common, as far as they were looked at."""

    whole: bool = True
    present: int = 0
    missing: int = 0
    inexact: int = 0
    example: float = 0.0

    def look(self, numbers: np.ndarray[Any, Any]) -> None:
        import numpy as np

        present = numbers[~np.isnan(numbers)]
        self.whole = self.whole and bool(np.isfinite(present).all() and (present == np.trunc(present)).all())
        inexact = present[np.abs(present) >= LARGEST_EXACT_FLOAT]
        if len(inexact) and not self.inexact:
            self.example = float(inexact[0])
        self.inexact += len(inexact)
        self.present += len(present)
        self.missing += len(numbers) - len(present)

    @property
    def were_whole_numbers(self) -> bool:
        """Whether they were whole numbers before missing values, or a type too small, made them floating-point."""
        return self.whole and bool(self.present) and bool(self.missing or self.inexact)


class Tidying:
    """What is to be done to the columns of one table.

    Parameters
    ----------
    schema : Schema
        Of the table.
    id_column : str
        The column of ids, which is left as it is.

    Raises
    ------
    InputError
        When a name is there twice.
    """

    def __init__(self, schema: pa.Schema, id_column: str = "") -> None:
        import pyarrow.types as types

        repeated = [name for name, count in Counter(schema.names).items() if count > 1]
        if repeated:
            raise RepeatedColumn(
                f"it has several columns named {', '.join(repeated)}: rename or delete all but one"
            )
        kinds = {field.name: _plain_type(field.type) for field in schema if field.name != id_column}
        self._floats = {name: _Floats() for name, kind in kinds.items() if types.is_floating(kind)}
        self._binary = {name for name, kind in kinds.items() if _is_binary(kind)}
        self._undecoded: set[str] = set()

    @property
    def undecided(self) -> list[str]:
        """The columns that must be looked at further."""
        floats = [name for name, known in self._floats.items() if known.whole]
        return [*floats, *(self._binary - self._undecoded)]

    def look(self, table: pa.Table) -> None:
        """Look at some rows: those of `undecided` columns that are there."""
        for name in self.undecided:
            column = _plain_column(table[name])
            if name in self._floats:
                self._floats[name].look(column.to_numpy().astype(float))  # null is NaN
            elif not _is_text(column):
                self._undecoded.add(name)

    def settle(self, tell: Tell) -> None:
        """Tell what was found, when all rows have been looked at."""
        for name, known in self._floats.items():
            if known.were_whole_numbers and known.inexact:
                tell(
                    f"column {name}: {known.inexact} whole numbers beyond 2^53 went through floating point, such as"
                    f" {known.example!r}: their last digits are lost, so they are left out; save the column as integers"
                )
        for name in sorted(self._undecoded):
            tell(f"column {name} holds bytes that are no UTF-8 text: it is left out")

    def apply(self, table: pa.Table) -> pa.Table:
        """Tidy some rows."""
        import pyarrow as pa

        names = [name for name in table.column_names if name not in self._undecoded]
        return pa.table({name: self._tidied(name, table[name]) for name in names})

    def _tidied(self, name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
        import pyarrow as pa

        if name in self._binary:
            return _plain_column(column).cast(pa.binary()).cast(pa.string())
        if name not in self._floats:
            return _plain_column(column) if pa.types.is_dictionary(column.type) else column
        numbers = _wide(_plain_column(column))
        return _whole_again(numbers) if self._floats[name].were_whole_numbers else numbers


def _plain_type(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(_plain_type(column.type))


def _is_binary(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))


def _is_text(column: pa.ChunkedArray) -> bool:
    import pyarrow as pa

    try:
        column.cast(pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _wide(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Widen to 64 bits by way of the shortest decimal that is exactly the number."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_float64(column.type):
        return column
    chunks = []
    for chunk in column.chunks:
        missing = np.asarray(chunk.is_null())
        numbers: np.ndarray[Any, Any] = chunk.to_numpy(zero_copy_only=False)
        wide = np.where(missing, 0, numbers).astype(numbers.dtype).astype("U32").astype(float)
        chunks.append(pa.array(wide, pa.float64(), mask=missing))
    return pa.chunked_array(chunks, pa.float64())


def _whole_again(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Turn floating-point numbers that are all whole back; what has lost digits is left out."""
    import numpy as np
    import pyarrow as pa

    numbers = column.to_numpy()  # null is NaN
    mask = np.isnan(numbers) | (np.abs(numbers) >= LARGEST_EXACT_FLOAT)
    whole = np.where(mask, 0, numbers).astype(np.int64)
    return pa.chunked_array([pa.array(whole, mask=mask)])
