"""Columns of tables, made so that what a cell prints is what its file says.

A column of text is numeric only where every cell that is not empty prints back to the same text; else it stays
text, letter by letter. Columns that have a type keep it, but for what their type has done to them: 32-bit numbers
become the shortest decimal that is exactly them, whole numbers that missing values made floating-point become
whole again, and where that has cost digits the cell is left out and told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zoocut.error_kinds import RepeatedColumn

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

__all__ = ["Tell", "column_of_texts", "column_of_values", "tidied"]

Tell = Callable[[str], None]

WHOLE = r"^(0|-?[1-9][0-9]*)$"
NUMBER = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
NOT_A_NUMBER = r"^(?i:[+-]?nan)$"
LARGEST_EXACT_FLOAT = 2**53


def column_of_texts(name: str, texts: pa.ChunkedArray, tell: Tell) -> pa.ChunkedArray:
    """Give a column of cells as they are written its type; empty cells become null.

    Parameters
    ----------
    name : str
        What the column is called, for what is told.
    texts : ChunkedArray
        The cells, as text.
    tell : callable
        Told of cells that are written otherwise than the others of a column of numbers.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    filled = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    present = pc.if_else(pc.match_substring_regex(filled, NOT_A_NUMBER), pa.scalar(None, pa.string()), filled)
    if present.null_count == len(present):
        return present
    for read in (_whole_numbers, _numbers, _flags):
        found = read(present)
        if found is not None:
            return found
    _tell_of_exceptions(name, filled, tell)
    return filled


def _whole_numbers(texts: pa.ChunkedArray) -> pa.ChunkedArray | None:
    import pyarrow as pa

    try:
        numbers = texts.cast(pa.int64())
    except pa.ArrowInvalid:
        return None
    return numbers if numbers.cast(pa.string()).equals(texts) else None


def _numbers(texts: pa.ChunkedArray) -> pa.ChunkedArray | None:
    import pyarrow as pa

    chunks = []
    for chunk in texts.chunks:
        cells = chunk.to_pylist()
        try:
            numbers = [None if cell is None else float(cell) for cell in cells]
        except ValueError:
            return None
        if any(
            number is not None and repr(number) != cell for number, cell in zip(numbers, cells, strict=True)
        ):
            return None
        chunks.append(pa.array(numbers, pa.float64()))
    found = pa.chunked_array(chunks, pa.float64())
    return found if _all_finite(found) else None


def _all_finite(numbers: pa.ChunkedArray) -> bool:
    import pyarrow.compute as pc

    return bool(pc.all(pc.is_finite(numbers)).as_py())


def _flags(texts: pa.ChunkedArray) -> pa.ChunkedArray | None:
    import pyarrow.compute as pc

    if not set(pc.unique(texts).to_pylist()) <= {"True", "False", None}:
        return None
    return pc.equal(texts, "True")


def _tell_of_exceptions(name: str, texts: pa.ChunkedArray, tell: Tell) -> None:
    """Tell of the few cells that keep a column of numbers from being one."""
    import pyarrow.compute as pc

    present = texts.drop_null()
    for form, kind in ((WHOLE, "whole numbers"), (NUMBER, "numbers")):
        alike = pc.match_substring_regex(present, form)
        count = pc.sum(alike).as_py() or 0
        if 2 * count >= len(present) > count:
            first = pc.filter(present, pc.invert(alike))[0].as_py()
            tell(
                f"column {name}: {len(present) - count} of {len(present)} cells are not written as {kind}, the first of"
                f" them {first[:40]!r}; the column is kept as text, letter by letter"
            )
            return
        if 2 * count > len(present):
            # numbers of 64 bits hold them not, or printing them would change how they are written
            _tell_of_range(name, present, kind, tell)
            return


def _tell_of_range(name: str, present: pa.ChunkedArray, kind: str, tell: Tell) -> None:
    if kind != "whole numbers":
        return
    beyond = [cell for cell in present.to_pylist() if not -(2**63) <= int(cell) < 2**63]
    if beyond:
        tell(
            f"column {name}: {len(beyond)} of {len(present)} cells are beyond 64 bits, the first of them"
            f" {beyond[0][:40]}; the column is kept as text, letter by letter"
        )


def column_of_values(values: list[Any]) -> pa.Array:
    """Make a column of plain values, exact whatever their size; values that do not go together become text."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


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
    import pyarrow as pa

    repeated = [name for name, count in Counter(table.column_names).items() if count > 1]
    if repeated:
        raise RepeatedColumn(
            f"it has several columns named {', '.join(repeated)}: rename or delete all but one"
        )
    columns = {
        name: column if name == id_column else _tidied(name, column, tell)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return pa.table({name: column for name, column in columns.items() if column is not None})


def _tidied(name: str, column: pa.ChunkedArray, tell: Tell) -> pa.ChunkedArray | None:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return _tidied(name, column.cast(kind.value_type), tell)
    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        return _whole_again(name, _shortest(column), tell)
    if pa.types.is_float64(kind):
        return _whole_again(name, column, tell)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return _decoded(name, column, tell)
    return column


def _shortest(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Widen to 64 bits by way of the shortest decimal that is exactly the number."""
    import numpy as np
    import pyarrow as pa

    chunks = []
    for chunk in column.chunks:
        missing = np.asarray(chunk.is_null())
        numbers: np.ndarray[Any, Any] = chunk.to_numpy(zero_copy_only=False)
        wide = np.where(missing, 0, numbers).astype(numbers.dtype).astype("U32").astype(float)
        chunks.append(pa.array(wide, pa.float64(), mask=missing))
    return pa.chunked_array(chunks, pa.float64())


def _whole_again(name: str, column: pa.ChunkedArray, tell: Tell) -> pa.ChunkedArray:
    """Turn floating-point numbers that are all whole, and only float because some are missing, back."""
    import numpy as np
    import pyarrow as pa

    numbers = column.to_numpy()  # null is NaN
    present = numbers[~np.isnan(numbers)]
    if not len(present) or not np.isfinite(present).all() or (present != np.trunc(present)).any():
        return column
    inexact = np.abs(numbers) >= LARGEST_EXACT_FLOAT
    if len(present) == len(numbers) and not inexact.any():
        return column
    if inexact.any():
        example = float(numbers[inexact][0])
        tell(
            f"column {name}: {int(inexact.sum())} whole numbers beyond 2^53 went through floating point, such as"
            f" {example!r}: their last digits are lost, so they are left out; save the column as integers"
        )
    mask = np.isnan(numbers) | inexact
    return pa.chunked_array([pa.array(np.where(mask, 0, numbers).astype(np.int64), mask=mask)])


def _decoded(name: str, column: pa.ChunkedArray, tell: Tell) -> pa.ChunkedArray | None:
    import pyarrow as pa

    try:
        return column.cast(pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        tell(f"column {name} holds bytes that are no UTF-8 text: it is left out")
        return None
