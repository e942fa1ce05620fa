"""After the upload: metadata brought up to date, subjects superseded, duplicates found; all at a sandbox."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from zoocut.ledger import Ledger
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, read_manifest, write_manifest
from zoocut.sandbox import running
from zoocut.zooniverse.connect import connect_set_admin
from zoocut.zooniverse.credentials import Credentials
from zoocut.zooniverse.set_admin import SetAdmin
from zoocut.zooniverse.store import Store
from zoocut.zooniverse.transport import Transport

Zoocut = Callable[..., subprocess.CompletedProcess[str]]
ACCOUNT = {"PANOPTES_USERNAME": "owner", "PANOPTES_PASSWORD": "sandbox-password"}
PROJECT = "owner/rehearsal"
FIRST = 170059034123456789
NUMBERS = itertools.count(1)


@dataclass
class Keeping:
    """The owner of the rehearsal project, with the program and what the server was asked."""

    admin: SetAdmin
    program: Zoocut
    folder: Path

    def types(self, code: int, *words: object) -> subprocess.CompletedProcess[str]:
        done = self.program(*words, **ACCOUNT, PANOPTES_ENDPOINT=self.admin.panoptes.endpoint)
        assert done.returncode == code, done.stderr + done.stdout
        return done

    def latest(self) -> int:
        return max(int(one["at"]) for one in self.log())

    def log(self) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.admin.panoptes.endpoint}/sandbox/requests", timeout=240)
        return list(answer.json()["requests"])

    def writes(self, after: int) -> list[str]:
        calls = [f"{one['method']} {one['path']}" for one in self.log() if one["at"] > after]
        return [call for call in calls if " /api" in call and not call.startswith("GET")]

    def run(self, name: str, rows: int = 3) -> Run:
        """Make a run of pictures, not uploaded yet."""
        run = Run.create(self.folder / name)
        made = []
        for n in range(rows):
            content = io.BytesIO()
            Image.new("L", (8, 8), n).save(content, "PNG")
            run.images.mkdir(exist_ok=True)
            (run.images / f"{n}.png").write_bytes(content.getvalue())
            told = {"diaSourceId": str(FIRST + n), "snr": f"{n}.5"}
            made.append(ManifestRow(str(FIRST + n), (f"images/{n}.png",), told))
        write_manifest(run.manifest, made, ["diaSourceId", "snr"])
        return run

    def uploaded(self, name: str, rows: int = 3) -> tuple[Run, str, list[str]]:
        """Make a run and upload it to a set of its own; give its subjects by row."""
        run, title = self.run(name, rows), f"{name} {next(NUMBERS)}"
        self.types(0, "upload", run.path, "--project", PROJECT, "--set", title)
        with Ledger.read(run.ledger) as ledger:
            return run, title, [str(entry.subject_id) for entry in ledger.every(ledger.targets()[0])]


@pytest.fixture(scope="module")
def admin() -> Iterator[SetAdmin]:
    with running() as sandbox:
        yield connect_set_admin(sandbox.endpoint, Credentials("owner", "sandbox-password"))


@pytest.fixture
def keeping(admin: SetAdmin, zoocut: Zoocut, tmp_path: Path) -> Keeping:
    return Keeping(admin, zoocut, tmp_path)


def test_status_asks_the_server_when_told(keeping: Keeping) -> None:
    run, title, subjects = keeping.uploaded("night", 4)
    project = keeping.admin.panoptes.project(PROJECT)
    (found,) = keeping.admin.panoptes.subject_sets(project, title)
    assert "remote" not in json.loads(keeping.types(0, "status", run.path, "--json").stdout)["targets"][0]
    keeping.admin.serve(met(keeping, project.project_id, subjects[0]), found.set_id)
    (target,) = json.loads(keeping.types(0, "status", run.path, "--remote", "--json").stdout)["targets"]
    (workflow,) = target["remote"]["workflows"]
    assert (target["remote"]["subjects"], workflow["classified"], workflow["retired"]) == (4, 0, 1)
    assert "1 retired, 25% complete" in keeping.types(0, "status", run.path, "--remote").stdout
    keeping.admin.delete_set(found.set_id)
    assert "gone from the server" in keeping.types(0, "status", run.path, "--remote").stdout


def test_linking_warns_while_the_run_does_not_pass_verify(keeping: Keeping) -> None:
    run, title, subjects = keeping.uploaded("night", 2)
    project = keeping.admin.panoptes.project(PROJECT)
    workflow = met(keeping, project.project_id, subjects[0])
    link = ("sets", "link", title, f"id:{workflow}", "--project", PROJECT, "--runs", run.path)
    assert "warning" not in keeping.types(0, *link).stderr
    (found,) = keeping.admin.panoptes.subject_sets(project, title)
    keeping.admin.unlink(found.set_id, subjects[:1])
    assert f"zoocut verify {run.path}" in " ".join(keeping.types(0, *link).stderr.split())


def test_metadata_follows_the_manifest(keeping: Keeping) -> None:
    run, _, subjects = keeping.uploaded("night")
    stranger = keeping.admin.panoptes.subject(subjects[0])
    keeping.admin.replace_metadata(stranger, {**stranger.metadata, "#others": "kept"})
    rows = list(read_manifest(run.manifest))
    hidden = [
        ManifestRow(r.external_id, r.locations, {"diaSourceId": r.external_id, "#snr": "9"}) for r in rows
    ]
    write_manifest(run.manifest, hidden, ["diaSourceId", "#snr"])
    began = keeping.latest()
    told = json.loads(keeping.types(0, "metadata", run.path, "--diff", "--json").stdout)["differences"]
    assert {(one["key"], one["there"], one["manifest"]) for one in told if one["subject"] == subjects[1]} == {
        ("snr", "1.5", None),
        ("#snr", None, "9"),
    }
    assert "nothing was changed" in keeping.types(2, "metadata", run.path, "--apply").stderr
    assert keeping.writes(began) == []
    assert keeping.types(0, "metadata", run.path, "--apply", "--yes").stdout == "3 subjects changed\n"
    first = keeping.admin.panoptes.subject(subjects[0]).metadata
    assert (first["#snr"], first["#others"], "snr" in first) == ("9", "kept", False)
    assert first["#zoocut"].startswith(f"{run.run_id}/")
    began = keeping.latest()
    assert keeping.types(0, "metadata", run.path, "--apply").stdout == "0 subjects changed\n"
    assert keeping.writes(began) == []
    keeping.types(0, "upload", run.path)
    assert len(list(keeping.admin.panoptes.of_members(stranger.sets[0], lambda one: one))) == 3


def prioritized(keeping: Keeping, run: Run, *priorities: str) -> None:
    """Write the rows' #priority into the manifest; an empty one for none."""
    rows = zip(read_manifest(run.manifest), priorities, strict=True)
    made = [
        ManifestRow(row.external_id, row.locations, {"snr": "1"} | ({"#priority": one} if one else {}))
        for row, one in rows
    ]
    write_manifest(run.manifest, made, ["snr", "#priority"])


