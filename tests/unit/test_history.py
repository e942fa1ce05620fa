"""Histories: what packets and tables say becomes points by the stated formulas, and nothing else."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoocut.catalogs import open_catalog
from zoocut.catalogs.history import History, Kind, open_histories
from zoocut.catalogs.history.lsst import lsst_history
from zoocut.catalogs.history.points import Point, one_per_exposure
from zoocut.catalogs.history.ztf import ztf_history
from zoocut.config.history import PacketHistorySettings
from zoocut.config.settings import Settings
from zoocut.errors import ConfigError, InputError
from zoocut.model import Rejection
from zoocut.packets import Packet, read_packets

ALERTS = {"catalog": {"kind": "alerts", "path": "x"}, "images": {"kind": "stamps"}}


def detection(**fields: Any) -> dict[str, Any]:
    """A row of DiaSource as schemas from 8 on have it."""
    row = {
        "diaSourceId": 1, "visit": 10, "detector": 3, "diaObjectId": 77, "ssObjectId": None,
        "midpointMjdTai": 61000.25, "psfFlux": 1000.0, "psfFluxErr": 50.0, "psfFlux_flag": False,
        "scienceFlux": 5000.0, "scienceFluxErr": 60.0, "forced_PsfFlux_flag": False, "isNegative": False,
        "band": "r", "timeWithdrawnMjdTai": None,
    }  # fmt: skip
    return row | fields


def forced(**fields: Any) -> dict[str, Any]:
    row = {
        "diaForcedSourceId": 5, "visit": 9, "detector": 3, "diaObjectId": 77, "midpointMjdTai": 60990.25,
        "psfFlux": -20.5, "psfFluxErr": 50.0, "scienceFlux": 3900.0, "scienceFluxErr": 60.0, "band": "g",
        "timeWithdrawnMjdTai": None,
    }  # fmt: skip
    return row | fields


def lsst(quantity: str = "difference", flags: tuple[str, ...] = (), **packet: Any) -> History:
    return lsst_history({"diaSource": detection()} | packet, quantity, flags)


def fluxes(history: History) -> list[float]:
    return [point.flux_njy for point in history.points]


def test_lsst_signs_are_those_of_the_flux() -> None:
    history = lsst(prvDiaForcedSources=[forced()], diaSource=detection(psfFlux=-7.25, isNegative=False))
    assert history.trigger is not None
    assert history.trigger.flux_njy == -7.25
    assert fluxes(history) == [-20.5, -7.25]
    assert [point.band for point in history.points] == ["g", "r"]
    assert (history.scale, history.trigger_mjd, history.days) == ("TAI", 61000.25, 365)


def test_total_fluxes_are_of_the_visit_image() -> None:
    assert fluxes(lsst("total", prvDiaForcedSources=[forced()])) == [3900.0, 5000.0]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (forced(timeWithdrawnMjdTai=61001.0), "withdrawn"),
        (forced(time_withdrawn="2026-01-01T00:00:00"), "withdrawn"),
        (forced(psfFlux_flag=True), "flagged psfFlux_flag"),
        (forced(pixelFlags_bad=True), "flagged pixelFlags_bad"),
        (forced(psfFlux=None), "without a time or a flux"),
        (forced(psfFlux=math.nan), "without a time or a flux"),
        (forced(psfFlux=math.inf), "without a time or a flux"),
        (forced(midpointMjdTai=math.nan), "without a time or a flux"),
    ],
)
def test_lsst_rows_that_are_no_measurement_are_counted(row: dict[str, Any], reason: str) -> None:
    source = detection(pixelFlags_bad=None)
    history = lsst(flags=("pixelFlags_bad",), prvDiaForcedSources=[row], diaSource=source)
    assert fluxes(history) == [1000.0]
    assert history.left_out == {reason: 1}


def test_a_time_of_nan_is_no_withdrawal() -> None:
    assert len(lsst(prvDiaForcedSources=[forced(timeWithdrawnMjdTai=math.nan)]).points) == 2


@pytest.mark.parametrize("nothing", [0, None])
def test_no_object_has_no_history(nothing: int | None) -> None:
    source = detection(diaObjectId=nothing, ssObjectId=nothing)
    history = lsst(diaSource=source, prvDiaSources=[detection(visit=2, midpointMjdTai=60999.0)])
    assert fluxes(history) == [1000.0]
    moving = detection(diaObjectId=nothing, ssObjectId=2**60 + 1)
    history = lsst(diaSource=moving, prvDiaSources=[detection(visit=2, midpointMjdTai=60999.0)])
    assert len(history.points) == 2


def test_forced_before_detected_before_limits_in_one_exposure() -> None:
    early = {
        "diaSource": {
            "midPointTai": 59000.5, "psFlux": 10.0, "psFluxErr": 1.0, "filterName": "g", "ccdVisitId": 4,
            "diaObjectId": 7,
        },
        "prvDiaSources": [
            {"midPointTai": 58990.5, "psFlux": 8.0, "psFluxErr": 1.0, "filterName": "g", "ccdVisitId": 3}
        ],
        "prvDiaForcedSources": [
            {"midPointTai": 58990.5, "psFlux": 7.5, "psFluxErr": 1.0, "filterName": "g", "ccdVisitId": 3}
        ],
        "prvDiaNondetectionLimits": [
            {"midPointTai": 58990.5, "filterName": "g", "ccdVisitId": 3, "diaNoise": 2.0},
            {"midPointTai": 58990.50001, "filterName": "g", "ccdVisitId": 8, "diaNoise": 2.0},
            {"midPointTai": 58980.5, "filterName": "g", "ccdVisitId": 2, "diaNoise": 2.0},
        ],
    }  # fmt: skip
    history = lsst_history(early, "difference", ())
    assert [(p.mjd, p.flux_njy, p.kind) for p in history.points] == [
        (58980.5, 10.0, Kind.LIMIT),
        (58990.5, 7.5, Kind.FORCED),
        (59000.5, 10.0, Kind.DETECTION),
    ]
    assert history.left_out == {"measured twice in one exposure": 3}


def test_total_fluxes_of_schemas_that_have_none_are_refused() -> None:
    source = detection()
    del source["scienceFlux"]
    with pytest.raises(InputError, match="its schema has no scienceFlux"):
        lsst("total", diaSource=source)


def ztf(packet: dict[str, Any], **settings: Any) -> History:
    return ztf_history(packet, PacketHistorySettings.model_validate(settings))


def candidate(**fields: Any) -> dict[str, Any]:
    row = {
        "jd": 2460229.9338542, "fid": 1, "pid": 100, "programid": 1, "candid": 1, "isdiffpos": "t",
        "magpsf": 19.0, "sigmapsf": 0.1, "magnr": 18.0, "sigmagnr": 0.05, "distnr": 0.4, "exptime": 30.0,
    }  # fmt: skip
    return row | fields


def hist(**fields: Any) -> dict[str, Any]:
    row = {
        "jd": 2460220.5, "fid": 2, "pid": 90, "programid": 1, "forcediffimflux": -41.0,
        "forcediffimfluxunc": 20.0, "magzpsci": 26.2, "procstatus": "0", "exptime": 30.0, "magnr": 18.0,
        "sigmagnr": 0.05, "distnr": 0.4,
    }  # fmt: skip
    return row | fields


@pytest.mark.parametrize(
    ("isdiffpos", "s"), [("t", 1), ("1", 1), (True, 1), (1, 1), ("f", -1), ("0", -1), (False, -1), (0, -1)]
)
def test_ztf_detections(isdiffpos: Any, s: int) -> None:
    trigger = ztf({"candidate": candidate(isdiffpos=isdiffpos)}).trigger
    assert trigger is not None
    f = s * 10 ** (0.4 * (31.4 - 19.0))
    assert trigger.flux_njy == f
    assert trigger.error_njy == pytest.approx(abs(f) * 0.1 / 1.0857, rel=1e-15)
    assert trigger.mjd == pytest.approx(2460229.9338542 - 2400000.5 + 15 / 86400, abs=1e-9)
    assert trigger.band == "g"


@pytest.mark.parametrize(
    ("fields", "band"),
    [({"fid": 1.0}, "g"), ({"fid": "2"}, "r"), ({"fid": 3, "programid": "1"}, "i"), ({"fid": 4}, "filter 4")],
)
def test_ztf_numbers_may_be_written_as_text_or_floats(fields: dict[str, Any], band: str) -> None:
    trigger = ztf({"candidate": candidate(**fields)}).trigger
    assert trigger is not None
    assert trigger.band == band


@pytest.mark.parametrize("candid", [None, math.nan, 0, "", "NaN"])
def test_ztf_records_without_a_candid_are_limits(candid: Any) -> None:
    limit = candidate(pid=5, candid=candid, diffmaglim=20.0, magpsf=None, jd=2460228.0)
    history = ztf({"candidate": candidate(), "prv_candidates": [None, limit], "fp_hists": None})
    assert next((p.kind, p.flux_njy) for p in history.points) == (Kind.LIMIT, 10 ** (0.4 * (31.4 - 20.0)))


@pytest.mark.parametrize("zero", [0.0, -1.0, 99.0])
def test_ztf_zero_points_that_are_none_make_no_flux(zero: float) -> None:
    history = ztf({"candidate": candidate(), "fp_hists": [hist(magzpsci=zero)]})
    assert history.left_out == {"without a time or a flux": 1}


@pytest.mark.parametrize("error", [0.0, -1.0, math.nan, None])
def test_errors_that_are_none_are_no_bars(error: float | None) -> None:
    trigger = lsst(diaSource=detection(psfFluxErr=error)).trigger
    assert trigger is not None
    assert trigger.error_njy is None
    packet = {"candidate": candidate(sigmapsf=error), "fp_hists": [hist(forcediffimfluxunc=-1.0)]}
    assert [point.error_njy for point in ztf(packet).points] == [None, None]


@pytest.mark.parametrize("time", [2461000.5, -99999.0, 1.7e9, 0.0])
def test_times_that_are_no_dates_are_told(time: float) -> None:
    assert lsst(prvDiaForcedSources=[forced(midpointMjdTai=time)]).left_out == {"without a time or a flux": 1}
    with pytest.raises(InputError, match="its detection has no time"):
        lsst(diaSource=detection(midpointMjdTai=time))


def test_flags_that_no_record_has_are_told() -> None:
    with pytest.raises(InputError, match=r"has no flag pixelflags_bad: check history\.flags"):
        lsst(flags=("pixelflags_bad",))
    with pytest.raises(InputError, match="has no flag typo"):
        ztf({"candidate": candidate()}, flags=["typo"])


def test_ztf_detections_of_unknown_sign_are_no_points() -> None:
    history = ztf({"candidate": candidate(isdiffpos=None)})
    assert history.trigger is None
    assert history.left_out == {"of unknown sign": 1}


def test_ztf_forced_photometry_has_a_zero_point_a_row() -> None:
    history = ztf({"candidate": candidate(), "fp_hists": [hist(), hist(pid=91, jd=2460221.5, magzpsci=25.7)]})
    assert fluxes(history)[:2] == [-41.0 * 10 ** (0.4 * (31.4 - 26.2)), -41.0 * 10 ** (0.4 * (31.4 - 25.7))]
    assert history.points[0].error_njy == 20.0 * 10 ** (0.4 * (31.4 - 26.2))
    assert history.scale == "UTC"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (hist(forcediffimflux=-99999.0), "without a time or a flux"),
        (hist(forcediffimfluxunc=-99999.0), "without a time or a flux"),
        (hist(magzpsci=-99999.0), "without a time or a flux"),
        (hist(forcediffimflux=None), "without a time or a flux"),
        (hist(jd=math.nan), "without a time or a flux"),
        (hist(procstatus="56"), "of processing state 56"),
        (hist(procstatus="0,57"), "of processing state 0,57"),
        (hist(procstatus=None), "of processing state None"),
        (hist(programid=2), "of programme 2, which history.programid does not name"),
        (hist(programid=None), "of programme unknown, which history.programid does not name"),
    ],
)
def test_ztf_rows_that_are_no_measurement_are_counted(row: dict[str, Any], reason: str) -> None:
    history = ztf({"candidate": candidate(), "fp_hists": [row]})
    assert len(history.points) == 1
    assert history.left_out == {reason: 1}


def test_private_records_are_left_out_of_every_list() -> None:
    earlier = [candidate(pid=5, programid=3), candidate(pid=6, programid=2, candid=None, diffmaglim=20.0)]
    history = ztf(
        {"candidate": candidate(programid=2), "prv_candidates": earlier, "fp_hists": [hist(programid=3)]}
    )
    assert (history.trigger, history.points) == (None, ())
    assert sum(history.left_out.values()) == 4


def test_other_programmes_need_a_basis() -> None:
    history = {"kind": "packet", "programid": [1, 2]}
    with pytest.raises(ConfigError, match="programmes of ZTF that are not public"):
        open_histories(Settings.model_validate(ALERTS | {"history": history}), Path())
    basis = {"rights": {"basis": "the partnership agreed"}}
    open_histories(Settings.model_validate(ALERTS | {"history": history} | basis), Path())


def test_ztf_total_fluxes_stand_on_the_reference_source() -> None:
    packet = {"candidate": candidate(), "fp_hists": [hist(), hist(pid=91, magnr=-99999.0)]}
    history = ztf(packet, quantity="total")
    reference = 10 ** (0.4 * (31.4 - 18.0))
    assert fluxes(history) == [
        -41.0 * 10 ** (0.4 * (31.4 - 26.2)) + reference,
        10 ** (0.4 * (31.4 - 19.0)) + reference,
    ]
    assert history.left_out == {"without a source in the reference image": 1}
    for fields in ({"distnr": 1.6}, {"magnr": -999.0}, {"distnr": -99999.0}, {"magnr": None}):
        with pytest.raises(InputError, match=r"no source within 1\.5 arcsec"):
            ztf({"candidate": candidate(**fields)}, quantity="total")


def packets(folder: Path) -> list[Packet]:
    found = [packet for path in sorted(folder.glob("*")) for packet in read_packets(path)]
    return [packet for packet in found if isinstance(packet, Packet)]


def test_real_ztf_packets(shared: Path) -> None:
    """Every record of every list becomes a point, is counted, or was measured twice."""
    for packet in packets(shared / "data" / "ztf"):
        history = ztf(dict(packet.fields))
        records = [packet.fields["candidate"], *(packet.fields["prv_candidates"] or ())]
        records += packet.fields.get("fp_hists") or ()
        assert len(history.points) + sum(history.left_out.values()) == len(records)
        by_exposure = {point.exposure: point for point in history.points}
        assert len(by_exposure) == len(history.points)
        for row in packet.fields.get("fp_hists") or ():
            if row["procstatus"] == "0" and row["forcediffimflux"] > -9999:
                f = row["forcediffimflux"] * 10 ** (0.4 * (31.4 - row["magzpsci"]))
                assert by_exposure[str(row["pid"])].flux_njy == f


def test_real_lsst_packets(shared: Path) -> None:
    found = [
        lsst_history(packet.fields, "difference", ())
        for packet in packets(shared / "data" / "lsst")
        if "diaSource" in packet.fields
    ]
    assert len(found) == 26
    assert sum(history.trigger is not None and history.trigger.flux_njy < 0 for history in found) == 3
    assert [dict(history.left_out) for history in found if history.left_out] == [{"flagged psfFlux_flag": 1}]
    assert sorted(len(history.points) for history in found)[-3:] == [3, 17, 23]


SCHEMAS = ("9/0", "10/0", "11/1")


@pytest.mark.parametrize("version", SCHEMAS)
def test_synthetic_packets_of_each_schema_through_the_wire(version: str, tmp_path: Path) -> None:
    """Forced photometry in packets as `lsst-alert-packet` describes them, read as a catalog reads them."""
    schema = load_schema(version)
    rng = np.random.default_rng(3)
    forced_rows = [
        forced(visit=100 + n, midpointMjdTai=60900.0 + n, psfFlux=float(np.float32(rng.normal(0, 100))), ra=1.0,
               dec=2.0, timeProcessedMjdTai=61000.0)
        for n in range(40)
    ]  # fmt: skip
    packet = {
        "diaSourceId": 2**60 + 1,
        "diaSource": filled(schema, "diaSource", detection(diaSourceId=2**60 + 1)),
        "prvDiaSources": [
            filled(schema, "diaSource", detection(visit=107, midpointMjdTai=60907.0, psfFlux=4.0))
        ],
        "prvDiaForcedSources": forced_rows,
    }
    path = tmp_path / "packet.avro"
    major, minor = map(int, version.split("/"))
    with path.open("wb") as file:
        file.write(b"\0" + (100 * major + minor).to_bytes(4, "big"))
        fastavro.schemaless_writer(file, schema, packet)
    settings = {"catalog": {"kind": "alerts", "path": str(path), "dia_source_id": "diaSourceId"}}
    settings |= {"images": {"kind": "stamps"}}
    checked = Settings.model_validate(settings)
    sources = list(open_catalog(checked.catalog, Path()).sources())
    (history,) = open_histories(checked, Path()).of(sources)  # type: ignore[arg-type]
    assert isinstance(history, History)
    assert fluxes(history) == [row["psfFlux"] for row in forced_rows] + [1000.0]
    assert history.left_out == {"measured twice in one exposure": 1}


def load_schema(version: str) -> Any:
    packet = pytest.importorskip("lsst.alert.packet")
    path = Path(packet.__file__).parent / "schema" / version / f"lsst.v{version.replace('/', '_')}.alert.avsc"
    if not path.exists():
        pytest.skip(f"this lsst-alert-packet is older than the schema {version}")
    return fastavro.schema.load_schema(path)


def filled(schema: Any, record: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Give every field of a record that has no default a value."""
    (kind,) = [f["type"] for f in schema["fields"] if f["name"] == record]
    row: dict[str, Any] = {}
    for field in kind["fields"]:
        plain = field["type"] in ("long", "int", "float", "double")
        row[field["name"]] = 0 if plain else field.get("default", "")
        if field["type"] == "boolean":
            row[field["name"]] = False
    return {name: fields.get(name, value) for name, value in row.items()}


