"""What an upload says first, and bad luck in the middle of one: it ends in a sentence, and the run goes on later."""

from __future__ import annotations

import json
import os
import pty
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from uploads import (
    WHERE,
    Control,
    Zoocut,
    account,
    await_states,
    make_run,
    picture,
    serve,
    start,
    states,
    subjects,
)

from zoocut.sandbox import Running, running


def test_a_set_in_use_is_asked_about(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 2)
    serve(server, "in use")
    refused = zoocut("upload", run, *WHERE, "in use", **account(server))
    assert refused.returncode == 2
    assert "served by an active workflow (Is in use real?)" in refused.stderr
    assert "add --yes" in refused.stderr
    assert subjects(server, "in use") == []
    agreed = zoocut("upload", run, *WHERE, "in use", "--yes", **account(server))
    assert agreed.returncode == 0
    assert "note: the set 'in use' is served by an active workflow" in agreed.stderr
    assert len(subjects(server, "in use")) == 2


@pytest.mark.parametrize(("answer", "code", "made"), [(b"n\n", 1, 0), (b"\x03", 130, 0), (b"y\n", 0, 2)])
def test_on_a_terminal_the_answer_decides(
    server: Running, tmp_path: Path, answer: bytes, code: int, made: int
) -> None:
    name = f"asked {code}"
    serve(server, name)
    terminal, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "zoocut", "upload", str(make_run(tmp_path / "run", 2)), *WHERE, name],
        env=os.environ | account(server) | {"TERM": "xterm"}, stdin=inner, stdout=inner, stderr=inner,
        preexec_fn=lambda: os.login_tty(inner),
    )  # fmt: skip
    os.close(inner)
    said = read_until(terminal, b"Go on? [y/N] ")
    os.write(terminal, answer)
    said += read_until(terminal, None)
    assert process.wait(240) == code, said
    os.close(terminal)
    assert len(subjects(server, name)) == made


def read_until(terminal: int, words: bytes | None) -> bytes:
    """Read what a terminal shows until it shows `words`, or to its end."""
    said = b""
    while words is None or words not in said:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            piece = b""
        if not piece:
            assert words is None, said
            break
        said += piece
    return said


def test_limits_and_large_images_are_told_first(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control
) -> None:
    from PIL import Image

    run = make_run(tmp_path / "run", 3)
    Image.frombytes("L", (1100, 1100), os.urandom(1100 * 1100)).save(run / "images" / "0-0.png")
    control("/users/collab", subject_limit=2, uploaded_count=0)
    try:
        told = zoocut("upload", run, *WHERE, "limits", "--dry-run", **account(server, "collab"))
        done = zoocut("upload", run, *WHERE, "limits", **account(server, "collab"))
    finally:
        control("/users/collab", subject_limit=100_000)
    for text in (told.stderr, done.stderr):
        assert "note: 3 rows are to be uploaded and the account collab has at most " in text
        assert "note: 1 images have more than 1 MiB" in text
    assert told.returncode == 8
    assert done.returncode == 8


def test_a_dry_run_follows_the_other_options(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 6, instrument="LSSTCam")
    (run / "images" / "0-0.png").write_bytes(b"<html>")
    zoocut("upload", make_run(tmp_path / "other", 2), *WHERE, "Dry g", **account(server))
    command = ("upload", run, *WHERE, "Dry {band}", "--set-by", "band", "--sample", "2", "--dry-run")
    without = zoocut(*command, **account(server))
    assert (without.returncode, "--rights" in without.stderr) == (2, True)
    done = zoocut(*command, "--rights", "DP1", "--json", **account(server))
    assert done.returncode == 3, done.stderr
    told = json.loads(done.stdout)
    assert told["rights_basis"] == "DP1"
    green, red = told["targets"]
    assert (green["rows"], green["held_from_elsewhere"], green["to_upload"]) == (2, 1, 1)
    assert [name for name, _ in green["faulty"]] == ["1700"]
    assert (red["rows"], red["held_from_elsewhere"], red["to_upload"]) == (2, 0, 2)
    text = zoocut(*command, "--rights", "DP1", **account(server)).stdout
    assert "'Dry r': 2 of 2 rows to upload" in text
    assert "1700: images/0-0.png holds no PNG" in text


