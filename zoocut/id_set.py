"""Ids of subjects by the million, to be looked up: eight bytes each, where Python's own set takes a hundred."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise

__all__ = ["IdSet"]


class IdSet:
    """Whole numbers below 2^63.

    Parameters
    ----------
    numbers : iterable of int
        They may be in any order and come twice; an array of them is handed over, and must not be used any more.
    """

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        held = numbers if isinstance(numbers, array) else array("q", numbers)
        if held and held[0] > held[-1]:  # as lists are read that begin with the newest
            held.reverse()
        self._held = _without_repeats(held)

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[int]:
        """Yield them, the lowest first."""
        return iter(self._held)

    def __contains__(self, number: object) -> bool:
        if not isinstance(number, int):
            return False
        at = bisect_left(self._held, number)
        return at < len(self._held) and self._held[at] == number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdSet) and self._held == other._held

    __hash__ = None  # type: ignore[assignment]

    def lacking(self, numbers: Sequence[int]) -> Sequence[int]:
        """Return those of some numbers that are not held; one look is enough where all are held, side by side."""
        ordered = array("q", sorted(numbers))
        at = bisect_left(self._held, ordered[0]) if ordered else 0
        if self._held[at : at + len(ordered)] == ordered:
            return ()
        return [number for number in numbers if number not in self]

    @property
    def highest(self) -> int:
        """The highest of them; 0 when there are none."""
        return self._held[-1] if self._held else 0

    def begins_as(self, other: IdSet) -> bool:
        """Whether those that are not above the highest of `other` are the same as it has; all, where it has none."""
        count = bisect_right(self._held, other.highest) if other else len(self)
        return memoryview(self._held)[:count] == memoryview(other._held)

    def without(self, others: IdSet) -> set[int]:
        """Return those that are not among others, few as they mostly are."""
        return set() if self == others else {number for number in self if number not in others}


def _without_repeats(held: array[int]) -> array[int]:
    """Return numbers rising, each once; Python's set of a million takes 100 MB, and is needed only for disorder."""
    if all(one < other for one, other in pairwise(held)):
        return held
    if any(one > other for one, other in pairwise(held)):
        return array("q", sorted(set(held)))
    count = 0
    for number, _ in groupby(held):  # reads ahead of what is written
        held[count] = number
        count += 1
    del held[count:]
    return held
