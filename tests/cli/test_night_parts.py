"""What a night does as configured: Talk, publishing, imports, votes; where it goes on; what stands in its way."""

from __future__ import annotations

import gc
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import requests
from hosts import Host, serving
from surveys import TODAY, InMemory, Night, Survey, held
from uploads import Control, Zoocut, account, serve, subjects

from zoocut.config.night import NightSettings
from zoocut.errors import InputError
from zoocut.ledger import Ledger
from zoocut.ledger.withdrawals import Withdrawals
from zoocut.model import DiaSource
from zoocut.night.choosing import Known, choose_new
from zoocut.night.record import NightRecord, read_night
from zoocut.sandbox import Running, running

BEFORE = TODAY - timedelta(days=1)


def test_files_for_talk_are_attached_and_told(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    survey.add_sections('[talk]\nattach = ["annotated"]\n')
    survey.add(TODAY, (1, 101), (2, 102))
    done = night()
    assert (done.returncode, "2 linked, 0 rejected, 2 on talk" in done.stdout) == (0, True), done.stdout
    assert [len(one["attached"]) for one in subjects(server, f"{tmp_path.name} {TODAY}")] == [1, 1]
    page = (tmp_path / "nights" / str(TODAY) / "report.html").read_text()
    assert "<th>on talk</th><td>2</td>" in page
    survey.add(BEFORE, (3, 103))
    assert night("--until", "generate").returncode == 0
    (drawn,) = (tmp_path / "nights" / str(BEFORE) / "talk").rglob("3*.png")
    drawn.write_bytes(b"another")
    done = night()
    assert (done.returncode, "1 not on talk" in done.stdout) == (3, True), done.stdout


def test_a_night_without_its_pictures_is_still_one_to_verify_and_to_upload(
    night: Night, zoocut: Zoocut, survey: Survey, server: Running, tmp_path: Path
) -> None:
    old, run = TODAY - timedelta(days=5), tmp_path / "nights" / str(TODAY - timedelta(days=5))
    talk = '[talk]\nattach = ["annotated"]\n'
    survey.add_sections(talk)
    survey.add(old, (1, 101))
    assert night().returncode == 0
    survey.configure(f"{tmp_path.name} {{night}}", keep="3 d")
    survey.add_sections(talk)
    assert "the pictures of" in night().stderr
    assert not [*run.rglob("*.png")], "those for Talk too, once they are attached"
    checked = zoocut("verify", run, **account(server))
    assert checked.returncode == 0, checked.stdout
    again = zoocut("upload", run, **account(server))
    assert (again.returncode, "1 linked" in again.stdout) == (0, True), again.stderr
    survey.add(old, (2, 102))
    assert night().returncode == 0
    assert held(server, tmp_path.name) == {f"{tmp_path.name} {old}": ["1", "2"]}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with serving(tmp_path / "www") as served:
        yield served


@pytest.mark.parametrize("send", ["addresses", "import"])
def test_published_into_a_folder_of_the_night_and_sent_by_address(
    night: Night, survey: Survey, server: Running, tmp_path: Path, host: Host, send: str
) -> None:
    where: dict[str, Any] = {"send": send, "publish": str(host.root / "survey")}
    root = f'[manifest]\nurl_root = "{host.endpoint}/survey"\n'
    survey.configure(f"{tmp_path.name} {{night}}", **where)
    survey.add_sections(root)
    survey.add(BEFORE, (1, 101), (2, 102))
    survey.add(TODAY, (3, 103))
    done = night()
    assert done.returncode == 0, done.stderr
    assert f"{BEFORE}: 2 drawn, 0 not drawn, 3 published, 2 linked" in done.stdout
    (subject,) = subjects(server, f"{tmp_path.name} {TODAY}")
    assert f"{host.endpoint}/survey/{TODAY}/images/0/3.png" in json.dumps(subject["locations"])
    drawn = (tmp_path / "nights" / str(TODAY) / "images" / "0" / "3.png").read_bytes()
    assert (host.root / "survey" / str(TODAY) / "images" / "0" / "3.png").read_bytes() == drawn
    survey.configure(f"{tmp_path.name} {{night}}")  # from now on as images: what is begun goes on as it was
    survey.add_sections(root)
    survey.add(TODAY, (4, 104))
    done = night()
    assert (done.returncode, f"send = '{send}', as it was begun" in done.stderr) == (0, True), done.stderr
    assert held(server, tmp_path.name) == {
        f"{tmp_path.name} {BEFORE}": ["1", "2"],
        f"{tmp_path.name} {TODAY}": ["3", "4"],
    }


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"publish": "www"}, "publish needs send = 'addresses' or 'import'"),
        ({"send": "import"}, "needs manifest.url_root"),
        ({"results": "7 d"}, "results needs workflow"),
        ({"unlink_incomplete": True, "workflow": "1"}, "unlink_incomplete needs unlink_after"),
        ({"results": "2 h", "workflow": "1"}, "write a number of days"),
        ({"results": "0.5 d", "workflow": "1"}, "greater than or equal to 1"),
    ],
)
def test_settings_that_do_not_go_together(
    night: Night, survey: Survey, tmp_path: Path, settings: dict[str, Any], says: str
) -> None:
    survey.configure("Night {night}", **settings)
    survey.add(TODAY, (1, 101))
    done = night()
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "nights").exists()