def test_a_changed_priority_is_served(keeping: Keeping) -> None:
    """Zooniverse copies #priority once, when a subject is linked: the memberships are set, and read back."""
    run = keeping.run("night")
    prioritized(keeping, run, "3", "2", "")
    title = f"night {next(NUMBERS)}"
    keeping.types(0, "upload", run.path, "--project", PROJECT, "--set", title)
    (found,) = keeping.admin.panoptes.subject_sets(keeping.admin.panoptes.project(PROJECT), title)
    with Ledger.read(run.ledger) as ledger:
        subjects = [str(entry.subject_id) for entry in ledger.every(ledger.targets()[0])]

    def served() -> list[float | None]:
        members = {
            one.subject_id: one.priority for one in keeping.admin.panoptes.memberships(found.set_id, subjects)
        }
        return [members[subject] for subject in subjects]

    requests.post(
        f"{keeping.admin.panoptes.endpoint}/sandbox/jobs/run", json={}, timeout=240
    ).raise_for_status()
    assert served() == [3.0, 2.0, None]
    prioritized(keeping, run, "1", "2", "-0.5")
    told = json.loads(keeping.types(0, "metadata", run.path, "--diff", "--json").stdout)["differences"]
    assert [(one["there"], one["manifest"]) for one in told if one["key"] == "priority served"] == [
        (3.0, 1.0),
        (None, -0.5),
    ]
    verified = keeping.types(0, "verify", run.path, "--check", "none").stdout
    assert "served by another priority than the manifest says: 2" in verified
    assert f"subject {subjects[0]}, served by 3, manifest 1" in verified
    assert (
        "2 of them are served by another priority" in keeping.types(0, "status", run.path, "--remote").stdout
    )
    applied = keeping.types(0, "metadata", run.path, "--apply", "--yes").stdout
    assert "2 subjects served by another priority than before" in applied
    assert served() == [1.0, 2.0, -0.5]
    began = keeping.latest()
    assert keeping.types(0, "metadata", run.path, "--apply").stdout == "0 subjects changed\n"
    assert keeping.writes(began) == []
    document = json.loads(keeping.types(0, "verify", run.path, "--check", "none", "--json").stdout)
    assert document["targets"][0]["priorities"] == []


