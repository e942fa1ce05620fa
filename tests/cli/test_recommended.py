"""Every command that an output recommends works as it is printed, in the state that printed it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from recommended import recommended, tried
from uploads import Zoocut, account, make_run, picture

from zoocut.demo.field import simulate_field
from zoocut.sandbox import Running
from zoocut.zooniverse.connect import connect_set_admin
from zoocut.zooniverse.credentials import Credentials

WHERE = ("--project", "owner/rehearsal", "--set")
TOML = """
[catalog]
kind = "table"
path = "field/sources.csv"
[images]
kind = "frames"
template = "field/{visit}_{detector}_template.fits"
science = "field/{visit}_{detector}_science.fits"
difference = "field/{visit}_{detector}_difference.fits"
[select]
limit = 4
"""

Say = Callable[..., str]


@pytest.fixture
def say(zoocut: Zoocut, server: Running, tmp_path: Path) -> Say:
    """Type a command; whatever it recommends is tried and must not be refused as mistyped. Gives what it said."""

    def run(*words: object, who: str = "owner") -> str:
        env = account(server, who)
        done = zoocut(*words, **env)
        printed = done.stdout + done.stderr
        for command, code, said in tried(printed, tuple(map(str, words)), tmp_path, env):
            assert code != 2, f"{printed}\nrecommends {command}, which says:\n{said}"
        return printed

    return run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "my run", 4)


def test_generated(say: Say, tmp_path: Path) -> None:
    simulate_field(tmp_path / "field", 4)
    (tmp_path / "zoocut.toml").write_text(TOML)
    assert recommended(say("generate", "zoocut.toml", "-o", "night"))
    assert recommended(say("status", "night"))
    say("verify", "night")
    say("export", "night")
    say("preview", "night")


def test_uploaded(say: Say, run: Path) -> None:
    assert recommended(say("upload", run, *WHERE, "R done"))
    say("status", run)
    say("verify", run)
    say("upload", run, *WHERE, "R don", "--dry-run")
    assert "--create" in say("upload", run, *WHERE, "R don")


def test_with_rejected_rows(say: Say, run: Path) -> None:
    (run / "images" / "0-0.png").write_bytes(b"nothing")
    (run / "images" / "1-0.png").unlink()
    assert "--retry-rejected" in say("upload", run, *WHERE, "R rejected")
    assert recommended(say("status", run))
    assert recommended(say("verify", run))


def test_of_several_sets(say: Say, run: Path) -> None:
    (run / "images" / "0-0.png").write_bytes(b"nothing")
    say("upload", run, "--set-by", "band", *WHERE, "R {band}")
    assert recommended(say("status", run))
    say("upload", run)
    (run / "images" / "0-0.png").write_bytes(picture("my run images/0-0.png"))
    say("upload", run, "--retry-rejected")
    assert "nothing" in say("status", run)
    say("upload", run, "--set", "R {band}", "--set-by", "band")


def test_without_its_ledger(say: Say, run: Path) -> None:
    say("upload", run, *WHERE, "R lost")
    (run / "ledger.sqlite3").unlink()
    assert "zoocut adopt" in say("upload", run, *WHERE, "R lost")
    assert recommended(say("adopt", run, *WHERE, "R lost"))
    say("upload", run)


def test_that_is_none(say: Say, run: Path, tmp_path: Path) -> None:
    (tmp_path / "zoocut.toml").write_text(TOML)
    simulate_field(tmp_path / "field", 4)
    (tmp_path / "empty").mkdir()
    for command in ("status", "upload", "verify", "export", "preview"):
        assert "zoocut generate CONFIG -o RUN" in say(command, tmp_path / "empty")
    (run / "manifest.csv").unlink()
    assert recommended(say("status", run))
    assert "zoocut generate CONFIG -o RUN" in say("upload", run)


def test_whose_subjects_were_taken_out(say: Say, run: Path, server: Running) -> None:
    say("upload", run, *WHERE, "R taken")
    admin = connect_set_admin(server.endpoint, Credentials("owner", "sandbox-password"))
    (found,) = admin.panoptes.subject_sets(admin.panoptes.project("owner/rehearsal"), "R taken")
    members = [one.subject_id for one in admin.panoptes.of_members(found.set_id, lambda one: one)]
    say("sets", "remove", f"id:{found.set_id}", members[0], "--yes")
    assert "unlinked: 1" in say("verify", run)
    for number in range(4):
        (run / "images" / f"{number}-0.png").write_bytes(picture(f"another {number}"))
    assert "wrong bytes: 3" in say("verify", run, "--check", "all")


def test_of_a_set_that_is_gone(say: Say, run: Path) -> None:
    say("upload", run, *WHERE, "R gone")
    say("sets", "delete", "R gone", "-p", "owner/rehearsal", "--yes")
    for command, told in (
        ("upload", "is gone"),
        ("status", "every row is in its set"),
        ("verify", "unlinked: 4"),
    ):
        assert told in say(command, run)
    assert "zoocut sets list" in say("sets", "show", "R gone", "-p", "owner/rehearsal")
    assert "add --project" in say("sets", "show", "R gone")


def test_of_an_account_that_may_not(say: Say, run: Path) -> None:
    for who, told, code in (("stranger", "role of collaborator", "Z423"), ("banned", "is banned", "Z424")):
        assert f"[{code}]" in say("upload", run, *WHERE, "R not yours", who=who)
        assert told in say("doctor", "-p", "owner/rehearsal", who=who)
