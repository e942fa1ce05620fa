"""Server-side imports: asked for once, watched, proved, and completed where they died."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests
from hosts import Host, address_rows, answer, serving
from uploads import OWNER, Control, account, make_run, serve, states, subjects

from zoocut.sandbox import Running
from zoocut.zooniverse.connect import connect_set_admin
from zoocut.zooniverse.imports import ImportAdmin

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
FAST = ("--settle", 1, "--import-stall", 1.5, "--give-up-after", 60)
WHERE = ("--project", "owner/rehearsal")
IMPORTS = "POST /api/subject_set_imports"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with serving(tmp_path) as served:
        yield served


@pytest.fixture
def run(tmp_path: Path, host: Host, request: pytest.FixtureRequest) -> Path:
    name = "run-" + hashlib.md5(request.node.name.encode()).hexdigest()[:12]
    return address_rows(make_run(tmp_path / name, 120), f"{host.endpoint}/{name}")


@pytest.fixture
def bring(zoocut: Zoocut, run: Path, server: Running) -> Callable[..., subprocess.CompletedProcess[str]]:
    def call(*more: object) -> subprocess.CompletedProcess[str]:
        return zoocut("upload", run, "--import", *WHERE, "--set", run.name, *FAST, *more, **account(server))

    return call


def proved(server: Running, run: Path) -> None:
    """The set holds each row once, with its address and metadata."""
    found = subjects(server, run.name)
    assert Counter(one["external_id"] for one in found) == Counter(str(1700 + n) for n in range(120))
    served = {}
    for line in (run / "manifest-urls.csv").read_text().splitlines()[1:]:
        external_id, address, band = line.split(",")
        served[external_id] = (address, band)
    for one in found:
        address, band = served[one["external_id"]]
        assert [location["url"] for location in one["locations"]] == [address]
        assert one["metadata"]["band"] == band


def imports(server: Running, run: Path) -> int:
    return sum(1 for _ in asked(run))


def asked(run: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(run / "ledger.sqlite3")) as ledger, ledger:
        return ledger.execute(
            "SELECT part, attempt, state, row_count FROM imports ORDER BY part, attempt"
        ).fetchall()


def test_imported_and_proved(bring: Zoocut, run: Path, server: Running, zoocut: Zoocut) -> None:
    done = bring()
    assert done.returncode == 0, done.stderr
    assert "120 linked" in done.stdout
    proved(server, run)
    assert asked(run) == [(1, 1, "over", 120)]
    again = bring()
    assert again.returncode == 0
    assert asked(run) == [(1, 1, "over", 120)]
    proved(server, run)
    checked = zoocut("verify", run, "--check", "all", **account(server))
    assert checked.returncode == 0, checked.stdout


def test_split_by_rows(bring: Zoocut, run: Path, server: Running) -> None:
    assert bring("--import-rows", 50).returncode == 0
    assert asked(run) == [(1, 1, "over", 50), (2, 1, "over", 50), (3, 1, "over", 20)]
    proved(server, run)


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("import-dies", {"row": 1}),
        ("import-dies", {"row": 63}),
        ("import-stalls", {"row": 40}),
        ("import-stalls", {"row": 40, "wake_s": 2}),
        ("import-slow", {"row_s": 0.01}),
        ("import-twice", {}),
        ("import-strangers", {"rows": 2}),
        ("import-slow-host", {"delay_s": 1}),
        ("import-stale-counts", {}),
        ("commit-then-500", {}),
        ("commit-then-504", {}),
        ("commit-then-close", {}),
        ("truncated", {}),
        ("late-commit", {"delay_s": 0.5}),
        ("late-commit", {"delay_s": 2.5}),
        ("bad-gateway", {}),
    ],
)
def test_each_row_once_whatever_happens(
    bring: Zoocut, run: Path, server: Running, control: Control, fault: str, options: dict[str, float]
) -> None:
    if "stale" in fault:
        control("/faults", name=fault)
    else:
        control("/faults", name=fault, route=IMPORTS, times=1, **options)
    done = bring()
    assert done.returncode == 0, done.stderr
    proved(server, run) if fault != "import-strangers" else None
    own = [one for one in subjects(server, run.name) if "#zoocut" in one["metadata"]]
    assert Counter(one["external_id"] for one in own) == Counter(str(1700 + n) for n in range(120))
    assert [state for _, _, state, _ in asked(run)].count("over") == 1


def test_a_manifest_that_is_not_to_be_had(
    bring: Zoocut, run: Path, server: Running, control: Control
) -> None:
    control("/faults", name="import-no-manifest", times=1)
    done = bring()
    assert done.returncode == 7
    assert "Failed to download manifest" in done.stderr
    assert subjects(server, run.name) == []
    assert bring().returncode == 0
    proved(server, run)


@pytest.mark.parametrize("at", [0.0, 0.3, 1.0, 2.0])
def test_killed_at_any_time(bring: Zoocut, run: Path, server: Running, control: Control, at: float) -> None:
    control("/faults", name="import-slow", row_s=0.01, times=1)
    words = [sys.executable, "-m", "zoocut", "upload", run, "--import", *WHERE, "--set", run.name, *FAST]
    process = subprocess.Popen(
        [*map(str, words)], env=os.environ | account(server), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    end = time.monotonic() + 240
    while not (run / "ledger.sqlite3").exists() or not _begun(run):
        assert time.monotonic() < end
        if process.poll() is not None:
            break
    time.sleep(at * random.random())
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = bring()
    assert done.returncode == 0, done.stderr
    proved(server, run)


def _begun(run: Path) -> bool:
    try:
        return bool(asked(run))
    except sqlite3.OperationalError:
        return False


def test_an_upload_without_import_settles_it(
    bring: Zoocut, run: Path, server: Running, control: Control, zoocut: Zoocut
) -> None:
    """Rows of an import that is under way are not made by single creates meanwhile."""
    control("/faults", name="import-slow", row_s=0.02, times=1)
    words = [sys.executable, "-m", "zoocut", "upload", run, "--import", *WHERE, "--set", run.name, *FAST]
    process = subprocess.Popen(
        [*map(str, words)], env=os.environ | account(server), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while not subjects(server, run.name):
        assert process.poll() is None, process.communicate()
    process.kill()
    process.communicate()
    done = zoocut("upload", run, "--settle", 1, **account(server))
    assert done.returncode == 0, done.stderr
    proved(server, run)
    assert states(zoocut, run) == {"linked": 120}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("1-0.png", "1-0.png?x=1", "has a query string"),
        ("1-0.png", "1-0.PNG", "ends in .PNG"),
        ("1-0.png", "1-0.webp", "ends in .webp"),
        ("1701,", "1702,", "appears twice"),
        ("metadata:band", "metadata:a:b", "cuts the metadata key a:b at its colon"),
        ("metadata:band", "metadata:b\u00e4nd", "more than ASCII"),
        ("metadata:band", "metadata:priority", "is 'g' and no number: rename the key"),
    ],
)
def test_rows_that_the_server_does_not_take(
    bring: Zoocut, run: Path, server: Running, old: str, new: str, told: str
) -> None:
    manifest = run / "manifest-urls.csv"
    manifest.write_text(manifest.read_text().replace(old, new))
    for more in ([], ["--dry-run"]):
        done = bring(*more)
        assert done.returncode == 3
        assert told in done.stderr
        assert "nothing was sent" in done.stderr
    truth = requests.get(f"{server.endpoint}/sandbox/truth", timeout=240).json()
    assert run.name not in {one["display_name"] for one in truth["sets"]}


@pytest.mark.parametrize(
    ("instead", "told"),
    [
        (lambda h: answer(h, 302, Location="https://login.example/"), "redirects to login.example"),
        (lambda h: answer(h, 401), "answers 401"),
        (
            lambda h: answer(h, 200, b"<html>Log in", Content_Type="text/html"),
            "answers a page, perhaps a log-in",
        ),
        (lambda h: answer(h, 405), "answers 405 to a GET"),
        (lambda h: answer(h, 200, b"other", Content_Type="image/png"), "serves other bytes than the run has"),
    ],
)
def test_addresses_that_outsiders_do_not_get(
    bring: Zoocut, run: Path, host: Host, server: Running, instead: Any, told: str
) -> None:
    host.instead = instead
    done = bring()
    assert done.returncode == 3
    assert told in done.stderr
    truth = requests.get(f"{server.endpoint}/sandbox/truth", timeout=240).json()
    assert run.name not in {one["display_name"] for one in truth["sets"]}


def test_a_set_with_other_subjects(
    bring: Zoocut, run: Path, server: Running, tmp_path: Path, zoocut: Zoocut
) -> None:
    other = make_run(tmp_path / "other", 2)
    assert zoocut("upload", other, *WHERE, "--set", run.name, **account(server)).returncode == 0
    done = bring()
    assert done.returncode == 2
    assert "holds 2 subjects that are not of this run" in done.stderr
    assert len(subjects(server, run.name)) == 2


def test_a_set_that_volunteers_see(bring: Zoocut, run: Path, server: Running) -> None:
    assert bring("--sample", 5).returncode == 0
    serve(server, run.name)
    done = bring()
    assert done.returncode == 2
    assert "is served by an active workflow" in done.stderr
    assert len(subjects(server, run.name)) == 5


def test_verify_reads_the_addresses_back(
    bring: Zoocut, run: Path, host: Host, server: Running, zoocut: Zoocut
) -> None:
    assert bring("--sample", 5).returncode == 0
    host.instead = lambda handler: "/3-0." in handler.path and answer(handler, 200, b"another")
    checked = zoocut("verify", run, "--check", "all", **account(server))
    assert checked.returncode == 6
    assert "wrong bytes: 1\n    1703: subject" in checked.stdout


def imported_by_hand(server: Running, run: Path, address: str) -> None:
    """Import a run's manifest as a person would who knows the API: no key of zoocut's is in it."""
    panoptes = connect_set_admin(server.endpoint, OWNER).panoptes
    project = panoptes.project("owner/rehearsal")
    made = panoptes.create_subject_set(project, run.name, {})
    ImportAdmin(panoptes).create(made.set_id, address)
    end = time.monotonic() + 240
    while panoptes.count_subjects(made.set_id) < 120:
        assert time.monotonic() < end


def test_a_set_imported_by_other_means_is_adopted(
    bring: Zoocut, run: Path, host: Host, server: Running, zoocut: Zoocut
) -> None:
    imported_by_hand(server, run, f"{host.endpoint}/{run.name}/manifest-urls.csv")
    adopted = zoocut("adopt", run, *WHERE, "--set", run.name, "--yes", "--json", **account(server))
    assert adopted.returncode == 0, adopted.stderr
    assert json.loads(adopted.stdout)["linked"] == 120
    done = zoocut("upload", run, *WHERE, "--set", run.name, "--settle", 1, **account(server))
    assert done.returncode == 0, done.stderr
    proved(server, run)
    checked = zoocut("verify", run, **account(server))
    assert checked.returncode == 0, checked.stdout


def test_the_rest_of_the_manager_knows_imported_subjects(
    bring: Zoocut, run: Path, server: Running, zoocut: Zoocut
) -> None:
    """A changed cell is brought to the server, nothing else is; exports name every subject."""
    assert bring().returncode == 0
    where = account(server)
    same = zoocut("metadata", run, "--json", **where)
    assert same.returncode == 0, same.stderr
    for name in ("manifest.csv", "manifest-urls.csv"):
        text = (run / name).read_text().splitlines()
        (run / name).write_text("\n".join([*text[:3], text[3].removesuffix(",g") + ",i", *text[4:], ""]))
    applied = zoocut("metadata", run, "--apply", "--yes", **where)
    assert applied.returncode == 0, applied.stderr
    bands = {one["external_id"]: one["metadata"]["band"] for one in subjects(server, run.name)}
    assert bands == {str(1700 + n): "i" if n == 2 else "gr"[n % 2] for n in range(120)}
    assert zoocut("export", run, "-o", "mapping.csv").returncode == 0
    mapping = (run.parent / "mapping.csv").read_text().splitlines()
    assert len(mapping) == 121
    copies = zoocut("dedupe", "--set", run.name, *WHERE, "--by-external-id", "--json", **where)
    assert copies.returncode == 0, copies.stderr
    assert bring().returncode == 0
    assert len(subjects(server, run.name)) == 120


def test_a_set_that_is_deleted_meanwhile(
    bring: Zoocut, run: Path, server: Running, control: Control, zoocut: Zoocut
) -> None:
    """The import vanishes with it: told, and nothing is made for a set that is no more."""
    control("/faults", name="import-stalls", route=IMPORTS, row=40, times=1)
    admin, told = connect_set_admin(server.endpoint, OWNER), []
    project = admin.panoptes.project("owner/rehearsal")

    def delete() -> None:
        while not subjects(server, run.name):
            time.sleep(0.05)
        (found,) = admin.panoptes.subject_sets(project, run.name)
        admin.delete_set(found.set_id)

    thread = threading.Thread(target=delete)
    thread.start()
    told.append(bring())
    thread.join()
    assert told[0].returncode == 7, told[0].stderr
    assert "was deleted while it was imported into: name another one with --set NAME" in told[0].stderr
    words = ("upload", run, "--import", *WHERE, "--set", f"{run.name} anew", "--create", *FAST)
    done = zoocut(*words, **account(server))
    assert done.returncode == 0, done.stderr
    assert len(subjects(server, f"{run.name} anew")) == 120


def test_dry_run_tells_and_makes_nothing(bring: Zoocut, run: Path, server: Running) -> None:
    for rows, more in ((120, ()), (7, ("--sample", 7))):
        done = bring("--dry-run", "--json", *more)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)["notes"]
        assert any(one.startswith(f"{rows} rows are meant for server-side import") for one in told)
    truth = requests.get(f"{server.endpoint}/sandbox/truth", timeout=240).json()
    assert run.name not in {one["display_name"] for one in truth["sets"]}