POINTS = st.builds(
    Point,
    mjd=st.floats(60000, 60100),
    flux_njy=st.floats(-1e9, 1e9),
    error_njy=st.none() | st.floats(0, 1e6),
    band=st.sampled_from("ugrizy"),
    exposure=st.integers(0, 9).map(str),
    kind=st.sampled_from(Kind),
)


@given(st.lists(POINTS, max_size=30))
def test_one_point_an_exposure(points: list[Point]) -> None:
    from collections import Counter

    left_out: Counter[str] = Counter()
    kept = one_per_exposure(points, left_out)
    assert len(kept) + left_out.total() == len(points)
    assert len({point.exposure for point in kept}) == len(kept)
    assert [point.mjd for point in kept] == sorted(point.mjd for point in kept)
    order = [Kind.LIMIT, Kind.DETECTION, Kind.FORCED]
    for point in kept:
        rivals = [other for other in points if other.exposure == point.exposure]
        assert order.index(point.kind) == max(order.index(other.kind) for other in rivals)


COLUMNS = {
    "time": "mjd", "time_scale": "UTC", "flux": "f", "flux_error": "e", "unit": "uJy", "visit": "v",
    "bands": {"1": "g"}, "band": "fid",
}  # fmt: skip
BIG = 2**53 + 1


