"""`zoocut generate` on survey files: what a run holds, doing it again, being killed, and bad input."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import fastavro
import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
CONFIGS = Path(__file__).resolve().parents[2] / "configs"
ALERTS = CONFIGS / "ztf-alerts.toml"


def manifest(run: Path) -> list[dict[str, str]]:
    with (run / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def rejected(run: Path) -> list[dict[str, str]]:
    with (run / "rejected.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def stamps_of(path: Path) -> dict[str, int]:
    return {str(p.relative_to(path)): p.stat().st_mtime_ns for p in (path / "images").rglob("*.png")}


@pytest.fixture
def ztf(shared: Path) -> str:
    return str(shared / "data" / "ztf" / "*.avro")


@pytest.fixture
def frames(shared: Path, tmp_path: Path) -> Path:
    """A configuration for the DECam field, drawing the sources of `sources.csv` beside it."""
    files = {
        "template": "Stack-DEC-OBS18.fits",
        "science": "Stack-DEC-OBS04.fits",
        "difference": "FinalDifference.DeCorr.fits",
    }
    text = (CONFIGS / "frames.toml").read_text()
    for plane, name in files.items():
        text = text.replace(f'"{plane}.fits"', f'"{shared}/data/decam/{name}"')
    path = tmp_path / "frames.toml"
    path.write_text(text)
    return path


def test_ztf_packets(zoocut: Zoocut, ztf: str, tmp_path: Path) -> None:
    done = zoocut("generate", ALERTS, "--input", ztf, "-o", "run", "-j", 2)
    assert done.returncode == 0, done.stderr
    run = tmp_path / "run"
    assert "18 drawn, 0 already there, 0 rejected; the manifest has 18 rows" in done.stdout
    assert {p.name for p in run.glob("[!.]*")} == {
        "run.toml",
        "images",
        "sources.parquet",
        "manifest.csv",
        "rejected.csv",
    }
    rows = manifest(run)
    assert list(rows[0]) == ["external_id", "location:1", "metadata:!diaSourceId", "metadata:!objectId"]
    assert len(rows) == 18
    table = {row["diaSourceId"]: row for row in pq.read_table(run / "sources.parquet").to_pylist()}
    sizes = set()
    for row in rows:
        number = int(row["external_id"])
        assert row["metadata:!diaSourceId"] == row["external_id"]
        assert row["location:1"] == f"images/{number // 10000 * 10000}/{number}.png"
        png = (run / row["location:1"]).read_bytes()
        assert hashlib.sha256(png).hexdigest() == table[number]["sha256:1"]
        with Image.open(run / row["location:1"]) as picture:
            sizes.add(picture.size)
    assert len(sizes) == 1
    assert rejected(run) == []
    record = tomllib.loads((run / "run.toml").read_text())
    assert record["settings"]["draw"]["sizes"] == []


def test_again_draws_only_what_is_missing(zoocut: Zoocut, ztf: str, tmp_path: Path) -> None:
    zoocut("generate", ALERTS, "--input", ztf, "-o", "run", "--limit", 5)
    run = tmp_path / "run"
    before = stamps_of(run)
    table = (run / "manifest.csv").read_text()
    victim = next(run.rglob("*.png"))
    bytes_before = victim.read_bytes()
    victim.unlink()
    damaged = next(p for p in run.rglob("*.png") if p != victim)
    damaged.write_bytes(b"edited")
    done = zoocut("generate", ALERTS, "--input", ztf, "-o", "run", "--limit", 5)
    assert "2 drawn, 3 already there" in done.stdout
    assert victim.read_bytes() == bytes_before
    assert damaged.read_bytes() != b"edited"
    assert (run / "manifest.csv").read_text() == table
    assert sum(before[name] == now for name, now in stamps_of(run).items()) == 3


def test_a_manifest_grows_and_never_shrinks(zoocut: Zoocut, ztf: str, tmp_path: Path) -> None:
    zoocut("generate", ALERTS, "--input", ztf, "-o", "run", "--limit", 4)
    first = manifest(tmp_path / "run")
    zoocut("generate", ALERTS, "--input", ztf, "-o", "run")
    second = manifest(tmp_path / "run")
    assert second[:4] == first
    assert len(second) == 18
    done = zoocut("generate", ALERTS, "--input", ztf, "-o", "run", "--limit", 1)
    assert "0 drawn, 1 already there, 0 rejected; the manifest has 18 rows" in done.stdout


def test_same_bytes_for_any_number_of_processes(zoocut: Zoocut, ztf: str, tmp_path: Path) -> None:
    for name, jobs in (("one", 1), ("three", 3)):
        assert zoocut("generate", ALERTS, "--input", ztf, "-o", name, "-j", jobs).returncode == 0
    for file in ("manifest.csv", "sources.parquet", "rejected.csv"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "three" / file).read_bytes(), file


def test_other_settings_are_refused_with_the_difference(zoocut: Zoocut, ztf: str, tmp_path: Path) -> None:
    config = tmp_path / "zoocut.toml"
    config.write_text(ALERTS.read_text())
    zoocut("generate", config, "--input", ztf, "-o", "run", "--limit", 2)
    config.write_text(ALERTS.read_text().replace("sizes = []", "sizes = [21]"))
    done = zoocut("generate", config, "--input", ztf, "-o", "run", "--limit", 2)
    assert done.returncode == 2
    assert "run was made with other settings (draw.sizes was [], now [21])" in done.stderr


def test_killed_at_any_moment_then_run_again(shared: Path, tmp_path: Path) -> None:
    packets = sorted((shared / "data" / "ztf").glob("*.avro"))
    folder = tmp_path / "alerts"
    folder.mkdir()
    write_many(packets, folder / "night.avro", copies=4)
    command = [
        sys.executable,
        "-m",
        "zoocut",
        "generate",
        str(ALERTS),
        "--input",
        str(folder / "*.avro"),
        "-o",
    ]
    whole = subprocess.run([*command, "whole"], cwd=tmp_path, capture_output=True, check=True)
    for drawn_before in (1, 20, 45):
        run = tmp_path / f"run{drawn_before}"
        process = subprocess.Popen(
            [*command, run.name], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        while process.poll() is None and sum(1 for _ in run.glob("images/*/[0-9]*.png")) < drawn_before:
            pass
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == 0 or not (run / "manifest.csv").exists()
        again = subprocess.run([*command, run.name], cwd=tmp_path, capture_output=True, text=True)
        assert again.returncode == 0, again.stderr
        for file in ("manifest.csv", "sources.parquet"):
            assert (run / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()
        assert not list(run.rglob("*.zoocut-part"))
    assert b"72 drawn" in whole.stdout


def write_many(packets: list[Path], goal: Path, copies: int) -> None:
    """One container with every packet many times, under new ids."""
    records = []
    for packet in packets:
        with packet.open("rb") as file:
            reader = fastavro.reader(file)
            schema = reader.writer_schema
            records.extend(reader)
    numbered = [(record, record["candid"] + 100_000 * n) for n in range(copies) for record in records]
    many = [one | {"candid": to, "candidate": one["candidate"] | {"candid": to}} for one, to in numbered]
    with goal.open("wb") as file:
        fastavro.writer(file, schema, many)


def test_sources_of_a_frame(zoocut: Zoocut, frames: Path, shared: Path, tmp_path: Path) -> None:
    header = fits.getheader(shared / "data/decam/Stack-DEC-OBS04.fits")
    wcs = WCS(header)
    inside = wcs.pixel_to_world_values([60.0, 128.0, 3.0], [80.0, 128.0, 250.0])
    lines = [
        f"{2**60 + n},{ra!r},{dec!r}"
        for n, (ra, dec) in enumerate(zip(*map(np.ndarray.tolist, inside), strict=True))
    ]
    outside = f"{2**60 + 9},{inside[0][0] + 1},{inside[1][0]}"
    table = tmp_path / "sources.csv"
    table.write_text("\n".join(["diaSourceId,ra,dec", *lines, outside, lines[0]]) + "\n")
    done = zoocut("generate", frames, "--input", "sources.csv", "-o", "run")
    assert done.returncode == 3, done.stderr
    assert [row["external_id"] for row in manifest(tmp_path / "run")] == [str(2**60 + n) for n in range(3)]
    reasons = {(row["diaSourceId"], row["row"]): row["reason"] for row in rejected(tmp_path / "run")}
    assert "twice" in reasons[str(2**60), "sources.csv line 6"]
    assert (str(2**60 + 9), "sources.csv line 5") in reasons
    assert len(reasons) == 2


def test_bad_frames(zoocut: Zoocut, frames: Path, tmp_path: Path, shared: Path) -> None:
    (tmp_path / "sources.csv").write_text("diaSourceId,ra,dec\n1,318.108,-66.0156\n")
    whole = (shared / "data/decam/FinalDifference.DeCorr.fits").read_bytes()
    (tmp_path / "short.fits").write_bytes(whole[:100_000])
    frames.write_text(
        frames.read_text().replace(str(shared / "data/decam/FinalDifference.DeCorr.fits"), "short.fits")
    )
    done = zoocut("generate", frames, "--input", "sources.csv", "-o", "run")
    assert done.returncode == 3
    assert "nothing could be drawn" in done.stderr
    assert "short.fits" in rejected(tmp_path / "run")[0]["reason"]
    assert not (tmp_path / "run" / "manifest.csv").exists()


def test_one_bad_packet_among_good_ones(zoocut: Zoocut, shared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "alerts"
    folder.mkdir()
    packets = sorted((shared / "data" / "ztf").glob("*.avro"))[:3]
    for packet in packets:
        shutil.copy(packet, folder)
    broken = folder / packets[1].name
    broken.chmod(0o644)
    broken.write_bytes(packets[1].read_bytes()[:30_000])
    done = zoocut("generate", ALERTS, "--input", "alerts/*.avro", "-o", "run", "--json")
    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert (document["drawn"], document["rejected"], document["run"]["rows"]) == (2, 1, 2)
    assert broken.name in rejected(tmp_path / "run")[0]["row"]


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["generate", "none.toml", "-o", "run"], 2, "none.toml does not exist"),
        (["generate", ALERTS, "--input", "none/*.avro", "-o", "run"], 3, "no file matches"),
        (
            ["generate", ALERTS, "--input", "none/*.avro", "-o", "run", "--jobs", "-1"],
            2,
            "greater than or equal",
        ),
        (["config", "show", "none.toml"], 2, "none.toml does not exist"),
    ],
)
def test_mistakes(zoocut: Zoocut, tmp_path: Path, args: list[object], code: int, says: str) -> None:
    done = zoocut(*args)
    assert done.returncode == code
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_no_run_is_left_alone(zoocut: Zoocut, ztf: str, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("x")
    done = zoocut("generate", ALERTS, "--input", ztf, "-o", "thesis")
    assert done.returncode == 3
    assert "thesis is there already and is no run of zoocut" in done.stderr
    assert os.listdir(tmp_path / "thesis") == ["chapter1.tex"]


def test_unknown_metadata_column(zoocut: Zoocut, ztf: str, tmp_path: Path) -> None:
    config = tmp_path / "zoocut.toml"
    config.write_text(ALERTS.read_text().replace('= "objectId"', '= "objectid"'))
    done = zoocut("generate", config, "--input", ztf, "-o", "run")
    assert done.returncode == 2
    assert "did you mean objectId?" in done.stderr
    assert not (tmp_path / "run").exists()


def test_config_show(zoocut: Zoocut) -> None:
    done = zoocut("config", "show", ALERTS)
    assert done.returncode == 0
    assert "catalog.kind = 'alerts'  (ztf-alerts.toml)" in done.stdout
    assert "catalog.dia_source_id = 'candid'  (default)" in done.stdout
    settings = json.loads(zoocut("config", "show", ALERTS, "--json").stdout)["settings"]
    assert {"key": "draw.sizes", "value": [], "origin": "ztf-alerts.toml"} in settings


def test_a_damaged_record_is_told_until_somebody_has_looked(zoocut: Zoocut, ztf: str, tmp_path: Path) -> None:
    zoocut("generate", ALERTS, "--input", ztf, "-o", "run", "--limit", 3)
    run = tmp_path / "run"
    table = (run / "manifest.csv").read_text()
    (run / "sources.parquet").write_bytes(b"")
    done = zoocut("generate", ALERTS, "--input", ztf, "-o", "run", "--limit", 3)
    assert "3 drawn, 0 already there" in done.stdout
    assert "sources.damaged could not be read" in done.stdout
    assert (run / "manifest.csv").read_text() == table
    (run / "sources.damaged").unlink()
    done = zoocut("generate", ALERTS, "--input", ztf, "-o", "run", "--limit", 3)
    assert ("damaged" in done.stdout, "3 already there" in done.stdout) == (False, True)
