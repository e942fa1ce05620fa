"""How chosen sources spread: five hundred of one detector are another sample than five hundred of a night."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from zoocut.model import Value

__all__ = ["Spread"]


@dataclass(slots=True)
class Spread:
    """Counts of sources by visit, detector and band, where the catalog has these columns."""

    visits: Counter[Value] = field(default_factory=Counter)
    detectors: Counter[Value] = field(default_factory=Counter)
    bands: Counter[Value] = field(default_factory=Counter)

    def add(self, rows: Sequence[Mapping[str, Value]]) -> None:
        """Count sources by their columns."""
        counters = (("visit", self.visits), ("detector", self.detectors), ("band", self.bands))
        for column, counter in counters:
            counter.update(value for row in rows if (value := row.get(column)) is not None)

    def __str__(self) -> str:
        """Say it in a line; empty where nothing is known."""
        parts = [
            f"{len(counter)} {name}{'s' if len(counter) > 1 else ''}"
            for name, counter in (("visit", self.visits), ("detector", self.detectors))
            if counter
        ]
        if self.bands:
            bands = ", ".join(f"{band} {count}" for band, count in sorted(self.bands.items(), key=str))
            parts.append(f"bands {bands}")
        return "; ".join(parts)
