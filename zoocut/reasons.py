"""Why rows were rejected, counted: reasons that differ in their paths and numbers alone are one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

__all__ = [
    "NOTHING_TO_SHOW",
    "NO_DATA",
    "OFF_THE_FRAME",
    "OTHER_PIXELS",
    "REFUSED_ROW",
    "TOO_WIDE",
    "TWICE",
    "Reason",
    "Reasons",
]

OFF_THE_FRAME = "Z240"
"""A source lies off its frame."""

NO_DATA = "Z241"
"""No pixel of a cutout has data."""

TWICE = "Z242"
"""The catalog has a source twice."""

TOO_WIDE = "Z243"
"""A cutout does not fit its panel."""

OTHER_PIXELS = "Z244"
"""The pixels are no longer those that the run was made of."""

NOTHING_TO_SHOW = "Z245"
"""None of the media has anything to show of a source."""

REFUSED_ROW = "Z246"
"""A row cannot be uploaded, or not be changed any more."""

OWN = re.compile(r"\d|[/\\]|^\W*['\"]|\w\.\w")
"""A word that may be a row's own: with a digit, a path, a quotation, a file's name."""

LEFT_OUT = "..."
"""In the place of the words that rows do not share."""

MOST_NAMED = 3


@dataclass(slots=True)
class Reason:
    """One reason.

    Parameters
    ----------
    words : list of str
        What its rows are told in common.
    count : int
        How many rows.
    named : list of str
        The first of them.
    code : str
        The kind of trouble, empty where a reason has none.
    """

    words: list[str]
    code: str = ""
    count: int = 0
    named: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Say what all rows have in common, remedy and all; a run of what they do not share is left out."""
        shown = [
            word
            for n, word in enumerate(self.words)
            if word != LEFT_OUT or self.words[n - 1 : n] != [LEFT_OUT]
        ]
        return " ".join([*shown, f"[{self.code}]"] if self.code else shown)


class Reasons:
    """Counts reasons, given as (row's id, reason), all of one kind of trouble."""

    def __init__(self, rows: Iterable[tuple[str, str]] = (), code: str = "") -> None:
        self._reasons: dict[str, Reason] = {}
        for name, reason in rows:
            self.add(name, reason, code)

    def add(self, name: str, reason: str, code: str = "") -> None:
        """Count the reason of a row, which is trouble of a kind."""
        words = reason.split()
        key = " ".join([code, *(LEFT_OUT if OWN.search(word) else word for word in words)])
        known = self._reasons.setdefault(key, Reason(words, code))
        pairs = zip(known.words, words, strict=True)
        known.words = [mine if mine == theirs else LEFT_OUT for mine, theirs in pairs]
        known.count += 1
        if len(known.named) < MOST_NAMED:
            known.named.append(name)

    def total(self) -> int:
        """Tell how many rows were counted."""
        return sum(reason.count for reason in self._reasons.values())

    def __iter__(self) -> Iterator[Reason]:
        """Yield the reasons, the most frequent first."""
        yield from sorted(self._reasons.values(), key=lambda reason: -reason.count)

    def counted(self) -> Counter[str]:
        """Return how many rows have each reason."""
        counts: Counter[str] = Counter()
        for reason in self:
            counts[str(reason)] += reason.count
        return counts
