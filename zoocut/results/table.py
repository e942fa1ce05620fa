"""The results as a table, a batch of rows at a time: ids, votes, then what the runs know of the source."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

from zoocut.metadata_keys import DIA_SOURCE_ID
from zoocut.model import Value
from zoocut.results.answers import ReducedTask
from zoocut.results.rules import Rules, Unit
from zoocut.results.sources import KnownSources
from zoocut.results.statistics import Counts, Floats, agreement, consensus, fractions, interval
from zoocut.results.votes import Count, Tally, Votes
from zoocut.run.known import KnownRow, known_columns

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ROWS_AT_ONCE", "batches", "columns_of_task"]

ROWS_AT_ONCE = 5000
LARGEST_ID = 2**63
CATALOG = "catalog_"
"""Put before the name of a catalog's column that is also one of the results."""


@dataclass(frozen=True, slots=True)
class Row:
    """What a row of the results is about.

    Parameters
    ----------
    unit : str
        The source, subject or object whose votes are counted.
    ids : mapping of str to str
        The columns that name it.
    columns : mapping of str to Value
        What the runs know of it.
    subject_ids : tuple of str
        The subjects that the runs have made of it.
    """

    unit: str
    ids: Mapping[str, str]
    columns: Mapping[str, Value]
    subject_ids: tuple[str, ...]


Line = tuple[Row, Count | None]
"""A row of the table: the same unit has several where versions of the workflow are told apart."""


def batches(
    sources: KnownSources,
    votes: Votes,
    tasks: Sequence[ReducedTask],
    rules: Rules,
    withdrawn: Collection[str] = frozenset(),
    rows_at_once: int = ROWS_AT_ONCE,
) -> Iterator[pa.Table]:
    """Make the table; there is at least one batch, and all have the same columns.

    Parameters
    ----------
    sources : KnownSources
        What the rows are about; a source without votes has a row as well.
    votes : Votes
        Settled.
    tasks : sequence of ReducedTask
        Whose answers get columns.
    rules : Rules
        What the rows are about, and the level of the intervals.
    withdrawn : collection of str
        The subjects that the workflow serves no more although they were not retired.
    rows_at_once : int
        Rows that are in memory together.

    Yields
    ------
    pyarrow.Table
        Up to some thousand rows.
    """
    rows = _rows(sources, votes, rules.unit, rows_at_once)
    layout = _Layout(sources, tasks, rules, withdrawn)
    yield layout.table(list(islice(rows, rows_at_once)), votes)
    while batch := list(islice(rows, rows_at_once)):
        yield layout.table(batch, votes)


def _rows(sources: KnownSources, votes: Votes, unit: Unit, rows_at_once: int) -> Iterator[Row]:
    if unit is Unit.OBJECT:
        return _objects(sources)
    if unit is Unit.SUBJECT:
        return _subjects(sources, votes, rows_at_once)
    return (_of_source(known, known.dia_source_id, sources) for known in sources.rows())


def _of_source(known: KnownRow, unit: str, sources: KnownSources) -> Row:
    source = known.dia_source_id
    return Row(unit, {DIA_SOURCE_ID: source}, known.columns, tuple(sources.subjects_of(source)))


def _subjects(sources: KnownSources, votes: Votes, rows_at_once: int) -> Iterator[Row]:
    rows = sources.rows()
    while batch := list(islice(rows, rows_at_once)):
        met: dict[str, list[str]] = {}
        for source, subject in votes.subjects_of([known.dia_source_id for known in batch]):
            met.setdefault(source, []).append(subject)
        for known in batch:
            source = known.dia_source_id
            for subject in dict.fromkeys(chain(sources.subjects_of(source), met.get(source, ()))):
                yield Row(subject, {"subject_id": subject, DIA_SOURCE_ID: source}, known.columns, (subject,))


def _objects(sources: KnownSources) -> Iterator[Row]:
    members: dict[str, list[str]] = {}
    for source in sources.ids:
        members.setdefault(sources.object_of(source), []).append(source)
    members.pop("", None)
    for name, found in members.items():
        subjects = chain.from_iterable(map(sources.subjects_of, found))
        yield Row(name, {"diaObjectId": name}, {"sources": len(found)}, tuple(subjects))