def table(folder: Path, **columns: Any) -> Path:
    rows = {
        "diaObjectId": pa.array([BIG, BIG, BIG + 2, 0, None], pa.int64()), "mjd": [59999.0, 60000.5, 1.0, 2.0, 3.0],
        "f": [1.5, -2.0, 9.0, 9.0, 9.0], "e": [0.5] * 5, "fid": [1] * 5, "v": [1, 2, 3, 4, 5],
    }  # fmt: skip
    pq.write_table(pa.table(rows | columns), folder / "history.parquet")
    pq.write_table(
        pa.table(
            {
                "diaSourceId": [1, 2, 3], "ra": [1.0] * 3, "dec": [2.0] * 3, "f": [3.0, 4.0, 5.0], "e": [1.0] * 3,
                "diaObjectId": pa.array([BIG, 0, None], pa.int64()), "mjd": [60001.0] * 3, "fid": [1] * 3,
                "v": [9, 9, 9],
            }
        ),
        folder / "sources.parquet",
    )  # fmt: skip
    return folder / "history.parquet"


def from_table(folder: Path, **settings: Any) -> list[History | Rejection]:
    sections = {
        "catalog": {"kind": "table", "path": "sources.parquet"},
        "images": {"template": "t", "science": "s", "difference": "d", "kind": "frames"},
        "history": {"kind": "table", "path": "history.parquet", "columns": COLUMNS} | settings,
    }
    checked = Settings.model_validate(sections)
    sources = list(open_catalog(checked.catalog, folder).sources())
    return list(open_histories(checked, folder).of(sources))  # type: ignore[arg-type]


