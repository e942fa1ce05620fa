"""Looking a deciding column up in a source."""

from __future__ import annotations

from zoocut.error_kinds import NotThere
from zoocut.errors import did_you_mean
from zoocut.model import DiaSource, Value
from zoocut.values import object_or_none

__all__ = ["value_of"]


def value_of(source: DiaSource, column: str, key: str) -> Value:
    """Return a column's value; an object's id of 0, which is no object, as None.

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
    advice = did_you_mean(column, source.columns)
    raise NotThere(f"{key} names the column {column}, which {source.origin} does not have: {advice}")
