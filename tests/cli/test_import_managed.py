"""The rest of the manager on imported subjects: one imported set, shared by these tests."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hosts import Host, address_rows, answer, serving
from uploads import OWNER, account, make_run, states, subjects

from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.sandbox import Running
from zoocut.zooniverse.connect import connect_set_admin
from zoocut.zooniverse.imports import ImportAdmin

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
PROJECT = ("--project", "owner/rehearsal")
FAST = ("--settle", "1", "--import-stall", "1.5", "--give-up-after", "60", *PROJECT)
ROWS = 30
NAMES = [str(1700 + number) for number in range(ROWS)]


@dataclass(frozen=True)
class Imported:
    """A run whose subjects the server imported."""

    run: Path
    host: Host
    server: Running
    name: str = "Imported"

    def held(self, name: str = "") -> dict[str, dict[str, Any]]:
        """Return the members of a set by external_id, each of them once."""
        found = subjects(self.server, name or self.name)
        by_id = {one["external_id"]: one for one in found}
        assert len(by_id) == len(found)
        return by_id

    def bring_by_hand(self, name: str, manifest: Path, rows: int) -> str:
        """Import a manifest as a person would who knows the API; return the set's id."""
        panoptes = connect_set_admin(self.server.endpoint, OWNER).panoptes
        project = panoptes.project("owner/rehearsal")
        made = panoptes.create_subject_set(project, name, {})
        address = f"{self.host.endpoint}/{manifest.relative_to(self.host.root)}"
        ImportAdmin(panoptes).create(made.set_id, address)
        end = time.monotonic() + 240
        while panoptes.count_subjects(made.set_id) < rows:
            assert time.monotonic() < end
        return str(made.set_id)


def begin(folder: Path, name: str, server: Running, host: Host) -> Path:
    run = address_rows(make_run(folder / name, ROWS), f"{host.endpoint}/{name}")
    words = [sys.executable, "-m", "zoocut", "upload", str(run), "--import", *FAST, "--set", "Imported"]
    environment = os.environ | account(server) | {"HOME": str(folder)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return run


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, server: Running) -> Iterator[Imported]:
    folder = tmp_path_factory.mktemp("www")
    with serving(folder) as host:
        yield Imported(begin(folder, "night", server, host), host, server)


