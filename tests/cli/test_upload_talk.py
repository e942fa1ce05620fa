"""Files on the Talk pages of subjects: each exactly once, whatever is lost, and nothing of others is touched."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from uploads import WHERE, account, make_run, picture, start, subjects

from zoocut.run.folder import Run
from zoocut.run.talk import TalkRow, write_talk
from zoocut.sandbox import Running

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
Control = Callable[..., Any]
MICROSECONDS = 1_000_000
ATTACH = "POST /api/subjects/*/attached_images"
QUICK = ("--settle", "1")


def talk_run(path: Path, count: int = 3, files: int = 2) -> Path:
    """Make a run whose subjects have files for Talk."""
    make_run(path, count, images=2)
    rows = []
    for number in range(count):
        for at in range(files):
            name = f"talk/{number}-{at}.png"
            content = picture(f"{path.name} talk {number} {at}")
            (path / name).parent.mkdir(exist_ok=True)
            (path / name).write_bytes(content)
            rows.append(TalkRow(str(1700 + number), name, hashlib.sha256(content).hexdigest()))
    write_talk(Run.open(path).talk, rows)
    return path


def attached(server: Running, name: str) -> list[list[tuple[str | None, bool]]]:
    """For each subject of a set what is attached: its checksum at the store, and whether it is ours."""
    return [
        [((one["blob"] or {}).get("md5"), "zoocut" in (one["metadata"] or {})) for one in subject["attached"]]
        for subject in sorted(subjects(server, name), key=lambda one: str(one["external_id"]))
    ]


def expected(run: Path, count: int = 3, files: int = 2) -> list[list[tuple[str | None, bool]]]:
    contents = [
        [(run / f"talk/{number}-{at}.png").read_bytes() for at in range(files)] for number in range(count)
    ]
    return [[(hashlib.md5(one).hexdigest(), True) for one in several] for several in contents]


def same(found: list[list[Any]], wanted: list[list[Any]]) -> bool:
    """Compare without the order of a subject's files, which the server does not keep either."""
    return [sorted(one) for one in found] == [sorted(one) for one in wanted]


