"""The ledger: what it keeps, what it refuses, what it survives."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from zoocut.errors import LedgerError
from zoocut.ledger import Image, Ledger, Member, PlannedRow, State, Target, sole_uploader
from zoocut.ledger.members import MemberBook
from zoocut.ledger.schema import MIGRATIONS, VERSION

RUN = "0123456789ab"


def rows(count: int) -> list[PlannedRow]:
    return [
        PlannedRow(str(n), {"k": str(n)}, (Image(f"images/{n}.png", "image/png", 3),)) for n in range(count)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.open(path, RUN) as opened:
        yield opened


@pytest.fixture
def target(ledger: Ledger) -> Target:
    return ledger.add_target("https://example.org", "12", "a/b", "501", "Night")


def test_a_renamed_set_is_the_same_target(ledger: Ledger, target: Target) -> None:
    again = ledger.add_target("https://example.org", "12", "a/b", "501", "Renamed")
    assert (again.number, again.set_name) == (target.number, "Renamed")


def test_what_is_saved_is_read_back(ledger: Ledger, target: Target) -> None:
    ledger.plan(target, rows(3), "x")
    first = ledger.entries(target, State.PLANNED)[0]
    image = replace(first.images[0], sha256="a" * 64, md5="b" * 32, media_name="u.png", proved=True)
    changed = replace(
        first,
        state=State.CREATED,
        images=(image,),
        subject_id="9",
        attempt=2,
        sent_at=1.5,
        sent_as="7",
        watermark=8,
    )
    ledger.save([changed])
    assert ledger.entries(target, State.CREATED) == [changed]
    assert ledger.counts(target)[State.PLANNED] == 2
    assert [entry.external_id for entry in ledger.every(target)] == ["0", "1", "2"]


@pytest.mark.parametrize("named", [None, {1, 2}, [2], ()])
def test_images_are_saved_with_the_rows_that_are_named(
    ledger: Ledger, target: Target, named: Collection[int] | None
) -> None:
    ledger.plan(target, rows(2), "x")
    planned = ledger.entries(target, State.PLANNED)
    measured = [replace(e, images=(replace(e.images[0], sha256="a" * 64),), attempt=7) for e in planned]
    ledger.save(measured, named)
    numbers = [entry.row for entry in planned]
    now = ledger.rows(target, numbers)
    assert [entry.attempt for entry in now] == [7, 7]
    saved = numbers if named is None else named
    assert [bool(entry.images[0].sha256) for entry in now] == [number in saved for number in numbers]


def test_two_rows_cannot_have_one_subject(ledger: Ledger, target: Target) -> None:
    ledger.plan(target, rows(2), "x")
    one, two = ledger.entries(target, State.PLANNED)
    with pytest.raises(LedgerError):
        ledger.save([replace(e, state=State.CREATED, subject_id="9") for e in (one, two)])
    assert ledger.counts(target)[State.PLANNED] == 2, "the transaction is undone as a whole"


def test_a_manifest_may_grow_and_keeps_its_order(ledger: Ledger, target: Target) -> None:
    ledger.plan(target, rows(2), "x")
    ledger.save([replace(ledger.entries(target, State.PLANNED)[0], state=State.LINKED, subject_id="9")])
    ledger.plan(target, rows(12), "y")
    assert ledger.counts(target)[State.PLANNED] == 11
    assert [e.external_id for e in ledger.entries(target, State.PLANNED)] == [str(n) for n in range(1, 12)]


@pytest.mark.parametrize(
    ("kept", "what"), [([], "missing"), ([PlannedRow("0", {"k": "other"}, ())], "differs")]
)
def test_a_begun_row_cannot_change(ledger: Ledger, target: Target, kept: list[PlannedRow], what: str) -> None:
    ledger.plan(target, rows(1), "x")
    ledger.save([replace(ledger.entries(target, State.PLANNED)[0], state=State.INTENT)])
    with pytest.raises(LedgerError, match=what):
        ledger.plan(target, kept, "y")
    assert ledger.counts(target)[State.INTENT] == 1


def test_a_repeated_id_is_rejected_and_the_first_kept(ledger: Ledger, target: Target) -> None:
    ledger.plan(target, [*rows(1), *rows(1)], "x")
    assert ledger.counts(target)[State.PLANNED] == 1
    (rejected,) = ledger.entries(target, State.REJECTED)
    assert "more than once" in (rejected.reason or "")


def test_rows_that_the_set_holds_already_are_known(ledger: Ledger, target: Target) -> None:
    ledger.plan(target, rows(3), "x")
    MemberBook(ledger).keep(target, [Member("77", "1", ""), Member("78", "unknown", "")], 2)
    (planned,) = [one for one in ledger.entries(target, State.PLANNED) if one.external_id == "1"]
    assert MemberBook(ledger).held_by_others(target) == {planned.row: ("77", "")}
    made = replace(planned, state=State.REJECTED, subject_id="77")
    ledger.save([made])
    assert MemberBook(ledger).held_by_others(target) == {}


def test_another_runs_ledger_is_refused(path: Path, ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="of run 0123456789ab"), Ledger.open(path, "ffffffffffff"):
        pass


def test_a_newer_ledger_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(f"PRAGMA user_version = {VERSION + 1}")
    for opening in (Ledger.open(path, RUN), Ledger.read(path)):
        with pytest.raises(LedgerError, match="newer zoocut"), opening:
            pass


def test_an_older_ledger_is_migrated_and_read(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(MIGRATIONS[0] + "PRAGMA user_version = 1;")
        raw.execute("INSERT INTO run VALUES (?)", (RUN,))
        raw.execute(
            "INSERT INTO targets VALUES (1, 'https://e', '1', 'a/b', '2', 'N', NULL, NULL, NULL, NULL)"
        )
        raw.commit()
    for opening in (Ledger.read(path), Ledger.open(path, RUN), Ledger.read(path)):
        with opening as opened:
            assert [target.set_name for target in opened.targets()] == ["N"]


@pytest.mark.parametrize("content", [b"no database" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_ledger_names_the_remedy(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="zoocut adopt"), Ledger.open(path, RUN):
        pass


def test_a_reader_sees_a_ledger_that_is_being_written(path: Path, ledger: Ledger, target: Target) -> None:
    ledger.plan(target, rows(5), "x")
    with Ledger.read(path) as reader:
        assert reader.counts(target)[State.PLANNED] == 5


def test_what_a_kill_left_half_made_is_read_and_made_anew(path: Path) -> None:
    script = textwrap.dedent(
        """
        import os, signal, sqlite3, sys
        raw = sqlite3.connect(sys.argv[1], isolation_level=None)
        raw.execute("PRAGMA cache_size = 1")
        raw.execute("CREATE TABLE half (made)")
        raw.execute("BEGIN IMMEDIATE")
        raw.executemany("INSERT INTO half VALUES (?)", [(b"x" * 4000,)] * 200)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    subprocess.run([sys.executable, "-c", script, str(path)], timeout=240)
    assert path.with_name(f"{path.name}-journal").stat().st_size > 0, "no hot journal to recover from"
    with Ledger.read(path) as reader:
        assert reader.targets() == []
    with Ledger.open(path, RUN) as ledger:
        assert ledger.targets() == []


