"""Every command of the tutorials, one after the other: on packets in ZTF's schema, on simulated fields.

The pictures of the pages are those that the commands draw: where one differs, the failing test names both files.
"""

from __future__ import annotations

import csv
import io
import re
import runpy
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import fastavro
import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from PIL import Image

from zoocut.demo.field import simulate_field
from zoocut.sandbox import Running

DOCS = Path(__file__).resolve().parents[2] / "docs"
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


def blocks(page: str, kind: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[list[str]]:
    return [shlex.split(line) for block in blocks(page, "bash") for line in block.splitlines()]


Typed = Callable[[str], Iterator[str]]


@pytest.fixture
def typed(
    zoocut: Callable[..., CompletedProcess[str]],
    account: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Typed:
    """Type a page's commands as its reader does, in a clone and with a sandbox; what was installed is here already."""

    def follow(page: str) -> Iterator[str]:
        for program, *words in commands(page):
            if program == "python":
                with monkeypatch.context() as here:
                    here.chdir(tmp_path)
                    here.setattr(sys, "argv", words)
                    runpy.run_path(str(DOCS.parent / words[0]), run_name="__main__")
            elif program == "zoocut":
                done = zoocut(*words, **account)
                assert done.returncode == 0, (words, done.stderr)
                yield done.stdout

    return follow


def pictures_of(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (run / "images").rglob("*.png")}


def require_picture(name: str, run: Path, source: str) -> None:
    """Refuse a picture of a page that shows other pixels than what its commands have drawn."""
    (made,) = (run / "images").rglob(f"{source}.png")
    kept = DOCS / "pictures" / name
    same = kept.is_file() and np.array_equal(
        *(np.asarray(Image.open(one).convert("RGB")) for one in (kept, made))
    )
    assert same, f"the page shows another picture than is drawn: cp {made} {kept}"


@pytest.fixture
def account(sandbox: Running) -> dict[str, str]:
    return {
        "PANOPTES_ENDPOINT": sandbox.endpoint,
        "PANOPTES_USERNAME": "owner",
        "PANOPTES_PASSWORD": "sandbox-password",
    }


def test_the_tutorial_for_frames_is_typed_from_its_first_line_to_its_last(
    typed: Typed, tmp_path: Path
) -> None:
    table = simulate_field(tmp_path / "field", 1)
    (configuration,) = blocks("tutorial-frames.md", "toml")
    (tmp_path / "zoocut.toml").write_text(configuration)
    assert len(list(typed("tutorial-frames.md"))) == 11
    require_picture("frames.png", tmp_path / "field-run", "250911420113408010")
    with table.open(newline="") as file:
        bands = {row["diaSourceId"]: row["band"] for row in csv.DictReader(file)}
    subjects = pq.read_table(tmp_path / "subjects.parquet").to_pylist()
    assert {str(row["diaSourceId"]) for row in subjects} == set(bands)
    sets = {(bands[str(row["diaSourceId"])], row["subject_set_id"]) for row in subjects}
    assert sorted(band for band, _ in sets) == ["g", "i", "r"]
    assert len({set_id for _, set_id in sets}) == 3
    sample = (tmp_path / "look" / "manifest.csv").read_text().splitlines()[1:]
    assert Counter(bands[line.partition(",")[0]] for line in sample) == {"g": 2, "r": 2, "i": 2}


def test_the_tutorial_for_ztf_is_typed_from_its_first_line_to_its_last(
    typed: Typed, alerts: Path, tmp_path: Path
) -> None:
    assert len(list(typed("tutorial-ztf.md"))) == 10
    with (tmp_path / "night-run" / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["external_id"] for row in rows] == [str(packet(n)["candid"]) for n in range(COUNT)]
    with (tmp_path / "subjects.csv").open(newline="") as file:
        subjects = list(csv.DictReader(file))
    assert {row["diaSourceId"] for row in subjects} == {row["external_id"] for row in rows}
    assert len({row["subject_id"] for row in subjects}) == COUNT
    require_picture("ztf-minmax.png", tmp_path / "trial", "2870250011515015000")
    require_picture("ztf-zscale.png", tmp_path / "trial-zscale", "2870250011515015000")


def test_the_tutorial_for_rubin_is_typed_from_its_first_line_to_its_last(
    typed: Typed, tmp_path: Path
) -> None:
    pytest.importorskip("lsst.dax.apdb", reason="needs lsst-dax-apdb: pip install 'zoocut[test]'")
    whole, catalog = blocks("tutorial-rubin.md", "toml")
    (tmp_path / "zoocut.toml").write_text(whole)
    (tmp_path / "butler.toml").write_text(catalog + whole[whole.index("[images]") :])
    assert len(list(typed("tutorial-rubin.md"))) == 9
    with (tmp_path / "rubin" / "field" / "sources.csv").open(newline="") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if float(row["snr"]) >= 10 and row["pixelFlags_edge"] == "False"
        ]
    drawn = pictures_of(tmp_path / "night-run")
    assert drawn.keys() == {f"{row['diaSourceId']}.png" for row in rows}
    of_the_butler = pictures_of(tmp_path / "g-run")
    assert of_the_butler.keys() == {f"{row['diaSourceId']}.png" for row in rows if row["band"] == "g"}
    assert of_the_butler.items() <= drawn.items()
    with (tmp_path / "subjects.csv").open(newline="") as file:
        assert {f"{row['diaSourceId']}.png" for row in csv.DictReader(file)} == drawn.keys()
    require_picture("rubin.png", tmp_path / "night-run", "250911420113408010")


def test_the_tutorial_of_three_nights_is_typed_from_its_first_line_to_its_last(
    typed: Typed, tmp_path: Path
) -> None:
    (configuration,) = blocks("tutorial-nightly.md", "toml")
    (tmp_path / "zoocut.toml").write_text(configuration)
    told = list(typed("tutorial-nightly.md"))
    assert len(told) == 6
    shown = "".join(blocks("tutorial-nightly.md", "text"))
    nights, printed = (re.findall(r"20\d\d-\d\d-\d\d(?=:)", text) for text in (shown, "".join(told)))
    first = {
        page: date.fromisoformat(min(dates)) for page, dates in (("shown", nights), ("printed", printed))
    }
    moved = first["printed"] - first["shown"]
    for night in sorted(set(nights), reverse=True):
        shown = shown.replace(night, str(date.fromisoformat(night) + moved))
    assert "".join(text for text in told if "drawn," in text or "nothing" in text) == shown
    names = re.findall(r"Night (20\S+) +12 .*nights/(20\S+)", told[-1])
    assert sorted(names) == [(night, night) for night in sorted(set(printed))]


def test_packets_of_partners_end_with_three_as_the_tutorial_says(
    zoocut: Callable[..., CompletedProcess[str]], alerts: Path, tmp_path: Path
) -> None:
    with (alerts / "partners.avro").open("wb") as file:
        others = [packet(90, programid=2), *(packet(number, isdiffpos="f") for number in (91, 92))]
        fastavro.writer(file, fastavro.parse_schema(SCHEMA), others)
    zoocut("init", "--source", "ztf-alerts")
    done = zoocut("generate", "zoocut.toml", "--input", "alerts/*.avro", "-o", "night-run")
    assert done.returncode == 3
    assert "2 x its difference stamp was template minus science, and has the other sign now\n" in done.stdout
    assert str(packet(90)["candid"]) in (tmp_path / "night-run" / "rejected.csv").read_text()
    assert "programid" in (tmp_path / "night-run" / "rejected.csv").read_text()
