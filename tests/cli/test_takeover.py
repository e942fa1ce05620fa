"""What panoptes-cli 1.2.1 left when it was killed half way is taken over: for its own manifests and for zoocut's."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from uploads import WHERE, Zoocut, account, make_run, picture

from zoocut.sandbox import Running, running
from zoocut.zooniverse.connect import connect
from zoocut.zooniverse.credentials import Credentials

ROWS, LINKED = 40, 15


@pytest.fixture(scope="module")
def server() -> Any:
    with running(options=["--quota", "1000000"]) as sandbox:
        yield sandbox


def a_manifest_of_its_own(folder: Path, header: list[str]) -> Path:
    folder.mkdir()
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for number in range(ROWS):
            name = f"{number}.png"
            (folder / name).write_bytes(picture(f"{folder.name} {name}"))
            writer.writerow([name, f"object {number}", str(18 + number / 10)][: len(header)])
    return folder


def half_uploaded(server: Running, folder: Path, home: Path, set_name: str) -> str:
    """Upload a manifest with the real panoptes-cli and kill it: some of its subjects are in the set, some in none."""
    panoptes, _ = connect(server.endpoint, Credentials("owner", "sandbox-password"))
    made = panoptes.create_subject_set(panoptes.project("owner/rehearsal"), set_name, {})
    (home / ".panoptes").mkdir(exist_ok=True)
    (home / ".panoptes" / "config.yml").write_text(
        f"endpoint: {server.endpoint}\nusername: owner\npassword: sandbox-password\n"
    )
    header, *rows = (folder / "manifest.csv").read_text().splitlines()
    for part, lines in (("first.csv", rows[:LINKED]), ("second.csv", rows[LINKED:])):
        (folder / part).write_text("\n".join([header, *lines]) + "\n")
    env = os.environ | {"HOME": str(home)}
    command = [str(Path(sys.executable).with_name("panoptes")), "subject-set", "upload-subjects", made.set_id]
    subprocess.run([*command, "first.csv"], cwd=folder, env=env, check=True, capture_output=True, timeout=240)
    slow = {"name": "latency", "delay_s": 0.5, "route": "POST /api/subjects"}
    requests.post(f"{server.endpoint}/sandbox/faults", json=slow, timeout=240).raise_for_status()
    before = count_subjects(server)
    process = subprocess.Popen([*command, "second.csv"], cwd=folder, env=env, stdin=subprocess.DEVNULL)
    end = time.monotonic() + 240
    while process.poll() is None and time.monotonic() < end and count_subjects(server) < before + 5:
        time.sleep(0.02)
    process.kill()
    process.wait()
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=240).raise_for_status()
    return made.set_id


def count_subjects(server: Running) -> int:
    return len(requests.get(f"{server.endpoint}/sandbox/truth", timeout=240).json()["subjects"])


def subjects_of(server: Running, set_id: str) -> list[dict[str, Any]]:
    truth = requests.get(f"{server.endpoint}/sandbox/truth", timeout=240).json()
    return [one for one in truth["subjects"] if int(set_id) in one["sets"]]


@pytest.mark.parametrize("kind", ["zoocut's", "object ids", "only images"])
def test_half_an_upload_of_panoptes_cli_is_taken_over(
    kind: str, zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    where = account(server)
    if kind == "zoocut's":
        folder = make_run(tmp_path / "night", ROWS, **{"!diaSourceId": "17"})
    else:
        folder = a_manifest_of_its_own(
            tmp_path / "own", ["image", "#objid", "mag"] if kind == "object ids" else ["image"]
        )
    name = f"half by cli {kind}"
    set_id = half_uploaded(server, folder, tmp_path, name)
    held = len(subjects_of(server, set_id))
    assert held == LINKED
    plan = zoocut("upload", folder, *WHERE, name, "--dry-run", "--json", **where)
    told = json.loads(plan.stdout)["targets"][0]
    if kind != "only images":
        assert told["held_from_elsewhere"] + told["look_alikes"] == held, plan.stdout
    unasked = zoocut("adopt", folder, *WHERE, name, **where)
    assert (unasked.returncode, "made by another tool" in unasked.stderr) == (2, True)
    adopted = zoocut("adopt", folder, *WHERE, name, "--yes", "--json", **where)
    counts = json.loads(adopted.stdout)
    assert (counts["linked"], counts["differing"]) == (held, 0), counts
    assert kind == "only images" or counts["created"] > 0
    done = zoocut("upload", folder, *WHERE, name, **where)
    assert done.returncode == 0, done.stderr
    shown = [place["blob"]["md5"] for one in subjects_of(server, set_id) for place in one["locations"]]
    assert len(shown) == len(set(shown)) == ROWS
    verified = json.loads(zoocut("verify", folder, "--check", "all", "--json", **where).stdout)["targets"][0]
    assert (verified["duplicates"], verified["missing"], verified["wrong_bytes"]) == ([], [], [])


def test_a_subject_of_another_tool_with_the_same_bytes_is_a_duplicate(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    where, run, name = account(server), make_run(tmp_path / "run", 4), "with twins"
    assert zoocut("upload", run, *WHERE, name, **where).returncode == 0
    panoptes, store = connect(server.endpoint, Credentials("owner", "sandbox-password"))
    project = panoptes.project("owner/rehearsal")
    (found,) = panoptes.subject_sets(project, name)
    for external_id, image in (("1700", b"other"), ("", (run / "images/1-0.png").read_bytes())):
        twin = panoptes.create_subject(project.project_id, external_id, {}, ["image/png"])
        store.put(twin.addresses[0], image, "image/png")
        panoptes.link(found.set_id, [twin.subject_id])
    told = zoocut("verify", run, "--check", "all", "--json", **where)
    (target,) = json.loads(told.stdout)["targets"]
    assert (told.returncode, len(target["duplicates"]), target["others"]) == (6, 2, 0)