def test_metadata_goes_on_where_it_was_stopped(keeping: Keeping) -> None:
    """One subject was written and the ledger not told: the next call finds it done and tells the ledger."""
    run, _, subjects = keeping.uploaded("night")
    rows = list(read_manifest(run.manifest))
    write_manifest(
        run.manifest, [ManifestRow(r.external_id, r.locations, {"snr": "7"}) for r in rows], ["snr"]
    )
    subject = keeping.admin.panoptes.subject(subjects[0])
    keeping.admin.replace_metadata(subject, {"snr": "7", "#zoocut": subject.key})
    assert keeping.types(0, "metadata", run.path, "--apply", "--yes").stdout == "2 subjects changed\n"
    keeping.types(0, "upload", run.path)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("#priority", "nan", "#priority 'nan', which is not a number"),
        ("#Priority", "soon", "which is not a number"),
        ("#zoocut", "mine", "kept for zoocut"),
        ("#training_subject", "true", "without #feedback_1_id"),
        ("note", "a\x07b", "control characters in note"),
    ],
)
def test_metadata_that_no_upload_sends_is_left_as_it_is(
    keeping: Keeping, key: str, value: str, told: str
) -> None:
    """The key that tells a subject apart must never be written over, nor a priority be what is no number."""
    run, _, subjects = keeping.uploaded("night", 2)
    before = [keeping.admin.panoptes.subject(number).metadata for number in subjects]
    first, second = read_manifest(run.manifest)
    rows = [ManifestRow(first.external_id, first.locations, {**first.metadata, key: value}), second]
    write_manifest(run.manifest, rows, ["diaSourceId", "snr", key])
    done = keeping.types(3, "metadata", run.path, "--apply", "--yes")
    assert (told in done.stderr, done.stdout) == (True, "0 subjects changed\n"), done.stderr
    assert [keeping.admin.panoptes.subject(number).metadata for number in subjects] == before


def test_metadata_goes_on_past_what_cannot_be_changed(keeping: Keeping) -> None:
    """A subject that is gone, a row that is gone and one with another image are told; the others are changed."""
    run, _, subjects = keeping.uploaded("night", 5)
    first, gone, *rest = read_manifest(run.manifest)
    keeping.admin.panoptes.delete_subject(subjects[0])
    other = ManifestRow(rest[0].external_id, ("images/1.png",), {"snr": "60"})
    others = [ManifestRow(row.external_id, row.locations, {"snr": "60"}) for row in rest[1:]]
    write_manifest(run.manifest, [first, other, *others], ["snr"])
    for how, code in (("--diff", 3), ("--apply", 3)):
        done = keeping.types(code, "metadata", run.path, how, "--yes")
        assert (
            f"its subject {subjects[0]} is gone from the server: `zoocut verify {run.path}` tells more"
            in done.stderr
        )
        assert f"{gone.external_id}: it is missing from the manifest" in done.stderr
        assert f"{other.external_id}: it has other images now" in done.stderr
    assert done.stdout == "2 subjects changed\n"
    changed = [keeping.admin.panoptes.subject(number).metadata for number in subjects[1:]]
    assert [one["snr"] for one in changed] == ["1.5", "2.5", "60", "60"]
    told = json.loads(keeping.types(3, "metadata", run.path, "--apply", "--yes", "--json").stdout)
    assert (told["changed"], len(told["left"])) == (0, 3)


