"""`zoocut verify` and `zoocut adopt`: what the server really has, and taking it over."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image
from uploads import WHERE, Zoocut, make_run, picture, states
from uploads import account as account_of

from zoocut.sandbox import Running
from zoocut.zooniverse.connect import connect
from zoocut.zooniverse.credentials import Credentials
from zoocut.zooniverse.panoptes import Panoptes


@pytest.fixture
def account(server: Running) -> dict[str, str]:
    return account_of(server)


@pytest.fixture
def panoptes(server: Running) -> Panoptes:
    return connect(server.endpoint, Credentials("owner", "sandbox-password"))[0]


def verified(zoocut: Zoocut, run: Path, account: dict[str, str], *options: str) -> tuple[int, dict[str, Any]]:
    done = zoocut("verify", run, "--check", "all", "--json", *options, **account)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)["targets"][0]


@pytest.fixture
def run(zoocut: Zoocut, account: dict[str, str], tmp_path: Path) -> Path:
    run = make_run(tmp_path / "run")
    done = zoocut("upload", run, *WHERE, f"set of {tmp_path.name}", **account)
    assert done.returncode == 0, done.stderr
    return run


def test_an_upload_that_is_right_has_no_differences(
    zoocut: Zoocut, account: dict[str, str], run: Path
) -> None:
    code, found = verified(zoocut, run, account)
    assert (code, found["rows"], found["members"], found["others"]) == (0, 4, 4, 0)


def test_what_differs_is_named(
    zoocut: Zoocut, account: dict[str, str], run: Path, panoptes: Panoptes
) -> None:
    _, before = verified(zoocut, run, account)
    set_id = before["subject_set"]["id"]
    members = {s.external_id: s for s in panoptes.of_members(set_id, lambda one: one)}
    panoptes.delete_subject(members["1700"].subject_id)
    Image.new("L", (8, 8), 255).save(run / "images" / "1-0.png")
    stranger = panoptes.create_subject("1", "elsewhere", {}, ["image/png"])
    double = panoptes.create_subject("1", "1702", {"#zoocut": members["1702"].key}, ["image/png"])
    panoptes.link(set_id, [stranger.subject_id, double.subject_id])
    panoptes.create_subject("1", "1703", {"#zoocut": members["1703"].key}, ["image/png"])
    code, found = verified(zoocut, run, account)
    assert code == 6
    assert [words.split(":")[0] for words in found["unlinked"]] == ["1700"]
    assert [words.split(":")[0] for words in found["wrong_bytes"]] == ["1701"]
    assert found["duplicates"] == [f"1702: subject {double.subject_id}"]
    assert (len(found["strays"]), found["others"]) == (1, 1)


def test_prune_removes_strays_and_nothing_else(
    zoocut: Zoocut, account: dict[str, str], run: Path, panoptes: Panoptes
) -> None:
    _, before = verified(zoocut, run, account)
    key = next(iter(panoptes.of_members(before["subject_set"]["id"], lambda one: one))).key
    stray = panoptes.create_subject("1", "1700", {"#zoocut": key}, ["image/png"])
    other = panoptes.create_subject("1", "1700", {"#zoocut": "another/1/1700/abc"}, ["image/png"])
    assert verified(zoocut, run, account)[0] == 6
    code, found = verified(zoocut, run, account, "--prune", "--settle", "0", "--yes")
    assert (code, found["pruned"]) == (0, 1)
    left = {s.subject_id for s in panoptes.subjects([stray.subject_id, other.subject_id])}
    assert left == {other.subject_id}
    assert verified(zoocut, run, account) == (0, before)


def test_a_run_that_never_left_cannot_be_verified(
    zoocut: Zoocut, account: dict[str, str], tmp_path: Path
) -> None:
    done = zoocut("verify", make_run(tmp_path / "new"), **account)
    assert (done.returncode, "was not uploaded yet" in done.stderr) == (3, True)


def test_a_lost_ledger_is_rebuilt(
    zoocut: Zoocut, account: dict[str, str], run: Path, server: Running
) -> None:
    name = json.loads(zoocut("status", run, "--json").stdout)["targets"][0]["subject_set"]["display_name"]
    for file in run.glob("ledger*"):
        file.unlink()
    done = zoocut("adopt", run, *WHERE, name, "--json", **account)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"version": 1, "linked": 4, "created": 0, "differing": 0, "left": 0}
    before = len(requests.get(f"{server.endpoint}/sandbox/truth", timeout=240).json()["events"])
    assert zoocut("upload", run, **account).returncode == 0
    assert len(requests.get(f"{server.endpoint}/sandbox/truth", timeout=240).json()["events"]) == before


def test_a_row_that_shows_another_image_is_not_taken_over(
    zoocut: Zoocut, account: dict[str, str], run: Path, tmp_path: Path
) -> None:
    name = json.loads(zoocut("status", run, "--json").stdout)["targets"][0]["subject_set"]["display_name"]
    for file in run.glob("ledger*"):
        file.unlink()
    (run / "images" / "1-0.png").write_bytes(picture("another"))
    done = zoocut("adopt", run, *WHERE, name, "--json", **account)
    told = json.loads(done.stdout)
    assert (told["linked"], told["differing"]) == (3, 1), done.stderr
    assert states(zoocut, run)["rejected"] == 1


def test_ids_with_slashes_are_taken_over_whole(
    zoocut: Zoocut, account: dict[str, str], tmp_path: Path, panoptes: Panoptes
) -> None:
    """A folder of another tool, whose rows are called by their images' paths."""
    folder = make_run(tmp_path / "slashes")
    (folder / "run.toml").unlink()
    lines = [f"images/{name.name},g" for name in sorted((folder / "images").iterdir())]
    (folder / "manifest.csv").write_text("\n".join(["image,band", *lines]) + "\n")
    assert zoocut("upload", folder, *WHERE, "slashes", **account).returncode == 0
    for file in folder.glob("ledger*"):
        file.unlink()
    done = zoocut("adopt", folder, *WHERE, "slashes", "--json", **account)
    assert json.loads(done.stdout)["linked"] == len(lines)
    assert zoocut("upload", folder, **account).returncode == 0
    (project,) = [panoptes.project("owner/rehearsal")]
    (made,) = panoptes.subject_sets(project, "slashes")
    assert panoptes.count_members(made.set_id) == len(lines)


