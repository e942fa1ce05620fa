"""`zoocut results`: from a server's export, or a file, to a table; what it says and how it ends."""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from export_server import ExportServer, export_server
from panoptes_exports import Row, write_export
from uploads import Zoocut

from zoocut.ledger import Ledger, PlannedRow, State
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest

FIRST = 170_059_034_123_456_781
ACCOUNT = {"PANOPTES_CLIENT_ID": "a" * 64, "PANOPTES_CLIENT_SECRET": "b" * 64}


def source(number: int) -> str:
    return str(FIRST + 2 * number)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = Run.create(tmp_path / "run")
    rows = (ManifestRow(source(n), (f"images/{n}.png",), {"#snr": str(5 + n)}) for n in range(3))
    write_manifest(made.manifest, rows, ["#snr"])
    return made


def rows() -> list[Row]:
    return [
        Row(9001, "Real", "one", source=source(0)),
        Row(9001, "Bogus", "two", source=source(0)),
        Row(9001, "Real", None, source=source(0)),
        Row(9002, "Bogus", "one", source=source(1)),
        Row(9099, "Real", "one", source="42"),
    ]


@pytest.fixture
def held(tmp_path: Path) -> Iterator[ExportServer]:
    content = write_export(tmp_path / "made.csv", rows()).read_bytes()
    with export_server(ExportServer(content)) as server:
        yield server


Ask = Callable[..., Any]


@pytest.fixture
def ask(zoocut: Zoocut, run: Run, held: ExportServer) -> Ask:
    """Run `zoocut results` against the server."""

    def asked(*words: object) -> Any:
        server = ("--endpoint", held.endpoint, "--project", "owner/name", "--workflow", "77")
        return zoocut("results", run.path.name, *server, *words, **ACCOUNT)

    return asked