def test_a_table_by_exact_object_ids(tmp_path: Path) -> None:
    table(tmp_path)
    first, second, third = from_table(tmp_path)
    assert isinstance(first, History)
    assert fluxes(first) == [1500.0, -2000.0, 3000.0]
    assert first.points[0].error_njy == 500.0
    assert {point.band for point in first.points} == {"g"}
    assert (first.scale, first.trigger_mjd) == ("UTC", 60001.0)
    for alone in (second, third):
        assert isinstance(alone, History)
        assert len(alone.points) == 1, "0 and null are no object, so they share no history"


def test_tables_whose_object_ids_are_rounded_are_refused(tmp_path: Path) -> None:
    table(tmp_path, diaObjectId=[float(BIG)] * 5)
    with pytest.raises(InputError, match="floating-point numbers, which lose digits"):
        from_table(tmp_path)


def test_tables_without_a_column_are_refused(tmp_path: Path) -> None:
    table(tmp_path)
    with pytest.raises(InputError, match=r"has no column obj: set history\.object"):
        from_table(tmp_path, object="obj")
    with pytest.raises(InputError, match="have no flux: name what they have"):
        from_table(tmp_path, columns=COLUMNS | {"flux": "flux"})


@pytest.mark.parametrize("key", ["flux_error", "zero_point", "exposure_s", "limit", "visit", "detector"])
def test_tables_without_a_column_that_is_named_are_refused(tmp_path: Path, key: str) -> None:
    table(tmp_path)
    columns = {name: value for name, value in COLUMNS.items() if name != "unit" or key != "zero_point"}
    with pytest.raises(InputError, match="have no nope: name what they have"):
        from_table(tmp_path, columns=columns | {key: "nope"})


