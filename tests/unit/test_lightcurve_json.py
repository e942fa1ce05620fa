"""Light curves as the viewer reads them: valid by a schema of our own, and exact to the last bit."""

from __future__ import annotations

import json
import math
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoocut.catalogs.history import History, Kind, open_histories
from zoocut.catalogs.history.lsst import lsst_history
from zoocut.catalogs.history.points import Point, one_per_exposure
from zoocut.catalogs.history.ztf import ztf_history
from zoocut.config.history import PacketHistorySettings
from zoocut.config.settings import Settings
from zoocut.errors import InputError
from zoocut.media.curve import Curve, CurveSettings, magnitude_of, plot_curve, thinned
from zoocut.media.lightcurve_json import COLOURS, GLYPHS, curve_json
from zoocut.model import DiaSource
from zoocut.packets import Packet, read_packets

BOX = {
    "type": "object",
    "properties": {side: {"type": "number"} for side in ("bottom", "left", "right", "top")},
    "required": ["bottom", "left", "right", "top"],
    "additionalProperties": False,
}
NUMBER = {"type": "number"}
TEXT = {"type": "string", "minLength": 1}
SIZE = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"enum": ["small", "medium", "large"]}]}
POINT = {
    "type": "object",
    "properties": {"x": NUMBER, "y": NUMBER, "x_error": NUMBER, "y_error": NUMBER},
    "required": ["x", "y"],
    "additionalProperties": False,
}
SERIES = {
    "type": "object",
    "properties": {
        "seriesData": {"type": "array", "items": POINT},
        "seriesOptions": {
            "type": "object",
            "properties": {
                "label": TEXT,
                "color": {"type": "string", "pattern": "^(#[0-9a-f]{6}|[a-z]+(-[a-z0-9]+)*)$"},
                "glyph": {"enum": ["circle", "cross", "diamond", "square", "star", "triangle", "wye"]},
                "pointSize": SIZE,
                "period": NUMBER,
            },
            "required": ["label"],
            "additionalProperties": False,
        },
    },
    "required": ["seriesData", "seriesOptions"],
    "additionalProperties": False,
}
OPTIONS = {
    "type": "object",
    "properties": {
        "xAxisLabel": TEXT,
        "yAxisLabel": TEXT,
        "xAxisLabelOffset": NUMBER,
        "yAxisLabelOffset": NUMBER,
        "invertAxes": {
            "type": "object",
            "properties": {"x": {"type": "boolean"}, "y": {"type": "boolean"}},
            "required": ["x", "y"],
            "additionalProperties": False,
        },
        "margin": BOX,
        "padding": BOX,
        "color": TEXT,
    },
    "required": ["xAxisLabel", "yAxisLabel"],
    "additionalProperties": False,
}
VIEWER = jsonschema.Draft202012Validator(
    {
        "type": "object",
        "properties": {
            "data": {"type": "array", "minItems": 1, "items": SERIES},
            "chartOptions": OPTIONS,
        },
        "required": ["data", "chartOptions"],
        "additionalProperties": False,
    }
)
"""Written from what the viewer is known to accept, not from the code under test."""


def refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is no JSON")


def checked(curve: Curve) -> dict[str, dict[str, Any]]:
    """Validate a curve's file; give its series by label."""
    text = curve_json(curve).decode()
    document = json.loads(text, parse_constant=refuse)
    VIEWER.validate(document)
    labels = [series["seriesOptions"]["label"] for series in document["data"]]
    assert len(set(labels)) == len(labels)
    return dict(zip(labels, document["data"], strict=True))


def point(mjd: float, flux: float, band: str = "r", error: float | None = 1.0, **fields: Any) -> Point:
    return Point(
        mjd, flux, error, band, fields.pop("exposure", repr(mjd)), fields.pop("kind", Kind.DETECTION)
    )


def history(*points: Point, scale: str = "TAI", days: float = 365.0) -> History:
    *_, trigger = points
    return History(scale, trigger.mjd, trigger, tuple(points), {}, days)


