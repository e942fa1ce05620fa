"""How results show themselves in a notebook: as an HTML table, or as a data frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["data_frame", "html_table"]

MOST_ROWS = 100
"""Rows that a notebook shows: a page of them says what a thousand would."""


def html_table(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Write rows of the same keys as a table; every text is escaped.

    Parameters
    ----------
    title : str
        What stands above it.
    rows : sequence of mapping
        The rows; of many only the first `MOST_ROWS` are written, and how many follow.
    """
    head = "".join(f"<th>{escape(str(key))}</th>" for key in (rows[0] if rows else ()))
    body = "".join(_line(row.values()) for row in rows[:MOST_ROWS])
    more = f"<p>and {len(rows) - MOST_ROWS} more</p>" if len(rows) > MOST_ROWS else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else ""
    return f"<div><p>{escape(title)}</p>{table}{more}</div>"


def _line(cells: Iterable[Any]) -> str:
    texts = ("" if cell is None else str(cell) for cell in cells)
    return "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in texts) + "</tr>"


def data_frame(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Make a data frame of rows; whole numbers stay exact where other cells of their column are empty, too."""
    import pandas as pd

    listed = list(rows)
    names = list(dict.fromkeys(name for row in listed for name in row))
    return pd.DataFrame({name: _column([row.get(name) for row in listed]) for name in names})


def _column(values: list[Any]) -> Any:
    """Keep pandas from making floats, which round beyond 2^53, of whole numbers and empty cells."""
    import pandas as pd

    given = [value for value in values if value is not None]
    whole = all(type(value) is int and -(2**63) <= value < 2**63 for value in given)
    return pd.array(values, dtype="Int64") if given and whole and len(given) < len(values) else values
