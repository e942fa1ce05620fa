"""`zoocut.generate` from files, settings and memory: the same sources make the same pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table

import zoocut
from zoocut.demo.field import DETECTOR, VISITS
from zoocut.model import PANELS

BIG = 2**62 + 1
"""An id that no double holds."""


@pytest.fixture(scope="module")
def by_file(field: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The pictures that the configuration file makes."""
    return pictures(zoocut.generate(field / "zoocut.toml", tmp_path_factory.mktemp("run") / "run"))


def pictures(run: Any) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(run).glob("images/**/*.png")}


def frames_of(folder: Path, visit: int) -> tuple[Any, ...]:
    names = (folder / "field" / f"{visit}_{DETECTOR}_{panel}.fits" for panel in PANELS)
    return tuple(fits.ImageHDU(*fits.getdata(name, header=True, memmap=False)) for name in names)


def all_frames(folder: Path) -> dict[Any, tuple[Any, ...]]:
    return {visit: frames_of(folder, visit) for visit in VISITS}


def test_settings_and_what_was_loaded_make_the_same(
    field: Path, by_file: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(by_file) == 12
    monkeypatch.chdir(field)
    loaded = zoocut.load_config("zoocut.toml")
    assert pictures(zoocut.generate(loaded, tmp_path / "loaded")) == by_file
    assert pictures(zoocut.generate(loaded.settings, tmp_path / "settings")) == by_file
    few = zoocut.generate(loaded, tmp_path / "few", settings={"select.limit": 3})
    assert len(pictures(few)) == few.drawn == 3
    assert zoocut.generate(loaded, tmp_path / "all", every=True).rows == 60


@pytest.mark.parametrize(("kind", "jobs"), [("frame", 1), ("indexed", 1), ("table", 1), ("table", 2)])
def test_tables_and_frames_in_memory_make_the_same(
    field: Path, by_file: dict[str, bytes], tmp_path: Path, kind: str, jobs: int
) -> None:
    rows = pd.read_csv(field / "field" / "sources.csv")
    table = {
        "frame": lambda: rows,
        "indexed": lambda: rows.set_index("diaSourceId"),
        "table": lambda: Table.from_pandas(rows),
    }[kind]()
    run = zoocut.generate(
        table, tmp_path / "run", frames=all_frames(field), settings={"select.limit": 12}, jobs=jobs
    )
    assert pictures(run) == by_file


def test_exposures_are_told_apart_by_visit_and_detector(
    field: Path, by_file: dict[str, bytes], tmp_path: Path
) -> None:
    rows = pd.read_csv(field / "field" / "sources.csv")
    frames = {(np.int64(visit), DETECTOR): frames_of(field, visit) for visit in VISITS[:1]}
    run = zoocut.generate(rows, tmp_path / "run", frames=frames)
    assert (run.drawn, run.rejected.total()) == (20, 40)
    assert "no frames were given for its visit" in (tmp_path / "run" / "rejected.csv").read_text()
    assert by_file.items() <= pictures(run).items()


def test_ids_and_integers_with_gaps_stay_exact(field: Path, tmp_path: Path) -> None:
    sources = pd.read_csv(field / "field" / "sources.csv").iloc[:3]
    objects = MaskedColumn([BIG, 0, BIG + 2], mask=[False, True, False], dtype=np.int64)
    table = Table(
        {"diaSourceId": [BIG, BIG + 1, BIG + 2], "ra": sources.ra, "dec": sources.dec, "objectId": objects}
    )
    frames = frames_of(field, VISITS[0])
    run = zoocut.generate(table, tmp_path / "run", frames=frames, settings={"metadata": {"o": "objectId"}})
    found = run.to_pandas()
    assert list(found["diaSourceId"]) == [BIG, BIG + 1, BIG + 2]
    assert found["objectId"][0] == BIG
    assert found["objectId"].isna().tolist() == [False, True, False]
    manifest = pd.read_csv(tmp_path / "run" / "manifest.csv", dtype=str)
    assert list(manifest["external_id"]) == [str(BIG), str(BIG + 1), str(BIG + 2)]
    assert list(manifest["metadata:o"].fillna("")) == [str(BIG), "", str(BIG + 2)]


class OwnCatalog:
    """What a survey's package would write."""

    @property
    def expected(self) -> int:
        return 2

    def sources(self) -> Iterator[zoocut.DiaSource | zoocut.Rejection]:
        for number in (1, 2):
            yield zoocut.DiaSource(number, None, None, "own", f"row {number}", {"diaSourceId": number})


class OwnImages:
    """Likewise."""

    def exposure_of(self, source: zoocut.DiaSource) -> str:
        return "e"

    def cut(
        self, exposure: str, sources: Sequence[zoocut.DiaSource]
    ) -> Iterator[tuple[zoocut.Cutout, ...] | zoocut.Rejection]:
        for source in sources:
            ramp = np.arange(900.0).reshape(30, 30) * source.dia_source_id
            yield (zoocut.Cutout(ramp, ramp, ramp, None),)


def test_own_catalogs_and_images_are_taken(tmp_path: Path) -> None:
    run = zoocut.generate(OwnCatalog(), tmp_path / "run", frames=OwnImages())
    assert (run.drawn, run.rows) == (2, 2)


def test_it_says_what_was_done(field: Path, tmp_path: Path) -> None:
    told: list[int] = []
    run = zoocut.generate(
        field / "zoocut.toml", tmp_path / "<run>", progress=lambda one: told.append(one.drawn)
    )
    assert told[-1] == run.drawn == 12
    assert run.to_dict()["run"]["path"] == str(tmp_path / "<run>")
    html = run._repr_html_()
    assert "&lt;run&gt;" in html
    assert "<run>" not in html
    assert "<td>12</td>" in html


@pytest.mark.parametrize(
    ("source", "frames", "sentence"),
    [
        (pd.DataFrame({"diaSourceId": [1], "ra": [1.0], "dec": [2.0]}), None, "give frames="),
        (3, (1, 2, 3), "int holds no sources"),
        (
            pd.DataFrame({"diaSourceId": [1], "ra": [1.0], "dec": [2.0]}),
            (np.eye(3), np.eye(3)),
            "must be three",
        ),
    ],
)
def test_what_cannot_be_drawn_from_is_refused(
    tmp_path: Path, source: Any, frames: Any, sentence: str
) -> None:
    with pytest.raises(zoocut.errors.ConfigError, match=sentence):
        zoocut.generate(source, tmp_path / "run", frames=frames)


def test_frames_beside_settings_are_refused(field: Path, tmp_path: Path) -> None:
    with pytest.raises(zoocut.errors.ConfigError, match="frames belong to a table"):
        zoocut.generate(field / "zoocut.toml", tmp_path / "run", frames=frames_of(field, VISITS[0]))  # type: ignore[arg-type]


def test_a_table_without_positions_names_its_columns(tmp_path: Path) -> None:
    table = pd.DataFrame({"diaSourceId": [1], "RA": [1.0], "dec": [2.0]})
    with pytest.raises(zoocut.errors.InputError, match="no column ra: it has diaSourceId, RA, dec"):
        zoocut.generate(table, tmp_path / "run", frames=(np.eye(9), np.eye(9), np.eye(9)))
