"""Every configuration that `zoocut init` writes works on input of its kind, from the command line."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from zoocut.cli.init import Source, init
from zoocut.config.load import load

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
KINDS = {
    "template": "template_detector",
    "science": "preliminary_visit_image",
    "difference": "difference_image",
    "table": "goodSeeingDiff_diaSrcTable",
}
DECAM = {"template": "Stack-DEC-OBS18", "science": "Stack-DEC-OBS04", "difference": "FinalDifference.DeCorr"}


def summary(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode in (0, 3), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("kind", list(Source))
def test_init_writes_settings_that_load(tmp_path: Path, kind: Source) -> None:
    path = tmp_path / "zoocut.toml"
    init(kind, path)
    assert f"zoocut generate {path}" in path.read_text()
    assert load(path).settings.catalog.kind in ("alerts", "apdb", "butler", "table")


def test_init_keeps_what_is_there(zoocut: Zoocut, tmp_path: Path) -> None:
    assert "zoocut generate zoocut.toml -o RUN" in zoocut("init", "--source", "frames").stdout
    (tmp_path / "zoocut.toml").write_text("mine")
    again = zoocut("init", "--source", "frames")
    assert again.returncode == 3
    assert "zoocut.toml is there already" in again.stderr
    assert (tmp_path / "zoocut.toml").read_text() == "mine"


@pytest.mark.parametrize(
    ("kind", "pattern", "count"),
    [
        ("ztf-alerts", "ztf/*.avro", 18),
        ("lsst-alerts", "lsst", 26),
        ("other-alerts", "winter/*.avro", 4),
    ],
)
def test_alerts(zoocut: Zoocut, shared: Path, kind: str, pattern: str, count: int) -> None:
    zoocut("init", "--source", kind)
    done = zoocut("generate", "zoocut.toml", "--input", shared / "data" / pattern, "-o", "run", "--json")
    told = summary(done)
    assert (told["drawn"], told["rejected"]) == (count, 0)


def test_a_sample(zoocut: Zoocut, shared: Path) -> None:
    zoocut("init", "--source", "lsst-alerts")
    sample = "--set=select.sample={size = 6, by = ['visit']}"
    done = zoocut("generate", "zoocut.toml", "--input", shared / "data/lsst/", "-o", "run", "--json", sample)
    told = summary(done)
    assert told["drawn"] == 6
    assert set(told["spread"]["visits"].values()) == {1}


def test_a_limit_tells_how_the_chosen_spread(zoocut: Zoocut, shared: Path) -> None:
    """Without a sample the first sources are taken: the summary shows how few visits they come from."""
    zoocut("init", "--source", "lsst-alerts")
    words = ("--input", shared / "data/lsst/*.parquet", "-o", "run", "--limit")
    few = zoocut("generate", "zoocut.toml", *words, 3)
    assert "run: 3 drawn" in few.stdout, few.stderr
    assert re.search(r"^  \d+ visits?; \d+ detectors?; bands \w \d", few.stdout, re.MULTILINE)
    whole = zoocut("generate", "zoocut.toml", *words, 500)
    (path,) = (shared / "data/lsst").glob("*.parquet")
    alerts = pq.read_table(path, columns=["diaSource"])["diaSource"].to_pylist()
    visits, detectors = ({alert[name] for alert in alerts} for name in ("visit", "detector"))
    assert {alert["band"] for alert in alerts} == {"i"}
    assert f"{len(visits)} visits; {len(detectors)} detectors; bands i {len(alerts)}\n" in whole.stdout


def test_frames_by_pixel_and_pattern(zoocut: Zoocut, shared: Path, tmp_path: Path) -> None:
    zoocut("init", "--source", "frames")
    for name, file in DECAM.items():
        (tmp_path / f"7_{name}.fits").symlink_to(shared / "data" / "decam" / f"{file}.fits")
    (tmp_path / "sources.csv").write_text("diaSourceId,xpos,ypos,night\n5,129,100,7\n6,30.5,40,7\n7,1,1,8\n")
    names = {"catalog.x": "xpos", "catalog.y": "ypos", "catalog.first_pixel": "1"}
    names |= {f"images.{name}": f"{{night}}_{name}.fits" for name in DECAM}
    options = [f"--set={key}={value}" for key, value in names.items()]
    told = summary(zoocut("generate", "zoocut.toml", "-o", "run", "--json", *options))
    assert (told["drawn"], told["rejected"]) == (2, 1)
    with (tmp_path / "run" / "rejected.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert "8_template.fits does not exist" in row["reason"]


@pytest.fixture
def rubin(repository: Any, night: Any) -> Path:
    for exposure in night.exposures:
        for kind, dataset_type in KINDS.items():
            repository.put(dataset_type, *exposure, night.file(kind, exposure))
    root: Path = repository.root
    return root


def repository_options(root: Path, *sections: str) -> list[str]:
    return [
        f"--set={section}.{key}={value}"
        for section in sections
        for key, value in (("repository", root), ("collections", '["night"]'))
    ]


def test_butler(zoocut: Zoocut, rubin: Path, tmp_path: Path) -> None:
    zoocut("init", "--source", "rubin-butler")
    options = repository_options(rubin, "catalog", "images")
    options += ["--set=catalog.instrument=LSSTCam", "--set=catalog.where=visit = 943296", "-j", "2"]
    told = summary(zoocut("generate", "zoocut.toml", "-o", "run", "--json", *options))
    assert told["drawn"] > 0
    assert told["spread"]["visits"] == {"943296": told["drawn"]}
    assert told["spread"]["detectors"] == {"168": told["drawn"]}
    with (tmp_path / "run" / "manifest.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == told["drawn"]


def test_apdb(zoocut: Zoocut, rubin: Path, shared: Path) -> None:
    zoocut("init", "--source", "rubin-apdb")
    apdb = shared / "data" / "apdb" / "apdb.sqlite3"
    options = [*repository_options(rubin, "images"), "--set=images.instrument=LSSTCam", "--input", apdb]
    bare = ["--set=select.cuts={}", "--all"]
    told = summary(zoocut("generate", "zoocut.toml", "-o", "run", "--json", *options, *bare))
    assert told["drawn"] + told["rejected"] == 290
    assert told["drawn"] > 260
    assert set(told["spread"]["visits"]) == {"943296", "982985"}


def test_extras_are_asked_for_by_name(tmp_path: Path) -> None:
    """In a Python without the package, as it is without the extra."""
    program = (
        "import sys\nsys.modules['lsst.daf.butler'] = None\nfrom pathlib import Path\n"
        "from zoocut.butler import open_butler\nopen_butler('repo', ['night'], Path())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert "pip install 'zoocut[butler]'" in done.stderr


def test_extras_that_are_named_exist() -> None:
    """In messages, configurations and documents."""
    root = Path(__file__).resolve().parents[3]
    extras = tomllib.loads((root / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    files = [root / "README.md", *(root / "docs").glob("*.md"), *(root / "configs").glob("*.toml")]
    text = "".join(
        path.read_text() for path in [*files, *(root / "zoocut").rglob("*.py"), root / "pyproject.toml"]
    )
    named = {name for found in re.findall(r"zoocut\[([a-z0-9,-]+)\]", text) for name in found.split(",")}
    assert {"butler", "butler-s3", "butler-remote", "lsst-alerts", "postgres"} <= named
    assert named <= set(extras)


def test_options_documented_for_the_other_program_exist(zoocut: Zoocut) -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "other-program.md").read_text()
    known = zoocut("generate", "--help").stdout
    for option in ("--input", "--limit", "--all", "--set", "--reliability-min", "--reliability-max"):
        assert option in text
        assert option in known


def test_the_example_in_the_documents_loads(zoocut: Zoocut, tmp_path: Path) -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "inputs.md").read_text()
    blocks = [block.split("```")[0] for block in text.split("```toml")[1:]]
    (example,) = (block for block in blocks if "[select]" in block)
    (tmp_path / "seen.csv").write_text("diaSourceId\n1\n")
    zoocut("init", "--source", "ztf-alerts")
    with (tmp_path / "zoocut.toml").open("a") as file:
        file.write(example)
    done = zoocut("config", "show", "zoocut.toml")
    assert done.returncode == 0, done.stderr
    assert "select.sample.quantiles = 4" in done.stdout


def test_manifest_by_addresses(zoocut: Zoocut, shared: Path, tmp_path: Path) -> None:
    zoocut("init", "--source", "ztf-alerts")
    root = "--set=manifest.url_root=https://images.example.org/night%201/"
    done = zoocut("generate", "zoocut.toml", "--input", shared / "data/ztf/*.avro", "-o", "run", root)
    assert done.returncode == 0, done.stderr
    by_path, by_address = (
        list(csv.DictReader((tmp_path / "run" / name).read_text().splitlines()))
        for name in ("manifest.csv", "manifest-urls.csv")
    )
    assert len(by_address) == 18
    for row, addressed in zip(by_path, by_address, strict=True):
        place = row.pop("location:1")
        assert place.startswith("images/")
        assert addressed.pop("location:1") == f"https://images.example.org/night%201/{place}"
        assert row == addressed