def test_a_full_disk_is_said_and_harms_nothing(path: Path) -> None:
    script = textwrap.dedent(
        """
        import resource, sys
        from pathlib import Path
        from zoocut.errors import LedgerError
        from zoocut.ledger import Image, Ledger, PlannedRow
        path = Path(sys.argv[1])
        with Ledger.open(path, "0123456789ab") as ledger:
            target = ledger.add_target("https://e", "1", "a/b", "2", "N")
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
            rows = (PlannedRow(str(n), {"k": "v" * 500}, (Image("i.png", "image/png"),)) for n in range(5000))
            try:
                ledger.plan(target, rows, "x")
            except LedgerError as error:
                print(error)
        """
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=240
    )
    assert "free some space" in done.stdout, done.stderr
    with Ledger.open(path, RUN) as ledger:
        (target,) = ledger.targets()
        assert sum(ledger.counts(target).values()) == 0
        ledger.plan(target, rows(3), "y")


def test_one_uploader_a_run_and_the_lock_dies_with_its_process(path: Path) -> None:
    holder = (
        "import sys, time; from pathlib import Path; from zoocut.ledger import sole_uploader\n"
        "with sole_uploader(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", holder, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(LedgerError, match="another zoocut is uploading"), sole_uploader(path):
        pass
    process.kill()
    process.communicate()
    with sole_uploader(path):
        pass