def workflow_of(server: Running, name: str) -> str:
    """Make a workflow of one question, and tell its id."""
    from panoptes_client import Panoptes

    client = Panoptes(server.endpoint, username="owner", password="sandbox-password")
    project = client.get("/projects", {"slug": "owner/rehearsal"})[0]["projects"][0]["id"]
    answers = [{"label": "Real"}, {"label": "Bogus"}]
    content = {
        "display_name": name, "primary_language": "en", "active": True,
        "tasks": {"T0": {"type": "single", "question": "Is it real?", "answers": answers}},
        "retirement": {"criteria": "classification_count", "options": {"count": 3}},
        "links": {"project": project},
    }  # fmt: skip
    return str(client.post("/workflows", json={"workflows": content})[0]["workflows"][0]["id"])


def test_votes_are_counted_once_a_week(zoocut: Zoocut, survey: Survey, tmp_path: Path) -> None:
    table, note = tmp_path / "nights" / "results.parquet", tmp_path / "nights" / ".zoocut-results.json"
    options = ["--volunteers", "4", "--accuracy", "1", "--export-every", "0", "--count-delay", "0"]
    with running(options=options) as server:
        workflow = workflow_of(server, "Votes")
        survey.configure(f"{tmp_path.name} {{night}}", workflow="Votes")
        survey.add(BEFORE, (1, 101), (2, 102))

        def night(**environment: str) -> subprocess.CompletedProcess[str]:
            return zoocut("night", "zoocut.toml", **account(server) | environment)

        assert night().returncode == 0
        run = tmp_path / "nights" / str(BEFORE)
        end = time.monotonic() + 240
        while not all(
            one["retired"] == 2
            for one in json.loads(zoocut("status", run, "--remote", "--json", **account(server)).stdout)[
                "targets"
            ][0]["remote"]["workflows"]
        ):
            assert time.monotonic() < end, "the robots did not classify"
            time.sleep(0.1)
        survey.configure(f"{tmp_path.name} {{night}}", workflow="Votes", results="7 d")
        done = night()
        assert (done.returncode, "results: 2 rows from" in done.stdout) == (0, True), (
            done.stdout,
            done.stderr,
        )
        assert sorted(map(str, pq.read_table(table)["diaSourceId"].to_pylist())) == ["1", "2"]
        assert "results: 2 rows from" in (run / "report.html").read_text()
        assert workflow in {
            path.name.split("-")[1] for path in (tmp_path / "nights" / "exports").glob("*.csv*")
        }
        assert night(PANOPTES_ENDPOINT="http://127.0.0.1:9").stdout == "nothing is new\n", "nobody is asked"
        table.unlink()
        note.write_text(json.dumps({"at": time.time() - 8 * 86_400, "says": "a week ago"}))
        assert ("results: 2 rows from" in night().stdout, table.exists()) == (True, True)
        survey.configure(f"{tmp_path.name} {{night}}", workflow="Votes", unlink_after="0.5 d")
        done = night()
        assert (done.returncode, "no more: it is complete" in done.stderr) == (0, True), done.stderr
        assert "unlinked" in json.loads(survey.record(BEFORE).read_text())["steps"]
        survey.configure(f"{tmp_path.name} {{night}}", workflow="Votes", results="7 d")
        note.write_text("[]")
        done = night()
        assert (done.returncode, f"`rm {note}`" in done.stderr) == (3, True), done.stderr


