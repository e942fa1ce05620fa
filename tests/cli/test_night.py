"""`zoocut night`: what is new, into a set a night; killed, twice at once, without a server, late, too much, too old."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from surveys import TODAY, InMemory, Night, Survey, asked, held
from uploads import Zoocut, account

from zoocut.config.night import NightSettings
from zoocut.errors import ConfigError
from zoocut.model import DiaSource
from zoocut.night.choosing import choose_new, known_sources
from zoocut.night.dates import night_of
from zoocut.night.record import NightRecord
from zoocut.night.report import notify
from zoocut.run.sources import DrawnSource, DrawnWriter, put_together
from zoocut.sandbox import Running


def test_what_is_new_goes_to_the_set_of_its_night_and_nothing_new_asks_nothing(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    first, second = TODAY - timedelta(days=2), TODAY - timedelta(days=1)
    survey.add(first, (1, 101), (2, 102))
    done = night()
    assert done.returncode == 0, done.stderr
    assert f"{first}: 2 drawn, 0 not drawn, 2 linked, 0 rejected; done" in done.stdout
    survey.add(second, (3, 103))
    survey.add(first, (4, 104))
    assert night().returncode == 0
    assert held(server, tmp_path.name) == {
        f"{tmp_path.name} {first}": ["1", "2", "4"],
        f"{tmp_path.name} {second}": ["3"],
    }
    before = asked(server)
    again = night()
    assert (again.returncode, again.stdout) == (0, "nothing is new\n")
    assert asked(server) == before
    assert (tmp_path / "nights" / str(first) / "report.html").is_file()
    rows = json.loads(night("--status", "--json").stdout)["nights"]
    assert [(row["night"], row["drawn"], row["state"]) for row in rows] == [
        (str(first), 3, "done"),
        (str(second), 1, "done"),
    ]


def test_volunteers_see_an_object_once_the_best_of_a_night_and_no_more_than_the_limit(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    survey.configure(f"{tmp_path.name} {{night}}", limit=2, rank="-snr")
    survey.add(TODAY, (1, 101, 5.0), (2, 101, 9.0), (3, 102, 7.0), (4, 103, 6.0), (5, 0, 8.0))
    done = night()
    assert held(server, tmp_path.name) == {f"{tmp_path.name} {TODAY}": ["2", "5"]}
    assert "3 passed over" in done.stdout
    survey.add(TODAY - timedelta(days=1), (6, 101, 50.0), (7, 104, 4.0))
    assert night().returncode == 0
    assert held(server, tmp_path.name)[f"{tmp_path.name} {TODAY - timedelta(days=1)}"] == ["7"]


def test_a_set_for_each_band(night: Night, survey: Survey, server: Running, tmp_path: Path) -> None:
    survey.configure(f"{tmp_path.name} {{night}} {{band}}")
    survey.add(TODAY, (1, 101), (2, 102), (4, 104))
    assert night().returncode == 0
    assert held(server, tmp_path.name) == {
        f"{tmp_path.name} {TODAY} g": ["2", "4"],
        f"{tmp_path.name} {TODAY} r": ["1"],
    }


def test_drawn_without_a_network_uploaded_elsewhere(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    survey.add(TODAY, (1, 101))
    done = night("--until", "generate", PANOPTES_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 0, done.stderr
    assert held(server, tmp_path.name) == {}
    (tmp_path / "sources.csv").unlink()
    done = night("--from", "upload")
    assert done.returncode == 0, done.stderr
    assert held(server, tmp_path.name) == {f"{tmp_path.name} {TODAY}": ["1"]}


def test_a_server_that_is_away_loses_nothing(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    survey.add(TODAY, (1, 101), (2, 102))
    done = night(PANOPTES_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 5, done.stderr
    record = json.loads((tmp_path / "nights" / ".nights" / f"{TODAY}.json").read_text())
    assert "cannot be reached" in record["error"]
    assert night().returncode == 0
    assert held(server, tmp_path.name) == {f"{tmp_path.name} {TODAY}": ["1", "2"]}


def test_a_source_that_the_catalog_lost_before_it_was_drawn_is_told(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    survey.add(TODAY, (1, 101), (2, 102), (3, 103))
    assert night("--until", "generate").returncode == 0
    record = tmp_path / "nights" / ".nights" / f"{TODAY}.json"
    content = json.loads(record.read_text())
    content |= {"steps": {}, "chosen": ["1", "2", "3", "4", "5"]}  # as a kill before two were drawn leaves it
    record.write_text(json.dumps(content))
    survey.rows.clear()
    survey.add(TODAY, (3, 103), (5, 105))
    done = night()
    assert (done.returncode, "4 drawn, 1 not drawn, 4 linked" in done.stdout) == (3, True), done.stdout
    rejected = (tmp_path / "nights" / str(TODAY) / "rejected.csv").read_text().splitlines()
    assert [line.partition(",")[0] for line in rejected] == ["diaSourceId", "4"]
    survey.add(TODAY, (4, 104))
    assert night().returncode == 0
    assert held(server, tmp_path.name) == {f"{tmp_path.name} {TODAY}": ["1", "2", "3", "4", "5"]}


def test_a_run_date_stays_what_it_was_when_the_upload_began(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    survey.configure(f"{tmp_path.name} {{run_date}}")
    survey.add(TODAY, (1, 101))
    assert night(PANOPTES_ENDPOINT="http://127.0.0.1:9").returncode == 5
    record, before = tmp_path / "nights" / ".nights" / f"{TODAY}.json", TODAY - timedelta(days=1)
    content = json.loads(record.read_text())
    assert content["run_date"] == str(datetime.now(UTC).date())
    record.write_text(json.dumps(content | {"run_date": str(before)}))  # as if that had been before midnight
    assert night().returncode == 0
    survey.add(TODAY, (2, 102))
    assert night().returncode == 0
    assert held(server, tmp_path.name) == {f"{tmp_path.name} {before}": ["1", "2"]}


def test_a_limit_of_one_run_is_refused(night: Night, survey: Survey, tmp_path: Path) -> None:
    survey.add(TODAY, (1, 101), (2, 102))
    survey.toml.write_text(f"{survey.toml.read_text()}[select]\nlimit = 1\n")
    done = night()
    assert (done.returncode, "set night.limit in its stead" in done.stderr) == (2, True)
    assert not (tmp_path / "nights").exists()


def test_a_night_whose_run_is_gone_is_not_shown_again(night: Night, survey: Survey, tmp_path: Path) -> None:
    survey.add(TODAY, (1, 101))
    assert night("--until", "generate").returncode == 0
    run, record = tmp_path / "nights" / str(TODAY), tmp_path / "nights" / ".nights" / f"{TODAY}.json"
    run.rename(tmp_path / "copy")
    survey.add(TODAY, (2, 102))
    done = night("--until", "generate")
    assert (done.returncode, f"rm {record}" in done.stderr) == (3, True), done.stderr
    assert not run.exists()
    (tmp_path / "copy").rename(run)
    assert "2 drawn" in night("--until", "generate").stdout


@pytest.mark.parametrize(
    ("recorded", "found", "seen"),
    [
        ("101", 101, True),
        (2**60 + 1, str(2**60 + 1), True),
        (2**60, str(2**60 + 1), False),
        ("o", "o", True),
        ("007", 7, False),
    ],
)
@pytest.mark.parametrize(("value", "now", "same"), [("1.5", 1.5, True), (5, "5.0", True), (5, "6", False)])
def test_an_object_is_the_same_when_its_column_was_recorded_as_text(
    tmp_path: Path, recorded: Any, found: Any, seen: bool, value: Any, now: Any, same: bool
) -> None:
    drawn = DrawnSource(
        {"diaSourceId": 1, "diaObjectId": recorded, "class": value}, ("images/1.png",), ("0" * 64,)
    )
    with DrawnWriter(tmp_path / "sources.parquet") as writer:
        writer.add(drawn, 0)
    put_together(tmp_path / "sources.parquet")
    settings = NightSettings(object="when_changed", changed="class")
    known = known_sources([NightRecord(tmp_path, str(TODAY))], settings)
    row = DiaSource(
        2, 0.0, 0.0, "table", "row 2", {"visit": f"{TODAY:%Y%m%d}00017", "diaObjectId": found, "class": now}
    )
    new = choose_new(InMemory([row]), known, settings, TODAY)
    assert bool(new.nights[TODAY]) == (not (seen and same))


@pytest.mark.parametrize("content", ["", "{", "[]", "{}"])
def test_a_damaged_note_of_the_owner_is_told_and_its_remedy_works(
    night: Night, survey: Survey, tmp_path: Path, content: str
) -> None:
    owner = tmp_path / "nights" / ".zoocut-night.json"
    owner.parent.mkdir()
    owner.write_text(content)
    survey.add(TODAY, (1, 101))
    done = night("--until", "generate")
    assert (done.returncode, f"rm {owner}" in done.stderr) == (3, True), done.stderr
    owner.unlink()
    assert night("--until", "generate").returncode == 0


def test_killed_at_any_step_then_run_again(survey: Survey, server: Running, tmp_path: Path) -> None:
    seeds, command = random.Random(20), [sys.executable, "-m", "zoocut", "night", "zoocut.toml"]
    wanted: dict[str, list[str]] = {}
    for number in range(6):
        when = TODAY - timedelta(days=5 - number)
        ids = [100 * number + n for n in range(1, seeds.randint(2, 9))]
        survey.add(when, *((one, one) for one in ids))
        wanted[f"{tmp_path.name} {when}"] = sorted(map(str, ids))
        process = subprocess.Popen(
            command, cwd=tmp_path, env=os.environ | account(server), stdout=subprocess.DEVNULL
        )
        record = tmp_path / "nights" / str(when)
        awaited = ("run.toml", "images", "manifest.csv", "ledger.sqlite3")[number % 4]
        while process.poll() is None and not (record / awaited).exists():
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | account(server), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert held(server, tmp_path.name) == wanted


def test_two_at_once(night: Night, survey: Survey, tmp_path: Path) -> None:
    survey.add(TODAY, (1, 101))
    (tmp_path / "nights").mkdir()
    with FileLock(tmp_path / "nights" / ".night.lock"):
        done = night()
    assert (done.returncode, "give --wait SECONDS" in done.stderr) == (9, True)
    assert night().returncode == 0


@pytest.fixture
def told(tmp_path: Path) -> Callable[[], dict[str, Any] | None]:
    """A command for `night.notify`, and what it was given."""
    (tmp_path / "notify.sh").write_text(f"#!/bin/sh\ncat > {tmp_path}/told.json\n")
    (tmp_path / "notify.sh").chmod(0o755)
    file = tmp_path / "told.json"
    return lambda: json.loads(file.read_text()) if file.exists() else None


def test_a_failed_subtraction_stops_and_is_told(
    night: Night, survey: Survey, server: Running, tmp_path: Path, told: Callable[[], Any]
) -> None:
    survey.configure(f"{tmp_path.name} {{night}}", stop_above=3, notify=str(tmp_path / "notify.sh"))
    survey.add(TODAY, *((n, n) for n in range(1, 6)))
    done = night()
    assert (done.returncode, "5 new sources" in done.stderr) == (10, True)
    assert held(server, tmp_path.name) == {}
    assert told()["exit_code"] == 10
    survey.configure(f"{tmp_path.name} {{night}}", stop_above=5, notify=str(tmp_path / "notify.sh"))
    assert night().returncode == 0


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("/nowhere/notify", "ended with 127"),
        ("printf '\\377' >&2; exit 3", "ended with 3: \ufffd"),
        ("exec <&-; exit 1", "ended with 1"),
    ],
)
def test_a_command_for_notices_that_fails_is_told(
    night: Night, survey: Survey, command: str, says: str
) -> None:
    survey.configure("Night {night}", stop_above=1, notify=command)
    survey.add(TODAY, (1, 101), (2, 102))
    done = night()
    assert (done.returncode, f"warning: night.notify {says}" in done.stderr) == (10, True), done.stderr


def test_a_command_for_notices_that_hangs_is_told_and_ends() -> None:
    told = notify("sleep 600 & sleep 600", ConfigError("look"), [], longest_s=1.0)
    assert told == "night.notify had not ended after 1 s, and was stopped"


def test_a_backlog_is_passed_over_and_told(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    survey.add(TODAY - timedelta(days=30), (1, 101))
    done = night()
    assert (done.returncode, "older than night.max_age = 7 d" in done.stderr) == (11, True)
    survey.add(TODAY, (2, 102))
    done = night()
    assert done.returncode == 0
    assert "1 new sources are of nights older" in done.stdout
    survey.configure(f"{tmp_path.name} {{night}}", max_age="60 d")
    assert night().returncode == 0
    assert held(server, tmp_path.name)[f"{tmp_path.name} {TODAY - timedelta(days=30)}"] == ["1"]


def test_pictures_are_removed_and_never_drawn_again(
    night: Night, zoocut: Zoocut, survey: Survey, server: Running, tmp_path: Path
) -> None:
    old = TODAY - timedelta(days=5)
    survey.add(old, (1, 101))
    assert night().returncode == 0
    survey.configure(f"{tmp_path.name} {{night}}", keep="3 d")
    assert night().returncode == 0
    run = tmp_path / "nights" / str(old)
    assert not (run / "images").exists()
    assert (run / "ledger.sqlite3").exists()
    assert (run / "manifest.csv").exists()
    assert "1 already there" in zoocut("generate", "zoocut.toml", "-o", run).stdout
    assert not (run / "images").exists()
    survey.add(old, (2, 102))
    done = night()
    assert done.returncode == 0, done.stderr
    assert held(server, tmp_path.name) == {f"{tmp_path.name} {old}": ["1", "2"]}


@pytest.mark.parametrize(
    ("name", "settings", "code", "says"),
    [
        ("Night {nihgt}", {}, 2, "did you mean night?"),
        ("Night {band} {diaSourceId}", {}, 2, "names 2 fields of rows"),
        ("Night {", {}, 2, "is malformed"),
        ("Night {night}", {"max_age": "a week"}, 2, "write a number of days"),
        ("Night {night}", {"object": "when_changed"}, 2, "needs changed"),
        ("Night {night}", {"rank": "-snrr"}, 2, "did you mean snr?"),
        ("Night {night}", {"rank": "-band"}, 2, "night.rank names the column band, which holds 'r'"),
        ("Night {night}", {"since_column": "band"}, 2, "give a column of numbers"),
        ("Night {night}", {"object_column": "objectId"}, 2, "has no objectId: set night.object_column"),
        ("Night {night}", {"max_age": "1000000 d"}, 2, "less than or equal to 365250"),
        ("Night {night}", {"keep": "400000 d"}, 2, "night.keep"),
        ("Night {{night}}", {}, 2, "doubled braces or a format"),
        ("Night {night:>12}", {}, 2, "doubled braces or a format"),
        ("Night {night!r}", {}, 2, "doubled braces or a format"),
        ("Night {night} ", {}, 2, "has blanks at its ends"),
        ("Night {night}", {"root": "zoocut.toml"}, 3, "set night.root to another folder"),
        ("Night {night}", {"create": False}, 2, "set night.create = true"),
        ("Night {night}", {"workflow": "gone"}, 7, "has no workflow 'gone'"),
    ],
)
def test_what_cannot_be_followed_is_told(
    night: Night,
    survey: Survey,
    server: Running,
    tmp_path: Path,
    name: str,
    settings: dict[str, Any],
    code: int,
    says: str,
) -> None:
    survey.configure(f"{tmp_path.name} {name}", **settings)
    if "create" in settings:
        survey.toml.write_text(survey.toml.read_text().replace("create = true\n", "", 1))
    survey.add(TODAY, (1, 101))
    done = night()
    assert (done.returncode, says in done.stderr) == (code, True), done.stderr
    assert held(server, tmp_path.name) == {}


def test_a_source_without_a_night_stops_no_other(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    survey.add(TODAY, (1, 101), (2, 102))
    table = tmp_path / "sources.csv"
    table.write_text(table.read_text() + "3,150.0,-30.0,12,103,5.0,g\n")
    done = night()
    assert (done.returncode, "1 rows of the catalog" in done.stdout) == (0, True), done.stderr
    assert held(server, tmp_path.name) == {f"{tmp_path.name} {TODAY}": ["1", "2"]}


def test_two_configurations_with_one_root(night: Night, survey: Survey, tmp_path: Path) -> None:
    survey.add(TODAY, (1, 101))
    assert night().returncode == 0
    survey.configure("Another {night}")
    done = night()
    assert (done.returncode, "holds the nights of another configuration" in done.stderr) == (2, True)


def test_two_files_with_one_root_and_one_set(
    night: Night, zoocut: Zoocut, survey: Survey, server: Running, tmp_path: Path
) -> None:
    """Ids of two instruments may be equal: what one file has shown is not what another knows."""
    survey.add(TODAY, (1, 101))
    assert night("--until", "generate").returncode == 0
    (tmp_path / "other.toml").write_text(survey.toml.read_text())
    done = zoocut("night", "other.toml", **account(server))
    assert (done.returncode, "by ../zoocut.toml" in done.stderr) == (2, True), done.stderr
    owner = tmp_path / "nights" / ".zoocut-night.json"
    assert f"rm {owner}" in done.stderr
    earlier = json.loads(owner.read_text())
    del earlier["config"]  # as earlier versions wrote it
    owner.write_text(json.dumps(earlier))
    assert zoocut("night", "other.toml", "--until", "generate", **account(server)).returncode == 0


def test_sources_that_do_not_tell_their_night_are_of_the_day_that_takes_them(
    night: Night, survey: Survey, server: Running, tmp_path: Path
) -> None:
    survey.add(TODAY, (1, 101))
    table = tmp_path / "sources.csv"
    table.write_text(table.read_text().replace("visit", "exposure"))
    done = night()
    assert (done.returncode, "write {run_date} in the place of {night}" in done.stderr) == (2, True)
    survey.configure(f"{tmp_path.name} {{run_date}}")
    assert night().returncode == 0
    assert held(server, tmp_path.name) == {f"{tmp_path.name} {TODAY}": ["1"]}


def test_from_and_until_leave_nothing_to_do(night: Night, survey: Survey) -> None:
    survey.add(TODAY, (1, 101))
    done = night("--from", "upload", "--until", "generate")
    assert (done.returncode, "leave --until out" in done.stderr) == (2, True), done.stderr


def source(**columns: Any) -> DiaSource:
    return DiaSource(1, 0.0, 0.0, "table", "row 1", columns)


@pytest.mark.parametrize(
    ("columns", "settings", "wanted"),
    [
        ({"visit": 2025123100244, "midpointMjdTai": 61041.2}, {}, "2025-12-31"),
        ({"visit": 943296, "midpointMjdTai": 60961.23309}, {}, "2025-10-12"),
        ({"midpointMjdTai": 60961.51}, {}, "2025-10-13"),
        ({"nid": 1105, "jd": 2458860.0222801}, {}, "2020-01-11"),
        ({"jd": 2458881.6071181}, {}, "2020-02-02"),
        ({"mjd": 60000.6}, {"time_column": "mjd", "time_offset_h": 12}, "2023-02-26"),
        (
            {"t": "2024-05-01T03:00:00Z"},
            {"time_column": "t", "time_format": "iso", "time_offset_h": -12},
            "2024-04-30",
        ),
        ({"d": 20240501}, {"time_column": "d", "time_format": "yyyymmdd"}, "2024-05-01"),
        ({"midpointMjdTai": "60961.51"}, {}, "2025-10-13"),
        ({"nid": "1105"}, {}, "2020-01-11"),
        ({"midpointMjdTai": 60961.49999}, {}, "2025-10-12"),
        ({"midpointMjdTai": 60961.5}, {}, "2025-10-13"),
        ({"jd": 2458881.49999}, {}, "2020-02-01"),
        ({"jd": 2458881.5}, {}, "2020-02-02"),
        (
            {"t": "2024-05-01T01:00:00+02:00"},
            {"time_column": "t", "time_format": "iso"},
            "2024-04-30",
        ),
    ],
)
def test_the_night_comes_from_the_data(
    columns: dict[str, Any], settings: dict[str, Any], wanted: str
) -> None:
    assert night_of(source(**columns), NightSettings(**settings)).isoformat() == wanted


@pytest.mark.parametrize(
    "columns",
    [{}, {"visit": 12}, {"visit": 9999123100244 * 10}, {"jd": None}, {"nid": True}, {"midpointMjdTai": 0}],
)
def test_a_source_without_a_night_is_refused(columns: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="run_date"):
        night_of(source(**columns), NightSettings())


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (2024111, "yyyymmdd"),
        ("2024-05-01", "yyyymmdd"),
        ("0001-01-01T00:00:00", "iso"),
        (2461000.5, "mjd"),
        (61000.0, "jd"),
        (1.7e9, "mjd"),
    ],
)
def test_a_time_that_is_not_written_as_the_settings_say_is_no_night(value: Any, form: str) -> None:
    settings = NightSettings.model_validate({"time_column": "t", "time_format": form, "time_offset_h": -12})
    with pytest.raises(ConfigError, match="does not tell its night by t"):
        night_of(source(t=value), settings)