@pytest.mark.parametrize(("basis", "code"), [("derived-image", 2), ("public-release", 0)])
def test_metadata_sends_no_more_than_was_agreed(keeping: Keeping, basis: str, code: int) -> None:
    run = keeping.run(f"night of {basis}", 2)
    rows = [ManifestRow(row.external_id, row.locations, {}) for row in read_manifest(run.manifest)]
    write_manifest(run.manifest, rows, [])
    where = ("--project", PROJECT, "--set", f"rights {next(NUMBERS)}", "--rights", basis)
    keeping.types(0, "upload", run.path, *where)
    write_manifest(
        run.manifest, [ManifestRow(r.external_id, r.locations, {"!snr": "9"}) for r in rows], ["!snr"]
    )
    done = keeping.types(code, "metadata", run.path, "--apply", "--yes")
    assert ("column !snr, a value of the catalog" in done.stderr) is (code == 2)


def test_images_are_never_exchanged(keeping: Keeping) -> None:
    run, _, _ = keeping.uploaded("night", 1)
    (row,) = read_manifest(run.manifest)
    (run.images / "other.png").write_bytes((run.images / "0.png").read_bytes())
    write_manifest(
        run.manifest, [ManifestRow(row.external_id, ("images/other.png",), row.metadata)], row.metadata
    )
    began = keeping.latest()
    assert "zoocut supersede" in keeping.types(3, "metadata", run.path, "--apply", "--yes").stderr
    assert keeping.writes(began) == []


def test_superseding_keeps_old_and_new_together(keeping: Keeping) -> None:
    old, _, subjects = keeping.uploaded("night", 2)
    new = keeping.run("again", 3)
    told = json.loads(keeping.types(0, "supersede", old.path, new.path, "--json").stdout)
    assert (told["replaced"], told["fresh"], told["uploaded"]) == (2, 1, 0)
    title = f"again {next(NUMBERS)}"
    keeping.types(0, "upload", new.path, "--project", PROJECT, "--set", title)
    done = keeping.types(0, "supersede", old.path, new.path)
    assert "2 have their new subject" in done.stdout
    pairs = list(csv.DictReader((new.path / "superseded.csv").read_text().splitlines()))
    assert [pair["old_subject_id"] for pair in pairs] == subjects
    for pair in pairs:
        new_subject = keeping.admin.panoptes.subject(pair["new_subject_id"])
        assert new_subject.metadata["#supersedes"] == pair["old_subject_id"]
        assert new_subject.external_id == pair["diaSourceId"]
    unprepared, _, _ = keeping.uploaded("unprepared", 2)
    assert "before it was prepared" in keeping.types(3, "supersede", old.path, unprepared.path).stderr