def awaited(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 240
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def test_sets_that_are_not_complete_are_withdrawn_when_asked_and_served_again(
    zoocut: Zoocut, survey: Survey, tmp_path: Path
) -> None:
    """One robot classifies each subject once; three votes retire one, so only what is retired by hand is."""
    from panoptes_client import Panoptes

    options = ["--volunteers", "1", "--export-every", "0", "--count-delay", "0"]
    soon = {"workflow": "Votes", "unlink_after": "0.00001 d"}
    with running(options=options) as server:
        workflow = workflow_of(server, "Votes")
        name, run = f"{tmp_path.name} {{night}}", tmp_path / "nights" / str(BEFORE)
        survey.configure(name, workflow="Votes")
        survey.add(BEFORE, (1, 101), (2, 102), (3, 103))

        def night() -> subprocess.CompletedProcess[str]:
            done = zoocut("night", "zoocut.toml", **account(server))
            assert done.returncode == 0, done.stderr
            return done

        def counts() -> dict[str, Any]:
            told = zoocut("status", run, "--remote", "--json", **account(server))
            found: dict[str, Any] = json.loads(told.stdout)["targets"][0]["remote"]["workflows"][0]
            return found

        def withdrawn() -> tuple[int, list[str]]:
            words = ("-o", "r.parquet", "--page", "r.html", "--max-age", "0", "--workflow", workflow)
            done = zoocut("results", run, *words, "--json", **account(server))
            assert done.returncode == 0, done.stderr
            told = json.loads(done.stdout)["withdrawn"]
            assert ("withdrawn: the workflow serves" in (tmp_path / "r.html").read_text()) == bool(told)
            table = pq.read_table(tmp_path / "r.parquet").to_pylist()
            return told, [str(row["diaSourceId"]) for row in table if row["withdrawn"] is True]

        night()
        awaited(lambda: counts()["classified"] == 3, "the robot did not classify")
        (first,) = (
            one["id"] for one in subjects(server, f"{tmp_path.name} {BEFORE}") if one["external_id"] == "1"
        )
        client = Panoptes(server.endpoint, username="owner", password="sandbox-password")
        client.post(
            f"/workflows/{workflow}/retired_subjects",
            json={"subject_id": first, "retirement_reason": "other"},
        )
        awaited(lambda: counts()["retired"] == 1, "the subject was not retired")
        survey.configure(name, **soon)
        assert "no more" not in night().stderr, "only complete sets go unless asked"
        assert withdrawn() == (0, [])
        survey.configure(name, **soon, unlink_incomplete=True)
        done = night()
        assert "no more: 33% complete: its unfinished subjects are withdrawn" in done.stderr
        assert "unlinked" in json.loads(survey.record(BEFORE).read_text())["steps"]
        assert withdrawn() == (2, ["2", "3"])
        assert "no more" not in night().stderr, "it is told once"
        survey.configure(name, workflow="Votes", unlink_after="0.5 d", unlink_incomplete=True)
        survey.add(BEFORE, (4, 104))
        done = night()
        assert "no more" not in done.stderr, "what came late is served for as long as what was early"
        assert "serves" in done.stderr
        assert withdrawn() == (0, [])


def test_a_set_that_younger_nights_go_to_stays_and_is_put_back(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    name = f"{tmp_path.name} growing"
    serve(server, name)
    workflow, record = {"workflow": f"Is {name} real?"}, survey.record(BEFORE)
    survey.configure(name, **workflow)
    survey.add(BEFORE, (1, 101))
    assert night().returncode == 0
    linked = json.loads(record.read_text())["steps"]["linked"]
    awaited(lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) > linked, "time stands still")
    survey.configure(name, **workflow, unlink_after="0.000001 d", unlink_incomplete=True)
    ledger = tmp_path / "nights" / str(BEFORE) / "ledger.sqlite3"

    def state() -> tuple[bool, int]:
        with Ledger.read(ledger) as book:
            (target,) = book.targets()
            return "unlinked" in json.loads(record.read_text())["steps"], len(
                Withdrawals(book).unfinished(target)
            )

    done = night()
    assert ("no more: 0% complete" in done.stderr, state()) == (True, (True, 1)), done.stderr
    survey.add(TODAY, (2, 102))
    done = night()
    assert (done.returncode, "no more" in done.stderr, state()) == (0, False, (False, 0)), done.stderr
    done = night()
    assert (done.returncode, "no more" in done.stderr, state()) == (0, False, (False, 0)), done.stderr


RECORD = NightRecord(Path("2026-01-01"), "2026-01-01", ("1",), steps={"generated": "2026-01-02T00:00:00Z"})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("chosen", [1]),
        ("chosen", "12"),
        ("chosen", None),
        ("passed_over", {"1": "2"}),
        ("steps", []),
        ("steps", {"generatd": "2026-01-02T00:00:00Z"}),
        ("steps", {"generated": 1}),
        ("counts", {"drawn": "3"}),
        ("counts", {"drawn": -1}),
        ("counts", {"drawn": True}),
        ("greatest", "6"),
        ("greatest", float("nan")),
        ("pictures_removed", "no"),
        ("night", "first"),
        ("night", "2026-01-03"),
        ("night", 20260101),
        ("run_date", None),
        ("version", 2),
    ],
)
def test_a_record_that_hands_have_spoilt_is_told(tmp_path: Path, key: str, value: Any) -> None:
    path = tmp_path / "2026-01-01"
    file = NightRecord(path, "2026-01-01", ("1",), steps=RECORD.steps).save().file
    assert read_night(path).chosen == ("1",)
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    with pytest.raises(InputError, match=f"cannot be read .*({key}|version).*: restore it from a copy"):
        read_night(path)