def test_another_copy_of_the_run_is_told_to_adopt(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run, name = make_run(tmp_path / "run", 5), "two copies"
    assert zoocut("upload", run, *WHERE, name, "--sample", "2", **account(server)).returncode == 0
    copy = tmp_path / "copy"
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("ledger*"))
    refused = zoocut("upload", copy, *WHERE, name, **account(server))
    assert refused.returncode == 4, refused.stderr
    assert f"holds 2 subjects of this run that the ledger in {copy} does not know" in refused.stderr
    assert zoocut("adopt", copy, **account(server)).returncode == 0
    assert zoocut("upload", copy, **account(server)).returncode == 0
    assert states(zoocut, copy) == {"linked": 5}
    assert sorted(s["external_id"] for s in subjects(server, name)) == [str(1700 + n) for n in range(5)]


@pytest.mark.parametrize("fault", ["bad-gateway", "unavailable", "truncated", "too-many"])
def test_faults_before_the_first_row_are_waited_out(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control, fault: str
) -> None:
    control("/faults", name=fault, route="GET /api/*", times=5)
    done = zoocut("upload", make_run(tmp_path / "run", 2), *WHERE, f"before {fault}", **account(server))
    assert done.returncode == 0, done.stderr
    assert len(subjects(server, f"before {fault}")) == 2


def test_a_ban_in_mid_run_stops_it_and_it_goes_on_later(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control
) -> None:
    run, name = make_run(tmp_path / "run", 40), "ban"
    control("/faults", name="latency", delay_s=0.2)
    process = start(run, server, "--set", name, "--requests", "2")
    await_states(zoocut, run, "created", process)
    control("/users/owner", banned=1)
    _, said = process.communicate(timeout=240)
    control("/users/owner", banned=0)
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=240)
    assert process.returncode == 7, said
    assert "ask Zooniverse about this account" in said
    assert states(zoocut, run).get("rejected", 0) == 0
    assert zoocut("upload", run, "--settle", "1", **account(server)).returncode == 0
    assert len(subjects(server, name)) == 40


def test_a_server_that_hangs_is_given_up_and_the_run_goes_on_later(zoocut: Zoocut, tmp_path: Path) -> None:
    """Every request hangs for an hour; there are fewer rows than lost creates that end an upload sooner."""
    run, name = make_run(tmp_path / "run", 3), "hangs"
    hour = {"name": "latency", "delay_s": 3600.0, "route": "POST /api/subjects"}
    with running() as hanging:
        requests.post(f"{hanging.endpoint}/sandbox/faults", json=hour, timeout=240).raise_for_status()
        patience = ("--answer", "2", "--give-up-after", "4", "--settle", "1")
        done = zoocut("upload", run, *WHERE, name, *patience, **account(hanging))
        assert done.returncode == 5, done.stderr
        assert "nothing moved for" in done.stderr
        assert "run the same command again" in done.stderr
        requests.delete(f"{hanging.endpoint}/sandbox/faults", json={}, timeout=240)
        assert zoocut("upload", run, "--settle", "1", **account(hanging)).returncode == 0
        assert sorted(s["external_id"] for s in subjects(hanging, name)) == ["1700", "1701", "1702"]


def test_a_store_that_keeps_losing_images_is_given_up(
    zoocut: Zoocut, server: Running, tmp_path: Path, control: Control
) -> None:
    """Every image is confirmed and none is served: rows go back and forth, and get nowhere."""
    run = make_run(tmp_path / "run", 3)
    control("/faults", name="blob-lost")
    done = zoocut("upload", run, *WHERE, "losing", "--give-up-after", "5", "--settle", "0", **account(server))
    assert (done.returncode, "does not serve it" in done.stderr) == (5, True), done.stderr
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=240)
    assert zoocut("upload", run, **account(server)).returncode == 0
    assert len(subjects(server, "losing")) == 3


