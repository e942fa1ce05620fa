"""Random samples that depend on the seed and the ids alone, not on the order of rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from itertools import zip_longest

from zoocut.config.select import SampleSettings
from zoocut.model import DiaSource, SourceId, Value
from zoocut.select.columns import value_of
from zoocut.values import number_of

__all__ = ["draw_sample"]

Stratum = tuple[Value, ...]


def draw_sample(sources: Iterable[DiaSource], settings: SampleSettings) -> set[SourceId]:
    """Draw the ids of a sample; strata get equal parts as far as they have so many.

    Parameters
    ----------
    sources : iterable of DiaSource
        All.
    settings : SampleSettings
        Size, seed and strata.
    """
    rows = [(source.dia_source_id, *_keys(source, settings)) for source in sources]
    bounds = _bounds([value for _, _, value in rows if value is not None], settings.quantiles)
    strata: defaultdict[Stratum, list[SourceId]] = defaultdict(list)
    for number, stratum, value in rows:
        part = None if value is None else sum(value > bound for bound in bounds)
        strata[*stratum, part].append(number)
    return _deal(strata, settings)


def _keys(source: DiaSource, settings: SampleSettings) -> tuple[Stratum, float | None]:
    stratum = tuple(value_of(source, column, "select.sample.by") for column in settings.by)
    if settings.quantiles_of is None:
        return stratum, None
    number = number_of(value_of(source, settings.quantiles_of, "select.sample.quantiles_of"))
    return stratum, None if number is None else float(number)


def _bounds(values: Sequence[float], parts: int) -> list[float]:
    ordered = sorted(values)
    return [ordered[len(ordered) * n // parts - 1] for n in range(1, parts) if len(ordered) * n // parts]


def _deal(strata: Mapping[Stratum, Sequence[SourceId]], settings: SampleSettings) -> set[SourceId]:
    """Take from every stratum in turn until there are enough."""

    def lot(number: SourceId) -> bytes:
        return blake2b(f"{settings.seed}/{number}".encode(), digest_size=8).digest()

    shuffled = [sorted(numbers, key=lot) for numbers in strata.values()]
    chosen: set[SourceId] = set()
    for turn in zip_longest(*shuffled):
        present = sorted((number for number in turn if number is not None), key=lot)
        chosen.update(present[: settings.size - len(chosen)])
        if len(chosen) >= settings.size:
            break
    return chosen