@pytest.mark.parametrize("content", ["", "[]", "null", "[" * 100_000, "\xff"])
def test_a_record_that_is_none_ends_in_a_sentence(
    night: Night, survey: Survey, tmp_path: Path, content: str
) -> None:
    survey.add(TODAY, (1, 101))
    record = survey.record(BEFORE)
    record.parent.mkdir(parents=True)
    record.write_text(content, "latin-1")
    done = night("--until", "generate")
    assert (done.returncode, f"{record} cannot be read" in done.stderr) == (3, True), done.stderr
    record.unlink()
    assert night("--until", "generate").returncode == 0


def test_a_night_goes_on_where_it_was_begun(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    survey.add(BEFORE, (1, 101))
    assert night().returncode == 0
    survey.configure(f"{tmp_path.name} of {{night}}")
    survey.add(BEFORE, (2, 102))
    survey.add(TODAY, (3, 103))
    done = night()
    owner = tmp_path / "nights" / ".zoocut-night.json"
    assert (done.returncode, f"rm {owner}" in done.stderr) == (2, True)
    owner.unlink()
    done = night()
    assert (done.returncode, f"{BEFORE} goes on with subject_set" in done.stderr) == (0, True), done.stderr
    assert held(server, tmp_path.name) == {
        f"{tmp_path.name} {BEFORE}": ["1", "2"],
        f"{tmp_path.name} of {TODAY}": ["3"],
    }


def test_what_a_terminal_would_be_asked_is_refused_with_what_to_set(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    survey.configure(f"{tmp_path.name} growing")
    serve(server, f"{tmp_path.name} growing")
    survey.add(TODAY, (1, 101))
    done = night()
    assert (done.returncode, "set night.workflow" in done.stderr) == (2, True), done.stderr
    assert held(server, tmp_path.name) == {f"{tmp_path.name} growing": []}
    survey.configure(f"{tmp_path.name} growing", workflow=f"Is {tmp_path.name} growing real?")
    assert night().returncode == 0
    assert held(server, tmp_path.name) == {f"{tmp_path.name} growing": ["1"]}


@pytest.mark.parametrize(
    ("settings", "code"), [({"workflow": "gone"}, 7), ({"create": False}, 2), ({"workflow": "id:999"}, 7)]
)
def test_what_would_stop_a_night_is_told_before_it_is_drawn(
    night: Night, survey: Survey, tmp_path: Path, settings: dict[str, Any], code: int
) -> None:
    survey.configure(f"{tmp_path.name} {{night}}", **settings)
    survey.toml.write_text(survey.toml.read_text().replace("create = true\n", "", "create" in settings))
    survey.add(TODAY, (1, 101))
    assert night().returncode == code
    assert not (tmp_path / "nights" / str(TODAY)).exists()
    assert not survey.record(TODAY).exists()


def test_sources_that_all_lack_a_night_are_told_before_anything_is_made(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    survey.add(TODAY, (1, 101), (2, 102))
    table = tmp_path / "sources.csv"
    table.write_text(table.read_text().replace("00017", "17"))
    done = night()
    assert (done.returncode, "write {run_date} in the place of {night}" in done.stderr) == (2, True), (
        done.stderr
    )
    assert (held(server, tmp_path.name), survey.record(TODAY).parent.exists()) == ({}, False)


def test_a_second_call_waits_where_it_is_asked_to(night: Night, survey: Survey, tmp_path: Path) -> None:
    survey.add(TODAY, (1, 101))
    lock = tmp_path / "nights" / ".night.lock"
    lock.parent.mkdir()
    code = (
        "import sys; from filelock import FileLock\n"
        "with FileLock(sys.argv[1]): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        assert night("--until", "generate").returncode == 9
        threading.Timer(1.0, first.stdin.close).start()
        assert night("--until", "generate", "--wait", "240").returncode == 0


def test_a_limit_that_is_met_loses_nothing(
    night: Night, survey: Survey, server: Running, tmp_path: Path, control: Control
) -> None:
    made = requests.get(f"{server.endpoint}/sandbox/truth", timeout=240).json()["subjects"]
    survey.configure(f"{tmp_path.name} {{night}}", notify=f"cat > {tmp_path}/told.json")
    survey.add(BEFORE, (1, 101), (2, 102), (3, 103))
    survey.add(TODAY, (4, 104))
    control("/faults", name="quota", limit=len(made) + 2)
    done = night()
    assert (done.returncode, "has met its limit" in done.stderr) == (8, True), done.stderr
    assert json.loads((tmp_path / "told.json").read_text())["exit_code"] == 8
    assert sum(map(len, held(server, tmp_path.name).values())) == 2
    requests.delete(f"{server.endpoint}/sandbox/faults", json={}, timeout=240)
    assert night().returncode == 0
    assert sorted(chain.from_iterable(held(server, tmp_path.name).values())) == ["1", "2", "3", "4"]


def test_rows_without_the_field_of_the_set_and_what_stands_beside_them(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    survey.configure(f"{tmp_path.name} {{night}} {{band}}")
    survey.add(BEFORE, (1, 101), (2, 102))
    table = tmp_path / "sources.csv"
    table.write_text(table.read_text().replace(",g\n", ",\n"))
    done = night()
    assert (done.returncode, "leave such rows out by [select.cuts]" in done.stderr) == (2, True), done.stderr
    assert held(server, tmp_path.name) == {}
    table.unlink()
    done = night()
    assert done.returncode == 2, "the night that was stopped is told first"
    assert done.stdout.count(f"{BEFORE}: ") == 1


def test_a_night_of_which_nothing_can_be_drawn_stops_no_other(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    survey.add(BEFORE, (1, 101))
    table = tmp_path / "sources.csv"
    nowhere = table.read_text().replace("\n1,1", "\n1,2").splitlines()[-1]
    table.write_text(f"{table.read_text().splitlines()[0]}\n{nowhere}\n")
    assert night().returncode == 3
    survey.add(TODAY, (2, 102))
    table.write_text(f"{table.read_text()}".replace(table.read_text().splitlines()[1], nowhere))
    done = night()
    assert (done.returncode, "rejected.csv tells why" in done.stderr) == (3, True), done.stderr
    assert done.stdout.count(f"{BEFORE}: ") == 1, done.stdout
    assert held(server, tmp_path.name) == {f"{tmp_path.name} {TODAY}": ["2"]}


def test_a_clock_that_moved_loses_nothing() -> None:
    columns = {"visit": f"{TODAY:%Y%m%d}00017", "diaObjectId": 1}
    row = DiaSource(7, 0.0, 0.0, "table", "row 1", columns)

    class Catalog:
        expected = 1

        def sources(self) -> Iterator[DiaSource]:
            yield row

    def chosen(today: date) -> tuple[int, int]:
        new = choose_new(Catalog(), Known(), NightSettings(), today)
        return sum(map(len, new.nights.values())), new.too_old

    assert chosen(TODAY) == (1, 0)
    assert chosen(TODAY - timedelta(days=4000)) == (1, 0), "behind: the night lies ahead of it"
    assert chosen(TODAY + timedelta(days=4000)) == (0, 1), "ahead: passed over and told, and not remembered"


def test_a_value_far_ahead_does_not_keep_later_rows_away(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    """`since_column` narrows the query; one wrong value must not close it for good."""
    survey.configure(f"{tmp_path.name} {{night}}", since_column="visit", overlap=0)
    ahead = TODAY + timedelta(days=3000)
    survey.add(ahead, (1, 101))
    survey.add(BEFORE, (2, 102))
    done = night()
    assert (done.returncode, f"{ahead}, ahead of this machine's clock" in done.stdout) == (0, True)
    survey.add(TODAY, (3, 103))
    assert night().returncode == 0
    assert held(server, tmp_path.name)[f"{tmp_path.name} {TODAY}"] == ["3"]


def test_a_column_of_ids_is_followed_exactly() -> None:
    """Floating point would round 2^60 + 1 up by more than the overlap, and lose what comes next."""
    rows = [
        DiaSource(n, 0.0, 0.0, "t", "r", {"visit": f"{TODAY:%Y%m%d}00017", "diaObjectId": n}) for n in IDS
    ]
    new = choose_new(InMemory(rows), Known(), NightSettings(since_column="diaObjectId"), TODAY)
    assert new.greatest == 2**60 + 65


IDS = (2**60 + 1, 2**60 + 65)


def test_a_damaged_ledger_of_an_old_night_is_told_and_stops_no_new_night(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    name = f"W {tmp_path.name}"
    workflow_of(server, name)
    survey.configure(f"{tmp_path.name} {{night}}", workflow=name)
    survey.add(BEFORE, (1, 101))
    assert night().returncode == 0
    ledger = tmp_path / "nights" / str(BEFORE) / "ledger.sqlite3"
    for file in ledger.parent.glob("ledger.sqlite3*"):
        file.unlink()
    ledger.write_bytes(b"no database" * 1000)
    survey.add(TODAY, (2, 102))
    done = night()
    assert (done.returncode, f"the night {BEFORE} cannot be looked at" in done.stderr) == (0, True), (
        done.stderr
    )
    assert held(server, tmp_path.name)[f"{tmp_path.name} {TODAY}"] == ["2"]
    survey.configure(f"{tmp_path.name} {{night}}", workflow=name, unlink_after="0.5 d")
    done = night()
    assert (done.returncode, "is damaged" in done.stderr) == (4, True), (
        "whether it is complete nobody can tell"
    )
    assert night("--status").returncode == 0


def mounted(*options: str) -> None:
    if subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")


def test_a_disk_that_is_full_or_read_only_is_told_as_that(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    survey.add(TODAY, *((n, n) for n in range(1, 9)))
    disk = tmp_path / "nights"
    disk.mkdir()
    mounted("-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk))
    try:
        filler = disk / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(disk).free))
        done = night()
        assert (done.returncode, "No space left on device" in done.stderr) == (3, True), done.stderr
        assert "free space" in done.stderr
        filler.write_bytes(bytes(190_000))  # room for the record, and not for all pictures
        done = night()
        assert (done.returncode, "No space left on device" in done.stderr) == (3, True), done.stderr
        assert held(server, tmp_path.name) == {}
        filler.unlink()
        subprocess.run(["mount", "-o", "remount,size=4m", str(disk)], check=True)
        assert night().returncode == 0
        assert len(held(server, tmp_path.name)[f"{tmp_path.name} {TODAY}"]) == 8
        gc.collect()  # nothing that this process has left open may keep the disk writable
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        done = night()
        assert (done.returncode, "mount it for writing" in done.stderr) == (3, True), done.stderr
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
