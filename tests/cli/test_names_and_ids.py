"""Sets, projects and workflows by name or by id: a number never makes a set, what could be two is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from uploads import WHERE, Zoocut, account, make_run, states, subjects

from zoocut.sandbox import Running
from zoocut.zooniverse.connect import connect_set_admin
from zoocut.zooniverse.credentials import Credentials
from zoocut.zooniverse.set_admin import SetAdmin

Maker = Callable[[str], str]


@pytest.fixture
def admin(server: Running) -> SetAdmin:
    return connect_set_admin(server.endpoint, Credentials("owner", "sandbox-password"))


@pytest.fixture
def new_set(admin: SetAdmin) -> Maker:
    project = admin.panoptes.project("owner/rehearsal")
    return lambda name: admin.panoptes.create_subject_set(project, name, {}).set_id


@pytest.fixture
def make_number(new_set: Maker) -> Callable[[str], tuple[str, str]]:
    """Make a set and another one that has the first one's id for a name, as other tools can."""

    def make(name: str) -> tuple[str, str]:
        number = new_set(name)
        return number, new_set(number)

    return make


def names(admin: SetAdmin) -> list[str]:
    return [one.subject_set.name for one in admin.sets_of(admin.panoptes.project("owner/rehearsal"))]


@pytest.mark.parametrize("form", ["{}", "id:{}"])
def test_an_id_uploads_to_the_set_that_has_it(
    zoocut: Zoocut, server: Running, tmp_path: Path, admin: SetAdmin, new_set: Maker, form: str
) -> None:
    name = f"Wanted {form}"
    number = new_set(name)
    run, before = make_run(tmp_path / "run", 2), names(admin)
    planned = zoocut("upload", run, *WHERE, form.format(number), "--dry-run", **account(server))
    assert f"set {number} {name!r}: 2 of 2 rows" in planned.stdout, planned.stderr
    done = zoocut("upload", run, *WHERE, form.format(number), **account(server))
    assert done.returncode == 0, done.stderr
    assert len(subjects(server, name)) == 2
    assert names(admin) == before
    again = zoocut("upload", run, **account(server))
    assert (again.returncode, states(zoocut, run)) == (0, {"linked": 2}), again.stderr


@pytest.mark.parametrize("form", ["999999", "id:999999", "id:", "id:x", "20260612"])
def test_no_set_is_made_of_a_number(
    zoocut: Zoocut, server: Running, tmp_path: Path, admin: SetAdmin, form: str
) -> None:
    before = names(admin)
    for options in ([], ["--dry-run"]):
        done = zoocut(
            "upload", make_run(tmp_path / f"r{len(options)}"), *WHERE, form, *options, **account(server)
        )
        assert done.returncode in (2, 7), done.stdout
        assert repr(form) in done.stderr
    assert names(admin) == before


@pytest.mark.parametrize("command", ["create", "rename", "copy"])
@pytest.mark.parametrize(
    "name", ["106", "id:106", "a, b", " a", "a ", "", "a\nb", "a\x07b", "x" * 256], ids=repr
)
def test_one_rule_for_names_in_every_command(
    zoocut: Zoocut, server: Running, admin: SetAdmin, new_set: Maker, command: str, name: str
) -> None:
    if "One rule" not in names(admin):
        new_set("One rule")
    words = ["create", name] if command == "create" else [command, "One rule", name]
    done = zoocut("sets", *words, "--project", "owner/rehearsal", **account(server))
    assert done.returncode in (2, 7), done.stdout
    assert name not in names(admin)


@pytest.mark.parametrize("name", ["a, b", "a ", "x" * 256, "a\nb"], ids=repr)
def test_the_same_rule_for_uploads_and_adoptions(
    zoocut: Zoocut, server: Running, tmp_path: Path, admin: SetAdmin, name: str
) -> None:
    run = make_run(tmp_path / "run")
    for command in (["upload"], ["upload", "--dry-run"], ["adopt"]):
        done = zoocut(command[0], run, *WHERE, name, *command[1:], **account(server))
        assert (done.returncode, "cannot be a new set's name" in done.stderr) == (2, True), done.stderr
    assert name not in names(admin)


def test_what_is_a_name_and_an_id_is_refused_with_both(
    zoocut: Zoocut, server: Running, tmp_path: Path, make_number: Callable[[str], tuple[str, str]]
) -> None:
    number, other = make_number("Named by number")
    run = make_run(tmp_path / "run", 2)
    words = [f"id:{number} is 'Named by number'", f"id:{other} is {number!r}"]
    for call in (
        ("upload", run, *WHERE, number),
        ("upload", run, *WHERE, number, "--dry-run"),
        ("sets", "show", number, "--project", "owner/rehearsal"),
        ("dedupe", "--set", number, "--project", "owner/rehearsal"),
    ):
        done = zoocut(*call, **account(server))
        assert done.returncode == 2, done.stdout
        assert all(word in done.stderr for word in words), done.stderr
    done = zoocut("upload", run, *WHERE, f"id:{other}", **account(server))
    assert done.returncode == 0, done.stderr
    assert (len(subjects(server, number)), len(subjects(server, "Named by number"))) == (2, 0)


