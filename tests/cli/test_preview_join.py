"""`zoocut preview` and `zoocut join` as they are typed."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.run.sources import DrawnSource, DrawnWriter, put_together

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
ID = 170059034123456789


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run.create(tmp_path / "run")
    with DrawnWriter(run.sources) as drawn:
        drawn.add(DrawnSource({"diaSourceId": ID, "snr": 7.5}, ("images/a.png",), ("0" * 64,)), 0)
    put_together(run.sources)
    return run


def test_page_is_made_beside_the_images(zoocut: Zoocut, run: Run) -> None:
    write_manifest(run.manifest, [ManifestRow(str(ID), ("images/a.png",))], [])
    done = zoocut("preview", "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "run/preview.html: 1 cutouts, 0 rejected rows"
    assert (run.path / "preview.html").as_uri() in done.stdout
    told = json.loads(zoocut("preview", "run", "-o", "page.html", "--embed", "--json").stdout)
    assert told == {"version": 1, "page": "page.html", "cutouts": 1, "rejected": 0}


@pytest.mark.parametrize("text", ["</script ><img src=x>", "<!--<script>", "</SCRIPT/x", "<", "&lt;"])
def test_no_text_ends_the_script_that_holds_it(zoocut: Zoocut, run: Run, text: str) -> None:
    write_manifest(run.manifest, [ManifestRow(str(ID), ("images/a.png",), {"note": text})], ["note"])
    assert zoocut("preview", "run").returncode == 0
    page = (run.path / "preview.html").read_text()
    (data,) = re.findall(r"<script[^>]*application/json[^>]*>(.*?)</script>", page, re.DOTALL)
    assert not {"<", ">", "&"} & set(data)
    assert text in str(json.loads(data))


def test_run_without_a_manifest_has_no_page(zoocut: Zoocut, run: Run) -> None:
    done = zoocut("preview", "run")
    assert done.returncode == 3
    assert "finish `zoocut generate CONFIG -o RUN` first" in done.stderr
    assert not (run.path / "preview.html").exists()


def test_export_is_joined_and_the_rest_counted(zoocut: Zoocut, run: Run, tmp_path: Path) -> None:
    with (tmp_path / "c.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["classification_id", "subject_data"])
        writer.writerow([1, json.dumps({"9": {"#diaSourceId": str(ID)}})])
    done = zoocut("join", "c.csv", "run", "-o", "joined.csv")
    assert (done.returncode, done.stdout) == (0, "joined.csv: 1 rows, 1 joined\n")
    with (tmp_path / "c.csv").open("a") as file:
        file.write("2,{broken\n3\n")
    done = zoocut("join", "c.csv", "run", "-o", "joined.csv")
    assert done.returncode == 3
    assert "joined.csv: 3 rows, 1 joined" in done.stdout
    assert "1 x subject_data is broken" in done.stdout
    assert "left out, by line: 4" in done.stderr
    rows = list(csv.DictReader((tmp_path / "joined.csv").read_text().splitlines()))
    assert [(row["diaSourceId"], row["snr"]) for row in rows] == [(str(ID), "7.5"), ("", "")]
