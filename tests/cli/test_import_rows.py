"""Which rows an import carries and how they arrive; the limits of server and account."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from hosts import Host, address_rows, answer, serving
from uploads import Control, account, make_run, picture, subjects

from zoocut.config.manifest import ManifestSettings
from zoocut.ledger import Ledger
from zoocut.ledger.imports import ImportRecords
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.sandbox import Running, running

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
FAST = ("--settle", 1, "--import-stall", 1.5, "--give-up-after", 60, "--project", "owner/rehearsal")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    with serving(tmp_path) as served:
        yield served


@pytest.fixture(scope="module")
def strict() -> Iterator[Running]:
    """A sandbox whose imports have at most 30 rows."""
    with running(options=["--quota", "100000", "--import-limit", "30"]) as sandbox:
        yield sandbox


def parts(run: Path) -> list[int]:
    """Return how many rows each import had that was not refused."""
    with Ledger.read(run / "ledger.sqlite3") as ledger:
        return [
            one.rows
            for target in ledger.targets()
            for one in ImportRecords(ledger, target).all()
            if one.state != "refused"
        ]


ODD: list[tuple[str, int, dict[str, str]]] = [
    ("plain", 1, {"note": "a", "band": "g"}),
    ("two", 2, {"note": "two images"}),
    ("three", 3, {"band": "r"}),
    ("two more", 2, {}),
    ("quotes", 1, {"note": 'a, "b"\nline'}),
    ("carriage", 1, {"note": "a\rb"}),
    ("windows", 1, {"note": "a\r\nb", "band": " padded "}),
    ("tab", 1, {"note": "a\tb", "band": "'"}),
    ("formula", 1, {"note": "=1+1", "band": '"'}),
    ("bare", 1, {}),
    ("greek", 1, {"note": "\u03b3 Dor"}),
    ("accent", 2, {"note": "caf\u00e9", "band": "i"}),
    ("n\u00e4me", 1, {"note": "in the id"}),
]


def odd_run(path: Path, url_root: str) -> Path:
    """Write a run of rows with all that a cell may hold, and with one, two or three images."""
    run, rows, addressed = Run.create(path), [], []
    (path / "images").mkdir()
    for number, (external_id, images, metadata) in enumerate(ODD):
        names = [f"images/{number}-{at}.png" for at in range(images)]
        for name in names:
            (path / name).write_bytes(picture(name))
        rows.append(ManifestRow(external_id, tuple(names), metadata))
        addresses = tuple(f"{url_root}/{name}" for name in names)
        addressed.append(ManifestRow(external_id, addresses, metadata))
    write_manifest(run.manifest, rows, ["note", "band"], 3)
    write_manifest(run.urls_manifest, addressed, ["note", "band"], 3)
    replace(
        run, settings=run.settings.model_copy(update={"manifest": ManifestSettings(url_root=url_root)})
    ).remember_settings()
    return path


def test_every_cell_and_number_of_images_arrives(
    zoocut: Zoocut, tmp_path: Path, host: Host, server: Running
) -> None:
    """Rows of one number of images are a part; what is more than ASCII is made singly, and said before."""
    run = odd_run(tmp_path / "odd", f"{host.endpoint}/odd")
    told = zoocut(
        "upload", run, "--import", *FAST, "--set", "Odd cells", "--dry-run", "--json", **account(server)
    )
    notes = json.loads(told.stdout)["notes"]
    assert any("10 rows are meant for server-side import" in one for one in notes)
    assert any("3 rows (first: greek) hold more than ASCII" in one for one in notes)
    done = zoocut("upload", run, "--import", *FAST, "--set", "Odd cells", **account(server))
    assert done.returncode == 0, done.stderr
    assert sorted(parts(run)) == [1, 2, 7]
    found = {one["external_id"]: one for one in subjects(server, "Odd cells")}
    assert len(found) == len(subjects(server, "Odd cells")) == len(ODD)
    for number, (external_id, images, metadata) in enumerate(ODD):
        held = found[external_id]
        shown = {
            key: value for key, value in held["metadata"].items() if key != "#zoocut" and value is not None
        }
        assert shown == metadata
        assert [one["url"] for one in held["locations"]] == [
            f"{host.endpoint}/odd/images/{number}-{at}.png" for at in range(images)
        ]
    checked = zoocut("verify", run, "--check", "all", **account(server))
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("key", ["b\u00e4nd", "a:b", "\u03b3"])
def test_a_key_that_no_import_takes(
    zoocut: Zoocut, tmp_path: Path, host: Host, server: Running, key: str
) -> None:
    run = address_rows(make_run(tmp_path / "keyed", 3, **{key: "x"}), f"{host.endpoint}/keyed")
    done = zoocut("upload", run, "--import", *FAST, "--set", f"Keyed {key}", **account(server))
    assert done.returncode == 3
    assert f"the metadata key {key}" in done.stderr
    assert "rename it" in done.stderr
    assert "upload with --urls" in done.stderr
    assert subjects(server, f"Keyed {key}") == []
    singly = zoocut("upload", run, "--urls", *FAST[:2], *FAST[6:], "--set", f"Keyed {key}", **account(server))
    assert singly.returncode == 0, singly.stderr
    assert [one["metadata"][key] for one in subjects(server, f"Keyed {key}")] == ["x"] * 3


@pytest.mark.parametrize(
    ("instead", "told"),
    [
        (lambda h: answer(h, 404), "answers 404"),
        (
            lambda h: answer(h, 200, b"<html>log in", Content_Type="text/html"),
            "answers a page, perhaps a log-in",
        ),
        (lambda h: answer(h, 200, b"%PDF", Content_Type="application/pdf"), "not as image/png"),
        (lambda h: answer(h, 200, b"\n<!DOCTYPE html>", Content_Type="image/png"), "answers a page"),
        (lambda h: answer(h, 200, picture("j", "JPEG"), Content_Type="image/png"), "what it serves is none"),
        (lambda h: answer(h, 200, b"", Content_Type="image/png"), "it is empty"),
        (lambda h: answer(h, 302, Location=h.path), "redirects without end: mend the address"),
        (lambda h: answer(h, 500), "answered 500 to GET"),
    ],
)
def test_an_address_without_a_file_of_the_run_is_read_and_its_row_told(
    zoocut: Zoocut,
    tmp_path: Path,
    host: Host,
    server: Running,
    instead: Callable[[BaseHTTPRequestHandler], bool],
    told: str,
) -> None:
    """A manifest of addresses alone: one that serves no image is told with its row and stops nothing."""
    run = address_rows(make_run(tmp_path / "served", 20), f"{host.endpoint}/served")
    (run / "images").rename(tmp_path / "images")
    name = f"Addresses {told.partition(',')[0]} {tmp_path.name}"

    def serve(handler: BaseHTTPRequestHandler) -> bool:
        path = tmp_path / handler.path.removeprefix("/served/")
        if "/7-0." in handler.path:
            return bool(instead(handler))
        return path.is_file() and answer(handler, 200, path.read_bytes(), Content_Type="image/png")

    host.instead = serve
    done = zoocut("upload", run, "--import", "--check", "none", *FAST, "--set", name, **account(server))
    assert done.returncode == 3, done.stderr
    assert told in done.stdout
    assert {one["external_id"] for one in subjects(server, name)} == {str(1700 + n) for n in range(20)} - {
        "1707"
    }
    host.instead = lambda handler: bool(
        (path := tmp_path / handler.path.removeprefix("/served/")).is_file()
        and answer(handler, 200, path.read_bytes(), Content_Type="image/png")
    )
    mended = zoocut("upload", run, "--import", "--retry-rejected", *FAST, "--set", name, **account(server))
    assert mended.returncode == 0, mended.stderr
    assert Counter(one["external_id"] for one in subjects(server, name)) == Counter(
        str(1700 + n) for n in range(20)
    )


@pytest.mark.parametrize(("rows", "expected"), [(30, [30]), (61, [30, 30, 1])])
def test_a_manifest_of_more_rows_than_the_server_imports(
    zoocut: Zoocut, tmp_path: Path, host: Host, strict: Running, rows: int, expected: list[int]
) -> None:
    """It is split by the limit that the server tells, and doctor knows it from then on."""
    run = address_rows(make_run(tmp_path / "many", rows), f"{host.endpoint}/many")
    where = account(strict)
    done = zoocut("upload", run, "--import", *FAST, "--set", f"Split {rows}", **where)
    assert done.returncode == 0, done.stderr
    assert parts(run) == expected
    assert Counter(one["external_id"] for one in subjects(strict, f"Split {rows}")) == Counter(
        str(1700 + n) for n in range(rows)
    )
    doctor = json.loads(zoocut("doctor", "--run", run, "--json", **where).stdout)
    (found,) = [one["found"] for one in doctor["checks"] if one["what"] == "imports"]
    if rows > 30:
        assert f"{strict.endpoint} imports at most 30 rows at once, as it said on 20" in found
    else:
        assert found == f"no limit was met at {strict.endpoint}; 100000 rows are asked for at once"


def test_a_limit_of_one_row_more_than_none(
    zoocut: Zoocut, tmp_path: Path, host: Host, server: Running
) -> None:
    """A server that imports nothing at all is no reason to go on asking."""
    run = address_rows(make_run(tmp_path / "none", 3), f"{host.endpoint}/none")
    with running(options=["--import-limit", "0"]) as closed:
        done = zoocut("upload", run, "--import", *FAST, "--set", "Closed", **account(closed))
        assert done.returncode == 7
        assert "exceeds the limit (0)" in done.stderr
        assert "upload with --urls" in done.stderr
        singly = zoocut("upload", run, "--set", "Closed", **account(closed))
        assert singly.returncode == 0, singly.stderr
        assert len(subjects(closed, "Closed")) == 3


def test_an_import_over_the_limit_of_the_account(
    zoocut: Zoocut, tmp_path: Path, host: Host, server: Running, control: Control
) -> None:
    """An import meets no limit, but what it leaves out does: said before, told with what is left, gone on with."""
    run = address_rows(make_run(tmp_path / "over", 40), f"{host.endpoint}/over")
    where, name = account(server, "collab"), "Over the limit"
    bring = ("upload", run, "--import", *FAST, "--set", name)
    control("/users/collab", subject_limit=10)
    planned = zoocut(*bring, "--dry-run", **where)
    assert planned.returncode == 0, planned.stderr
    assert "40 rows are to be imported and the account collab has at most 10 of its 10" in planned.stderr
    assert "all ordinary uploads afterwards, are refused" in planned.stderr
    assert zoocut("upload", run, "--urls", *FAST[6:], "--set", name, "--dry-run", **where).returncode == 8
    control("/faults", name="import-dies", route="POST /api/subject_set_imports", row=31, times=1)
    done = zoocut(*bring, **where)
    assert done.returncode == 8, done.stderr
    assert "10 rows are left" in done.stderr
    assert len(subjects(server, name)) == 30
    control("/users/collab", subject_limit=10_000)
    again = zoocut(*bring, **where)
    assert again.returncode == 0, again.stderr
    assert Counter(one["external_id"] for one in subjects(server, name)) == Counter(
        str(1700 + n) for n in range(40)
    )


def test_a_host_that_answers_the_server_with_nothing(
    zoocut: Zoocut, tmp_path: Path, host: Host, server: Running
) -> None:
    """The server makes an import of no rows of that, as recorded; it is taken back at once, not waited for."""
    run = address_rows(make_run(tmp_path / "twofaced", 5), f"{host.endpoint}/www")
    assert zoocut("publish", run, "--to", host.root / "www").returncode == 0
    host.instead = lambda handler: (
        "zoocut-" in handler.path and host.asked.count(handler.path) > 1 and answer(handler, 404)
    )
    done = zoocut("upload", run, "--import", *FAST, "--set", "Two-faced", **account(server))
    assert done.returncode == 5
    assert "the server found no rows at" in done.stderr
    assert "3 imports were asked for and none was begun" in done.stderr
    assert subjects(server, "Two-faced") == []
    host.instead = lambda handler: False
    again = zoocut("upload", run, "--import", *FAST, "--set", "Two-faced", **account(server))
    assert again.returncode == 0, again.stderr
    assert len(subjects(server, "Two-faced")) == 5


@pytest.mark.parametrize("way", [("--import",), ("--urls",)])
def test_a_set_that_was_begun_by_files_goes_on_by_files(
    zoocut: Zoocut, tmp_path: Path, host: Host, server: Running, way: tuple[str, ...]
) -> None:
    """The refusal leaves the run as it was: it goes on as it began, or by addresses in another set."""
    run = address_rows(make_run(tmp_path / "begun", 6), f"{host.endpoint}/begun")
    name, where = f"Begun {way[0]}", account(server)
    plain = ("upload", run, "--settle", 1, *FAST[6:], "--set")
    assert zoocut(*plain, name, "--sample", 2, **where).returncode == 0
    for more in ((), ("--dry-run",)):
        done = zoocut(*plain, name, *way, *more, **where)
        assert done.returncode == 2
        assert f"rows of manifest.csv are in the set '{name}'" in done.stderr
        assert f"go on with `zoocut upload {run}`, or name another set" in done.stderr
    assert zoocut("upload", run, "--settle", 1, **where).returncode == 0
    assert len(subjects(server, name)) == 6
    assert zoocut(*plain, f"{name} too", "--create", *way, **where).returncode == 0
    assert len(subjects(server, f"{name} too")) == 6


@pytest.mark.parametrize("way", ["--urls", "--import"])
def test_a_plot_by_its_address(zoocut: Zoocut, tmp_path: Path, host: Host, server: Running, way: str) -> None:
    """Light curves are JSON: a location as images are."""
    run = Run.create(tmp_path / "plots")
    (run.path / "images").mkdir()
    names = ("images/1.json", "images/1.png")
    (run.path / names[0]).write_text('{"data":[]}')
    (run.path / names[1]).write_bytes(picture("plot"))
    write_manifest(run.manifest, [ManifestRow("1", names, {"band": "g"})], ["band"], 2)
    address_rows(run.path, f"{host.endpoint}/plots")
    name = f"Plots {way}"
    done = zoocut("upload", run.path, way, "--settle", 1, *FAST[-2:], "--set", name, **account(server))
    assert done.returncode == 0, done.stdout
    (subject,) = subjects(server, name)
    kinds = [
        (one["mime"], one["url"].removeprefix(f"{host.endpoint}/plots/")) for one in subject["locations"]
    ]
    assert kinds == [("application/json", names[0]), ("image/png", names[1])]