def drawn(*points: Point, quantity: str = "difference", **options: Any) -> Curve:
    return plot_curve(history(*points), CurveSettings(**options), quantity)


def places(series: dict[str, Any]) -> list[tuple[float, float]]:
    return [(one["x"], one["y"]) for one in series["seriesData"]]


def test_a_curve() -> None:
    series = checked(drawn(point(60990.5, -12.5, "g"), point(61000.25, 40.0, "r", 2.0)))
    assert list(series) == ["no change", "this detection", "g", "r"]
    assert places(series["g"]) == [(-9.75, -12.5)]
    assert places(series["this detection"]) == places(series["r"]) == [(0, 40.0)]
    assert series["r"]["seriesData"][0]["y_error"] == 2.0
    assert [one["y"] for one in series["no change"]["seriesData"]] == [0, 0]
    assert series["no change"]["seriesData"][0]["x"] == -365
    assert series["g"]["seriesOptions"]["color"] == COLOURS["g"]


def test_one_point_is_a_curve_and_none_is_not() -> None:
    assert not drawn(point(61000.0, 5.0)).is_empty
    alone = History("TAI", 61000.0, None, (), {}, 365.0)
    assert plot_curve(alone, CurveSettings(), "difference").is_empty
    limits = History("TAI", 61000.0, None, (point(60999.0, 5.0, kind=Kind.LIMIT),), {}, 365.0)
    assert plot_curve(limits, CurveSettings(limits=True), "difference").is_empty


def test_the_time_shown_is_the_same_for_all() -> None:
    early, late = point(60600.0, 1.0), point(61001.0, 1.0)
    trigger = point(61000.0, 5.0)
    found = plot_curve(
        History("TAI", 61000.0, trigger, (early, trigger, late), {}, 365.0), CurveSettings(), "difference"
    )
    assert found.left_out == {"outside of the time shown": 2}
    assert found.x_range == (-365.0, 0.0)
    assert drawn(early, trigger, days=500).x_range == (-500.0, 0.0)
    wider = plot_curve(
        History("TAI", 61000.0, trigger, (trigger, late), {}, 30.0), CurveSettings(days_after=2), "difference"
    )
    assert wider.x_range == (-30.0, 2.0)
    assert len(wider.bands[0].points) == 2


def test_dates_say_their_scale() -> None:
    for scale in ("TAI", "UTC"):
        curve = plot_curve(history(point(61000.0, 5.0), scale=scale), CurveSettings(time="mjd"), "difference")
        assert curve.x_label == f"Time (MJD, {scale})"
        assert curve.x_range == (61000.0 - 365, 61000.0)
        assert places(checked(curve)["r"]) == [(61000.0, 5.0)]


def test_magnitudes_of_significant_fluxes_only() -> None:
    points = [
        point(60990.0, -50.0), point(60991.0, 2.9, error=1.0), point(60992.0, 3.0, error=1.0),
        point(60993.0, 10.0, error=None), point(61000.0, 1000.0, error=10.0),
    ]  # fmt: skip
    curve = drawn(*points, brightness="magnitude", quantity="total")
    series = checked(curve)
    assert places(series["r"]) == [
        (-8.0, 31.4 - 2.5 * math.log10(3.0)),
        (0.0, 31.4 - 2.5 * math.log10(1000.0)),
    ]
    assert series["r"]["seriesData"][1]["y_error"] == 1.0857 * 10.0 / 1000.0
    assert "no change" not in series, "magnitudes have no zero"
    assert json.loads(curve_json(curve))["chartOptions"]["invertAxes"] == {"x": False, "y": True}
    assert curve.left_out["too faint for a magnitude"] == 3
    assert curve.y_label == "Magnitude (AB)"


def test_limits_are_off_unless_asked_for() -> None:
    points = [point(60999.0, 7.0, kind=Kind.LIMIT, error=None), point(61000.0, 5.0)]
    assert drawn(*points).left_out == {"limits": 1}
    series = checked(drawn(*points, limits=True))
    assert series["r limit"]["seriesOptions"]["glyph"] == "wye"
    assert series["r limit"]["seriesOptions"]["glyph"] not in GLYPHS.values()


