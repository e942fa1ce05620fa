"""Cuts on columns; a column of text is read as numbers or flags where a cut asks for these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoocut.config.select import Cut
from zoocut.error_kinds import WrongSetting
from zoocut.model import DiaSource, Value
from zoocut.select.columns import value_of
from zoocut.values import flag_of, number_of

__all__ = ["Cuts"]


@dataclass(slots=True)
class _Seen:
    """How many values of a column a cut could use, and one that it could not."""

    usable: int = 0
    other: Value = None

    def note(self, value: Value, usable: bool) -> None:
        if usable:
            self.usable += 1
        elif self.other is None:
            self.other = value


@dataclass(slots=True)
class Cuts:
    """What sources must hold.

    Parameters
    ----------
    cuts : mapping of str to Cut
        Column to what it must hold; all of them together.
    """

    cuts: Mapping[str, Cut]
    _seen: dict[str, _Seen] = field(default_factory=dict)

    def met_by(self, source: DiaSource) -> bool:
        """Whether a source meets all cuts; a cell that is no number, where one is needed, is missing.

        Raises
        ------
        ConfigError
            When its catalog lacks a column.
        """
        return all(self._met(source, column, cut) for column, cut in self.cuts.items())

    def require_sense(self) -> None:
        """Refuse cuts that none of all sources could have met, because the column holds something else.

        Raises
        ------
        ConfigError
            When a column held values, and none of the kind that its cut asks for.
        """
        for column, seen in self._seen.items():
            if not seen.usable and seen.other is not None:
                raise WrongSetting(
                    f"select.cuts.{column} has limits of another kind than the column, which holds {seen.other!r}: "
                    "give numbers for numbers, text for text, set for flags"
                )

    def _met(self, source: DiaSource, column: str, cut: Cut) -> bool:
        value = value_of(source, column, f"select.cuts.{column}")
        if cut.set is not None and not self._flag_met(column, value, cut.set):
            return False
        if value is None:
            return cut.set is False and (cut.min, cut.max, cut.one_of, cut.not_null) == (None,) * 4
        if cut.one_of is not None and not any(_equal(value, one) for one in cut.one_of):
            return False
        limits = [limit for limit in (cut.min, cut.max) if limit is not None]
        return not limits or self._within(column, value, cut)

    def _flag_met(self, column: str, value: Value, wanted: bool) -> bool:
        flag = flag_of(value)
        if value is not None:
            self._note(column, value, flag is not None)
        return bool(flag) is wanted

    def _within(self, column: str, value: Value, cut: Cut) -> bool:
        as_text = isinstance(cut.min, str) or isinstance(cut.max, str)
        found = (value if isinstance(value, str) else None) if as_text else number_of(value)
        self._note(column, value, found is not None)
        if found is None:
            return False
        try:
            above = cut.min is None or cut.min <= found  # type: ignore[operator]
            return above and (cut.max is None or found <= cut.max)  # type: ignore[operator]
        except TypeError:
            raise WrongSetting(
                f"select.cuts.{column} has a number and a text as its limits: give two of one kind"
            ) from None

    def _note(self, column: str, value: Value, usable: bool) -> None:
        self._seen.setdefault(column, _Seen()).note(value, usable)


def _equal(value: Value, one: int | float | str) -> bool:
    if isinstance(one, str):
        return str(value) == one
    return number_of(value) == one