NO_MJD = "whose time is no MJD: check history.columns.time_format"
NAMES = ["ZTF18abcdefg", "ZTF18abcdefg ", "ZTF18other", "", None]


@pytest.mark.parametrize(
    ("in_table", "in_catalog", "shared"),
    [
        (NAMES, ["ZTF18abcdefg", "", None], 2),
        (pa.array(NAMES).dictionary_encode(), ["ZTF18abcdefg", "null", "-"], 2),
        ([str(BIG), f"{BIG} ", "7", "0", None], [BIG, 0, None], 2),
        (pa.array([BIG, BIG, 7, 0, None], pa.decimal128(20, 0)), [str(BIG), "0", "nan"], 2),
        (pa.array([BIG, BIG, 7, 0, None], pa.uint64()), [BIG, -1, None], 2),
        (pa.array([1, 1, 7, 0, None], pa.int32()), [BIG, 0, None], 0),
        ([-1] * 5, [-1, -1, 0], 0),
    ],
)  # fmt: skip
def test_objects_are_numbers_or_names_however_they_are_written(
    tmp_path: Path, in_table: Any, in_catalog: list[Any], shared: int
) -> None:
    table(tmp_path, diaObjectId=in_table)
    path = tmp_path / "sources.parquet"
    columns = dict(zip(pq.read_table(path).column_names, pq.read_table(path).columns, strict=True))
    pq.write_table(pa.table(columns | {"diaObjectId": in_catalog}), path)
    counts = [len(history.points) for history in from_table(tmp_path) if isinstance(history, History)]
    assert counts == [1 + shared, 1, 1], "what is no object shares no history"


