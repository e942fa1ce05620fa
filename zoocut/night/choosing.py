"""Which sources of a catalog are new, which of them volunteers are to see, and in which night."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from zoocut.config.night import NightSettings
from zoocut.error_kinds import NotThere, RecordDamaged
from zoocut.errors import ConfigError, NeedsDecision, did_you_mean
from zoocut.files import typed
from zoocut.model import Catalog, DiaSource, Rejection, SourceId, Value
from zoocut.night.dates import night_of
from zoocut.night.record import NightRecord
from zoocut.values import marks_missing, number_of, object_of

__all__ = ["ChosenCatalog", "Known", "NewSources", "choose_new", "known_sources"]

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
"""A number as it is written: 007 is a name."""

GONE = (
    "it was chosen for this night, and the catalog, as [catalog] and [select] read it now, does not hold it any more, "
    "or not readably: it is taken when the catalog holds it again"
)


@dataclass(slots=True)
class Known:
    """What earlier nights have taken.

    Parameters
    ----------
    ids : set of str
        Sources that were drawn or passed over.
    objects : mapping of object id to set
        The values of `night.changed` that each object was shown with; empty sets where nothing is followed.
    greatest : float or None
        The greatest value of `night.since_column` so far.
    """

    ids: set[str] = field(default_factory=set)
    objects: dict[Value, set[Value]] = field(default_factory=lambda: defaultdict(set))
    greatest: int | float | None = None


def known_sources(nights: Iterable[NightRecord], settings: NightSettings) -> Known:
    """Read what the nights so far have drawn and passed over."""
    known = Known()
    for night in nights:
        _require_drawn(night)
        known.ids |= set(night.passed_over)
        for row in _drawn_rows(night.path, settings):
            known.ids.add(str(row["diaSourceId"]))
            name = object_of(row.get(settings.object_column))
            if name is not None:
                known.objects[name].add(_as_number(row.get(settings.changed or "")))
        if night.greatest is not None:
            known.greatest = max(night.greatest, known.greatest or night.greatest)
    return known


def _require_drawn(night: NightRecord) -> None:
    """Refuse a night whose run is gone: its sources would be new, and be shown again."""
    if night.counts.get("drawn") and not (night.path / "sources.parquet").is_file():
        raise RecordDamaged(
            f"{night.path} has no sources.parquet, which tells what volunteers have seen of this night: restore the "
            f"folder from a copy (its pictures are not needed), or forget the night with `rm {typed(night.file)}`"
        )


def _as_number(value: Value) -> Value:
    """Return text that is a number as that: a column of numbers is recorded as text where one of it was a name."""
    if not isinstance(value, str) or not NUMBER.fullmatch(value):
        return value
    return int(value) if value.lstrip("-").isdecimal() else float(value)


def _drawn_rows(path: Path, settings: NightSettings) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    file = path / "sources.parquet"
    if not file.is_file():
        return
    wanted = ("diaSourceId", settings.object_column, settings.changed)
    try:
        parquet = pq.ParquetFile(file)
        names = [name for name in parquet.schema_arrow.names if name in wanted]
        yield from parquet.read(columns=names).to_pylist()
    except Exception as error:  # pyarrow raises almost anything for a damaged file
        raise RecordDamaged(
            f"{file} cannot be read ({error}): run `zoocut generate CONFIG -o RUN` with this night's run.toml again"
        ) from error


@dataclass(frozen=True, slots=True)
class NewSources:
    """What is new.

    Parameters
    ----------
    nights : mapping of date to list of DiaSource
        The sources that are to be drawn, by night.
    passed_over : mapping of date to list of str
        The ids that the limit, or the rule for objects, leaves out.
    too_old : int
        How many are of nights older than `night.max_age`.
    unreadable : int
        Rows of the catalog that cannot be read.
    greatest : int, float or None
        The greatest value of `night.since_column`.
    ahead : date or None
        The last night, if it lies ahead of this machine's clock.
    """

    nights: Mapping[date, list[DiaSource]]
    passed_over: Mapping[date, list[str]]
    too_old: int
    unreadable: int
    greatest: int | float | None
    ahead: date | None = None


def choose_new(
    catalog: Catalog, known: Known, settings: NightSettings, today: date, undated_night: date | None = None
) -> NewSources:
    """Find what is new in a catalog.

    Parameters
    ----------
    catalog : Catalog
        Everything that may be new.
    known : Known
        What is not.
    settings : NightSettings
        What is taken of it.
    today : date
        Nights longer before it than `max_age` are passed over.
    undated_night : date, optional
        The night of sources whose data do not tell it; they are left out without.

    Raises
    ------
    ConfigError
        When no new source tells its night, or a column that is named is not there.
    NeedsDecision
        When a night has more new sources than `stop_above`.
    """
    by_night: dict[date, list[DiaSource]] = defaultdict(list)
    unreadable, too_old, greatest = 0, 0, known.greatest
    undated: ConfigError | None = None
    oldest, tomorrow = today - timedelta(days=settings.max_age), today + timedelta(days=1)
    for row in catalog.sources():
        if isinstance(row, Rejection):
            unreadable += 1
            continue
        if str(row.dia_source_id) in known.ids:
            continue
        try:
            night = night_of(row, settings)
        except ConfigError as error:
            if undated_night is None:
                undated, unreadable = undated or error, unreadable + 1
                continue
            night = undated_night
        if night <= tomorrow:  # one wrong value far ahead would keep all later rows out of the query
            greatest = _greater(greatest, row, settings)
        if night < oldest:
            too_old += 1
        else:
            by_night[night].append(row)
    if undated is not None and not by_night and not too_old:
        raise undated  # none of them tells: it is the settings that lack a column, not a row
    new = [source for sources in by_night.values() for source in sources]
    _require_objects(new, settings)
    _require_numbers(new, settings.since_column, "night.since_column")
    _stop_above(by_night, settings)
    chosen, passed_over = _shown(by_night, known, settings)
    ahead = max((night for night in by_night if night > tomorrow), default=None)
    return NewSources(chosen, passed_over, too_old, unreadable, greatest, ahead)


def _greater(greatest: int | float | None, source: DiaSource, settings: NightSettings) -> int | float | None:
    """Return the greatest number so far, whole ones exactly: ids do not fit into floating point."""
    if settings.since_column is None:
        return greatest
    value = number_of(_column(source, settings.since_column, "night.since_column"))
    return greatest if value is None else value if greatest is None else max(greatest, value)


def _require_numbers(sources: Sequence[DiaSource], name: str | None, key: str) -> None:
    """Refuse a column of which no value is a number, where numbers are needed.

    Raises
    ------
    ConfigError
        When it is not there, or holds something else.
    """
    values = [] if name is None else [_column(source, name, key) for source in sources]
    others = [value for value in values if value is not None and not marks_missing(value)]
    if others and not any(number_of(value) is not None for value in others):
        raise NotThere(f"{key} names the column {name}, which holds {others[0]!r}: give a column of numbers")


def _require_objects(sources: Sequence[DiaSource], settings: NightSettings) -> None:
    """Refuse a column of objects that no source has: volunteers would see each object as often as it is detected.

    Raises
    ------
    ConfigError
        When it is not there.
    """
    if settings.object == "every" or any(settings.object_column in source.columns for source in sources):
        return
    for source in sources[:1]:
        advice = did_you_mean(settings.object_column, source.columns)
        raise NotThere(
            f"night.object = {settings.object!r} needs the column of objects, and {source.origin} has no "
            f"{settings.object_column}: set night.object_column ({advice}), or night.object = 'every'"
        )


def _column(source: DiaSource, name: str, key: str) -> Value:
    if name not in source.columns:
        advice = did_you_mean(name, source.columns)
        raise NotThere(f"{key} names the column {name}, which {source.origin} does not have: {advice}")
    return source.columns[name]


def _stop_above(by_night: Mapping[date, Sequence[DiaSource]], settings: NightSettings) -> None:
    for night, sources in by_night.items():
        if settings.stop_above is not None and len(sources) > settings.stop_above:
            raise NeedsDecision(
                f"the night {night} has {len(sources)} new sources, more than night.stop_above = "
                f"{settings.stop_above}: look at them, then raise it, or leave them out by [select], and run this again"
            )


def _shown(
    by_night: Mapping[date, list[DiaSource]], known: Known, settings: NightSettings
) -> tuple[dict[date, list[DiaSource]], dict[date, list[str]]]:
    """Take the first of each night by rank, an object as often as is asked for; the newest nights choose first."""
    chosen: dict[date, list[DiaSource]] = {}
    passed_over: dict[date, list[str]] = {}
    taken = {name: set(values) for name, values in known.objects.items()}
    for night in sorted(by_night, reverse=True):
        kept: list[DiaSource] = []
        left: list[str] = []
        for source in _ranked(by_night[night], settings):
            room = settings.limit is None or len(kept) < settings.limit
            if room and _is_to_be_shown(source, taken, settings):
                kept.append(source)
            else:
                left.append(str(source.dia_source_id))
        chosen[night], passed_over[night] = kept, left
    return chosen, passed_over


def _is_to_be_shown(source: DiaSource, taken: dict[Value, set[Value]], settings: NightSettings) -> bool:
    """Tell whether volunteers are to see a source, and remember that they do."""
    name = object_of(source.columns.get(settings.object_column))
    if settings.object == "every" or name is None:
        return True
    value = _column(source, settings.changed, "night.changed") if settings.changed else None
    seen, value = taken.setdefault(name, set()), _as_number(value)
    if seen and (settings.object == "once" or value in seen):
        return False
    seen.add(value)
    return True


def _ranked(sources: list[DiaSource], settings: NightSettings) -> list[DiaSource]:
    rank = settings.rank
    if rank is None:
        return sources
    if rank == "random":
        # by the ids alone: the same sources come first whenever, and in whatever order, they are read
        return sorted(sources, key=lambda source: random.Random(str(source.dia_source_id)).random())
    column, sign = rank.removeprefix("-"), -1.0 if rank.startswith("-") else 1.0
    _require_numbers(sources, column, "night.rank")
    return sorted(sources, key=lambda source: _merit(_column(source, column, "night.rank"), sign))


def _merit(value: Value, sign: float) -> tuple[bool, float]:
    """Order numbers, those that are missing last."""
    number = number_of(value)
    return number is None, 0.0 if number is None else sign * float(number)


class ChosenCatalog:
    """The chosen sources of a night, in the catalog's order; those that it does not hold any more are refused.

    Parameters
    ----------
    catalog : Catalog
        Where they are.
    ids : iterable of str
        Which.
    drawn : container of id
        Those that the night has drawn already, which the catalog need not hold.
    """

    def __init__(self, catalog: Catalog, ids: Iterable[str], drawn: Container[SourceId] = ()) -> None:
        self._catalog, self._ids, self._drawn = catalog, frozenset(ids), drawn

    @property
    def expected(self) -> int:
        """How many there are."""
        return len(self._ids)

    def sources(self) -> Iterator[DiaSource | Rejection]:
        """Yield them."""
        found: set[str] = set()
        for row in self._catalog.sources():
            if isinstance(row, DiaSource) and str(row.dia_source_id) in self._ids:
                found.add(str(row.dia_source_id))
                yield row
        for name in sorted(self._ids - found):
            if name not in self._drawn:
                yield Rejection(name, "", GONE, NotThere.code)