def test_duplicates_are_shown_then_unlinked_and_what_differs_or_is_young_stays(keeping: Keeping) -> None:
    _, title, subjects = keeping.uploaded("night", 3)
    server = keeping.admin.panoptes
    project = server.project(PROJECT)
    (found,) = server.subject_sets(project, title)
    kept = {one.subject_id: one for one in server.of_members(found.set_id, lambda one: one)}
    plain = {key: value for key, value in kept[subjects[0]].metadata.items() if key != "#zoocut"}
    same, other_band, other_images, training = (
        server.create_subject(project.project_id, "", metadata, images).subject_id
        for metadata, images in (
            (plain, ["image/png"]),
            ({**plain, "band": "another"}, ["image/png"]),
            (plain, ["image/png", "image/png"]),
            ({**plain, "#training_subject": "True"}, ["image/png"]),
        )
    )
    Store(Transport()).put(
        server.renewed_addresses(same)[0],
        requests.get(kept[subjects[0]].addresses[0].url, timeout=240).content,
        "image/png",
    )
    server.link(found.set_id, [same, other_band, other_images, training])
    where = ("dedupe", "--set", title, "--project", PROJECT)

    def proposals(*words: str) -> dict[str, str]:
        rows = json.loads(keeping.types(0, *where, *words, "--json").stdout)["duplicates"]
        return {row["subject"]: row["proposal"] for row in rows}

    assert proposals()[same] == "leave: too young"
    assert proposals("--settle", "0") == {
        subjects[0]: "keep", same: "unlink", other_band: "leave: differs", other_images: "leave: differs"
    }  # fmt: skip
    began = keeping.latest()
    assert "nothing was changed" in keeping.types(2, *where, "--unlink", "--settle", "0").stderr
    assert keeping.writes(began) == []
    told = json.loads(keeping.types(0, *where, "--unlink", "--settle", "0", "--yes", "--json").stdout)
    assert told == {"version": 1, "sources": 1, "unlinked": 1, "left_alone": 2}
    left = {one.subject_id for one in server.of_members(found.set_id, lambda one: one)}
    assert left == {*subjects, other_band, other_images, training}
    assert server.subject(same).sets == ()


def test_equal_numbers_of_another_tool_are_no_duplicates(keeping: Keeping) -> None:
    server = keeping.admin.panoptes
    project = server.project(PROJECT)
    made = server.create_subject_set(project, "numbered twice", {})
    ids = [
        server.create_subject(project.project_id, str(n), {"file": f"{kind}_{n}"}, []).subject_id
        for kind in ("galaxy", "comet")
        for n in range(3)
    ]
    server.link(made.set_id, ids)
    where = ("dedupe", "--set", "numbered twice", "--project", PROJECT, "--settle", "0")
    assert "no duplicates" in keeping.types(0, *where).stdout
    rows = json.loads(keeping.types(0, *where, "--by-external-id", "--json").stdout)["duplicates"]
    assert {row["proposal"] for row in rows} == {"keep", "leave: differs"}
    keeping.types(0, *where, "--by-external-id", "--unlink", "--yes")
    assert len(list(server.of_members(made.set_id, lambda one: one))) == 6


def met(keeping: Keeping, project_id: str, subject_id: str) -> str:
    """Have a new workflow retire a subject, which was served thereby; give the workflow's id."""
    send = keeping.admin.panoptes.api.unrepeatable
    content = {"display_name": "W", "primary_language": "en", "links": {"project": project_id}}
    answer = send("POST", "/workflows", {"workflows": content})
    assert answer.document is not None
    number = answer.document["workflows"][0]["id"]
    send("POST", f"/workflows/{number}/retired_subjects", {"subject_ids": [subject_id]})
    requests.post(f"{keeping.admin.panoptes.endpoint}/sandbox/jobs/run", timeout=240).raise_for_status()
    return str(number)