@pytest.mark.parametrize(
    ("columns", "settings", "flux", "left_out"),
    [
        ({"bad": ["False", "f", "0", "n", "no"]}, {"flags": ["bad"]}, [1500, -2000], {}),
        ({"bad": ["True", "f", "0", "n", "no"]}, {"flags": ["bad"]}, [-2000], {"flagged bad": 1}),
        ({"time_withdrawn": ["", "NaN", "null", "--", None]}, {}, [1500, -2000], {}),
        ({"time_withdrawn": [False, True, None, None, None]}, {}, [1500], {"withdrawn": 1}),
        ({"f": [-99999.0, -9999.0, 1, 1, 1]}, {}, [], {"without a time or a flux": 2}),
        ({"f": pa.array([Decimal("1.5"), Decimal(-2), None, None, None])}, {}, [1500, -2000], {}),
        ({"mjd": [2459999.5, 60000.5, 1, 2, 3]}, {}, [-2000], {NO_MJD: 1}),
        ({"mjd": [1.7e9, 60000.5, 1, 2, 3]}, {}, [-2000], {NO_MJD: 1}),
    ],
)  # fmt: skip
def test_cells_of_own_tables(
    tmp_path: Path,
    columns: dict[str, Any],
    settings: dict[str, Any],
    flux: list[float],
    left_out: dict[str, int],
) -> None:
    table(tmp_path, **columns)
    first = from_table(tmp_path, **settings)[0]
    assert isinstance(first, History)
    own = {"whose own row in the catalog has no bad": 1} if settings else {}
    assert fluxes(first) == flux + ([] if settings else [3000.0])
    assert first.left_out == left_out | own


@pytest.mark.parametrize("cells", [[1.0, None], [b"1", b"1 "], ["1 ", " 1"]])
def test_bands_are_found_however_they_are_written(tmp_path: Path, cells: list[Any]) -> None:
    table(tmp_path, fid=[cells[0]] + [cells[1]] * 4)
    first = from_table(tmp_path)[0]
    assert isinstance(first, History)
    assert {point.band for point in first.points} <= {"g", "unknown"}
    assert first.points[0].band == "g"


