"""Cuts on columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zoocut.config.select import Cut
from zoocut.errors import ConfigError
from zoocut.model import DiaSource
from zoocut.select.columns import value_of

__all__ = ["CutTest", "open_cuts"]

CutTest = Callable[[DiaSource], bool]


def open_cuts(cuts: Mapping[str, Cut]) -> CutTest:
    """Give the test that a source must pass.

    Parameters
    ----------
    cuts : mapping of str to Cut
        Column to what it must hold; all of them together.
    """

    def meets(source: DiaSource) -> bool:
        return all(_cut_met(source, column, cut) for column, cut in cuts.items())

    return meets


def _cut_met(source: DiaSource, column: str, cut: Cut) -> bool:
    value = value_of(source, column, f"select.cuts.{column}")
    if cut.set is not None and bool(value) is not cut.set:
        return False
    if value is None:
        return cut.set is False and (cut.min, cut.max, cut.one_of, cut.not_null) == (None,) * 4
    if cut.one_of is not None and value not in cut.one_of:
        return False
    try:
        above = cut.min is None or cut.min <= value  # type: ignore[operator]
        return above and (cut.max is None or value <= cut.max)  # type: ignore[operator]
    except TypeError:
        raise ConfigError(
            f"select.cuts.{column} has limits of another kind than the column, which holds {value!r}: "
            "give numbers for numbers, text for text"
        ) from None