def test_watching_tells_again_until_stopped(keeping: Keeping) -> None:
    run = keeping.run("night", 1)
    process = subprocess.Popen(
        [sys.executable, "-m", "zoocut", "status", run.path, "--watch", "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    told = [process.stdout.readline() for _ in range(4)]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=240)
    assert told[0] == told[2] == f"run {run.run_id} in {run.path}: 1 rows\n"
    assert (process.returncode, "stopped watching" in said) == (130, True)


def workflow_of(keeping: Keeping, **content: Any) -> str:
    """Make a workflow of the rehearsal project; give its id."""
    project = keeping.admin.panoptes.project(PROJECT)
    fields = {
        "display_name": "W",
        "primary_language": "en",
        "links": {"project": project.project_id},
        **content,
    }
    answer = keeping.admin.panoptes.api.unrepeatable("POST", "/workflows", {"workflows": fields})
    assert answer.document is not None
    return str(answer.document["workflows"][0]["id"])


@pytest.mark.parametrize(("with_pictures", "viewer"), [(True, "dataImage"), (False, "scatterPlot")])
def test_what_workflows_plots_need_is_printed_and_checked(
    keeping: Keeping, with_pictures: bool, viewer: str
) -> None:
    run = keeping.run("plots", 2)
    rows = []
    for row in read_manifest(run.manifest):
        plot = f"images/{row.external_id}.json"
        (run.path / plot).write_text('{"data": []}')
        rows.append(
            ManifestRow(
                row.external_id, (plot, *(row.locations if with_pictures else ())), {"#priority": "1"}
            )
        )
    write_manifest(run.manifest, rows, ["#priority"], locations=1 + with_pictures)
    title = f"plots {next(NUMBERS)}"
    done = keeping.types(0, "upload", run.path, "--project", PROJECT, "--set", title)
    assert f'whose configuration is {{"subject_viewer": "{viewer}"}}' in done.stdout
    fits = workflow_of(keeping, configuration={"subject_viewer": viewer}, prioritized=True)
    assert "it shows all" in " ".join(
        keeping.types(0, "doctor", "--workflow", fits, "--run", run.path).stdout.split()
    )
    plain = workflow_of(keeping)
    told = json.loads(keeping.types(1, "doctor", "--workflow", plain, "--run", run.path, "--json").stdout)[
        "checks"
    ]
    unmet = [one["found"] for one in told if one["verdict"] == "bad"]
    assert len(unmet) == 2
    assert f'have its configuration set to {{"subject_viewer": "{viewer}"}}' in unmet[0]
    assert "it is not prioritized" in unmet[1]
    assert "--workflow needs --run" in keeping.types(2, "doctor", "--workflow", plain).stderr
    gone = keeping.types(1, "doctor", "--workflow", "999999", "--run", run.path, "--json")
    assert json.loads(gone.stdout)["checks"][-1]["verdict"] == "bad"


def test_pictures_alone_need_no_viewer(keeping: Keeping) -> None:
    run, _, _ = keeping.uploaded("pictures", 1)
    assert "subject_viewer" not in keeping.types(0, "upload", run.path).stdout
    plain = workflow_of(keeping)
    keeping.types(0, "doctor", "--workflow", plain, "--run", run.path)


def test_a_set_is_forgotten_once_the_server_holds_nothing_of_it(keeping: Keeping) -> None:
    """Refused for subjects in the set, and for those that no set holds any more; another set of the run stays."""
    run, title, subjects = keeping.uploaded("forgotten", 2)
    other = f"kept {next(NUMBERS)}"
    keeping.types(0, "upload", run.path, "--project", PROJECT, "--set", other, "--create")
    words = ("forget", run.path, "--set", title, "--yes")
    assert "2 subjects of this run are at the server" in keeping.types(6, *words).stderr
    keeping.admin.unlink(set_of(keeping, title), subjects)
    assert "2 subjects of this run are at the server" in keeping.types(6, *words).stderr
    keeping.admin.panoptes.delete_subject(subjects[0])
    assert "1 subjects of this run are at the server" in keeping.types(6, *words).stderr
    keeping.admin.panoptes.delete_subject(subjects[1])
    assert "nothing was changed" in keeping.types(2, *words[:-1]).stderr
    assert "with its 2 rows; the set itself stays" in keeping.types(0, *words).stdout
    with Ledger.read(run.ledger) as ledger:
        (left,) = ledger.targets()
        assert (left.set_name, len(list(ledger.every(left)))) == (other, 2)
        assert ledger.query("SELECT COUNT(*) FROM images")[0][0] == 2
    assert "was not uploaded there" in keeping.types(2, *words).stderr
    keeping.types(0, "upload", run.path, "--project", PROJECT, "--set", title, "--create")
    assert keeping.types(0, "forget", run.path, "--set", other, "--yes", "--keep-subjects").stdout


def set_of(keeping: Keeping, title: str) -> str:
    """Give the id of the set of a name."""
    (found,) = keeping.admin.panoptes.subject_sets(keeping.admin.panoptes.project(PROJECT), title)
    return found.set_id
