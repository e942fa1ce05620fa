"""What subjects show: media by name, their files in order, their settings, those of other packages."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from zoocut.run.folder import Run

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
CONFIGS = Path(__file__).resolve().parents[2] / "configs"
ZTF, LSST = CONFIGS / "ztf-alerts.toml", CONFIGS / "lsst-alerts.toml"
FLAGGED = "169813007074328578"
"""The one of the real alerts whose flux is flagged and that has no history: nothing is left to draw a curve of."""


@pytest.fixture
def ztf(shared: Path) -> str:
    return str(shared / "data" / "ztf" / "*.avro")


@pytest.fixture
def lsst(shared: Path) -> str:
    return str(shared / "data" / "lsst" / "*.parquet")


def manifest(run: Path) -> list[dict[str, str]]:
    with (run / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def digests(run: Path) -> tuple[str, str]:
    """Checksums of all pictures' bytes, and of their pixels."""
    files = sorted((run / "images").rglob("*.png"), key=lambda path: path.name)
    pixels = [np.asarray(Image.open(path).convert("RGB")).tobytes() for path in files]
    return tuple(  # type: ignore[return-value]
        hashlib.sha256(b"".join(parts)).hexdigest()
        for parts in ([path.read_bytes() for path in files], pixels)
    )


PLAIN = """
[catalog]
kind = "alerts"
path = "{path}"
{catalog}
[images]
kind = "stamps"
difference_sign = "as_sent"
{scale}
[draw]
sizes = []
"""
"""Settings of the test's own: shipped ones may change."""


@pytest.mark.parametrize("media", [[], ["--set", 'draw.media=["triplet"]']])
def test_the_triplet_is_what_it_always_was(
    zoocut: Zoocut, published: Path, ztf: str, lsst: str, tmp_path: Path, media: list[str]
) -> None:
    """Pixels as they were drawn before there were other media; only bars have got a label since.

    So are the bytes of a run that was begun before pictures had an encoding that it tells.
    """
    lsst_names = 'dia_source_id = "diaSourceId"\nmeasurements = "diaSource"\n'
    kept = {
        ("ztf", ztf, "", ""): (
            "419ca5169cd3b74f5de9f993e9faf0ffc395bfc42fb51440e790a3af22690a0a",
            "636d7c66b8ffa86198a169c6855511b8ad78c589c0485c4e9088d0246fdc7f87",
        ),
        ("ztf-with-a-bar", ztf, "", "pixel_scale_arcsec = 1.01"): (
            "d4197b2c7ffd62c1c9db6ad8f2bfeabd8bc488042bb7ce6e66e5cf88f6c8ffaa",
            "72e62fb5eecc2e6b4973d6231dfa9661f7cd437eb708f998302def838d614741",
        ),
        ("lsst", lsst, lsst_names, ""): (
            "6a39702147ef9e0bbfaa8162200c6faf301ce6f5b4498070be997c83a68ed0b2",
            "70cbb24664a93e5edc048de67b58f8acd0c7dd27219e899a64c9802f25030b05",
        ),
    }
    for (name, packets, catalog, scale), sums in kept.items():
        (tmp_path / f"{name}.toml").write_text(PLAIN.format(path=packets, catalog=catalog, scale=scale))
        Run.create(tmp_path / f"{name} of old")
        for run in (name, f"{name} of old"):
            done = zoocut("generate", f"{name}.toml", "-o", run, *media)
            assert done.returncode == 0, done.stderr
            assert all("location:2" not in row for row in manifest(tmp_path / run))
        assert digests(tmp_path / name)[1] == sums[1], "pixels differ"
        assert digests(tmp_path / f"{name} of old") == sums, (
            "bytes differ in which the same pixels are packed"
        )


def media(*names: str, **settings: str) -> list[str]:
    options = ["--set", f"draw.media={json.dumps(names)}"]
    return options + [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]


