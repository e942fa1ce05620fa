"""What the upload refuses, the dry run refuses: the same exit code, the same reason, and nothing is made by either."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
from uploads import Control, Zoocut, account, make_run, picture

from zoocut.sandbox import Running


def nothing(run: Path) -> None:
    """Leave the run as it is."""


def without_an_image(run: Path) -> None:
    (run / "images" / "1-0.png").unlink()


def damaged(run: Path) -> None:
    (run / "images" / "1-0.png").write_bytes(b"no picture")


def cut_off(run: Path) -> None:
    (run / "images" / "1-0.png").write_bytes(picture("cut off")[:200])


def rubins(run: Path) -> None:
    manifest = run / "manifest.csv"
    manifest.write_text(
        manifest.read_text().replace("metadata:band", "metadata:#instrument").replace(",g", ",LSSTCam")
    )


def on_the_grounds_of(basis: str, key: str, value: str) -> Callable[[Path], None]:
    """Give a run a basis of rights, and its rows a column instead of the band."""

    def change(run: Path) -> None:
        manifest = run / "manifest.csv"
        text = manifest.read_text().replace("metadata:band", f"metadata:{key}").replace(",g", f",{value}")
        manifest.write_text(text.replace(",r", f",{value}"))
        record, head = run / "run.toml", "[settings.rights]\n"
        record.write_text(record.read_text().replace(head, f'{head}basis = "{basis}"\n'))

    return change


def sets_and_subjects(server: Running) -> tuple[int, int]:
    truth = requests.get(f"{server.endpoint}/sandbox/truth", timeout=240).json()
    return len(truth["sets"]), len(truth["subjects"])


REFUSALS = {
    "banned": ("banned", "owner/rehearsal", "V 1", nothing, 7, "is banned"),
    "stranger": (
        "stranger",
        "owner/rehearsal",
        "V 2",
        nothing,
        7,
        "neither owner nor collaborator of owner/rehearsal",
    ),
    "no project": ("owner", "owner/nowhere", "V 3", nothing, 7, "owner/nowhere"),
    "comma": ("owner", "owner/rehearsal", "V, 4", nothing, 2, "V, 4"),
    "long name": ("owner", "owner/rehearsal", "V" * 300, nothing, 2, "VVV"),
    "blank name": ("owner", "owner/rehearsal", "  ", nothing, 2, ""),
    "rights": ("owner", "owner/rehearsal", "V 5", rubins, 2, "--rights TEXT"),
    "a number": (
        "owner",
        "owner/rehearsal",
        "V 9",
        on_the_grounds_of("derived-image", "!snr", "7.5"),
        2,
        "column !snr, a value of the catalog",
    ),
    "a position": (
        "owner",
        "owner/rehearsal",
        "V 10",
        on_the_grounds_of("anonymized", "ra", "150.1"),
        2,
        "column ra, a position",
    ),
    "too new": (
        "owner",
        "owner/rehearsal",
        "V 11",
        on_the_grounds_of("public-release", "#date_obs", f"{datetime.now(UTC):%Y-%m-%d}"),
        2,
        "80 hours of observation",
    ),
    "no image": ("owner", "owner/rehearsal", "V 6", without_an_image, 3, "images/1-0.png"),
    "damaged image": ("owner", "owner/rehearsal", "V 7", damaged, 3, "images/1-0.png"),
    "image cut off": ("owner", "owner/rehearsal", "V 8", cut_off, 3, "images/1-0.png"),
}
"""Who, where to, what is done to the run before, the exit code and a part of the reason."""


@pytest.mark.parametrize("name", REFUSALS)
def test_dry_run_and_upload_end_alike(zoocut: Zoocut, server: Running, tmp_path: Path, name: str) -> None:
    who, project, set_name, change, code, reason = REFUSALS[name]
    run = make_run(tmp_path / "run", 4)
    spoil: Callable[[Path], None] = change
    spoil(run)
    before = sets_and_subjects(server)
    words = ("upload", run, "--project", project, "--set", set_name)
    foretold = zoocut(*words, "--dry-run", **account(server, who))
    assert sets_and_subjects(server) == before
    assert foretold.returncode == code, foretold.stderr
    done = zoocut(*words, **account(server, who))
    assert done.returncode == code, done.stderr
    if code != 3:
        assert sets_and_subjects(server) == before
        assert reason in foretold.stderr
        assert foretold.stderr == done.stderr
        return
    reasons = [line for line in foretold.stdout.splitlines() if reason in line]
    assert reasons
    assert reasons == [line for line in done.stdout.splitlines() if reason in line]
    assert sets_and_subjects(server) == (before[0] + 1, before[1] + 3)


def test_both_meet_the_limit(zoocut: Zoocut, server: Running, control: Control, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 5)
    words = ("upload", run, "--project", "owner/rehearsal", "--set", "V limit")
    control("/users/collab", subject_limit=3)
    before = sets_and_subjects(server)
    foretold = zoocut(*words, "--dry-run", **account(server, "collab"))
    assert sets_and_subjects(server) == before
    assert foretold.returncode == 8, foretold.stderr
    assert "2 rows will be left" in foretold.stderr
    note = next(line for line in foretold.stderr.splitlines() if line.startswith("note:"))
    assert "5 rows are to be uploaded and the account collab has at most 3" in note
    done = zoocut(*words, **account(server, "collab"))
    assert done.returncode == 8, done.stderr
    assert note in done.stderr
    assert "2 rows are left" in done.stderr


def test_a_further_set_is_agreed_to_first(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 4)
    words = ("upload", run, "--project", "owner/rehearsal", "--set")
    assert zoocut(*words, "First night", **account(server)).returncode == 0
    before = sets_and_subjects(server)
    question = "the run is in 'First night' already, and 'Frist night' does not exist yet"
    assert question in zoocut(*words, "Frist night", "--dry-run", **account(server)).stderr
    for more in ((), ("--yes",)):
        refused = zoocut(*words, "Frist night", *more, **account(server))
        assert refused.returncode == 2
        assert question in refused.stderr
        assert "--create" in refused.stderr
    assert sets_and_subjects(server) == before
    agreed = zoocut(*words, "Frist night", "--create", **account(server))
    assert agreed.returncode == 0, agreed.stderr
    assert sets_and_subjects(server) == (before[0] + 1, before[1] + 4)


def test_further_values_of_the_key_that_names_the_sets_need_no_question(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", 1)
    words = ("upload", run, "--project", "owner/rehearsal", "--set-by", "band", "--set")
    assert zoocut(*words, "Own {band}", **account(server)).returncode == 0
    grown = make_run(tmp_path / "grown", 4)
    (grown / "run.toml").write_bytes((run / "run.toml").read_bytes())
    (grown / "ledger.sqlite3").write_bytes((run / "ledger.sqlite3").read_bytes())
    (grown / "images" / "0-0.png").write_bytes((run / "images" / "0-0.png").read_bytes())
    assert zoocut("upload", grown, *words[2:], "Onw {band}", **account(server)).returncode == 2
    done = zoocut("upload", grown, *words[2:], "Own {band}", **account(server))
    assert done.returncode == 0, done.stderr
    assert {line.split(":")[0].split("'")[1] for line in done.stdout.splitlines() if "linked" in line} == {
        "Own g",
        "Own r",
    }


def test_bare_upload_goes_on_with_every_set(
    zoocut: Zoocut, server: Running, control: Control, tmp_path: Path
) -> None:
    run = make_run(tmp_path / "run", 6)
    words = ("upload", run, "--project", "owner/rehearsal", "--set-by", "band", "--set", "Bare {band}")
    control("/users/collab", subject_limit=0)
    assert zoocut(*words, **account(server, "collab")).returncode == 8
    control("/users/collab", subject_limit=100_000)
    assert "next: zoocut upload" in zoocut("status", run).stdout
    foretold = zoocut("upload", run, "--dry-run", **account(server))
    assert foretold.stdout.count("3 of 3 rows to upload") == 2, foretold.stdout
    done = zoocut("upload", run, **account(server))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("3 linked") == 2
    assert "next: nothing" in zoocut("status", run).stdout


def test_rows_of_a_new_value_are_told_of(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 4)
    words = ("--set-by", "band", "--set", "Told {band}")
    assert zoocut("upload", run, "--project", "owner/rehearsal", *words, **account(server)).returncode == 0
    manifest = run / "manifest.csv"
    text = manifest.read_text()
    lines = text.splitlines()
    (run / "images" / "9-0.png").write_bytes(picture("a further one"))
    manifest.write_text(
        text + lines[-1].replace("1703", "1709").replace("3-0.png", "9-0.png").replace(",r", ",z") + "\n"
    )
    done = zoocut("upload", run, **account(server))
    assert (
        "note: 1 rows belong to none of the sets that the run has begun: name them with --set-by band"
        in done.stderr
    )
    further = zoocut("upload", run, *words, **account(server))
    assert further.returncode == 0, further.stderr
    assert "'Told z'" in further.stdout


def test_a_field_in_a_name_needs_its_key(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", 2)
    before = sets_and_subjects(server)
    for more in ((), ("--dry-run",)):
        words = ("upload", run, "--project", "owner/rehearsal", "--set", "Night {band}", *more)
        done = zoocut(*words, **account(server))
        assert (done.returncode, "add --set-by band" in done.stderr) == (2, True)
    assert sets_and_subjects(server) == before