def test_series_never_share_a_name() -> None:
    names = {"trigger_label": "r", "zero_label": "r"}
    assert list(checked(drawn(point(60999.0, 2.0, "r limit"), point(61000.0, 5.0, "r"), **names))) == [
        "r (2)",
        "r",
        "r (3)",
        "r limit",
    ]


def test_bands_have_rubins_colours() -> None:
    plotting = pytest.importorskip("lsst.utils.plotting")
    theirs = plotting.get_multiband_plot_colors()
    assert {band: theirs[band].lower() for band in "ugrizy"} == COLOURS


def test_one_point_far_away_does_not_hide_all_others() -> None:
    rest = [point(60900.0 + n, float(n % 5 - 2)) for n in range(30)]
    curve = drawn(*rest, point(60950.0, 1e6), point(61000.0, 5.0))
    assert curve.far == (1e6,)
    assert curve.y_label == "Brightness change (nJy); beyond: 1e+06 nJy"
    assert curve.left_out == {"far from all others": 1}
    shown = drawn(*rest, point(60950.0, 1e6), point(61000.0, 5.0), far_points="shown")
    assert (shown.far, sum(len(series.points) for series in shown.bands)) == ((), 32)


def test_what_rises_is_never_far() -> None:
    """The detection itself sets the scale, and so do several points."""
    rest = [point(60900.0 + n, float(n % 5 - 2)) for n in range(30)]
    assert drawn(*rest, point(61000.0, 1e6)).far == ()
    assert drawn(*rest, point(60998.0, 9e5), point(60999.0, 9e5), point(61000.0, 1e2)).far == ()


def test_a_point_as_bright_as_the_detection_is_not_far() -> None:
    rest = [point(60900.0 + n, float(n % 5 - 2)) for n in range(30)]
    curve = drawn(*rest, point(60999.0, 9e5), point(61000.0, 1e6))
    assert curve.far == ()
    assert 9e5 in [one.y for one in curve.bands[0].points]


def test_a_detection_between_others_is_not_thinned_away() -> None:
    points = [point(60700 + n / 10, (-1) ** n * float(n + 10), exposure=str(n)) for n in range(2500)]
    trigger = Point(61000.0, 1.0, 1.0, "r", "own", Kind.DETECTION)
    found = History(
        "TAI", 61000.0, trigger, (*points, trigger, point(61000.0, -3000.0, exposure="x")), {}, 365.0
    )
    curve = plot_curve(found, CurveSettings(max_points=20), "difference")
    assert curve.trigger in curve.bands[0].points


def test_fluxes_that_are_no_numbers_never_get_into_a_file() -> None:
    points = (point(60999.0, math.inf), point(60998.0, math.nan), point(60997.0, 3.0, error=math.inf))
    trigger = point(61000.0, 5.0)
    found = History("TAI", 61000.0, trigger, (*points, trigger), {}, 365.0)
    curve = plot_curve(found, CurveSettings(), "difference")
    assert places(checked(curve)["r"]) == [(-3.0, 3.0), (0.0, 5.0)]
    assert "y_error" not in checked(curve)["r"]["seriesData"][0]
    assert curve.left_out == {"without a time or a flux": 2}


