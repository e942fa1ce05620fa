"""A run keeps the encoding of pictures that it began with, and pixels are the same in all."""

from __future__ import annotations

import io
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

import zoocut
from zoocut.errors import InputError
from zoocut.render.patterned import is_patterned
from zoocut.run.folder import Run
from zoocut.run.record import FIRST_ENCODING, NEWEST_ENCODING

PANELS = ("template", "science", "difference")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames of noise with five sources."""
    folder = tmp_path_factory.mktemp("field")
    noise = np.random.default_rng(0)
    for name in PANELS:
        fits.writeto(folder / f"{name}.fits", noise.normal(0, 1, (64, 64)).astype(np.float32))
    rows = "".join(f"{number},{20 + number % 7},{30 + number % 5}\n" for number in range(1700, 1705))
    (folder / "sources.csv").write_text(f"diaSourceId,x,y\n{rows}")
    paths = "\n".join(f'{name} = "{name}.fits"' for name in PANELS)
    path = folder / "zoocut.toml"
    path.write_text(
        '[catalog]\nkind = "table"\npath = "sources.csv"\nx = "x"\ny = "y"\n'
        f'[images]\nkind = "frames"\n{paths}\n[draw]\nsizes = [21]\n'
    )
    return path


@pytest.fixture(params=[FIRST_ENCODING, NEWEST_ENCODING])
def encoding(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def begun(config: Path, tmp_path: Path, encoding: int) -> Path:
    """A run of which three sources are drawn; the first encoding is that of runs made before there was another."""
    run = tmp_path / "run"
    if encoding == FIRST_ENCODING:
        Run.create(run, zoocut.load_config(config).settings)
        assert "encoding" not in (run / "run.toml").read_text()
    zoocut.generate(config, run, settings={"select.limit": 3})
    return run


def pictures(run: Path) -> dict[str, bytes]:
    return {str(path.relative_to(run)): path.read_bytes() for path in run.glob("images/**/*.png")}


def test_a_run_goes_on_as_it_began(config: Path, begun: Path, encoding: int, tmp_path: Path) -> None:
    told = tomllib.loads((begun / "run.toml").read_text())["run"]
    assert told.get("encoding", FIRST_ENCODING) == encoding
    before = pictures(begun)
    (begun / min(before)).unlink()
    for jobs in (1, 2):
        zoocut.generate(config, begun, jobs=jobs)
        now = pictures(begun)
        assert before.items() <= now.items()
        assert len(now) == 5
        assert {is_patterned(png) for png in now.values()} == {encoding == NEWEST_ENCODING}
    other = tmp_path / "other"
    zoocut.generate(config, other)
    for name, png in pictures(other).items():
        shown = [np.asarray(Image.open(io.BytesIO(one)).convert("RGB")) for one in (png, now[name])]
        np.testing.assert_array_equal(*shown)


def empty(record: Path) -> None:
    record.write_bytes(b"")


def cut_off(record: Path) -> None:
    record.write_text(record.read_text().partition("[settings")[0])


@pytest.mark.parametrize("damage", [empty, cut_off])
def test_a_record_that_is_made_anew_knows_the_encoding(
    config: Path, begun: Path, damage: Callable[[Path], None]
) -> None:
    before = pictures(begun)
    damage(begun / "run.toml")
    (begun / max(before)).unlink()
    zoocut.generate(config, begun)
    assert before.items() <= pictures(begun).items()


def test_an_encoding_of_a_newer_zoocut_is_refused(config: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    zoocut.generate(config, run, settings={"select.limit": 1})
    record, before = run / "run.toml", pictures(run)
    record.write_text(record.read_text().replace("encoding = 2", "encoding = 3"))
    with pytest.raises(
        InputError, match=r"begun by a newer zoocut.*encoding 3.*pip install --upgrade zoocut"
    ):
        zoocut.generate(config, run)
    assert pictures(run) == before
    assert zoocut.status(run).to_dict()["run"]["rows"] == 1