@pytest.mark.parametrize(
    ("told", "columns", "refused"),
    [
        ({"f": "nJy"}, {}, True),
        ({"e": "mJy"}, {}, True),
        ({"f": "ct"}, {}, True),
        ({"mjd": "s"}, {}, True),
        ({"f": "uJy", "e": "uJy", "mjd": "d"}, {}, False),
        ({"f": "uJy"}, {"unit": None, "zero_point": 31.4}, True),
        ({"f": "uJy"}, {"unit": None, "zero_point": 23.9}, False),
        ({"f": "ct"}, {"unit": None, "zero_point": 25.0}, False),
    ],
)
def test_units_that_the_table_contradicts_are_refused(
    tmp_path: Path, told: dict[str, str], columns: dict[str, Any], refused: bool
) -> None:
    from astropy.table import Table

    table(tmp_path)
    rows = Table({name: [1] if name != "mjd" else [60000.0] for name in ("mjd", "f", "e", "fid", "v")})
    rows["diaObjectId"] = [BIG]
    for name, unit in told.items():
        rows[name].unit = unit
    for path in (tmp_path / "units.fits", tmp_path / "units.ecsv", tmp_path / "units.vot"):
        rows.write(path, format="votable" if path.suffix == ".vot" else None)
        own = {name: value for name, value in (COLUMNS | columns).items() if value is not None}
        if refused:
            with pytest.raises(ConfigError, match=f"says that its column {next(iter(told))} is in"):
                from_table(tmp_path, path=path.name, columns=own)
        else:
            assert isinstance(from_table(tmp_path, path=path.name, columns=own)[0], History)


def test_the_change_in_a_row_of_dia_source_is_no_total_flux(tmp_path: Path) -> None:
    """ForcedSourceOnDiaObject calls its total psfFlux, as DiaSource calls the change."""
    table(tmp_path, psfFlux=[9.0] * 5)
    path = tmp_path / "sources.parquet"
    sources = pq.read_table(path).append_column("psfFlux", pa.array([-3.0] * 3))
    pq.write_table(sources.append_column("scienceFlux", pa.array([8.0] * 3)), path)
    columns = COLUMNS | {"flux": "psfFlux", "unit": "nJy"}
    for quantity, expected in (("total", [9.0, 9.0]), ("difference", [9.0, 9.0, -3.0])):
        first = from_table(tmp_path, columns=columns, quantity=quantity)[0]
        assert isinstance(first, History)
        assert fluxes(first) == expected


@pytest.mark.parametrize(
    ("scale", "seconds"), [("TAI", 0.0), ("UTC", -37.0), ("TT", 32.184), ("TDB", 32.184)]
)
def test_the_time_of_a_source_is_in_the_scale_of_the_table(
    tmp_path: Path, scale: str, seconds: float
) -> None:
    """The catalog tells TAI; 37 s of leap seconds in 2023, and TT = TAI + 32.184 s."""
    table(tmp_path)
    path = tmp_path / "sources.parquet"
    sources = pq.read_table(path)
    sources = sources.rename_columns(["midpointMjdTai" if n == "mjd" else n for n in sources.column_names])
    pq.write_table(sources, path)
    first = from_table(tmp_path, columns=COLUMNS | {"time_scale": scale})[0]
    assert isinstance(first, History)
    assert (first.trigger_mjd - 60001.0) * 86400 == pytest.approx(seconds, abs=0.01)
    assert (first.scale, first.trigger, len(first.points)) == (scale, None, 2)


def test_a_catalog_without_the_column_of_objects_is_told(tmp_path: Path) -> None:
    table(tmp_path)
    for told in from_table(tmp_path, object_of_source="obj"):
        assert isinstance(told, Rejection)
        assert "name that of its objects in history.object_of_source" in told.reason


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"flux": "f"}, "fluxes of unknown unit"),
        ({"flux": "f", "unit": "nJy", "zero_point": 25.0}, "give one of unit and zero_point"),
        ({"magnitude": "m"}, "magnitudes have no sign"),
        ({}, "name one of flux and magnitude"),
        ({"flux": "f", "magnitude": "m", "unit": "nJy"}, "name one of flux and magnitude"),
    ],
)
def test_unknown_units_are_refused(columns: dict[str, Any], says: str) -> None:
    history = {"kind": "table", "path": "x", "columns": columns}
    with pytest.raises(ValueError, match=says):
        Settings.model_validate(ALERTS | {"history": history})