@pytest.mark.parametrize("count", [2001, 10_000, 40_000])
def test_thinning_keeps_extremes(count: int) -> None:
    values = [math.sin(n / 50) * 100 for n in range(count)]
    values[count // 3] = 250.0
    values[count // 2] = -260.0
    points = [
        Point(60700 + 300 * n / count, value, 1.0, "gri"[n % 3], str(n), Kind.FORCED)
        for n, value in enumerate(values)
    ]
    curve = drawn(*points)
    kept = [one for series in curve.bands for one in series.points]
    assert len(kept) <= 2001
    assert len(kept) + curve.left_out["thinned"] == count
    assert {250.0, -260.0} <= {one.y for one in kept}
    whole = plot_curve(history(*points), CurveSettings(max_points=10**6), "difference")
    assert set(kept) <= {one for series in whole.bands for one in series.points}
    assert curve.trigger in kept


@pytest.mark.parametrize(("bands", "a_band"), [(100, 1), (60, 2), (100, 3), (1, 400)])
def test_a_curve_that_no_thinning_makes_small_is_told(bands: int, a_band: int) -> None:
    """Another column taken for the band; it must neither be written nor be thinned for ever."""
    points = [
        Point(
            60900.0 + n / 1e5,
            1.0,
            None,
            f"band {n % bands}" + "x" * 10_000 * (bands == 1),
            str(n),
            Kind.FORCED,
        )
        for n in range(bands * a_band)
    ]
    with pytest.raises(InputError, match="cannot be thinned: check which column tells the band"):
        curve_json(drawn(*points), 10_000)


@pytest.mark.parametrize("error", [0.0, -5.0, None])
def test_without_an_error_there_is_no_magnitude(error: float | None) -> None:
    assert magnitude_of(Point(61000.0, 1e4, error, "r", "1", Kind.FORCED)) is None


def test_few_points_are_not_thinned() -> None:
    curve = drawn(*[point(60900.0 + n, float(n)) for n in range(100)])
    points = list(curve.bands[0].points)
    assert thinned(points, 100) == points


FLUX = st.floats(allow_nan=True, allow_infinity=True) | st.none() | st.floats(-1e5, 1e5, width=32)
LSST_ROW = st.fixed_dictionaries(
    {
        "visit": st.integers(0, 40), "detector": st.just(1), "psfFlux": FLUX, "psfFluxErr": FLUX,
        "midpointMjdTai": st.floats(60600, 61010) | st.just(math.nan), "band": st.sampled_from([*"ugrizy", None]),
        "diaObjectId": st.sampled_from([0, None, 7]), "timeWithdrawnMjdTai": st.sampled_from([None, math.nan, 1.0]),
    }
)  # fmt: skip
LSST = st.fixed_dictionaries(
    {
        "diaSource": LSST_ROW.map(lambda row: row | {"midpointMjdTai": 61000.0}),
        "prvDiaSources": st.none() | st.lists(LSST_ROW, max_size=20),
        "prvDiaForcedSources": st.none() | st.lists(LSST_ROW, max_size=20),
    }
)
ZTF_ROW = st.fixed_dictionaries(
    {
        "jd": st.floats(2459970, 2460010), "fid": st.integers(1, 3), "pid": st.integers(0, 40),
        "candid": st.sampled_from([None, 1]), "programid": st.sampled_from([1, 1, 1, 2]),
        "magpsf": st.none() | st.floats(10, 25) | st.just(-999.0), "sigmapsf": FLUX, "diffmaglim": FLUX,
        "isdiffpos": st.sampled_from(["t", "f", "1", "0", None]), "forcediffimflux": FLUX, "forcediffimfluxunc": FLUX,
        "magzpsci": st.floats(20, 30) | st.just(-99999.0), "procstatus": st.sampled_from(["0", "0", "56"]),
    }
)  # fmt: skip
ZTF = st.fixed_dictionaries(
    {
        "candidate": ZTF_ROW,
        "prv_candidates": st.none() | st.lists(ZTF_ROW, max_size=20),
        "fp_hists": st.none() | st.lists(ZTF_ROW, max_size=20),
    }
)
OPTIONS_DRAWN = st.fixed_dictionaries(
    {
        "brightness": st.sampled_from(["flux", "magnitude"]), "limits": st.booleans(),
        "time": st.sampled_from(["days", "mjd"]), "max_points": st.sampled_from([20, 2000]),
    }
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    LSST.map(lambda packet: lsst_history(packet, "difference", ()))
    | ZTF.map(lambda p: ztf_history(p, PacketHistorySettings())),
    OPTIONS_DRAWN,
)
def test_any_history_makes_a_valid_file(found: History, options: dict[str, Any]) -> None:
    curve = plot_curve(found, CurveSettings(**options), "difference")
    if not curve.is_empty or curve.trigger:
        checked(curve)
    total = sum(len(series.points) for series in (*curve.bands, *curve.limits))
    assert total + curve.left_out.total() - sum(found.left_out.values()) == len(found.points)


@settings(max_examples=150, deadline=None)
@given(LSST)
def test_points_are_those_of_the_packet_bit_by_bit(packet: dict[str, Any]) -> None:
    curve = plot_curve(
        lsst_history(packet, "difference", ()), CurveSettings(far_points="shown"), "difference"
    )
    given_fluxes = {
        (row["midpointMjdTai"] - 61000.0, row["psfFlux"])
        for name in ("prvDiaSources", "prvDiaForcedSources")
        for row in [packet["diaSource"], *(packet[name] or ())]
        if row["psfFlux"] is not None and math.isfinite(row["psfFlux"])
    }
    if not curve.is_empty:
        for series in checked(curve).values():
            if series["seriesOptions"]["label"] != "no change":
                assert set(places(series)) <= given_fluxes


def packets(folder: Path) -> Iterator[Packet]:
    for path in sorted(folder.glob("*")):
        yield from (packet for packet in read_packets(path) if isinstance(packet, Packet))


def test_real_packets(shared: Path) -> None:
    data = shared / "data"
    found = [lsst_history(packet.fields, "difference", ()) for packet in packets(data / "lsst")]
    found += [ztf_history(packet.fields, PacketHistorySettings()) for packet in packets(data / "ztf")]
    curves = [plot_curve(one, CurveSettings(limits=True), "difference") for one in found]
    assert sum(curve.is_empty for curve in curves) == 1, "one detection is flagged and has no history"
    for curve in curves:
        checked(curve)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"data": []}, "[] should be non-empty"),
        ({"chartOptions": {"xAxisLabel": "x"}}, "'yAxisLabel' is a required property"),
    ],
)
def test_the_schema_refuses_what_the_viewer_does(change: dict[str, Any], says: str) -> None:
    document = json.loads(curve_json(drawn(point(61000.0, 5.0)))) | change
    assert says in next(VIEWER.iter_errors(document)).message