def test_a_number_that_is_only_a_name_is_that_set(
    zoocut: Zoocut, server: Running, tmp_path: Path, new_set: Maker
) -> None:
    new_set("20260613")
    done = zoocut("upload", make_run(tmp_path / "run", 2), *WHERE, "20260613", **account(server))
    assert done.returncode == 0, done.stderr
    assert len(subjects(server, "20260613")) == 2


@pytest.mark.parametrize("form", ["{}", "id:{}"])
def test_a_set_of_another_project_is_refused(
    zoocut: Zoocut, server: Running, tmp_path: Path, admin: SetAdmin, form: str
) -> None:
    name = f"Other {form}"
    fields = {"display_name": name, "description": name, "primary_language": "en", "private": False}
    made = admin.panoptes.api.unrepeatable("POST", "/projects", {"projects": fields}).document or {}
    project = admin.panoptes.project(str(made["projects"][0]["id"]))
    number = admin.panoptes.create_subject_set(project, "Elsewhere", {}).set_id
    done = zoocut("upload", make_run(tmp_path / "run"), *WHERE, form.format(number), **account(server))
    assert (done.returncode, f"belongs to project {project.project_id}" in done.stderr) == (7, True), (
        done.stderr
    )


@pytest.mark.parametrize("form", ["{}", "id:{}"])
def test_projects_by_id(zoocut: Zoocut, server: Running, tmp_path: Path, admin: SetAdmin, form: str) -> None:
    number = form.format(admin.panoptes.project("owner/rehearsal").project_id)
    run = make_run(tmp_path / "run", 1)
    done = zoocut("upload", run, "--project", number, "--set", f"By project {form}", **account(server))
    assert done.returncode == 0, done.stderr
    again = zoocut("upload", run, "--project", number, "--set", f"By project {form}", **account(server))
    assert (again.returncode, len(subjects(server, f"By project {form}"))) == (0, 1)


def test_a_name_that_another_set_bears_today_is_asked_about(
    zoocut: Zoocut, server: Running, tmp_path: Path, admin: SetAdmin, new_set: Maker
) -> None:
    run = make_run(tmp_path / "run", 2)
    assert zoocut("upload", run, *WHERE, "Moved name", **account(server)).returncode == 0
    first = admin.panoptes.subject_sets(admin.panoptes.project("owner/rehearsal"), "Moved name")[0].set_id
    admin.rename(first, "Former")
    second = new_set("Moved name")
    done = zoocut("upload", run, *WHERE, "Moved name", **account(server))
    assert done.returncode == 2
    assert f"id:{second}" in done.stderr
    assert f"id:{first}" in done.stderr
    assert zoocut("upload", run, *WHERE, f"id:{second}", **account(server)).returncode == 0
    assert (len(subjects(server, "Former")), len(subjects(server, "Moved name"))) == (2, 2)


@pytest.mark.parametrize("key", ["Band", "#band", "BAND"])
def test_rows_go_by_a_key_as_sets_split_reads_it(
    zoocut: Zoocut, server: Running, tmp_path: Path, key: str
) -> None:
    run = make_run(tmp_path / "run", 4)
    name = f"Split {key} {{{key}}}"
    done = zoocut("upload", run, *WHERE, name, "--set-by", key, **account(server))
    assert done.returncode == 0, done.stderr
    for band in "gr":
        assert len(subjects(server, f"Split {key} {band}")) == 2


def test_no_set_is_made_when_the_name_of_a_later_one_is_bad(
    zoocut: Zoocut, server: Running, tmp_path: Path, admin: SetAdmin
) -> None:
    run = make_run(tmp_path / "run", 4)
    manifest = run / "manifest.csv"
    manifest.write_text(manifest.read_text().replace(",r\n", ',"r, i"\n'))
    before = names(admin)
    done = zoocut("upload", run, *WHERE, "Partly {band}", "--set-by", "band", **account(server))
    assert (done.returncode, "leave out commas" in done.stderr) == (2, True), done.stderr
    assert names(admin) == before


def test_adopt_makes_no_set(zoocut: Zoocut, server: Running, tmp_path: Path, admin: SetAdmin) -> None:
    done = zoocut("adopt", make_run(tmp_path / "run"), *WHERE, "Never made", **account(server))
    assert (done.returncode, "has no set 'Never made'" in done.stderr) == (2, True), done.stderr
    assert "Never made" not in names(admin)