@pytest.mark.parametrize("jobs", [1, 2])
def test_files_stand_in_the_order_of_the_media(zoocut: Zoocut, ztf: str, tmp_path: Path, jobs: int) -> None:
    done = zoocut("generate", ZTF, "--input", ztf, "-o", "run", "-j", jobs, *media("lightcurve", "frames"))
    assert done.returncode == 0, done.stderr
    rows = manifest(tmp_path / "run")
    recorded = {
        str(row["diaSourceId"]): row for row in pq.read_table(tmp_path / "run/sources.parquet").to_pylist()
    }
    assert len(rows) == 18
    for row in rows:
        names = [row[f"location:{n}"] for n in range(1, 5)]
        kinds = ("-lightcurve.json", "-template.png", "-science.png", "-difference.png")
        assert [Path(name).name for name in names] == [row["external_id"] + kind for kind in kinds]
        for number, name in enumerate(names, start=1):
            content = (tmp_path / "run" / name).read_bytes()
            assert hashlib.sha256(content).hexdigest() == recorded[row["external_id"]][f"sha256:{number}"]
        curve = json.loads((tmp_path / "run" / names[0]).read_bytes())
        assert curve["data"][1]["seriesOptions"]["label"] == "this detection"


def test_a_source_without_a_measurement_has_no_curve(zoocut: Zoocut, lsst: str, tmp_path: Path) -> None:
    done = zoocut("generate", LSST, "--input", lsst, "-o", "run", *media("lightcurve", "frames"))
    assert done.returncode == 0, done.stderr
    assert "1 x without a light curve: nothing was measured that can be shown" in done.stdout
    assert "1 x measurements left out: flagged psfFlux_flag" in done.stdout
    by_id = {row["external_id"]: row for row in manifest(tmp_path / "run")}
    assert len(by_id) == 25
    assert by_id[FLAGGED]["location:1"].endswith("-template.png"), "the first location is never empty"
    assert by_id[FLAGGED]["location:4"] == ""
    assert sum(row["location:4"] != "" for row in by_id.values()) == 24
    again = zoocut("generate", LSST, "--input", lsst, "-o", "run", *media("lightcurve", "frames"))
    assert "0 drawn, 25 already there" in again.stdout
    dry = zoocut(
        "upload", "run", "--dry-run", "--project", "1", "--set", "x", PANOPTES_ENDPOINT="http://127.0.0.1:9"
    )
    assert "cannot be read" not in dry.stderr


def test_a_curve_may_be_required(zoocut: Zoocut, lsst: str, tmp_path: Path) -> None:
    required = {"media.lightcurve.required": "true"}
    done = zoocut("generate", LSST, "--input", lsst, "-o", "run", *media("lightcurve", "frames", **required))
    assert done.returncode == 3
    assert len(manifest(tmp_path / "run")) == 24
    rejected = (tmp_path / "run" / "rejected.csv").read_text()
    assert f"{FLAGGED}," in rejected
    assert "without a light curve: nothing was measured" in rejected


def test_a_subject_needs_something_to_show(zoocut: Zoocut, lsst: str, tmp_path: Path) -> None:
    done = zoocut("generate", LSST, "--input", lsst, "-o", "run", *media("lightcurve"))
    assert done.returncode == 3
    assert "it has nothing to show: without a light curve" in (tmp_path / "run" / "rejected.csv").read_text()


def test_what_is_missing_is_added(zoocut: Zoocut, ztf: str, tmp_path: Path) -> None:
    call = ("generate", ZTF, "--input", ztf, "-o", "run", *media("lightcurve", "triplet"))
    assert zoocut(*call).returncode == 0
    files = sorted((tmp_path / "run" / "images").rglob("*.*"))
    before = {path: path.read_bytes() for path in files}
    assert len(before) == 36
    files[3].unlink()
    files[10].write_bytes(b"something else")
    again = zoocut(*call)
    assert "2 drawn, 16 already there" in again.stdout
    assert {path: path.read_bytes() for path in files} == before