class _Layout:
    """The columns of the table, the same for every batch."""

    def __init__(
        self, sources: KnownSources, tasks: Sequence[ReducedTask], rules: Rules, withdrawn: Collection[str]
    ) -> None:
        self._withdrawn = withdrawn
        self._tasks = tasks
        self._rules = rules
        self._id_types = _id_types(sources, rules.unit)
        self._known = _known_types(sources, rules.unit)

    def table(self, rows: Sequence[Row], votes: Votes) -> pa.Table:
        """Make the table of some rows."""
        import pyarrow as pa

        units = [row.unit for row in rows]
        counts: dict[str, list[Count]] = {}
        for count in votes.counts(units):
            counts.setdefault(count.unit, []).append(count)
        lines = [(row, count) for row in rows for count in counts.get(row.unit, [None])]
        columns = self._ids(lines) | self._counts(lines) | self._votes(lines, votes.tallies(units))
        known = {name: [row.columns.get(name) for row, _ in lines] for name in self._known}
        for name, values in known.items():
            clash = f"{CATALOG}{name}" if name in columns else name
            columns[clash] = _array(values, self._known[name])
        return pa.table(columns)

    def _ids(self, lines: Sequence[Line]) -> dict[str, pa.Array]:
        return {
            name: _array([row.ids[name] for row, _ in lines], kind) for name, kind in self._id_types.items()
        }

    def _counts(self, lines: Sequence[Line]) -> dict[str, pa.Array]:
        import pyarrow as pa

        counts = [count for _, count in lines]
        subjects = [_subject_ids(row, one) for row, one in lines]
        withdrawn = [any(one in self._withdrawn for one in ids) for ids in subjects]
        whole, text = pa.int64(), pa.string()
        version = {"workflow_version": pa.array([one and one.version for one in counts], whole)}
        return (version if self._rules.version.apart else {}) | {
            "classifications": pa.array([one.classifications if one else 0 for one in counts], whole),
            "anonymous": pa.array([one.anonymous if one else 0 for one in counts], whole),
            "after_retirement": pa.array([one.after_retirement if one else 0 for one in counts], whole),
            "last_classified_at": pa.array([one.last_at if one else None for one in counts], text),
            "retired_at": pa.array([(one.retired_at or None) if one else None for one in counts], text),
            "withdrawn": pa.array(withdrawn, pa.bool_()),
            "subject_ids": pa.array([";".join(ids) for ids in subjects], text),
        }

    def _votes(self, lines: Sequence[Line], tallies: Iterable[Tally]) -> dict[str, pa.Array]:
        found = {(one.unit, one.version, one.task, one.answer): one.votes for one in tallies}

        def column(task: str, answer: str) -> Counts:
            keys = ((row.unit, count.version if count else 0, task, answer) for row, count in lines)
            return np.array([found.get(key, 0) for key in keys], dtype=np.int64)

        columns: dict[str, pa.Array] = {}
        for task in self._tasks:
            votes = {key: column(task.name, key) for key in task.labels}
            columns |= _of_task(task, votes, column(task.name, ""), self._rules.confidence)
        return columns


def _of_task(
    task: ReducedTask, votes: Mapping[str, Counts], answered: Counts, confidence: float
) -> dict[str, pa.Array]:
    import pyarrow as pa

    together = np.stack(list(votes.values()), axis=1) if votes else np.zeros((len(answered), 0), np.int64)
    decided = consensus(together, list(votes))
    columns = {
        f"{task.name}.n": pa.array(answered),
        f"{task.name}.consensus": pa.array(decided, pa.string()),
        f"{task.name}.consensus_label": pa.array([key and task.labels[key] for key in decided], pa.string()),
        f"{task.name}.agreement": _floats(agreement(together, answered)),
    }
    for key, count in votes.items():
        low, high = interval(count, answered, confidence)
        columns |= {
            f"{task.name}.{key}.votes": pa.array(count),
            f"{task.name}.{key}.fraction": _floats(fractions(count, answered)),
            f"{task.name}.{key}.low": _floats(low),
            f"{task.name}.{key}.high": _floats(high),
        }
    return columns


def columns_of_task(task: ReducedTask) -> list[str]:
    """Name the columns that a task has in the table."""
    whole = [f"{task.name}.{kind}" for kind in ("n", "consensus", "consensus_label", "agreement")]
    kinds = ("votes", "fraction", "low", "high")
    return whole + [f"{task.name}.{key}.{kind}" for key in task.labels for kind in kinds]


def _floats(values: Floats) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, from_pandas=True)


def _array(values: Sequence[Value], kind: pa.DataType) -> pa.Array:
    """Make a column; text where runs have columns of one name and two types, as `_known_types` chose."""
    import pyarrow as pa

    if pa.types.is_string(kind):
        return pa.array([None if value is None else str(value) for value in values], kind)
    if pa.types.is_int64(kind):
        return pa.array([None if value is None else int(value) for value in values], kind)
    return pa.array(values, kind)


def _subject_ids(row: Row, count: Count | None) -> Collection[str]:
    return dict.fromkeys((*row.subject_ids, *(count.subject_ids if count else ()))).keys()


def _id_types(sources: KnownSources, unit: Unit) -> dict[str, pa.DataType]:
    import pyarrow as pa

    if unit is Unit.OBJECT:
        return {"diaObjectId": _id_type(map(sources.object_of, sources.ids))}
    identity = {DIA_SOURCE_ID: _id_type(sources.ids)}
    return {"subject_id": pa.string()} | identity if unit is Unit.SUBJECT else identity


def _id_type(ids: Iterable[str]) -> pa.DataType:
    """Choose whole numbers where every id is one and is written as one, else text: nothing may be lost."""
    import pyarrow as pa

    exact = all(
        one.isascii() and one.isdecimal() and str(int(one)) == one and int(one) < LARGEST_ID for one in ids
    )
    return pa.int64() if exact else pa.string()


def _known_types(sources: KnownSources, unit: Unit) -> dict[str, pa.DataType]:
    import pyarrow as pa

    if unit is Unit.OBJECT:
        return {"sources": pa.int64()}
    types: dict[str, pa.DataType] = {}
    for run in sources.runs:
        for name, kind in known_columns(run).items():
            same = types.setdefault(name, kind) == kind
            types[name] = types[name] if same or pa.types.is_null(kind) else pa.string()
    return types