def random_curves(count: int) -> list[bytes]:
    """Curves of many shapes, without hypothesis' search, for one process that reads them all."""
    made: list[bytes] = []
    rng = random.Random(5)
    while len(made) < count:
        size = rng.choice([1, 1, 2, 5, 30, 200])
        points = [
            Point(
                60650 + 350 * rng.random(),
                rng.choice([rng.gauss(0, 100), rng.uniform(-1e6, 1e6), -0.0, 5e-324, 1e22]),
                rng.choice([None, 0.0, abs(rng.gauss(0, 30)), math.inf]),
                rng.choice("ugrizyJH"),
                str(n),
                rng.choice([Kind.FORCED, Kind.DETECTION, Kind.LIMIT]),
            )
            for n in range(size)
        ]
        from collections import Counter

        kept = one_per_exposure(points, Counter())
        options = {"brightness": rng.choice(["flux", "magnitude"]), "limits": rng.random() < 0.5}
        curve = plot_curve(history(*kept), CurveSettings.model_validate(options), "difference")
        if not curve.is_empty:
            checked(curve)
            made.append(curve_json(curve))
    return made


TABLES: dict[str, dict[str, Any]] = {
    "unit": {"flux": "f", "flux_error": "e", "unit": "uJy", "limit": "limit"},
    "zero point": {"flux": "f", "flux_error": "e", "zero_point": "zp"},
    "magnitude": {"magnitude": "m", "magnitude_error": "dm", "sign": "sign", "limit": "limit"},
}
NOW = 61000.0


def measurement(rng: random.Random, name: int, visit: int) -> dict[str, Any]:
    """Make a row of a table: fluxes and magnitudes that may be missing or no numbers."""
    return {
        "diaObjectId": name, "midpointMjdTai": NOW - 360 * rng.random(), "visit": visit, "detector": 1,
        "band": rng.choice("ugrizy"), "f": rng.choice([None, math.nan, *(rng.gauss(0, 50) for _ in range(6))]),
        "e": rng.choice([None, math.nan, rng.random()]), "zp": rng.choice([22.5, 23.9, 31.4]),
        "m": rng.choice([None, rng.uniform(14, 24)]), "dm": rng.random(), "sign": rng.choice("tf"),
        "limit": rng.choice([None, 20.5]),
    }  # fmt: skip


