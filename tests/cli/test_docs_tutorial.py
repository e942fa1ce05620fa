"""Every command of the tutorial for ZTF, one after the other, on packets written here in ZTF's schema."""

from __future__ import annotations

import csv
import io
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import fastavro
import numpy as np
import pytest
from astropy.io import fits

from zoocut.sandbox import Running

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial-ztf.md"
CANDIDATE: dict[str, Any] = {
    "jd": ("double", 2460600.75),
    "nid": ("int", 2870),
    "fid": ("int", 2),
    "pid": ("long", 2870250011515),
    "programid": ("int", 1),
    "isdiffpos": ("string", "t"),
    "candid": ("long", 0),
    "ra": ("double", 150.0),
    "dec": ("double", 2.0),
    "magpsf": ("float", 18.5),
    "sigmapsf": ("float", 0.1),
    "scorr": ("double", 12.0),
    "exptime": ("float", 30.0),
}
"""Fields of a candidate that zoocut and the shipped configuration read: type and value, named as in ZTF's schema."""
SCHEMA = {
    "type": "record",
    "name": "alert",
    "namespace": "ztf",
    "fields": [
        {"name": "schemavsn", "type": "string"},
        {"name": "publisher", "type": "string"},
        {"name": "objectId", "type": "string"},
        {"name": "candid", "type": "long"},
        {
            "name": "candidate",
            "type": {
                "type": "record",
                "name": "candidate",
                "fields": [{"name": name, "type": kind} for name, (kind, _) in CANDIDATE.items()],
            },
        },
        *({"name": f"cutout{plane}", "type": "bytes"} for plane in ("Template", "Science", "Difference")),
    ],
}
COUNT = 8


def stamp(seed: int) -> bytes:
    """Give a stamp of noise with a star, 63 pixels wide as ZTF's are."""
    y, x = np.mgrid[-31:32, -31:32]
    noise = np.random.default_rng(seed).normal(100, 3, (63, 63))
    file = io.BytesIO()
    fits.PrimaryHDU((noise + 400 * np.exp(-(x**2 + y**2) / 5)).astype(np.float32)).writeto(file)
    return file.getvalue()


def packet(number: int, **candidate: Any) -> dict[str, Any]:
    candid = 2870250011515015000 + number
    values = {name: value for name, (_, value) in CANDIDATE.items()}
    return {
        "schemavsn": "4.02",
        "publisher": "written by a test",
        "objectId": f"ZTF24aa{number:05d}",
        "candid": candid,
        "candidate": values | {"candid": candid, "ra": 150.0 + number / 100} | candidate,
        **{
            f"cutout{plane}": stamp(3 * number + k)
            for k, plane in enumerate(("Template", "Science", "Difference"))
        },
    }


@pytest.fixture
def alerts(tmp_path: Path) -> Path:
    folder = tmp_path / "alerts"
    folder.mkdir()
    for number in range(COUNT):
        with (folder / f"{number}.avro").open("wb") as file:
            fastavro.writer(file, fastavro.parse_schema(SCHEMA), [packet(number)])
    return folder


def commands() -> list[list[str]]:
    blocks = re.findall(
        r"^```bash\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


def test_the_tutorial_is_typed_from_its_first_line_to_its_last(
    zoocut: Callable[..., CompletedProcess[str]], alerts: Path, tmp_path: Path, sandbox: Running
) -> None:
    account = {
        "PANOPTES_ENDPOINT": sandbox.endpoint,
        "PANOPTES_USERNAME": "owner",
        "PANOPTES_PASSWORD": "sandbox-password",
    }
    assert len(commands()) == 10
    for words in commands():
        done = zoocut(*words, **account)
        assert done.returncode == 0, (words, done.stderr)
    with (tmp_path / "night-run" / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["external_id"] for row in rows] == [str(packet(n)["candid"]) for n in range(COUNT)]
    with (tmp_path / "subjects.csv").open(newline="") as file:
        subjects = list(csv.DictReader(file))
    assert {row["diaSourceId"] for row in subjects} == {row["external_id"] for row in rows}
    assert len({row["subject_id"] for row in subjects}) == COUNT
    pale, clear = (next((tmp_path / run / "images").rglob("*.png")) for run in ("trial", "trial-zscale"))
    assert pale.read_bytes() != clear.read_bytes()


def test_packets_of_partners_end_with_three_as_the_tutorial_says(
    zoocut: Callable[..., CompletedProcess[str]], alerts: Path, tmp_path: Path
) -> None:
    with (alerts / "partners.avro").open("wb") as file:
        fastavro.writer(file, fastavro.parse_schema(SCHEMA), [packet(90, programid=2)])
    zoocut("init", "--source", "ztf-alerts")
    done = zoocut("generate", "zoocut.toml", "--input", "alerts/*.avro", "-o", "night-run")
    assert done.returncode == 3
    assert str(packet(90)["candid"]) in (tmp_path / "night-run" / "rejected.csv").read_text()
    assert "programid" in (tmp_path / "night-run" / "rejected.csv").read_text()
