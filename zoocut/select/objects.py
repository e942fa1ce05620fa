"""One source an object."""

from __future__ import annotations

from collections.abc import Iterable

from zoocut.config.select import OnePerObject
from zoocut.model import DiaSource, SourceId, Value
from zoocut.select.columns import value_of
from zoocut.values import number_of, object_of

__all__ = ["best_of_objects"]


def best_of_objects(sources: Iterable[DiaSource], settings: OnePerObject) -> set[SourceId]:
    """Choose the ids of one source for each object.

    Parameters
    ----------
    sources : iterable of DiaSource
        All.
    settings : OnePerObject
        Which column tells the object, and which of its sources counts. Among equals the smallest id counts.
    """
    best: dict[Value, tuple[float, SourceId]] = {}
    alone: set[SourceId] = set()
    for source in sources:
        name = object_of(value_of(source, settings.object, "select.one_per_object.object"))
        if name is None:
            alone.add(source.dia_source_id)
            continue
        merit, known = _merit(source, settings), best.get(name)
        if (
            known is None
            or merit > known[0]
            or (merit == known[0] and _before(source.dia_source_id, known[1]))
        ):
            best[name] = (merit, source.dia_source_id)
    return alone | {chosen for _, chosen in best.values()}


def _merit(source: DiaSource, settings: OnePerObject) -> float:
    column = settings.snr if settings.keep == "best" else settings.time
    value = number_of(value_of(source, column, f"select.one_per_object, keep = {settings.keep!r},"))
    if value is None:
        return -float("inf")
    return -float(value) if settings.keep == "first" else float(value)


def _before(one: SourceId, other: SourceId) -> bool:
    return one < other if isinstance(one, int) and isinstance(other, int) else str(one) < str(other)