def stated(row: dict[str, Any], columns: dict[str, Any]) -> float | None:
    """Give a row's flux in nJy, by the formulas that the docs state."""
    if "magnitude" in columns:
        sign = {"t": 1, "f": -1}[row["sign"]]
        return None if row["m"] is None else float(sign * 10 ** (0.4 * (31.4 - row["m"])))
    if row["f"] is None or not math.isfinite(row["f"]):
        return None
    return float(row["f"] * (1e3 if "unit" in columns else 10 ** (0.4 * (31.4 - row["zp"]))))


def table_curves(folder: Path, count: int) -> list[bytes]:
    """Draw curves of objects in tables, one a source, and hold each point to the formula, bit by bit."""
    made: list[bytes] = []
    rng = random.Random(7)
    for kind, columns in TABLES.items():
        rows = {
            1000 + n: [measurement(rng, 1000 + n, visit) for visit in range(rng.choice([1, 1, 2, 6, 40]))]
            for n in range(count // len(TABLES) + count % len(TABLES))
        }
        pq.write_table(
            pa.Table.from_pylist([row for of in rows.values() for row in of]), folder / f"{kind}.parquet"
        )
        sections = {
            "catalog": {"kind": "table", "path": "x"},
            "images": {"template": "t", "science": "s", "difference": "d", "kind": "frames"},
            "history": {"kind": "table", "path": f"{kind}.parquet", "columns": columns},
        }
        histories = open_histories(Settings.model_validate(sections), folder)
        sources = [
            DiaSource(n, 0.0, 0.0, "t", "r", {"diaObjectId": name, "midpointMjdTai": NOW})
            for n, name in enumerate(rows)
        ]
        for name, found in zip(rows, histories.of(sources), strict=True):
            assert isinstance(found, History)
            made += drawn_from(found, rows[name], columns, limits=rng.random() < 0.5)
    return made


def drawn_from(
    found: History, rows: list[dict[str, Any]], columns: dict[str, Any], *, limits: bool
) -> list[bytes]:
    own = CurveSettings(limits=limits, far_points="shown", max_points=10_000)
    curve = plot_curve(found, own, "difference")
    expected = {
        (row["midpointMjdTai"] - NOW, flux) for row in rows if (flux := stated(row, columns)) is not None
    }
    assert {(one.x, one.y) for series in curve.bands for one in series.points} == expected
    if curve.is_empty:
        return []
    checked(curve)
    return [curve_json(curve)]


def test_many_curves_by_the_schema(tmp_path: Path) -> None:
    assert len(random_curves(400)) == 400
    assert len(table_curves(tmp_path, 150)) > 100


def test_models_of_the_viewer_in_node(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The versions that Zooniverse's front end pins; asked for by `--node`, since npm fetches them."""
    if not request.config.getoption("--node"):
        pytest.skip("needs --node, node and npm's registry")
    source = Path(__file__).resolve().parents[1] / "viewer"
    for name in ("package.json", "check.mjs"):
        shutil.copy(source / name, tmp_path / name)
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund"], cwd=tmp_path, check=True, capture_output=True
    )
    lines = [*table_curves(tmp_path, 6_000), *random_curves(5_500)]
    assert len(lines) >= 10_000
    broken = b'{"data":[],"chartOptions":{"xAxisLabel":"x","yAxisLabel":"y"}}'
    twice = json.loads(lines[0])
    twice["data"].append(twice["data"][0])
    sent = b"\n".join([*lines, broken, json.dumps(twice).encode()]) + b"\n"
    done = subprocess.run(["node", "check.mjs"], cwd=tmp_path, input=sent, capture_output=True, check=True)
    refused, told = done.stdout.decode().splitlines()[:-1], done.stdout.decode().splitlines()[-1]
    assert told == f"read {len(lines) + 2}"
    assert [line.split(":")[0] for line in refused] == [f"{len(lines) + n}" for n in (1, 2)], refused[:5]
