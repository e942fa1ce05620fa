"""The published clients against the sandbox, unchanged: panoptes-client 1.7.1 and panoptes-cli 1.2.1."""

from __future__ import annotations

import csv
import hashlib
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from zoocut.sandbox import Running

PASSWORD = "sandbox-password"


def png(number: int) -> bytes:
    """Make a small image that differs with its number."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    pixels = zlib.compress(b"".join(b"\0" + bytes([number % 256, y]) for y in range(2)))
    head = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.png" for number in range(1, 5)]
    for number, path in enumerate(paths):
        path.write_bytes(png(number))
    return paths


@pytest.fixture
def client(sandbox: Running) -> Iterator[Any]:
    """The published client, signed in as owner; its library keeps one for each thread."""
    from panoptes_client import Panoptes

    signed_in = Panoptes.connect(username="owner", password=PASSWORD, endpoint=sandbox.endpoint)
    yield signed_in
    signed_in.session.close()
    Panoptes._local.panoptes_client = None


@pytest.fixture
def project(client: Any) -> Any:
    from panoptes_client import Project

    made = Project()
    made.display_name = f"Published client {os.urandom(4).hex()}"
    made.description = "made by a test"
    made.primary_language = "en"
    made.private = True
    made.save()
    return made


def blob_md5s(owner: Any, ids: set[int]) -> dict[int, list[str]]:
    truth = owner.control("GET", "/truth")
    return {
        s["id"]: [place["blob"]["md5"] for place in s["locations"]]
        for s in truth["subjects"]
        if s["id"] in ids
    }


def test_projects_are_made_and_found(project: Any) -> None:
    from panoptes_client import Project

    assert Project.find(slug=project.slug).id == project.id
    assert Project.find(project.id).display_name == project.display_name
    assert [found.id for found in Project.where(slug=project.slug)] == [project.id]


def test_subjects_are_made_stored_linked_found_and_unlinked(
    project: Any, images: list[Path], owner: Any
) -> None:
    from panoptes_client import Subject, SubjectSet

    chosen = SubjectSet()
    chosen.display_name = "first"
    chosen.links.project = project
    chosen.save()
    subjects = []
    for path in images:
        subject = Subject()
        subject.links.project = project
        subject.add_location(str(path))
        subject.metadata["diaSourceId"] = path.stem
        subject.save()
        subjects.append(subject)
    chosen.add(subjects)
    ids = {int(subject.id) for subject in subjects}
    assert {int(found.id) for found in Subject.where(subject_set_id=chosen.id)} == ids
    assert {int(found.id) for found in chosen.subjects} == ids
    assert [found.id for found in SubjectSet.where(project_id=project.id, display_name="first")] == [
        chosen.id
    ]
    md5s = [hashlib.md5(path.read_bytes()).hexdigest() for path in images]
    assert blob_md5s(owner, ids) == {int(s.id): [md5] for s, md5 in zip(subjects, md5s, strict=True)}
    again = Subject.find(subjects[0].id)
    assert again.metadata == {"diaSourceId": "1"}
    chosen.remove(subjects[:2])
    assert {int(found.id) for found in Subject.where(subject_set_id=chosen.id)} == {
        int(subject.id) for subject in subjects[2:]
    }


def test_many_subjects_are_saved_at_once(project: Any, images: list[Path], owner: Any) -> None:
    from panoptes_client import Subject

    with Subject.async_saves():
        subjects = []
        for path in images * 3:
            subject = Subject()
            subject.links.project = project
            subject.add_location(str(path))
            subject.save()
            subjects.append(subject)
    ids = {int(subject.id) for subject in subjects if subject.async_save_result}
    assert len(ids) == 12
    assert all(md5s and md5s[0] for md5s in blob_md5s(owner, ids).values())


def test_metadata_of_a_subject_are_changed(project: Any, images: list[Path]) -> None:
    from panoptes_client import Subject

    subject = Subject()
    subject.links.project = project
    subject.add_location({"image/png": "https://example.org/a.png"})
    subject.save()
    found = Subject.find(subject.id)
    found.metadata["note"] = "changed"
    found.save()
    assert Subject.find(subject.id).metadata == {"note": "changed"}


def test_workflows_are_made_and_serve_sets(project: Any) -> None:
    from panoptes_client import SubjectSet, Workflow

    workflow = Workflow()
    workflow.display_name = "real or bogus"
    workflow.primary_language = "en"
    workflow.tasks = {}
    workflow.links.project = project
    workflow.save()
    chosen = SubjectSet()
    chosen.display_name = "served"
    chosen.links.project = project
    chosen.save()
    workflow.links.subject_sets.add(chosen)
    assert [found.id for found in Workflow.where(project_id=project.id)] == [workflow.id]
    assert [linked.id for linked in Workflow.find(workflow.id).links.subject_sets] == [chosen.id]


def panoptes(endpoint: str, home: Path) -> Callable[..., str]:
    """Run the published command line with a home of its own."""
    program = Path(sys.executable).with_name("panoptes")
    settings = home / ".panoptes" / "config.yml"
    settings.parent.mkdir()
    settings.write_text(f"endpoint: {endpoint}\nusername: owner\npassword: {PASSWORD}\n")
    env = {**os.environ, "HOME": str(home), "PANOPTES_ENDPOINT": endpoint}

    def run(*words: str) -> str:
        done = subprocess.run(
            [program, "-e", endpoint, *words], env=env, cwd=home, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_the_published_command_line(
    sandbox: Running, project: Any, images: list[Path], tmp_path: Path, owner: Any
) -> None:
    run = panoptes(sandbox.endpoint, tmp_path)
    set_id = run("subject-set", "create", "-q", str(project.id), "by hand").strip()
    manifest = tmp_path / "manifest.csv"
    with manifest.open("w", newline="") as file:
        csv.writer(file).writerows([["image", "diaSourceId"], *((path.name, path.stem) for path in images)])
    run("subject-set", "upload-subjects", set_id, str(manifest))
    assert "by hand" in run("subject-set", "ls", "-p", str(project.id))
    rows = [s for s in owner.control("GET", "/truth")["subjects"] if int(set_id) in s["sets"]]
    assert sorted(row["metadata"]["diaSourceId"] for row in rows) == ["1", "2", "3", "4"]
    assert sorted(row["locations"][0]["blob"]["md5"] for row in rows) == sorted(
        hashlib.md5(path.read_bytes()).hexdigest() for path in images
    )


def test_exports_are_asked_for_and_read(client: Any, project: Any) -> None:
    from panoptes_client import Subject, SubjectSet, Workflow

    subject_set = SubjectSet()
    subject_set.links.project = project
    subject_set.display_name = "Exported"
    subject_set.save()
    subject = Subject()
    subject.links.project = project
    subject.add_location({"image/png": "https://e.org/a.png"})
    subject.save()
    subject_set.add([subject])
    workflow = Workflow()
    workflow.links.project = project
    workflow.display_name = "Exported"
    workflow.primary_language = "en"
    workflow.save()
    workflow.add_subject_sets([subject_set])
    votes = workflow.get_export("classifications", generate=True, wait=True, wait_timeout=240)
    assert list(votes.csv_dictreader()) == []
    rows = list(project.get_export("subjects", generate=True, wait=True, wait_timeout=240).csv_dictreader())
    assert [row["subject_id"] for row in rows] == [subject.id]