def test_each_values_set_is_taken_over(zoocut: Zoocut, account: dict[str, str], tmp_path: Path) -> None:
    folder = make_run(tmp_path / "shares")
    command = (folder, *WHERE, "Shares {band}", "--set-by", "band")
    assert zoocut("upload", *command, **account).returncode == 0
    before = json.loads(zoocut("status", folder, "--json").stdout)["targets"]
    for file in folder.glob("ledger*"):
        file.unlink()
    done = zoocut("adopt", *command, "--json", **account)
    assert json.loads(done.stdout) == {"version": 1, "linked": 4, "created": 0, "differing": 0, "left": 0}
    assert zoocut("upload", *command, **account).returncode == 0
    assert json.loads(zoocut("status", folder, "--json").stdout)["targets"] == before


def test_a_half_done_upload_of_panoptes_cli_is_finished(
    zoocut: Zoocut, account: dict[str, str], tmp_path: Path, panoptes: Panoptes
) -> None:
    folder = tmp_path / "foreign"
    folder.mkdir()
    for number in range(5):
        Image.new("L", (8, 8), 10 * number).save(folder / f"{number}.png")
    rows = [[str(2**60 + n), f"{n}.png"] for n in range(5)]
    for name, some in (("half.csv", rows[:3]), ("manifest.csv", rows)):
        with (folder / name).open("w", newline="") as file:
            csv.writer(file).writerows([["!diaSourceId", "image"], *some])
    made = panoptes.create_subject_set(panoptes.project("owner/rehearsal"), "half done", {})
    home = tmp_path / ".panoptes"
    home.mkdir()
    (home / "config.yml").write_text(
        f"endpoint: {account['PANOPTES_ENDPOINT']}\nusername: owner\npassword: sandbox-password\n"
    )
    command = [str(Path(sys.executable).with_name("panoptes")), "subject-set", "upload-subjects", made.set_id]
    subprocess.run(
        [*command, str(folder / "half.csv")],
        env=os.environ | {"HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        timeout=240,
    )
    unasked = zoocut("adopt", folder, *WHERE, "half done", **account)
    assert (unasked.returncode, "made by another tool" in unasked.stderr) == (2, True)
    done = zoocut("adopt", folder, *WHERE, "half done", "--yes", "--json", **account)
    assert json.loads(done.stdout) == {"version": 1, "linked": 3, "created": 0, "differing": 0, "left": 2}
    assert zoocut("upload", folder, **account).returncode == 0
    assert len(list(panoptes.of_members(made.set_id, lambda one: one))) == 5
    assert verified(zoocut, folder, account)[0] == 0


def test_another_runs_ledger_does_not_fit(
    zoocut: Zoocut, account: dict[str, str], run: Path, tmp_path: Path
) -> None:
    other = make_run(tmp_path / "other")
    shutil.copy(run / "ledger.sqlite3", other / "ledger.sqlite3")
    done = zoocut("upload", other, **account)
    assert (done.returncode, "put back the files that belong together" in done.stderr) == (4, True)