@pytest.fixture
def types(zoocut: Zoocut, kept: Imported) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command with the account; it has to end with the given code."""

    def call(code: int, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        done = zoocut(*words, **account(kept.server), **environment)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return call


def edit(run: Path, external_id: str, old: str, new: str, names: tuple[str, ...]) -> None:
    for name in names:
        lines = (run / name).read_text(encoding="utf-8").splitlines()
        lines = [one.replace(old, new) if one.startswith(f"{external_id},") else one for one in lines]
        (run / name).write_text("\n".join([*lines, ""]), encoding="utf-8")


def test_metadata_brings_changed_cells_and_nothing_else(kept: Imported, types: Zoocut) -> None:
    before, both = kept.held(), ("manifest.csv", "manifest-urls.csv")
    edit(kept.run, "1703", ",r", ",\u03b3", both)
    edit(kept.run, "1704", ",g", ",", both)
    shown = types(0, "metadata", kept.run, "--json")
    assert {one["external_id"] for one in json.loads(shown.stdout)["differences"]} == {"1703", "1704"}
    types(0, "metadata", kept.run, "--apply", "--yes")
    after = kept.held()
    assert after["1703"]["metadata"]["band"] == "\u03b3"
    assert not after["1704"]["metadata"].get("band")
    for name in NAMES:
        assert after[name]["id"] == before[name]["id"]
        assert after[name]["locations"] == before[name]["locations"]
        assert after[name]["metadata"]["#zoocut"] == before[name]["metadata"]["#zoocut"]
        if name not in ("1703", "1704"):
            assert after[name]["metadata"] == before[name]["metadata"]
    assert json.loads(types(0, "metadata", kept.run, "--json").stdout)["differences"] == []
    types(0, "upload", kept.run, "--import", *FAST, "--set", kept.name)
    types(0, "verify", kept.run)
    assert kept.held() == after


def test_metadata_of_the_other_manifest_is_told(kept: Imported, types: Zoocut) -> None:
    """The run went by manifest-urls.csv; a cell that only manifest.csv has otherwise is no silent agreement."""
    edit(kept.run, "1705", ",r", ",z", ("manifest.csv",))
    told = types(0, "metadata", kept.run)
    assert "manifest-urls.csv" in told.stderr + told.stdout
    assert "1705" in told.stderr + told.stdout
    edit(kept.run, "1705", ",z", ",r", ("manifest.csv",))
    assert "manifest-urls.csv" not in types(0, "metadata", kept.run).stderr


def test_export_and_join_lead_back_to_the_rows(kept: Imported, types: Zoocut, tmp_path: Path) -> None:
    types(0, "export", kept.run, "-o", "mapping.csv")
    with (tmp_path / "mapping.csv").open(newline="") as file:
        mapping = {one["diaSourceId"]: one for one in csv.DictReader(file)}
    held = kept.held()
    assert {name: mapping[name]["subject_id"] for name in NAMES} == {
        name: str(held[name]["id"]) for name in NAMES
    }
    lines = [["classification_id", "subject_ids", "subject_data"]]
    empty = {"diaSourceId": None, "#diaSourceId": None}  # cells that the import found empty
    for number, name in enumerate(NAMES):
        subject = str(held[name]["id"])
        told = {subject: {"retired": None, **held[name]["metadata"], **empty}}
        lines.append([str(number), subject, json.dumps(told)])
    with (tmp_path / "classifications.csv").open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    types(0, "join", "classifications.csv", kept.run, "-o", "joined.csv")
    with (tmp_path / "joined.csv").open(newline="") as file:
        joined = list(csv.DictReader(file))
    assert [one["diaSourceId"] for one in joined] == NAMES


def test_verify_reads_the_addresses_back_as_they_are_now(kept: Imported, types: Zoocut) -> None:
    types(0, "verify", kept.run, "--check", "all")
    broken = {
        "/7-0.": lambda h: answer(h, 200, b"another", Content_Type="image/png"),
        "/8-0.": lambda h: answer(h, 404),
        "/9-0.": lambda h: answer(h, 200, b"<html>log in", Content_Type="text/html"),
    }

    def instead(handler: Any) -> bool:
        found = next((serve for path, serve in broken.items() if path in handler.path), None)
        return bool(found and found(handler))

    kept.host.instead = instead
    told = types(6, "verify", kept.run, "--check", "all")
    kept.host.instead = lambda handler: False
    for name in ("1707", "1708", "1709"):
        assert name in told.stdout
    assert "1706" not in told.stdout
    types(0, "verify", kept.run, "--check", "all")


def test_dedupe_takes_out_the_second_import_of_the_same_rows(kept: Imported, types: Zoocut) -> None:
    first, copy = kept.held(), kept.run / "same.csv"
    rows = [
        ManifestRow(one.external_id, one.locations, first[one.external_id]["metadata"])
        for one in Run.open(kept.run).by_addresses().rows()
    ]
    write_manifest(
        copy, [one for one in rows if one.external_id != "1703"], ["band"]
    )  # the one that is not ASCII
    kept.bring_by_hand("Imported again", copy, ROWS - 1)
    where = ("dedupe", *PROJECT, "--by-external-id", "--settle", "0")
    found = json.loads(types(0, *where, "--json").stdout)["duplicates"]
    ours = [one for one in found if str(one.get("dia_source_id") or one.get("diaSourceId")) in NAMES]
    assert len({one.get("dia_source_id") or one.get("diaSourceId") for one in ours}) == ROWS - 1
    again = [str(one["id"]) for one in subjects(kept.server, "Imported again")]
    types(0, "sets", "add", kept.name, *again, *PROJECT, "--yes")
    assert len(subjects(kept.server, kept.name)) == 2 * ROWS - 1
    types(0, *where, "--unlink", "--yes")
    for one in kept.held().values():
        assert one["id"] == first[one["external_id"]]["id"]
    types(0, "verify", kept.run)


def test_supersede_by_an_import(kept: Imported, types: Zoocut) -> None:
    old, new = kept.held(), kept.host.root / "redrawn"
    address_rows(make_run(new, ROWS), f"{kept.host.endpoint}/redrawn")
    told = json.loads(types(0, "supersede", kept.run, new, "--json").stdout)
    assert (told["replaced"], told["fresh"], told["uploaded"]) == (ROWS, 0, 0)
    types(0, "upload", new, "--import", *FAST, "--set", "Redrawn")
    for name, one in kept.held("Redrawn").items():
        assert one["metadata"]["#supersedes"] == str(old[name]["id"])
    assert json.loads(types(0, "supersede", kept.run, new, "--json").stdout)["uploaded"] == ROWS
    with (new / "superseded.csv").open(newline="") as file:
        pairs = {one["old_subject_id"]: one["new_subject_id"] for one in csv.DictReader(file)}
    assert pairs == {str(old[name]["id"]): str(one["id"]) for name, one in kept.held("Redrawn").items()}


@pytest.mark.parametrize("begun", [ROWS, 11])
def test_a_set_of_which_only_the_locations_are_ours_is_adopted(
    kept: Imported, types: Zoocut, zoocut: Zoocut, tmp_path: Path, begun: int
) -> None:
    """Imported by another tool under numbers of its own and with metadata of its own, all of it or the first rows."""
    name = f"cutouts-{begun}"
    run = address_rows(make_run(kept.host.root / name, ROWS), f"{kept.host.endpoint}/{name}")
    rows = [
        ManifestRow(f"target-{number}", one.locations, {"objectId": f"ZTF{number}"})
        for number, one in enumerate(Run.open(run).by_addresses().rows())
    ]
    write_manifest(run / "theirs.csv", reversed(rows[:begun]), ["objectId"])
    kept.bring_by_hand(name, run / "theirs.csv", begun)
    asked = types(2, "adopt", run, *PROJECT, "--set", name)
    assert f"{begun} by equal locations" in asked.stderr
    adopted = json.loads(types(0, "adopt", run, *PROJECT, "--set", name, "--yes", "--json").stdout)
    assert (adopted["linked"], adopted["left"]) == (begun, ROWS - begun)
    types(0, "upload", run, "--urls", "--settle", "1", *PROJECT, "--set", name)
    assert states(zoocut, run) == {"linked": ROWS}
    shown = {one["locations"][0]["url"]: one["external_id"] for one in subjects(kept.server, name)}
    assert len(shown) == len(subjects(kept.server, name)) == ROWS
    types(0, "export", run, "-o", "theirs.csv")
    with (tmp_path / "theirs.csv").open(newline="") as file:
        mapping = {one["diaSourceId"]: one["subject_id"] for one in csv.DictReader(file)}
    held = {one["locations"][0]["url"]: str(one["id"]) for one in subjects(kept.server, name)}
    for one in Run.open(run).by_addresses().rows():
        assert mapping[one.external_id] == held[one.locations[0]]


def test_a_lost_ledger_of_an_import_is_rebuilt(kept: Imported, types: Zoocut, zoocut: Zoocut) -> None:
    lost = kept.host.root / "copy"
    shutil.copytree(kept.run, lost)
    (lost / "ledger.sqlite3").unlink()
    held = kept.held()
    adopted = json.loads(types(0, "adopt", lost, *PROJECT, "--set", kept.name, "--yes", "--json").stdout)
    assert adopted["linked"] == ROWS
    types(0, "upload", lost, "--settle", "1")
    assert states(zoocut, lost) == {"linked": ROWS}
    assert kept.held() == held