def table(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as file:
        file.readline()
        return {row["diaSourceId"]: row for row in csv.DictReader(file)}


def test_from_a_file(zoocut: Zoocut, run: Run, tmp_path: Path) -> None:
    write_export(tmp_path / "c.csv", rows())
    done = zoocut("results", "run", "--export", "c.csv", "-o", "r.csv", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["classifications"] == {
        "read": 5, "used": 4, "left_out": {"about a subject that no run knows": 1}, "anonymous": 1,
        "after_retirement": 0,
    }  # fmt: skip
    assert (told["table"], told["rows"], told["version"]) == ("r.csv", 3, 1)
    found = table(tmp_path / "r.csv")[source(0)]
    assert (found["T0.Real.votes"], found["T0.n"], found["snr"]) == ("2", "3", "5")


def test_the_header_says_what_it_was_made_from(zoocut: Zoocut, run: Run, tmp_path: Path) -> None:
    export = write_export(tmp_path / "c.csv", rows())
    assert zoocut("results", "run", "--export", "c.csv", "-o", "r.csv").returncode == 0
    header = json.loads((tmp_path / "r.csv").read_text().splitlines()[0].removeprefix("# "))
    assert header["export"] == {"file": "c.csv", "sha256": hashlib.sha256(export.read_bytes()).hexdigest()}
    manifest = hashlib.sha256(run.manifest.read_bytes()).hexdigest()
    assert header["manifests"] == [{"run": run.run_id, "file": "manifest.csv", "sha256": manifest}]
    assert header["workflow"] == {"id": "77", "name": "Real or bogus?", "versions": {"12.34": 4}}
    assert header["zoocut"] in zoocut("--version").stdout


def test_a_missing_export_leaves_the_table_of_before(zoocut: Zoocut, run: Run, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("before")
    done = zoocut("results", "run", "--export", "none.csv", "-o", "r.csv")
    assert (done.returncode, "none.csv cannot be read" in done.stderr) == (3, True), done.stderr
    assert (tmp_path / "r.csv").read_text() == "before"


def test_broken_rows_are_told_and_end_with_3(zoocut: Zoocut, run: Run, tmp_path: Path) -> None:
    write_export(tmp_path / "c.csv", [*rows(), Row(9001, cells={"metadata": "{"})])
    done = zoocut("results", "run", "--export", "c.csv")
    assert done.returncode == 3
    assert "1 left out: metadata cannot be read as JSON" in done.stdout
    assert "broken rows end on lines 7" in done.stderr
    assert (run.path / "results.parquet").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--export", "none.csv"], 3, "none.csv cannot be read"),
        (["--export", "made.csv", "-o", "r.txt"], 3, ".parquet, .ecsv, .csv"),
        (["--export", "made.csv", "-o", "made.csv"], 3, "is the export itself"),
        (["--export", "made.csv", "--by", "galaxy"], 2, "source, subject, object"),
        (["--export", "made.csv", "--workflow-version", "x"], 2, "newest, all, each"),
        (["--export", "made.csv", "--workflow", "Variable stars"], 2, "it has 77 ('Real or bogus?': 5)"),
        (["--export", "made.csv", "--workflows", "made.csv"], 3, "workflow export"),
    ],
)
def test_refusals(
    zoocut: Zoocut, run: Run, held: ExportServer, words: list[str], code: int, message: str
) -> None:
    done = zoocut("results", "run", *words)
    assert (done.returncode, message in " ".join(done.stderr.split())) == (code, True), done.stderr
    assert list(run.path.glob("results*")) == []


def test_an_export_of_before_the_upload(zoocut: Zoocut, run: Run, tmp_path: Path) -> None:
    with Ledger.open(run.ledger, run.run_id) as ledger:
        target = ledger.add_target("http://127.0.0.1:9", "12", "owner/name", "501", "Night 1")
        ledger.plan(target, [PlannedRow(source(0), {}, ())], "00")
        (entry,) = ledger.every(target)
        sent = datetime(2026, 9, 1, tzinfo=UTC).timestamp()
        ledger.save([replace(entry, state=State.CREATED, subject_id="9001", attempt=1, sent_at=sent)])
    write_export(tmp_path / "c.csv", [Row(9099, source="42")])
    done = zoocut("results", "run", "--export", "c.csv")
    assert done.returncode == 3
    assert "before the subjects were uploaded (2026-09-01T00:00:00Z); ask for a new export" in done.stderr


def test_asked_waited_for_downloaded_and_kept(ask: Ask, held: ExportServer, run: Run) -> None:
    done = ask("-o", "r.csv")
    assert done.returncode == 0, done.stderr
    assert "the export is creating: waited 0 s" in done.stderr
    (kept,) = (run.path / "exports").glob("*.csv.gz")
    assert kept.read_bytes() == held.stored
    line = kept.with_name(f"{kept.name}.sha256").read_text()
    assert line == f"{hashlib.sha256(held.stored).hexdigest()}  {kept.name}\n"
    found = table(run.path.parent / "r.csv")[source(0)]
    assert (found["T0.0.votes"], found["T0.1.votes"], found["T0.consensus_label"]) == ("1", "2", "Real")
    assert (held.asked, len(held.downloads)) == (1, 1)
    assert ask("-o", "r.csv").returncode == 0
    assert (held.asked, len(held.downloads)) == (1, 1)


def test_an_export_that_is_new_enough_is_taken(ask: Ask, held: ExportServer) -> None:
    held.state, held.updated_at = "ready", datetime.now(UTC) - timedelta(hours=20)
    assert ask().returncode == 0
    assert held.asked == 0
    assert ask("--max-age", "19").returncode == 0
    assert held.asked == 1


def test_an_export_that_is_being_made_is_not_asked_for_again(ask: Ask, held: ExportServer) -> None:
    held.ask()
    held.ready_after = 2
    assert ask("--max-age", "0").returncode == 0
    assert held.asked == 1


def test_one_that_was_thrown_away_is_asked_for_again_a_day_later(ask: Ask, held: ExportServer) -> None:
    held.state, held.updated_at, held.ready_after = "creating", datetime.now(UTC) - timedelta(hours=25), -1
    done = ask("--wait", "0")
    assert (done.returncode, held.asked) == (5, 1)
    assert "run the same command again, which waits on" in done.stderr
    done = ask("--wait", "0")
    assert (done.returncode, held.asked) == (5, 1)


def test_asked_for_too_soon(ask: Ask, held: ExportServer, run: Run) -> None:
    held.state, held.updated_at = "ready", datetime.now(UTC) - timedelta(hours=30)
    held.too_soon = "An export was made at 10:00, the next one can be asked for at 2026-08-02 10:00 UTC"
    done = ask()
    assert done.returncode == 5
    assert "the next one can be asked for at 2026-08-02 10:00 UTC" in done.stderr
    assert "--max-age takes it" in done.stderr
    assert not (run.path / "results.parquet").exists()
    assert ask("--max-age", "31").returncode == 0


def test_one_that_fails(ask: Ask, held: ExportServer, run: Run) -> None:
    held.ends_as = "failed"
    done = ask()
    assert done.returncode == 5
    assert "the server failed to make the export of workflow 77" in done.stderr
    assert not (run.path / "results.parquet").exists()
    held.ends_as = "ready"
    assert ask().returncode == 0
    assert held.asked == 2


@pytest.mark.parametrize("packed", [True, False])
def test_a_download_goes_on_where_it_broke(ask: Ask, held: ExportServer, run: Run, packed: bool) -> None:
    held.packed, held.state, held.updated_at = packed, "ready", datetime.now(UTC)
    held.breaks = (100, 300)
    assert ask().returncode == 0
    (kept,) = [path for path in (run.path / "exports").iterdir() if path.suffix != ".sha256"]
    assert kept.read_bytes() == held.stored
    assert [wanted for wanted, _ in held.downloads if wanted] == ["bytes=100-", "bytes=300-"]


def test_a_newer_export_in_the_middle_is_not_mixed_in(ask: Ask, held: ExportServer, run: Run) -> None:
    held.state, held.updated_at, held.breaks = "ready", datetime.now(UTC), (300,)
    held.becomes = (
        held.content
        + write_export(run.path / "x.csv", [Row(9002, "Real", "four", source=source(1))])
        .read_bytes()
        .split(b"\n", 1)[1]
    )
    assert ask("-o", "r.csv").returncode == 0
    (kept,) = (run.path / "exports").glob("*.csv.gz")
    assert kept.read_bytes() == held.stored
    assert table(run.path.parent / "r.csv")[source(1)]["T0.n"] == "2"


def test_one_that_is_replaced_between_two_requests_is_not_mixed_in(
    ask: Ask, held: ExportServer, run: Run
) -> None:
    """Of the same length, from a store that tells no checksum: only the condition of the request keeps them apart."""
    held.state, held.updated_at, held.breaks = "ready", datetime.now(UTC), (300,)
    held.packed = held.checksum = False
    held.becomes_at_rest = held.content.replace(b"501", b"502").replace(b"500", b"503")
    assert ask().returncode == 0
    (kept,) = (run.path / "exports").glob("*.csv")
    assert kept.read_bytes() == held.stored


def test_a_folder_that_cannot_be_made(ask: Ask, held: ExportServer, run: Run) -> None:
    held.state, held.updated_at = "ready", datetime.now(UTC)
    (run.path / "exports").write_text("in the way")
    done = ask()
    assert done.returncode == 3
    assert "cannot write" in done.stderr


def test_an_address_that_has_ended_is_asked_for_anew(ask: Ask, held: ExportServer) -> None:
    held.state, held.updated_at, held.refuse = "ready", datetime.now(UTC), [403]
    assert ask().returncode == 0
    assert [status for _, status in held.downloads] == [403, 200]


def test_bytes_with_another_checksum_are_not_kept(ask: Ask, held: ExportServer, run: Run) -> None:
    held.state, held.updated_at, held.wrong_bytes = "ready", datetime.now(UTC), 1
    assert ask().returncode == 0
    (kept,) = (run.path / "exports").glob("*.csv.gz")
    assert kept.read_bytes() == held.stored


def test_a_store_that_refuses_for_good(ask: Ask, held: ExportServer, run: Run) -> None:
    held.state, held.updated_at, held.refuse = "ready", datetime.now(UTC), [404]
    done = ask()
    assert done.returncode == 5
    assert "the store of exports answers 404" in done.stderr
    assert list((run.path / "exports").iterdir()) == []


def test_an_older_server_that_tells_no_versions(ask: Ask, held: ExportServer, run: Run) -> None:
    held.versions = False
    assert ask("-o", "r.csv").returncode == 0
    assert table(run.path.parent / "r.csv")[source(0)]["T0.1.votes"] == "2"


def test_a_workflow_by_its_name_and_none_such(zoocut: Zoocut, run: Run, held: ExportServer) -> None:
    server = ("--endpoint", held.endpoint, "--project", "owner/name")
    assert zoocut("results", "run", *server, "--workflow", "Real or bogus?", **ACCOUNT).returncode == 0
    done = zoocut("results", "run", *server, "--workflow", "Bogus", **ACCOUNT)
    assert done.returncode == 7
    assert "'Real or bogus?' (77)" in done.stderr
    done = zoocut("results", "run", *server, **ACCOUNT)
    assert done.returncode == 2
    assert "choose a workflow with --workflow" in done.stderr