def test_fields_of_another_survey(shared: Path) -> None:
    """WINTER's packets: AB magnitudes, UTC at the start of the exposure, signs as booleans."""
    settings = {
        "catalog": {"kind": "alerts", "path": str(shared / "data" / "winter" / "*.avro"), "dia_source_id": "candid"},
        "images": {"kind": "stamps"},
        "history": {
            "kind": "fields",
            "columns": {
                "time": "jd", "time_format": "jd", "time_scale": "UTC", "exposure_s": 120, "band": "fid",
                "bands": {"1": "Y", "2": "J", "3": "H"}, "magnitude": "magpsf", "magnitude_error": "sigmapsf",
                "sign": "isdiffpos", "visit": "jd",
            },
        },
    }  # fmt: skip
    checked = Settings.model_validate(settings)
    sources = list(open_catalog(checked.catalog, Path()).sources())
    histories = list(open_histories(checked, Path()).of(sources))  # type: ignore[arg-type]
    first = histories[0]
    assert isinstance(first, History)
    (packet, *_) = (one for one in packets(shared / "data" / "winter") if one.fields["candid"] == 3608694)
    earlier = min(packet.fields["prv_candidates"], key=lambda row: row["jd"])
    for flux, row in ((fluxes(first)[-1], packet.fields["candidate"]), (fluxes(first)[0], earlier)):
        assert flux == 10 ** (0.4 * (31.4 - row["magpsf"]))
    assert {point.band for point in first.points} == {"J"}


def test_packets_of_unknown_surveys_are_told(shared: Path) -> None:
    path = str(shared / "data" / "winter" / "3608694.avro")
    settings = Settings.model_validate(ALERTS | {"catalog": {"kind": "alerts", "path": path}})
    sources = list(open_catalog(settings.catalog, Path()).sources())
    (told,) = open_histories(settings, Path()).of(sources)  # type: ignore[arg-type]
    assert isinstance(told, Rejection)
    assert "neither LSST nor ZTF" in told.reason


@pytest.fixture
def apdb(shared: Path) -> tuple[Settings, Path]:
    path = shared / "data" / "apdb" / "apdb.sqlite3"
    sections = {
        "catalog": {"kind": "apdb", "path": str(path)},
        "images": {"kind": "butler", "repository": "r", "collections": ["c"]},
        "history": {"kind": "apdb"},
    }
    return Settings.model_validate(sections), path


def test_histories_of_an_apdb(apdb: tuple[Settings, Path], count_queries: Callable[[], list[str]]) -> None:
    settings, path = apdb
    sources = list(open_catalog(settings.catalog, Path()).sources())
    histories = open_histories(settings, Path())
    queries = count_queries()
    found = list(histories.of(sources))  # type: ignore[arg-type]
    assert len(queries) == 2, "one a table for a batch"
    assert len(found) == 290
    assert max(len(history.points) for history in found if isinstance(history, History)) == 2
    with closing(sqlite3.connect(path)) as database, database:
        rows = database.execute(
            "select diaObjectId, visit, detector, psfFlux from DiaForcedSource"
        ).fetchall()
    forced_of = {(object_, f"{visit}/{detector}"): flux for object_, visit, detector, flux in rows}
    points = [
        (source.columns["diaObjectId"], point)  # type: ignore[union-attr]
        for source, history in zip(sources, found, strict=True)
        for point in history.points  # type: ignore[union-attr]
        if point.kind is Kind.FORCED
    ]
    assert len(points) > 200
    assert all(forced_of[object_, point.exposure] == point.flux_njy for object_, point in points)


def test_flags_that_an_apdb_lacks_are_refused(apdb: tuple[Settings, Path]) -> None:
    history = apdb[0].history.model_copy(update={"flags": ("pixelFlags_typo",)})
    with pytest.raises(InputError, match=r"has no column pixelFlags_typo in .*: check history\.flags"):
        open_histories(apdb[0].model_copy(update={"history": history}), Path())


@pytest.fixture
def count_queries() -> Callable[[], list[str]]:
    import sqlalchemy as sa

    def start() -> list[str]:
        seen: list[str] = []

        @sa.event.listens_for(sa.Engine, "before_cursor_execute")
        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            if statement.startswith("SELECT"):
                seen.append(statement)

        return seen

    return start


def test_catalogs_without_packets_are_told() -> None:
    table_settings = {"catalog": {"kind": "table", "path": "t.csv"}, "images": {"kind": "stamps"}}
    with pytest.raises(ConfigError, match="has no packets that carry a history"):
        open_histories(Settings.model_validate(table_settings), Path())
