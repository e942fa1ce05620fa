"""Choosing sources: cuts, exclusions, one an object, samples; and how the chosen spread."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from zoocut.catalogs import open_catalog
from zoocut.config.catalog import AlertsSettings
from zoocut.config.select import SelectSettings
from zoocut.errors import ConfigError, InputError
from zoocut.model import DiaSource, Rejection, Value
from zoocut.select import Selection, Spread


class Listed:
    """A catalog of given rows."""

    def __init__(self, rows: list[dict[str, Value]]) -> None:
        self.rows = rows
        self.readings = 0

    @property
    def expected(self) -> int:
        return len(self.rows)

    def sources(self) -> Iterator[DiaSource | Rejection]:
        self.readings += 1
        for number, row in enumerate(self.rows):
            columns = {"diaSourceId": number, **row}
            yield DiaSource(int(columns["diaSourceId"] or 0), 1.0, 2.0, "list", f"row {number}", columns)
        yield Rejection("", "the end", "a row that cannot be read")


def choose(rows: list[dict[str, Value]], folder: Path = Path(), **settings: Any) -> list[int]:
    *chosen, rest = Selection(Listed(rows), SelectSettings.model_validate(settings), folder).sources()
    assert isinstance(rest, Rejection), "rows that cannot be read stay to be told"
    return [source.dia_source_id for source in chosen if isinstance(source, DiaSource)]


@pytest.mark.parametrize(
    ("cut", "chosen"),
    [
        ({"min": 2}, [2, 3]),
        ({"max": 2}, [1, 2]),
        ({"min": 2, "max": 2}, [2]),
        ({"one_of": [1, 3]}, [1, 3]),
        ({"not_null": True}, [1, 2, 3]),
    ],
)
def test_cuts_on_numbers(cut: dict[str, Any], chosen: list[int]) -> None:
    rows: list[dict[str, Value]] = [{"n": None}, {"n": 1}, {"n": 2.0}, {"n": 3}]
    assert choose(rows, cuts={"n": cut}) == chosen


def test_flags_set_and_unset() -> None:
    rows: list[dict[str, Value]] = [{"f": True}, {"f": False}, {"f": None}, {"f": 1}]
    assert choose(rows, cuts={"f": {"set": True}}) == [0, 3]
    assert choose(rows, cuts={"f": {"set": False}}) == [1, 2]
    assert choose(rows, cuts={"f": {"set": False, "not_null": True}}) == [1]


def test_all_cuts_must_hold() -> None:
    rows: list[dict[str, Value]] = [{"band": b, "snr": s} for b in "ri" for s in (1, 9)]
    assert choose(rows, cuts={"band": {"one_of": ["i"]}, "snr": {"min": 5}}) == [3]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"cuts": {"sn": {"min": 1}}}, "select.cuts.sn names the column sn, .* did you mean snr?"),
        ({"cuts": {"band": {"min": 1}}}, "select.cuts.band has limits of another kind"),
        ({"one_per_object": {"object": "obj"}}, "one_per_object.object names the column obj"),
        ({"sample": {"size": 2, "by": ["visit"]}}, "select.sample.by names the column visit"),
        ({"sample": {"size": 2, "quantiles_of": "x"}}, "select.sample.quantiles_of names the column x"),
    ],
)
def test_mistakes(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        choose([{"snr": 3.0, "band": "r"}], **settings)


def test_a_cut_that_asks_nothing() -> None:
    with pytest.raises(ValidationError, match="it asks for nothing"):
        SelectSettings.model_validate({"cuts": {"snr": {}}})


def test_exclusion_lists(tmp_path: Path) -> None:
    (tmp_path / "seen.csv").write_text(f"name,diaSourceId\na,1\nb,{2**60 + 1}\nno source,\n")
    (tmp_path / "earlier").mkdir()
    (tmp_path / "earlier" / "manifest.csv").write_text("external_id,location:1\n3,a.png\n")
    rows: list[dict[str, Value]] = [{}, {}, {}, {}, {"diaSourceId": 2**60 + 1}, {"diaSourceId": 2**60}]
    assert choose(rows, tmp_path, exclude=["seen.csv", "earlier"]) == [0, 2, 2**60]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("none.csv", None, "cannot be read"),
        ("list.csv", "id\n1\n", "has no column diaSourceId or external_id"),
        (
            "list.csv",
            "diaSourceId\n5\nabc\n",
            "list.csv line 3 in select.exclude: its id 'abc' is not a whole number of digits",
        ),
        (
            "list.csv",
            "diaSourceId\n5.0\n",
            "list.csv line 2 in select.exclude: its id '5.0' is not a whole number of digits",
        ),
        ("list.csv", b"PAR1\xff\xfe", "is parquet, no delimited text: save it as CSV UTF-8"),
        ("run", None, "has no manifest.csv: .*or a run with a manifest"),
    ],
)
def test_bad_exclusion_lists(tmp_path: Path, name: str, content: str | bytes | None, says: str) -> None:
    (tmp_path / "run").mkdir()
    if content is not None:
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=says):
        choose([{}], tmp_path, exclude=[name])


def test_one_source_an_object() -> None:
    rows: list[dict[str, Value]] = [
        {"diaObjectId": 7, "snr": 5.0, "midpointMjdTai": 3.0},
        {"diaObjectId": 7, "snr": 9.0, "midpointMjdTai": 2.0},
        {"diaObjectId": 7, "snr": None, "midpointMjdTai": 1.0},
        {"diaObjectId": None, "snr": 1.0, "midpointMjdTai": 1.0},
        {"diaObjectId": 0, "snr": 1.0, "midpointMjdTai": 1.0},
        {"diaObjectId": 8, "snr": 4.0, "midpointMjdTai": 1.0},
        {"diaObjectId": 8, "snr": 4.0, "midpointMjdTai": 1.0},
    ]
    assert choose(rows, one_per_object={}) == [1, 3, 4, 5]
    assert choose(rows, one_per_object={"keep": "first"}) == [2, 3, 4, 5]
    assert choose(rows, one_per_object={"keep": "last"}) == [0, 3, 4, 5]


def field(size: int) -> list[dict[str, Value]]:
    bands = ["r"] * 8 + ["i", "z"]
    return [{"band": bands[n % 10], "visit": n * 4 // size, "snr": float(n % 97)} for n in range(size)]


def test_samples_depend_on_seed_and_ids_alone() -> None:
    rows = [{**row, "diaSourceId": n} for n, row in enumerate(field(1000))]
    first = choose(rows, sample={"size": 100})
    assert len(first) == 100
    assert choose(rows, sample={"size": 100}) == first
    assert choose(rows, sample={"size": 100, "seed": 1}) != first
    shuffled = random.Random(3).sample(rows, len(rows))
    assert sorted(choose(shuffled, sample={"size": 100})) == first
    assert set(first) < set(choose(rows, sample={"size": 150}))
    assert choose(rows, sample={"size": 5000}) == list(range(1000))


def test_samples_are_even() -> None:
    """Of 400 samples of half the rows, each row is in about half: 5 sigma of a binomial is 50."""
    rows: list[dict[str, Value]] = [{}] * 40
    counts = Counter(n for seed in range(400) for n in choose(rows, sample={"size": 20, "seed": seed}))
    assert all(150 <= counts[n] <= 250 for n in range(40))


def test_strata_get_equal_parts_as_far_as_they_reach() -> None:
    rows = field(1000)
    chosen = choose(rows, sample={"size": 400, "by": ["band"]})
    assert Counter(rows[n]["band"] for n in chosen) == {"r": 200, "i": 100, "z": 100}
    chosen = choose(rows, sample={"size": 60, "by": ["band", "visit"]})
    assert set(Counter((rows[n]["band"], rows[n]["visit"]) for n in chosen).values()) == {5}


def test_quantiles_as_strata() -> None:
    rows: list[dict[str, Value]] = [{"snr": float(n**3)} for n in range(100)] + [{"snr": None}] * 5
    chosen = choose(rows, sample={"size": 25, "quantiles_of": "snr", "quantiles": 4})
    assert Counter(n // 25 for n in chosen) == {0: 5, 1: 5, 2: 5, 3: 5, 4: 5}


def test_everything_together_reads_the_catalog_thrice() -> None:
    rows = [{**row, "diaObjectId": 1 + n // 2} for n, row in enumerate(field(400))]
    listed = Listed(rows)
    asked = {
        "cuts": {"band": {"one_of": ["r", "i"]}},
        "one_per_object": {},
        "sample": {"size": 30, "by": ["band"]},
    }
    chosen = list(Selection(listed, SelectSettings.model_validate(asked), Path()).sources())
    sources = [s for s in chosen if isinstance(s, DiaSource)]
    assert Counter(s.columns["band"] for s in sources) == {"r": 15, "i": 15}
    assert len({s.columns["diaObjectId"] for s in sources}) == 30
    assert listed.readings == 3


def test_expected_counts() -> None:
    listed = Listed(field(10))

    def expected(**settings: Any) -> int | None:
        return Selection(listed, SelectSettings.model_validate(settings), Path()).expected

    assert expected() == 10
    assert expected(limit=3) == 3
    assert expected(cuts={"snr": {"min": 1}}) is None
    assert expected(sample={"size": 4}, limit=6) == 4


def test_spread() -> None:
    spread = Spread()
    assert str(spread) == ""
    for n, row in enumerate(field(100)):
        spread.add([{**row, "detector": n % 2}])
    assert str(spread) == "4 visits; 2 detectors; bands i 10, r 80, z 10"


@pytest.mark.parametrize("column", ["ssObjectId", "diaObjectId", "diaSource.ssObjectId", "parentDiaSourceId"])
@pytest.mark.parametrize("nothing", [0, None, "0", "", -1, "-9999", "0.0", "null"])
def test_an_object_id_of_zero_is_no_object(column: str, nothing: Value) -> None:
    rows: list[dict[str, Value]] = [{column: nothing}, {column: 2**60 + 1}, {column: nothing}]
    assert choose(rows, cuts={column: {"not_null": True}}) == [1]
    assert choose(rows, cuts={column: {"set": False}}) == [0, 2]
    rows = [row | {"snr": 5.0} for row in rows]
    assert choose(rows, one_per_object={"object": column}) == [0, 1, 2]
    renamed = [{"obj": row[column], "snr": 5.0} for row in rows]
    assert choose(renamed, one_per_object={"object": "obj"}) == [0, 1, 2], "whatever the column is called"


def test_one_object_written_in_two_ways_is_one() -> None:
    rows: list[dict[str, Value]] = [
        {"diaObjectId": cell, "snr": 5.0} for cell in (77, "77", 77.0, "77 ", "A", " A")
    ]
    assert choose(rows, one_per_object={}) == [0, 4]


def test_zero_is_a_value_of_other_columns() -> None:
    assert choose([{"nDiaSources": 0}, {"nDiaSources": None}], cuts={"nDiaSources": {"not_null": True}}) == [
        0
    ]


def test_three_of_the_real_alerts_move(shared: Path) -> None:
    path = shared / "data" / "lsst" / "lsstcam_alerts_v10_0.parquet"
    alerts = AlertsSettings(
        kind="alerts", path=str(path), dia_source_id="diaSourceId", measurements="diaSource", columns={}
    )
    cuts = SelectSettings.model_validate({"cuts": {"ssObjectId": {"not_null": True}}})
    assert len(list(Selection(open_catalog(alerts, Path()), cuts, Path()).sources())) == 3
