"""`zoocut status`: quick, light, and a promise to scripts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zoocut.ledger import Image, Ledger, PlannedRow
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
HEAVY = ("pandas", "astropy", "matplotlib", "panoptes_client", "pyarrow", "starlette", "PIL", "requests")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run.create(tmp_path / "run")
    write_manifest(run.manifest, [ManifestRow(str(n), (f"images/{n}.png",)) for n in range(3)], [])
    with Ledger.open(run.ledger, run.run_id) as ledger:
        target = ledger.add_target("https://www.zooniverse.org", "12", "a/b", "501", "Night")
        ledger.plan(target, [PlannedRow(str(n), {}, (Image("i.png", "image/png"),)) for n in range(3)], "x")
        ledger.note_error(target, "the quota is met")
    return run


def test_json_has_the_promised_shape(zoocut: Zoocut, run: Run) -> None:
    document = json.loads(zoocut("status", run.path, "--json").stdout)
    assert document["run"] == {"id": run.run_id, "path": str(run.path), "rows": 3}
    (target,) = document["targets"]
    assert target["endpoint"] == "https://www.zooniverse.org"
    assert target["project"] == {"id": "12", "slug": "a/b"}
    assert target["subject_set"] == {"id": "501", "display_name": "Night"}
    assert target["states"]["planned"] == 3
    assert {"planned", "intent", "created", "stored", "linked", "in_doubt", "rejected"} <= set(
        target["states"]
    )
    assert (target["complete"], target["last_error"]) == (False, "the quota is met")


def test_people_are_told_what_to_type_next(zoocut: Zoocut, run: Run) -> None:
    told = zoocut("status", run.path).stdout
    assert "3 planned" in told
    assert "the quota is met" in told
    assert f"next: zoocut upload {run.path}" in told


def test_a_run_that_never_left_has_no_targets(zoocut: Zoocut, tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    assert json.loads(zoocut("status", run.path, "--json").stdout)["targets"] == []


def test_what_is_no_run_is_refused(zoocut: Zoocut, tmp_path: Path) -> None:
    done = zoocut("status", tmp_path / "nowhere")
    assert (done.returncode, "is not a folder" in done.stderr) == (3, True)


SLOW = [*HEAVY, "pydantic", "filelock", "markdown_it", "pygments", "requests"]
"""What neither the list of commands nor a status needs: pydantic and what draws frames take 0.2 s."""


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        (["status", "RUN"], SLOW),
        (["status", "RUN", "--json"], SLOW),
        (["--help"], SLOW),
        (["upload", "--help"], HEAVY),
    ],
    ids=lambda value: " ".join(value) if "--help" in value or "status" in value else "",
)
def test_nothing_heavy_is_imported(run: Run, words: list[str], unwanted: list[str]) -> None:
    script = (
        "import sys, zoocut.cli.main as m\n"
        "try: m.run()\n"
        f"finally: print([n for n in {unwanted!r} if n in sys.modules], file=sys.stderr)"
    )
    arguments = [str(run.path) if word == "RUN" else word for word in words]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=240
    )
    assert done.stderr.strip().splitlines()[-1] == "[]"


def test_a_folder_that_may_only_be_read_is_read(zoocut: Zoocut, run: Run) -> None:
    run.path.chmod(0o555)
    try:
        assert zoocut("status", run.path).returncode == 0
    finally:
        run.path.chmod(0o755)
