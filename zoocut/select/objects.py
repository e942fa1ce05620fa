"""One source an object."""

from __future__ import annotations

from collections.abc import Iterable

from zoocut.config.select import OnePerObject
from zoocut.model import DiaSource, Value
from zoocut.select.columns import value_of

__all__ = ["best_of_objects"]


def best_of_objects(sources: Iterable[DiaSource], settings: OnePerObject) -> set[int]:
    """Choose the ids of one source for each object.

    Parameters
    ----------
    sources : iterable of DiaSource
        All.
    settings : OnePerObject
        Which column tells the object, and which of its sources counts. Among equals the smallest id counts.
    """
    column = settings.snr if settings.keep == "best" else settings.time
    sign = -1 if settings.keep == "first" else 1
    best: dict[Value, tuple[float, int]] = {}
    alone: set[int] = set()
    for source in sources:
        name = value_of(source, settings.object, "select.one_per_object.object")
        if not name:
            alone.add(source.dia_source_id)
            continue
        value = value_of(source, column, f"select.one_per_object, keep = {settings.keep!r},")
        merit = sign * float(value) if isinstance(value, (int, float)) else -float("inf")
        best[name] = max(best.get(name, (merit, -source.dia_source_id)), (merit, -source.dia_source_id))
    return alone | {-negative_id for _, negative_id in best.values()}
