"""Looking a deciding column up in a source."""

from __future__ import annotations

import difflib

from zoocut.errors import ConfigError
from zoocut.model import DiaSource, Value, object_or_none

__all__ = ["value_of"]


def value_of(source: DiaSource, column: str, key: str) -> Value:
    """Give a column's value; an object's id of 0, which is no object, as None.

    Parameters
    ----------
    source : DiaSource
        The source.
    column : str
        The column.
    key : str
        The setting that names it, for the message.

    Raises
    ------
    ConfigError
        When the source's catalog has no such column.
    """
    if column in source.columns:
        return object_or_none(column, source.columns[column])
    near = difflib.get_close_matches(column, source.columns, n=1)
    advice = f"did you mean {near[0]}?" if near else f"it has {', '.join(list(source.columns)[:12])}"
    raise ConfigError(f"{key} names the column {column}, which {source.origin} does not have: {advice}")
