"""Uploads to several sets, other servers and other hosts; files and answers that turn into something else."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests
from uploads import WHERE, Control, Zoocut, account, make_run, picture, states, subjects

from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.sandbox import Running, running


def ids(server: Running, set_name: str) -> list[str]:
    return sorted(subject["external_id"] for subject in subjects(server, set_name))


def test_a_set_that_takes_all_rows_is_not_taken_for_a_share(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run")
    assert zoocut("upload", run, *WHERE, "Share g", "--sample", "1", **account(server)).returncode == 0
    shares = ("upload", run, *WHERE, "Share {band}", "--set-by", "band")
    done = zoocut(*shares, **account(server))
    assert done.returncode == 2, done.stderr
    assert "takes rows of this run already, all of them: give --set a name of its own" in done.stderr
    assert ids(server, "Share g") == ["1700"]


def test_further_sets_are_made_where_the_run_went(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 2)
    assert zoocut("upload", run, *WHERE, "one server", **account(server)).returncode == 0
    elsewhere = {key: value for key, value in account(server).items() if key != "PANOPTES_ENDPOINT"}
    done = zoocut("upload", run, *WHERE, "another set", "--create", **elsewhere, PANOPTES_ENDPOINT="")
    assert done.returncode == 0, done.stderr
    assert ids(server, "another set") == ["1700", "1701"]


def test_a_pipe_in_the_place_of_an_image_is_not_waited_for(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control
) -> None:
    run = make_run(tmp_path / "run", 3)
    control("/faults", name="blob-busy", route="PUT /public/*")
    zoocut("upload", run, *WHERE, "pipe", "--give-up-after", "3", "--settle", "0", **account(server))
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=240)
    (run / "images" / "1-0.png").unlink()
    os.mkfifo(run / "images" / "1-0.png")
    done = zoocut("upload", run, **account(server))
    assert (done.returncode, "1-0.png cannot be read" in done.stdout) == (3, True), done
    assert ids(server, "pipe") == ["1700", "1702"]


def test_one_bad_address_keeps_no_other_row_waiting(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control
) -> None:
    source = make_run(tmp_path / "source", 3)
    assert zoocut("upload", source, *WHERE, "where images lie", **account(server)).returncode == 0
    good = [
        f"{server.endpoint}/public/{one['locations'][0]['path']}"
        for one in subjects(server, "where images lie")
    ]
    run = Run.create(tmp_path / "run")
    addresses = [*good, "http://127.0.0.1:9/refused.png", "http://[bad/address.png"]
    rows = [ManifestRow(str(number), (address,)) for number, address in enumerate(addresses)]
    write_manifest(run.manifest, rows, [])
    done = zoocut("upload", run.path, *WHERE, "mixed addresses", **account(server))
    assert done.returncode == 3, done.stderr
    assert "row 3 cannot be had from its address" in done.stdout
    assert "http://[bad/address.png is no address" in done.stdout
    assert ids(server, "mixed addresses") == ["0", "1", "2"]


@pytest.mark.parametrize("kind", ["hosted", "addresses", "mixed"])
def test_a_rejected_row_whose_subject_is_seen_again_goes_on(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control, kind: str
) -> None:
    """A list that leaves a subject out once rejects the row; the next upload finds it and links it."""
    run, name = run_of(zoocut, server, tmp_path, kind), f"seen again {kind}"
    link = {"route": "POST /api/subject_sets/*/links/subjects"}
    control("/faults", name="conflict", **link)
    ended = zoocut("upload", run, *WHERE, name, "--give-up-after", "3", "--settle", "0", **account(server))
    assert (ended.returncode, states(zoocut, run)) == (5, {"stored": 3}), ended.stderr
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=240)
    control("/faults", name="error-json", status=422, **link)
    control("/faults", name="list-skips", rows=1, route="GET /api/subjects")
    done = zoocut(
        "upload", run, "--check", "none", "--give-up-after", "3", "--settle", "0", **account(server)
    )
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=240)
    assert done.returncode in (3, 5), done
    assert states(zoocut, run)["rejected"] >= 1
    again = zoocut("upload", run, "--retry-rejected", **account(server))
    assert (again.returncode, states(zoocut, run)) == (0, {"linked": 3}), again
    assert len(subjects(server, name)) == 3


def test_a_ledger_with_a_created_row_that_waits_for_nothing_goes_on(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control
) -> None:
    """Earlier versions wrote such rows, and ended at them for ever."""
    run = run_of(zoocut, server, tmp_path, "addresses")
    control("/faults", name="conflict", route="POST /api/subject_sets/*/links/subjects")
    zoocut("upload", run, *WHERE, "healed", "--give-up-after", "3", "--settle", "0", **account(server))
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=240)
    with closing(sqlite3.connect(run / "ledger.sqlite3")) as ledger, ledger:
        assert ledger.execute("UPDATE rows SET state = 'created' WHERE state = 'stored'").rowcount == 3
    done = zoocut("upload", run, **account(server))
    assert (done.returncode, states(zoocut, run)) == (0, {"linked": 3}), done


def run_of(zoocut: Zoocut, server: Running, folder: Path, kind: str) -> Path:
    """Make a run whose images it holds, or that are served elsewhere, or both for each row."""
    run = make_run(folder / "run", 3)
    if kind == "hosted":
        return run
    name = f"where images of {folder.name} lie"
    source = make_run(folder / "source", 3)
    assert zoocut("upload", source, *WHERE, name, **account(server)).returncode == 0
    held = [f"{server.endpoint}/public/{one['locations'][0]['path']}" for one in subjects(server, name)]
    rows = [
        ManifestRow(str(number), (address, f"images/{number}-0.png") if kind == "mixed" else (address,))
        for number, address in enumerate(held)
    ]
    write_manifest(run / "manifest.csv", rows, [], len(rows[0].locations))
    return run


def test_a_row_that_came_meanwhile_is_noticed_though_the_number_is_the_same(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    """Somebody takes one member out, another run puts one in: as many as before, and not the same."""
    name = "same number"
    other = make_run(tmp_path / "other", 1)
    (other / "manifest.csv").write_text("external_id,location:1,metadata:band\n9,images/0-0.png,g\n")
    assert zoocut("upload", other, *WHERE, name, **account(server)).returncode == 0
    run = make_run(tmp_path / "run", 3)
    whole = (run / "manifest.csv").read_text()
    (run / "manifest.csv").write_text("".join(whole.splitlines(keepends=True)[:3]))
    assert zoocut("upload", run, *WHERE, name, **account(server)).returncode == 0
    (nine,) = [one["id"] for one in subjects(server, name) if one["external_id"] == "9"]
    sets = ("sets", "remove", name, str(nine), "--project", "owner/rehearsal", "--yes")
    assert zoocut(*sets, **account(server)).returncode == 0
    third = make_run(tmp_path / "third", 1)
    (third / "manifest.csv").write_text("external_id,location:1,metadata:band\n1702,images/0-0.png,g\n")
    assert zoocut("upload", third, *WHERE, name, **account(server)).returncode == 0
    (run / "manifest.csv").write_text(whole)
    assert zoocut("upload", run, **account(server)).returncode == 0
    assert ids(server, name) == ["1700", "1701", "1702"]
    assert states(zoocut, run) == {"linked": 2, "skipped": 1}


def test_a_sample_and_another_chance_go_together(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 5)
    (run / "images" / "1-0.png").unlink()
    sample = ("upload", run, *WHERE, "sampled", "--sample", "3")
    assert zoocut(*sample, **account(server)).returncode == 3
    (run / "images" / "1-0.png").write_bytes(picture("restored"))
    assert zoocut(*sample, "--retry-rejected", **account(server)).returncode == 0
    assert ids(server, "sampled") == ["1700", "1701", "1702"]


def test_a_limit_met_in_one_set_leaves_no_row_half_done_in_another(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control
) -> None:
    run = make_run(tmp_path / "run", 8)
    whole = (run / "manifest.csv").read_text()
    header, *rows = whole.splitlines(keepends=True)
    (run / "manifest.csv").write_text(header + "".join(rows[1::2]))
    shares = ("upload", run, *WHERE, "Limit {band}", "--set-by", "band", "--settle", "0")
    control("/faults", name="blob-busy", route="PUT /public/*")
    zoocut(*shares, "--give-up-after", "3", **account(server, "collab"))
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=240)
    assert states(zoocut, run) == {"created": 4}
    (run / "manifest.csv").write_text(whole)
    control("/users/collab", subject_limit=4)
    done = zoocut(*shares, **account(server, "collab"))
    control("/users/collab", subject_limit=100_000)
    assert (done.returncode, "4 rows are left" in done.stderr) == (8, True), done.stderr
    assert states(zoocut, run) == {"linked": 4, "planned": 4}


@pytest.fixture(scope="module")
def hasty() -> Iterator[Running]:
    """A sandbox whose signed addresses end sooner than is usually waited for."""
    with running(options=["--url-life", "20"]) as sandbox:
        yield sandbox


def test_addresses_that_end_soon_are_used_at_once(zoocut: Zoocut, hasty: Running, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 4, images=2)
    done = zoocut("upload", run, *WHERE, "hasty", "--give-up-after", "60", "--settle", "0", **account(hasty))
    assert done.returncode == 0, done.stderr
    log = requests.get(f"{hasty.endpoint}/sandbox/requests", timeout=240).json()["requests"]
    assert len(log) < 60


def test_two_first_uploads_of_a_folder_make_one_run(tmp_path: Path) -> None:
    folder = tmp_path / "foreign"
    folder.mkdir()
    (folder / "manifest.csv").write_text("image\nno.png\n")
    script = (
        "import sys; from pathlib import Path; from zoocut.uploading.folder import open_run\n"
        "print('ready', flush=True); sys.stdin.readline(); print(open_run(Path(sys.argv[1])).run_id)"
    )
    several = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(6)
    ]  # fmt: skip
    for process in several:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in several:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert len({process.communicate(timeout=240)[0] for process in several}) == 1


def test_a_dry_run_of_a_foreign_folder_leaves_it_alone(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", 2)
    (run / "run.toml").unlink()
    done = zoocut("upload", run, *WHERE, "dry foreign", "--dry-run", **account(server))
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in run.iterdir()) == ["images", "manifest.csv"]


def test_a_ledger_on_another_disk_is_found_by_every_command(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", 3)
    (tmp_path / "local").mkdir()
    done = zoocut("upload", "run", *WHERE, "Ledger elsewhere", "--ledger", "local", **account(server))
    assert done.returncode == 0, done.stderr
    (kept,) = (tmp_path / "local").glob("*.sqlite3")
    assert not (run / "ledger.sqlite3").exists()
    assert states(zoocut, run) == {"linked": 3}
    again = zoocut("upload", "run", **account(server))
    assert (again.returncode, "3 linked" in again.stdout) == (0, True)
    assert zoocut("verify", "run", **account(server)).returncode == 0
    other = zoocut("upload", "run", "--ledger", "elsewhere.sqlite3", **account(server))
    assert (other.returncode, f"the run's ledger is {kept}" in other.stderr) == (3, True)
    assert len(subjects(server, "Ledger elsewhere")) == 3


def test_a_ledger_goes_nowhere_that_does_not_exist(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    make_run(tmp_path / "run", 1)
    done = zoocut("upload", "run", *WHERE, "Nowhere", "--ledger", "no/such/ledger.sqlite3", **account(server))
    assert (done.returncode, "give --ledger a folder on a local disk" in done.stderr) == (3, True)
    assert subjects(server, "Nowhere") == []