def limited_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_a_ledger_that_cannot_grow_in_mid_run_stops_it(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    """The system refuses to make the ledger's log any longer, as a full disk does."""
    run, name = make_run(tmp_path / "run", 60), "full disk"
    assert zoocut("upload", run, *WHERE, name, "--sample", "1", **account(server)).returncode == 0
    done = subprocess.run(
        [sys.executable, "-m", "zoocut", "upload", str(run)],
        env=os.environ | account(server),
        capture_output=True,
        text=True,
        timeout=240,
        preexec_fn=lambda: limited_files(200_000),
    )
    assert done.returncode == 4, done.stderr
    assert "free some space" in done.stderr
    assert "Traceback" not in done.stderr
    assert sum(states(zoocut, run).values()) == 60
    assert zoocut("upload", run, "--settle", "1", **account(server)).returncode == 0
    assert sorted(s["external_id"] for s in subjects(server, name)) == [str(1700 + n) for n in range(60)]


@contextmanager
def mounted(*options: str) -> Iterator[None]:
    if subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    try:
        yield
    finally:
        subprocess.run(["umount", options[-1]], check=True)


def test_a_disk_without_room_is_said_before_anything_is_made(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=600k", "tmpfs", str(small)):
        run = make_run(small / "run", 100)
        done = zoocut("upload", run, *WHERE, "no room", **account(server))
        assert done.returncode == 4, done.stderr
        assert "free some" in done.stderr
        assert subjects(server, "no room") == []


def test_a_folder_that_cannot_be_written_is_said(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 2)
    with mounted("--bind", "-o", "ro", str(run), str(run)):
        done = zoocut("upload", run, *WHERE, "read-only", **account(server))
    assert done.returncode == 4, done.stderr
    assert "upload from a copy of the run folder that you may write to" in done.stderr
    assert subjects(server, "read-only") == []


def test_watching_ends_with_the_upload(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    """With every row in its set, and also where what is left needs a person; `timeout` catches one that goes on."""
    run = make_run(tmp_path / "run", 3)
    where = ("--project", "owner/rehearsal", "--set", "watched")
    (run / "images" / "1-0.png").unlink()
    assert zoocut("upload", run, *where, **account(server)).returncode == 3
    done = zoocut("status", run, "--watch", "1")
    assert (done.returncode, done.stdout.count("2 linked, 1 rejected")) == (0, 1)
    shutil.copy(run / "images" / "0-0.png", run / "images" / "1-0.png")
    assert zoocut("upload", run, "--retry-rejected", **account(server)).returncode == 0
    done = zoocut("status", run, "--watch", "1")
    assert (done.returncode, "nothing; every row is in its set" in done.stdout) == (0, True)


def test_pictures_drawn_anew_stay_as_they_were_and_this_is_said(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    """In the run's own folder and as a run of its own, by the dry run as by the upload; the same ones say nothing."""
    run, where = make_run(tmp_path / "run", 3), ("--project", "owner/rehearsal", "--set", "anew")
    assert zoocut("upload", run, *where, **account(server)).returncode == 0
    again = zoocut("upload", run, **account(server))
    assert "stays as it was" not in again.stderr
    copy = make_run(tmp_path / "copy", 3)
    for name in ("0-0.png", "1-0.png"):
        shutil.copy(run / "images" / name, copy / "images" / name)
    (copy / "images" / "2-0.png").write_bytes(picture("drawn anew"))
    words = "the row 1702 is in the set 'anew' with another picture, of another run, which stays as it was"
    for how in (("--dry-run",), ()):
        told = zoocut("upload", copy, *where, *how, **account(server))
        assert told.returncode == 0, told.stderr
        assert words in told.stderr
        assert f"`zoocut supersede OLD {copy}`" in told.stderr
    for name in ("0-0.png", "1-0.png"):
        (run / "images" / name).write_bytes(picture(f"anew {name}"))
    for how in (("--dry-run",), ()):
        told = zoocut("upload", run, *how, **account(server))
        assert "2 rows (1700, 1701) are in the set 'anew' with the picture of before" in told.stderr
        assert f"`zoocut supersede {run} NEW`" in told.stderr
    assert len(subjects(server, "anew")) == 3
