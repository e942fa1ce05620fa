"""Forced photometry of a Butler repository: its tables have no times, the visits do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.time import Time, TimeDelta

from zoocut.catalogs.history import History, Kind, open_histories
from zoocut.config.settings import Settings
from zoocut.errors import InputError
from zoocut.model import DiaSource, Rejection

BIG = 2**53 + 1
MIDDLES = {10: 60900.25, 11: 60910.5, 12: 60920.75}


@pytest.fixture
def forced(repository: Any, tmp_path: Path) -> Path:
    """Two tables of forced photometry, and three visits of 30 s of which the registry knows two's times."""
    from lsst.daf.butler import Timespan

    repository._know(10, 3)  # the instrument, its filter and day
    for visit, mjd in MIDDLES.items():
        half = TimeDelta(15, format="sec")
        middle = Time(mjd, format="mjd", scale="tai")
        span = {} if visit == 12 else {"timespan": Timespan(middle - half, middle + half)}
        record = {
            "instrument": "LSSTCam", "id": visit, "name": f"v{visit}", "physical_filter": "r_57", "day_obs": 20260101,
        }  # fmt: skip
        repository.butler.registry.insertDimensionData("visit", record | span, replace=True)
    columns = {
        "diaObjectId": pa.array([BIG, BIG, BIG + 2, BIG], pa.int64()),
        "visit": pa.array([10, 11, 10, 12], pa.int64()),
        "detector": pa.array([3] * 4, pa.int16()),
        "band": ["r", "g", "r", "i"],
        "psfDiffFlux": [-12.5, 30.0, 99.0, 1.0],
        "psfDiffFluxErr": [2.0] * 4,
        "psfDiffFlux_flag": [False, False, False, False],
        "psfFlux": [1000.0, 1042.5, 99.0, 1.0],
        "psfFluxErr": [3.0] * 4,
        "psfFlux_flag": [False, True, False, False],
    }
    for detector, rows in ((3, slice(0, 2)), (4, slice(2, 4))):
        path = tmp_path / f"{detector}.parq"
        pq.write_table(pa.table({name: values[rows] for name, values in columns.items()}), path)
        repository.put("dia_object_forced_source", 10, detector, path)
    return Path(repository.root)


def histories(root: Path, **history: Any) -> list[History | Rejection]:
    sections = {
        "catalog": {"kind": "table", "path": "unused.csv"},
        "images": {"kind": "butler", "repository": "unused", "collections": ["unused"]},
        "history": {
            "kind": "butler", "repository": str(root), "collections": ["night"],
            "dataset_type": "dia_object_forced_source", "instrument": "LSSTCam", **history,
        },
    }  # fmt: skip
    columns = {"midpointMjdTai": 60920.0, "psfFlux": 55.0, "band": "r"}
    sources = [
        DiaSource(1, 1.0, 2.0, "list", "row 1", columns | {"diaSourceId": 1, "diaObjectId": BIG}),
        DiaSource(2, 1.0, 2.0, "list", "row 2", columns | {"diaSourceId": 2, "diaObjectId": 0}),
        DiaSource(3, 1.0, 2.0, "list", "row 3", {"diaSourceId": 3, "diaObjectId": BIG}),
    ]
    return list(open_histories(Settings.model_validate(sections), Path()).of(sources))


def test_differences_at_the_middle_of_their_visits(forced: Path) -> None:
    first, alone, timeless = histories(forced)
    assert isinstance(first, History)
    assert [(p.flux_njy, p.error_njy, p.band, p.kind) for p in first.points] == [
        (-12.5, 2.0, "r", Kind.FORCED),
        (30.0, 2.0, "g", Kind.FORCED),
        (55.0, None, "r", Kind.DETECTION),
    ]
    times = [MIDDLES[10], MIDDLES[11], 60920.0]
    assert [p.mjd for p in first.points] == pytest.approx(times, abs=1e-9)
    assert first.trigger == first.points[-1]
    assert (first.scale, first.trigger_mjd) == ("TAI", 60920.0)
    assert first.left_out == {"without a time or a flux": 1}, "one visit has no time"
    assert isinstance(alone, History)
    assert [p.flux_njy for p in alone.points] == [55.0]
    assert isinstance(timeless, Rejection)
    assert "its own row has no time" in timeless.reason


def test_total_fluxes_and_their_flag(forced: Path) -> None:
    first = histories(forced, quantity="total")[0]
    assert isinstance(first, History)
    assert [p.flux_njy for p in first.points] == [1000.0]
    assert first.left_out == {"flagged psfFlux_flag": 1, "without a time or a flux": 1}


def test_tables_that_are_not_there(forced: Path) -> None:
    with pytest.raises(InputError, match="has no dataset type dia_object_forced_sourc"):
        histories(forced, dataset_type="dia_object_forced_sourc")
    with pytest.raises(InputError, match="has no column objectId"):
        histories(forced, object="objectId")