def test_other_media_are_another_run(zoocut: Zoocut, ztf: str, tmp_path: Path) -> None:
    assert zoocut("generate", ZTF, "--input", ztf, "-o", "run").returncode == 0
    for other in (media("triplet", "lightcurve"), ["--set", "history.quantity=total"]):
        refused = zoocut("generate", ZTF, "--input", ztf, "-o", "run", *other)
        assert refused.returncode == 2
        assert "was made with other settings" in refused.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (media("lightcurv"), "there is no medium lightcurv: did you mean lightcurve?"),
        (media("triplet", "triplet"), "media names a medium twice"),
        (media("triplet", **{"media.lightcurv.days": "3"}), "there is no medium lightcurv"),
        (
            media("lightcurve", **{"media.lightcurve.day": "3"}),
            "unknown key media.lightcurve.day: did you mean days?",
        ),
        (media("lightcurve", **{"media.lightcurve.days": "0"}), "media.lightcurve.days = 0 is not allowed"),
        (media("frames", **{"media.frames.x": "1"}), "unknown key media.frames.x"),
        (
            [*media("frames", "triplet"), "--set", "draw.layout=separate"],
            "draw.media names two media that both make files ending in -template.png",
        ),
        (["--set", "draw.media=[]"], "draw.media = [] is not allowed"),
        (
            [*media("lightcurve"), "--set", "history.kind=apdb"],
            "history.kind = 'apdb' needs a path (SQLite) or a url (PostgreSQL)",
        ),
    ],
)
def test_what_is_wrong_is_told_before_a_run_is_made(
    zoocut: Zoocut, ztf: str, tmp_path: Path, options: list[str], says: str
) -> None:
    refused = zoocut("generate", ZTF, "--input", ztf, "-o", "run", *options)
    assert refused.returncode == 2, refused.stderr
    assert says in refused.stderr
    assert not (tmp_path / "run").exists()


FOREIGN = """
from zoocut.config.section import Section
from zoocut.media.medium import Shown


class Words(Section):
    words: str = "none"


class Note:
    endings = ("-note.txt",)

    def __init__(self, context):
        self.words = context.section(Words).words

    def draw(self, batch):
        for source, _ in batch:
            yield Shown((f"{self.words} {source.dia_source_id}".encode(),), ("noted",))

"""


def install(folder: Path, source: str) -> str:
    """Install a package that adds a medium as pip does it; give the path to find it at."""
    info = "notes-1.0.dist-info"
    files = {
        "notes.py": source,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: notes\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[zoocut.media]\nnote = notes:Note\n",
        f"{info}/RECORD": "",
    }
    wheel = folder / "notes-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    target = folder / "site"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--target",
        str(target),
        str(wheel),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return os.pathsep.join([str(target), os.environ.get("PYTHONPATH", "")])


def generate_with(path: str, folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run the program in a process of its own, since what is installed is looked up once a process."""
    command = [sys.executable, "-m", "zoocut", "generate", *map(str, words)]
    env = os.environ | {"PYTHONPATH": path, "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=240)


def test_a_medium_of_another_package(zoocut: Zoocut, ztf: str, tmp_path: Path) -> None:
    path = install(tmp_path, FOREIGN)
    options = media("note", "triplet", **{"media.note.words": "hello"})
    done = generate_with(path, tmp_path, ZTF, "--input", ztf, "-o", "run", "-j", 2, *options)
    assert done.returncode == 0, done.stderr
    assert "18 x noted" in done.stdout
    for row in manifest(tmp_path / "run"):
        assert (tmp_path / "run" / row["location:1"]).read_text() == f"hello {row['external_id']}"
    wrong = media("note", **{"media.note.word": "hello"})
    refused = generate_with(path, tmp_path, ZTF, "--input", ztf, "-o", "other", *wrong)
    assert "unknown key media.note.word: did you mean words?" in refused.stderr
    absent = zoocut("generate", ZTF, "--input", ztf, "-o", "other", *options)
    assert "there is no medium note" in absent.stderr


def test_a_package_that_cannot_be_loaded_is_named(ztf: str, tmp_path: Path) -> None:
    path = install(tmp_path, "import a_package_that_is_not_there\n")
    refused = generate_with(path, tmp_path, ZTF, "--input", ztf, "-o", "run", *media("note"))
    assert refused.returncode == 2
    assert "the medium note of notes:Note cannot be loaded (ModuleNotFoundError" in refused.stderr
