"""Which sources a batch holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from zoocut.errors import InputError
from zoocut.generating.plan import LARGEST_EXPOSURE, SOURCES_AT_ONCE, Batch, plan_batches
from zoocut.model import Cutout, DiaSource, Rejection
from zoocut.run.recorded import Recorded
from zoocut.run.sources import DrawnSource, DrawnWriter

SUM = "5" * 64


class ByVisit:
    """Images whose exposures are visits; visit 13 was never taken."""

    def exposure_of(self, source: DiaSource) -> str:
        if source.columns["visit"] == 13:
            raise InputError("there is no visit 13")
        return str(source.columns["visit"])

    def cut(self, exposure: str, sources: Sequence[DiaSource]) -> Iterator[tuple[Cutout, ...] | Rejection]:
        yield from ()


def source(number: int, visit: int) -> DiaSource:
    return DiaSource(number, 0.0, 0.0, "table", f"row {number}", {"visit": visit, "diaSourceId": number})


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    """A run that has recorded source 2."""
    with DrawnWriter(tmp_path / "sources.parquet") as writer:
        writer.add(DrawnSource({"diaSourceId": 2}, ("images/2.png",), (SUM,)), 0)
    return Recorded(tmp_path / "sources.parquet")


Rows = Sequence[DiaSource | Rejection]
Plan = Callable[..., list[Batch]]


@pytest.fixture
def plan(recorded: Recorded) -> Plan:
    """Plan rows in a run whose recorded images are there, or not."""

    def planned(rows: Rows, limit: int | None = None, there: bool = False) -> list[Batch]:
        return list(plan_batches(rows, ByVisit(), recorded, lambda *_: there, limit))

    return planned


def ids(batch: Batch) -> list[tuple[str, list[int]]]:
    return [
        (name, [planned.source.dia_source_id for planned in sources]) for name, sources in batch.exposures
    ]


def test_neighbours_of_an_exposure_stay_together(plan: Plan) -> None:
    (batch,) = plan([source(1, 7), source(2, 7), source(3, 8)])
    assert ids(batch) == [("7", [1, 2]), ("8", [3])]
    assert [planned.sha256 for planned in batch.exposures[0][1]] == [None, (SUM,)]
    assert [planned.position for _, sources in batch.exposures for planned in sources] == [0, 1, 2]


def test_what_is_drawn_is_kept(plan: Plan) -> None:
    (batch,) = plan([source(1, 7), source(2, 7), source(3, 7)], there=True)
    assert ids(batch) == [("7", [1, 3])]
    assert [kept.dia_source_id for kept in batch.kept] == [2]
    assert [planned.position for planned in batch.exposures[0][1]] == [0, 2]


def test_refused_rows_are_told_and_nothing_else_is_lost(plan: Plan) -> None:
    (batch,) = plan(
        [source(1, 7), Rejection("", "row 2", "no id"), source(3, 13), source(1, 8), source(4, 8)]
    )
    assert ids(batch) == [("7", [1]), ("8", [4])]
    assert [r.reason.split(":")[0] for r in batch.rejections] == [
        "no id",
        "there is no visit 13",
        "its diaSourceId is in the catalog twice",
    ]


def test_many_exposures_are_shared_out_and_only_a_huge_one_is_torn(plan: Plan) -> None:
    small = plan([source(n, n) if n != 13 else source(n, 14) for n in range(2 * SOURCES_AT_ONCE)])
    assert [len(batch) for batch in small] == [SOURCES_AT_ONCE, SOURCES_AT_ONCE]
    large = plan([source(n, 1) for n in range(LARGEST_EXPOSURE + 10)])
    assert [len(batch) for batch in large] == [LARGEST_EXPOSURE, 10]


def test_limit_counts_sources(plan: Plan) -> None:
    (batch,) = plan(
        [Rejection("", "row 1", "no id"), source(1, 7), source(1, 7), source(2, 7), source(3, 7)], 2
    )
    assert ids(batch) == [("7", [1, 2])]