def test_files_are_attached_after_linking_and_once(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = talk_run(tmp_path / "plain")
    done = zoocut("upload", run, *WHERE, "talk plain", **account(server))
    assert done.returncode == 0, done.stderr
    assert "files for Talk: 6 attached" in done.stdout
    assert attached(server, "talk plain") == expected(run)
    before = len(requests.get(f"{server.endpoint}/sandbox/requests", timeout=240).json()["requests"])
    again = zoocut("upload", run, **account(server))
    assert again.returncode == 0
    calls = requests.get(f"{server.endpoint}/sandbox/requests", timeout=240).json()["requests"][before:]
    assert not [one for one in calls if "attached_images" in one["path"] and one["method"] != "GET"]
    assert json.loads(zoocut("status", run, "--json").stdout)["targets"][0]["talk"] == {"attached": 6}
    assert "files for Talk: 6 attached" in zoocut("status", run).stdout
    verified = zoocut("verify", run, "--check", "all", **account(server))
    assert verified.returncode == 0, verified.stdout


@pytest.mark.parametrize(
    "fault",
    [
        "commit-then-500", "commit-then-close", "commit-then-page", "commit-then-json", "commit-then-empty",
        "error-page", "late-commit", "too-many", "bad-gateway", "unavailable", "unauthorised", "truncated",
        "error-json",
    ],
)  # fmt: skip
def test_lost_answers_are_settled(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control, fault: str
) -> None:
    run, name = talk_run(tmp_path / fault, 2), f"talk {fault}"
    control("/faults", name=fault, route=ATTACH, times=2)
    done = zoocut("upload", run, *WHERE, name, "--settle", "3", **account(server))
    if done.returncode != 0:
        done = zoocut("upload", run, "--settle", "3", **account(server))
    assert done.returncode == 0, done.stderr
    assert same(attached(server, name), expected(run, 2))
    assert zoocut("verify", run, "--check", "all", **account(server)).returncode == 0


def test_absence_is_waited_for(zoocut: Zoocut, server: Running, tmp_path: Path, control: Control) -> None:
    """A request whose answer was lost may still come into effect, so it is not repeated at once."""
    run, name = talk_run(tmp_path / "waiting", 1, files=1), "talk waiting"
    control("/faults", name="error-page", status=502, route=ATTACH, times=1)
    done = zoocut("upload", run, *WHERE, name, "--settle", "3", **account(server))
    assert done.returncode == 0, done.stderr
    (subject,) = subjects(server, name)
    path = f"/api/subjects/{subject['id']}/attached_images"
    log = requests.get(f"{server.endpoint}/sandbox/requests", timeout=240).json()["requests"]
    first, second = [one["at"] for one in log if one["method"] == "POST" and one["path"] == path]
    assert (second - first) / MICROSECONDS >= 3
    assert same(attached(server, name), expected(run, 1, 1))


@pytest.mark.parametrize(
    "fault", ["blob-reset", "blob-busy", "blob-no-checksum", "blob-other-checksum", "url-expired"]
)
def test_bytes_that_did_not_arrive_are_sent_again(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control, fault: str
) -> None:
    run, name = talk_run(tmp_path / fault, 2), f"talk {fault}"
    control("/faults", name=fault, route="PUT /*attached*", times=3)
    done = zoocut("upload", run, *WHERE, name, *QUICK, **account(server))
    assert done.returncode == 0, done.stderr
    met = requests.get(f"{server.endpoint}/sandbox/requests", timeout=240).json()["requests"]
    assert any(fault in str(one["injected"]) for one in met), "the fault met the bytes of Talk"
    assert same(attached(server, name), expected(run, 2))
    assert zoocut("verify", run, "--check", "all", **account(server)).returncode == 0


def test_killed_at_any_moment_then_run_again(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run, name = talk_run(tmp_path / "killed", 8), "talk killed"
    assert zoocut("upload", run, *WHERE, name, "--talk-only", **account(server)).returncode == 0
    assert subjects(server, name) == [], "--talk-only makes no subjects"
    for delay_s in (0.9, 1.2, 1.5, 1.8, 2.1):
        process = start(run, server, "--set", name, "--settle", "1", "--yes")
        time.sleep(delay_s)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    done = zoocut("upload", run, "--settle", "1", **account(server))
    assert done.returncode == 0, done.stderr
    assert same(attached(server, name), expected(run, 8))
    assert zoocut("verify", run, "--check", "all", **account(server)).returncode == 0


def test_files_of_several_subjects_are_attached_at_once(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control
) -> None:
    run, name, delay_s = talk_run(tmp_path / "several", 8, files=1), "talk several", 3
    assert zoocut("upload", run, *WHERE, name, "--sample", "1", **account(server)).returncode == 0
    control("/faults", name="latency", route=ATTACH, delay_s=delay_s)
    assert zoocut("upload", run, "--settle", "30", **account(server)).returncode == 0
    log = requests.get(f"{server.endpoint}/sandbox/requests", timeout=240).json()["requests"]
    began = [one["at"] for one in log if one["method"] == "POST" and one["path"].endswith("attached_images")]
    assert began[-4] - began[-7] < delay_s * MICROSECONDS, "the first four leave together"
    assert same(attached(server, name), expected(run, 8, 1))


def test_a_ledger_put_back_to_an_older_copy_attaches_nothing_twice(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    run, name = talk_run(tmp_path / "older"), "Older ledger"
    (run / "talk.csv").rename(tmp_path / "talk.csv")
    assert zoocut("upload", run, *WHERE, name, *QUICK, **account(server)).returncode == 0
    copy = (run / "ledger.sqlite3").read_bytes()
    (tmp_path / "talk.csv").rename(run / "talk.csv")
    assert zoocut("upload", run, "--talk-only", *QUICK, **account(server)).returncode == 0
    assert same(attached(server, name), expected(run))
    for file in run.glob("ledger.sqlite3*"):
        file.unlink()
    (run / "ledger.sqlite3").write_bytes(copy)
    done = zoocut("upload", run, "--talk-only", *QUICK, **account(server))
    assert done.returncode == 0, done.stderr
    assert same(attached(server, name), expected(run)), (
        "what the subject has is read before anything is attached"
    )
    checked = zoocut("verify", run, **account(server))
    assert checked.returncode == 0, checked.stdout


def test_media_of_others_stay_and_strays_are_pruned(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run, name = talk_run(tmp_path / "strays", 1), "talk strays"
    assert zoocut("upload", run, *WHERE, name, **account(server)).returncode == 0
    (subject,) = subjects(server, name)
    key = subject["attached"][0]["metadata"]["zoocut"]
    form = {"grant_type": "password", "login": "owner", "password": "sandbox-password", "client_id": CLIENT}
    token = requests.post(f"{server.endpoint}/oauth/token", data=form, timeout=240).json()["access_token"]
    headers = {"Accept": "application/vnd.api+json; version=1", "Authorization": f"Bearer {token}"}
    for metadata in ({"zoocut": key}, {"finder": "of others"}):
        body = {"media": {"content_type": "image/png", "metadata": metadata}}
        url = f"{server.endpoint}/api/subjects/{subject['id']}/attached_images"
        assert requests.post(url, json=body, headers=headers, timeout=240).status_code == 201
    verified = zoocut("verify", run, "--check", "all", **account(server))
    assert verified.returncode == 6
    assert "talk strays: 1" in verified.stdout
    pruned = zoocut("verify", run, "--prune", "--settle", "0", "--yes", **account(server))
    assert "pruned: 1" in pruned.stdout
    assert zoocut("verify", run, "--check", "all", **account(server)).returncode == 0
    (subject,) = subjects(server, name)
    assert sorted("zoocut" in (one["metadata"] or {}) for one in subject["attached"]) == [False, True, True]


def test_files_that_are_not_what_was_drawn_are_rejected(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    run, name = talk_run(tmp_path / "changed", 2), "talk changed"
    kept = (run / "talk/0-0.png").read_bytes()
    (run / "talk/0-0.png").write_bytes(b"something else")
    (run / "talk/1-1.png").unlink()
    done = zoocut("upload", run, *WHERE, name, **account(server))
    assert "2 attached, 2 rejected" in done.stdout or "2 rejected, 2 attached" in done.stdout, done.stdout
    assert (done.returncode, "1700: talk/0-0.png is not what was drawn: generate" in done.stdout) == (3, True)
    assert "1701: talk/1-1.png cannot be read (No such file or directory)" in done.stdout
    (run / "talk/0-0.png").write_bytes(kept)
    done = zoocut("upload", run, "--talk-only", **account(server))
    assert (done.returncode, "3 attached" in done.stdout) == (3, True)
    assert [len(one) for one in attached(server, name)] == [2, 1]


def test_a_talk_csv_that_is_none_is_told(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = talk_run(tmp_path / "odd", 1)
    (run / "talk.csv").write_text("external_id,file\n1,2\n")
    done = zoocut("upload", run, *WHERE, "talk odd", **account(server))
    assert done.returncode == 3
    assert "does not begin with external_id,file,sha256" in done.stderr


CLIENT = "f79cf5ea821bb161d8cbb52d061ab9a2321d7cb169007003af66b43f7b79ce2a"
