"""Columns of tables, made so that what a cell prints is what its file says.

A column of text is numeric only where every cell that is not empty prints back to the same text; else it stays
text, letter by letter. What is done to columns that have a type stands in `tidying`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Tell", "column_of_texts"]

Tell = Callable[[str], None]

WHOLE = r"^(0|-?[1-9][0-9]*)$"
NUMBER = r"^\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
NOT_A_NUMBER = r"^(?i:[+-]?nan)$"


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
