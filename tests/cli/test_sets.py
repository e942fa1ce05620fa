"""`zoocut sets` against a sandbox, as it is typed; what is refused or interrupted changes nothing."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from zoocut.sandbox import running
from zoocut.zooniverse.connect import connect_set_admin
from zoocut.zooniverse.credentials import Credentials
from zoocut.zooniverse.panoptes import Project
from zoocut.zooniverse.set_admin import SetAdmin

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
ACCOUNT = {"PANOPTES_USERNAME": "owner", "PANOPTES_PASSWORD": "sandbox-password"}
NUMBERS = itertools.count(1)
FIRST = 170059034123456789


@dataclass
class Desk:
    """A project of its own at the sandbox, its owner, and the program."""

    admin: SetAdmin
    project: Project
    program: Zoocut
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def zoocut(self, *words: object) -> subprocess.CompletedProcess[str]:
        return self.program(*words, **self.environment)

    def sets(self, *words: object) -> str:
        done = self.zoocut("sets", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, code: int, *words: object) -> str:
        began = self.latest()
        done = self.zoocut("sets", *words)
        assert done.returncode == code, done.stderr
        assert self.writes(began) == []
        return " ".join(done.stderr.split())

    def log(self) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.admin.panoptes.endpoint}/sandbox/requests", timeout=240)
        return list(answer.json()["requests"])

    def latest(self) -> int:
        return max(int(one["at"]) for one in self.log())

    def writes(self, after: int) -> list[tuple[str, str]]:
        """List the requests since then that may have changed anything."""
        calls = [(one["method"], one["path"]) for one in self.log() if one["at"] > after]
        return [(m, p) for m, p in calls if m != "GET" and p.startswith("/api")]

    def new_set(self, name: str, subjects: int = 0, **metadata: str) -> tuple[str, list[str]]:
        made = self.admin.panoptes.create_subject_set(self.project, name, {})
        ids = [self.new_subject(n, metadata) for n in range(subjects)]
        if ids:
            self.admin.panoptes.link(made.set_id, ids)
        return made.set_id, ids

    def new_subject(self, number: int, metadata: dict[str, str]) -> str:
        told = {"#diaSourceId": str(FIRST + number), "band": "gr"[number % 2], **metadata}
        return self.admin.panoptes.create_subject(self.project.project_id, f"x{number}", told, []).subject_id

    def new_workflow(self, name: str, **links: Any) -> str:
        content = {
            "display_name": name,
            "primary_language": "en",
            "links": {"project": self.project.project_id},
        }
        return str(self.post("/workflows", {"workflows": content})["workflows"][0]["id"])

    def post(self, path: str, body: Any) -> Any:
        answer = self.admin.panoptes.api.unrepeatable("POST", path, body)
        return answer.document

    def retire(self, workflow: str, *subjects: str) -> None:
        self.post(f"/workflows/{workflow}/retired_subjects", {"subject_ids": list(subjects)})
        requests.post(f"{self.admin.panoptes.endpoint}/sandbox/jobs/run", timeout=240).raise_for_status()

    def members(self, set_id: str) -> list[str]:
        return [subject.subject_id for subject in self.admin.panoptes.of_members(set_id, lambda one: one)]


@pytest.fixture(scope="module")
def admin() -> Iterator[SetAdmin]:
    with running() as sandbox:
        yield connect_set_admin(sandbox.endpoint, Credentials("owner", "sandbox-password"))


@pytest.fixture
def desk(admin: SetAdmin, zoocut: Zoocut, tmp_path: Path) -> Desk:
    name = f"Sets {next(NUMBERS)}"
    fields = {"display_name": name, "description": name, "primary_language": "en", "private": False}
    answer = admin.panoptes.api.unrepeatable("POST", "/projects", {"projects": fields})
    assert answer.document is not None
    (made,) = answer.document["projects"]
    environment = {**ACCOUNT, "PANOPTES_ENDPOINT": admin.panoptes.endpoint, "ZOOCUT_PROJECT": made["slug"]}
    return Desk(admin, Project(made["id"], made["slug"]), zoocut, tmp_path, environment)


def test_list_counts_now_and_names_workflows(desk: Desk) -> None:
    set_id, ids = desk.new_set("Night 1", 3)
    other, _ = desk.new_set("Night, 2\x1b[31m")
    workflow = desk.new_workflow("Real or bogus")
    desk.admin.serve(workflow, set_id)
    desk.retire(workflow, ids[0])
    told = json.loads(desk.sets("list", "--json"))
    share = {
        "id": workflow,
        "display_name": "Real or bogus",
        "active": True,
        "completeness": pytest.approx(1 / 3),
    }
    first, second = told["sets"]
    assert (first["id"], first["subjects"], first["workflows"]) == (set_id, 3, [share])
    assert (second["id"], second["subjects"], second["run"]) == (other, 0, None)
    (row, _) = csv.DictReader(io.StringIO(desk.sets("list", "--csv")))
    assert (row["workflows"], row["complete"]) == (f"Real or bogus ({workflow})", "33%")
    table = desk.sets("list")
    assert "Night 1" in table
    assert "Night, 2\\u001b" in table
    assert "\x1b" not in table


def test_create_rename_show_and_metadata(desk: Desk) -> None:
    made = json.loads(desk.sets("create", "Night 1", "-m", "telescope=DECam", "--json"))
    assert "already" in desk.refused(2, "create", "Night 1")
    assert "cannot be a new set's name" in desk.refused(2, "create", "Night 1, g")
    desk.sets("metadata", "Night 1", "--set", "band=g=1", "--set", "note=x")
    noted = json.loads(desk.sets("metadata", "Night 1", "--unset", "note", "--json"))["metadata"]
    assert {one["key"]: one["value"] for one in noted} == {"telescope": "DECam", "band": "g=1"}
    desk.sets("rename", "Night 1", "Night one")
    desk.sets("rename", made["id"], "Night one")
    assert desk.admin.details(made["id"]).subject_set.name == "Night one"
    assert "telescope" in desk.sets("show", f"id:{made['id']}")


def test_ambiguous_and_foreign_names_are_refused_with_candidates(desk: Desk) -> None:
    set_id, _ = desk.new_set("Night 1")
    namesake, _ = desk.new_set(set_id)
    words = desk.refused(2, "show", set_id)
    assert f"id:{set_id} is 'Night 1'; id:{namesake} is '{set_id}'" in words
    assert "Night 1" in desk.sets("show", f"id:{set_id}")
    assert "no subject set 'Night 9'" in desk.refused(7, "show", "Night 9")
    assert "belongs to project" in desk.refused(7, "show", set_id, "--project", "owner/rehearsal")
    del desk.environment["ZOOCUT_PROJECT"]
    assert "add --project" in desk.refused(2, "show", "Night 1")


def test_link_is_idempotent_and_unlink_too(desk: Desk) -> None:
    set_id, _ = desk.new_set("Night 1")
    workflow = desk.new_workflow("Real or bogus")
    assert "now serves" in desk.sets("link", "Night 1", "Real or bogus")
    assert "already serves" in desk.sets("link", set_id, workflow)
    assert desk.admin.workflow(workflow).set_ids == (set_id,)
    assert "add --yes" in desk.refused(2, "unlink", "Night 1", workflow)
    assert desk.admin.workflow(workflow).set_ids == (set_id,)
    assert "no longer serves" in desk.sets("unlink", "Night 1", workflow, "--yes")
    assert "did not serve" in desk.sets("unlink", "Night 1", workflow, "--yes")
    assert "it has 'Real or bogus'" in desk.refused(7, "link", "Night 1", "Other")


def test_workflow_of_another_project_needs_copy(desk: Desk) -> None:
    set_id, ids = desk.new_set(f"Night {next(NUMBERS)}", 2)
    name = desk.admin.details(set_id).subject_set.name
    rehearsal = desk.admin.panoptes.project("owner/rehearsal")
    content = {"display_name": "W", "primary_language": "en", "links": {"project": rehearsal.project_id}}
    workflow = desk.post("/workflows", {"workflows": content})["workflows"][0]["id"]
    assert "--copy" in desk.refused(7, "link", set_id, workflow)
    desk.sets("link", set_id, workflow, "--copy")
    assert "has a set" in desk.refused(2, "link", set_id, workflow, "--copy")
    (copy,) = desk.admin.panoptes.subject_sets(rehearsal, name)
    assert desk.admin.workflow(workflow).set_ids == (copy.set_id,)
    assert desk.members(copy.set_id) == ids


def test_add_and_remove_by_id_file_and_source(desk: Desk) -> None:
    first, ids = desk.new_set("Night 1", 4)
    second, _ = desk.new_set("Night 2")
    workflow = desk.new_workflow("Real or bogus")
    desk.retire(workflow, ids[1])
    (desk.folder / "ids.txt").write_text(f"{ids[1]}\n{ids[2]}\n")
    done = desk.zoocut("sets", "add", "Night 2", ids[0], "--file", "ids.txt", "-d", FIRST + 3, ids[0])
    assert done.stdout == f"set {second}: 4 added\n"
    assert "has retired 1 of them" in " ".join(done.stderr.split())
    assert "0 added, 1 needed nothing" in desk.sets("add", "Night 2", ids[0])
    assert "has no subject 99999999" in desk.refused(3, "add", "Night 2", ids[0], "99999999")
    elsewhere = desk.admin.panoptes.project("owner/rehearsal").project_id
    foreign = desk.admin.panoptes.create_subject(elsewhere, "x", {}, []).subject_id
    assert f"has no subject {foreign}" in desk.refused(3, "add", "Night 2", foreign)
    assert "has the diaSourceId 5" in desk.refused(3, "remove", "Night 2", "-d", "5", "--yes")
    assert "nothing was changed" in desk.refused(2, "remove", "Night 2", ids[0])
    assert "1 taken out" in desk.sets("remove", "Night 2", "-d", FIRST + 1, "--yes")
    assert desk.members(second) == [ids[0], *ids[2:]]
    assert desk.members(first) == ids


def test_copy_merge_and_split_leave_the_sets_as_they_are(desk: Desk) -> None:
    first, ids = desk.new_set("Night 1", 3)
    desk.new_set("Night 2", 2)
    desk.sets("copy", "Night 1", "Copy")
    assert '"added": 0' in desk.sets("copy", "Night 1", "Copy", "--json")
    desk.sets("merge", "Night 1", "Night 2", "Copy", "--into", "Both")
    rows = json.loads(desk.sets("split", "Night 1", "--by", "band", "--yes", "--json"))["sets"]
    assert [(row["name"], row["subjects"]) for row in rows] == [("Night 1 band g", 2), ("Night 1 band r", 1)]
    counted = {
        line["display_name"]: line["subjects"] for line in json.loads(desk.sets("list", "--json"))["sets"]
    }
    assert counted == {
        "Night 1": 3, "Night 2": 2, "Copy": 3, "Both": 5, "Night 1 band g": 2, "Night 1 band r": 1
    }  # fmt: skip
    assert desk.members(first) == ids
    assert "no one value of colour" in desk.refused(3, "split", "Night 1", "--by", "colour")


def test_delete_tells_what_becomes_of_the_subjects(desk: Desk) -> None:
    set_id, ids = desk.new_set("Night 1", 4)
    other, _ = desk.new_set("Night 2")
    desk.admin.panoptes.link(other, ids[:1])
    workflow = desk.new_workflow("Real or bogus")
    desk.admin.serve(workflow, set_id)
    desk.retire(workflow, ids[1])
    words = desk.refused(2, "delete", "Night 1")
    assert (
        "has 4 subjects: 1 are in other sets and stay, 1 were classified or retired and stay in no set"
        in words
    )
    assert "2 may be removed by the server for good" in words
    assert "served by Real or bogus" in words
    desk.sets("delete", "Night 1", "--yes")
    assert desk.admin.panoptes.subject_sets(desk.project, "Night 1") == []


def test_several_sets_are_deleted_when_all_are_found(desk: Desk) -> None:
    numbers = [desk.new_set(f"Night {n}", n)[0] for n in (1, 2, 3)]
    assert "Night 9" in desk.refused(7, "delete", "Night 1", "Night 9", "--yes")
    words = desk.refused(2, "delete", "Night 1", "Night 2", f"id:{numbers[1]}")
    assert f"delete sets {numbers[0]} (Night 1), {numbers[1]} (Night 2)?" in words
    assert "(Night 1) has 1 subjects" in words
    assert "(Night 2) has 2 subjects" in words
    told = json.loads(desk.sets("delete", "Night 1", "Night 2", "--yes", "--json"))
    assert told == {"version": 1, "ids": numbers[:2], "deleted": True}
    left = [bool(desk.admin.panoptes.subject_sets(desk.project, f"Night {n}")) for n in (1, 2, 3)]
    assert left == [False, False, True]


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"\x04", None], ids=["no", "enter", "end", "ctrl-c"])
def test_nothing_is_touched_when_the_answer_is_no(desk: Desk, answer: bytes | None) -> None:
    set_id, ids = desk.new_set("Night 1", 2)
    began = desk.latest()
    terminal, inner = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "zoocut", "sets", "delete", "Night 1"],
        env=os.environ | desk.environment, stdin=inner, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    said = b""
    while b"[y/N]" not in said:
        said += process.stderr.read1(4096) if isinstance(process.stderr, io.BufferedReader) else b""
        assert process.poll() is None, said
    if answer is None:
        process.send_signal(signal.SIGINT)
    else:
        os.write(terminal, answer)
    _, rest = process.communicate(timeout=240)
    for end in (terminal, inner):
        os.close(end)
    assert b"nothing was changed" in rest
    assert process.returncode in (1, 130)
    assert desk.writes(began) == []
    assert desk.members(set_id) == ids


def test_training_marks_as_text_and_prints_what_to_ask_for(desk: Desk) -> None:
    set_id, ids = desk.new_set("Training", 2)
    table = desk.folder / "answers.csv"
    table.write_text(
        f"diaSourceId,subject_id,#feedback_1_id,#feedback_1_answer\n{FIRST},,real-or-bogus,0\n,{ids[1]},real-or-bogus,1\n"
    )
    assert "add --yes" in desk.refused(2, "training", "Training", "answers.csv")
    request = json.loads(desk.sets("training", "Training", "answers.csv", "--yes"))
    assert request["training_set_ids"] == [int(set_id)]
    assert request["feedback_rules"] == ["real-or-bogus"]
    first, second = (desk.admin.panoptes.subject(number).metadata for number in ids)
    assert first == {
        "#diaSourceId": str(FIRST), "band": "g",
        "#training_subject": "True", "#feedback_1_id": "real-or-bogus", "#feedback_1_answer": "0",
    }  # fmt: skip
    assert second["#feedback_1_answer"] == "1"
    again = desk.zoocut("sets", "training", "Training", "answers.csv", "--yes")
    assert "0 subjects marked, 2 carried it already" in again.stderr
    table.write_text("diaSourceId,#feedback_1_id\n5,x\n")
    assert "line 2 is not complete: it needs #feedback_1_answer" in desk.refused(
        3, "training", "Training", table
    )


@pytest.mark.parametrize(
    ("separator", "encoding", "options"),
    [(";", "utf-8", ()), ("\t", "utf-16", ()), (",", "cp1252", ("--encoding", "cp1252"))],
)
def test_training_tables_however_they_are_written(
    desk: Desk, separator: str, encoding: str, options: tuple[str, ...]
) -> None:
    name = f"Training {encoding} {ord(separator)}"
    _, ids = desk.new_set(name, 1)
    rows = [
        ["# by Ü"],
        ["subject_id", "#feedback_1_id", "#feedback_1_answer"],
        [ids[0], "grün", "0"],
        ["", "", ""],
    ]
    table = desk.folder / "answers.csv"
    table.write_bytes("".join(f"{separator.join(row)}\r\n" for row in rows).encode(encoding))
    desk.sets("training", name, "answers.csv", "--yes", *options)
    assert desk.admin.panoptes.subject(ids[0]).metadata["#feedback_1_id"] == "grün"


def test_set_changed_by_somebody_else_meanwhile(desk: Desk) -> None:
    """The first link request is refused because the set is being changed: the command goes on."""
    desk.new_set("Night 1", 3)
    rule = {"name": "conflict", "nth": [1]}
    answer = requests.post(f"{desk.admin.panoptes.endpoint}/sandbox/faults", json=rule, timeout=240)
    try:
        assert answer.status_code == 200, answer.text
        desk.sets("copy", "Night 1", "Copy")
    finally:
        requests.delete(f"{desk.admin.panoptes.endpoint}/sandbox/faults", timeout=240)
    (copy,) = desk.admin.panoptes.subject_sets(desk.project, "Copy")
    assert desk.admin.count_subjects(copy.set_id) == 3
