"""Every command of the tutorials, one after the other, on what the scripts beside them simulate.

The pictures of the pages are those that the commands draw: where one differs, the failing test names both files.
"""

from __future__ import annotations

import csv
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from screens import differing

from zoocut.demo.classifying import wait_for_retirement
from zoocut.demo.field import simulate_field
from zoocut.sandbox import Running, running

DOCS = Path(__file__).resolve().parents[2] / "docs"
sys.path.insert(0, str(DOCS))

from ztf_packets import COUNT, packet, write  # noqa: E402


def blocks(page: str, kind: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[list[str]]:
    return [
        shlex.split(line) for block in blocks(page, "bash") for line in block.replace("\\\n", "").splitlines()
    ]


Typed = Callable[[str], Iterator[str]]


@pytest.fixture
def typed(
    zoocut: Callable[..., CompletedProcess[str]],
    account: dict[str, str],
    tmp_path: Path,
) -> Typed:
    """Type a page's commands as its reader does, in a clone and with a sandbox; what was installed is here already."""

    def follow(page: str) -> Iterator[str]:
        for program, *words in commands(page):
            if program == "python":
                command = [sys.executable, str(DOCS.parent / words[0])]
                subprocess.run(command, cwd=tmp_path, env=os.environ | account, check=True)
            elif program == "zoocut":
                if words[0] == "results":
                    wait_for_retirement(account["PANOPTES_ENDPOINT"], workflow="1", subjects=COUNT)
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


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    """A sandbox with robots, as the pages start it."""
    with running(options=["--volunteers", "5"]) as sandbox:
        yield sandbox


@pytest.fixture
def account(server: Running) -> dict[str, str]:
    return {
        "PANOPTES_ENDPOINT": server.endpoint,
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


def test_the_tutorial_for_ztf_is_typed_from_its_first_line_to_its_last(typed: Typed, tmp_path: Path) -> None:
    assert len(list(typed("tutorial-ztf.md"))) == 12
    with (tmp_path / "night-run" / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["external_id"] for row in rows] == [str(packet(n)["candid"]) for n in range(COUNT)]
    with (tmp_path / "subjects.csv").open(newline="") as file:
        subjects = list(csv.DictReader(file))
    assert {row["diaSourceId"] for row in subjects} == {row["external_id"] for row in rows}
    assert len({row["subject_id"] for row in subjects}) == COUNT
    votes = pq.read_table(tmp_path / "night-run" / "results.parquet")
    assert (votes.num_rows, min(votes["T0.n"].to_pylist())) == (COUNT, 3)
    require_picture("ztf-minmax.png", tmp_path / "trial", "2870250011515015002")
    require_picture("ztf-zscale.png", tmp_path / "trial-zscale", "2870250011515015002")


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
    typed: Typed, tmp_path: Path, chromium_path: str | None
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
    if chromium_path is not None:
        report = tmp_path / "nights" / min(printed) / "report.html"
        assert (
            differing({"night.png": report.as_uri()}, tmp_path, 2, chromium_path) == []
        )  # an empty page is beyond 4


def test_packets_of_partners_end_with_three_as_the_tutorial_says(
    zoocut: Callable[..., CompletedProcess[str]], tmp_path: Path
) -> None:
    (tmp_path / "alerts").mkdir()
    others = [packet(90, programid=2), *(packet(number, isdiffpos="f") for number in (91, 92))]
    write(tmp_path / "alerts" / "partners.avro", *others)
    zoocut("init", "--source", "ztf-alerts")
    done = zoocut("generate", "zoocut.toml", "--input", "alerts/*.avro", "-o", "night-run")
    assert done.returncode == 3
    assert "2 x its difference stamp was template minus science, and has the other sign now\n" in done.stdout
    assert str(packet(90)["candid"]) in (tmp_path / "night-run" / "rejected.csv").read_text()
    assert "programid" in (tmp_path / "night-run" / "rejected.csv").read_text()
