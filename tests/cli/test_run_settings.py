"""What a run does when its configuration changes: told and taken, or refused, never passed over."""

from __future__ import annotations

import csv
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from uploads import Zoocut, account, subjects

from zoocut.sandbox import Running

IDS = [1700, 1701, 1702]


class Project:
    """A folder with frames, sources and a configuration, and the program."""

    def __init__(self, folder: Path, zoocut: Zoocut) -> None:
        self.folder, self.zoocut = folder, zoocut
        self.run = folder / "run"
        self.tree: dict[str, Any] = {
            "catalog": {"kind": "table", "path": "sources.csv", "x": "x", "y": "y"},
            "images": {
                "kind": "frames",
                **{name: f"{name}.fits" for name in ("template", "science", "difference")},
            },
            "draw": {"sizes": [21]},
            "metadata": {"#diaSourceId": "diaSourceId", "band": "band"},
        }
        self.write_frames("", 0)
        self.write_sources("sources.csv", IDS)

    def write_frames(self, start: str, seed: int) -> None:
        noise = np.random.default_rng(seed)
        for name in ("template", "science", "difference"):
            pixels = noise.normal(0, 1, (64, 64)).astype(np.float32)
            fits.writeto(self.folder / f"{start}{name}.fits", pixels, overwrite=True)

    def write_sources(self, name: str, ids: list[int], band: str = "g") -> None:
        rows = "".join(f"{number},{20 + number % 7},{30 + number % 5},{band}\n" for number in ids)
        (self.folder / name).write_text(f"diaSourceId,x,y,band\n{rows}")

    def set(self, key: str, value: object) -> None:
        section, _, name = key.partition(".")
        self.tree.setdefault(section, {})[name] = value

    def configuration(self) -> Path:
        import tomli_w

        path = self.folder / "zoocut.toml"
        path.write_text(tomli_w.dumps(self.tree))
        return path

    def generate(self, *options: object) -> subprocess.CompletedProcess[str]:
        return self.zoocut("generate", self.configuration(), "-o", self.run, *options)

    def kept(self, section: str) -> dict[str, Any]:
        content = tomllib.loads((self.run / "run.toml").read_text())
        return dict(content["settings"].get(section, {}))

    def rows(self) -> list[dict[str, str]]:
        with (self.run / "manifest.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def bytes(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.run / "images").rglob("*.png")}


@pytest.fixture
def project(tmp_path: Path, zoocut: Zoocut) -> Project:
    return Project(tmp_path, zoocut)


@pytest.fixture
def drawn(project: Project) -> Project:
    done = project.generate()
    assert done.returncode == 0, done.stderr
    assert [row["external_id"] for row in project.rows()] == list(map(str, IDS))
    return project


@pytest.mark.parametrize(
    ("key", "before", "after"),
    [
        ("upload.subject_set", "Old name", "New name"),
        ("upload.settle_s", 2.0, 99.0),
        ("rights.basis", "ours", "public since May"),
        ("manifest.url_root", "https://a.example/x", "https://b.example/y"),
        ("select.limit", 2, 3),
    ],
)
def test_a_changed_setting_is_taken_and_told(project: Project, key: str, before: Any, after: Any) -> None:
    project.set(key, before)
    assert project.generate().returncode == 0
    project.set(key, after)
    done = project.generate()
    assert done.returncode == 0, done.stderr
    assert f"{key} was {before!r}, now {after!r}" in done.stderr
    section, _, name = key.partition(".")
    assert project.kept(section)[name] == after
    again = project.generate()
    assert "takes over" not in again.stderr


def test_a_changed_address_of_the_images_is_in_the_manifest(drawn: Project) -> None:
    drawn.set("manifest.url_root", "https://images.example/night")
    assert drawn.generate().returncode == 0
    assert "https://images.example/night/images/0/1700.png" in (drawn.run / "manifest-urls.csv").read_text()


@pytest.mark.parametrize(
    ("key", "wrong", "right"),
    [
        ("draw.template", {"interval": "zskale"}, {"interval": "zscale"}),
        ("draw.sizes", [9000], [31]),
        ("metadata.x", "nix", "x"),
    ],
)
def test_a_mistake_before_anything_is_drawn_spoils_nothing(
    project: Project, key: str, wrong: object, right: object
) -> None:
    project.set(key, wrong)
    assert project.generate().returncode in (2, 3)
    project.set(key, right)
    done = project.generate()
    assert done.returncode == 0, done.stderr
    section, _, name = key.partition(".")
    kept = project.kept(section)[name]
    assert kept == right or kept.items() >= right.items()  # type: ignore[union-attr, attr-defined]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("draw.sizes", [31], "draw.sizes was [21], now [31]"),
        ("metadata.y", "y", "metadata.y was None, now 'y'"),
        ("metadata.band", "diaSourceId", "metadata.band was 'band', now 'diaSourceId'"),
    ],
)
def test_what_is_drawn_fixes_drawing_and_metadata(
    drawn: Project, key: str, value: object, words: str
) -> None:
    before, kept = drawn.bytes(), (drawn.run / "run.toml").read_bytes()
    drawn.set(key, value)
    done = drawn.generate()
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr
    assert (drawn.bytes(), (drawn.run / "run.toml").read_bytes()) == (before, kept)


@pytest.mark.parametrize("jobs", [1, 2])
def test_other_pixels_for_recorded_rows_are_refused(drawn: Project, jobs: int) -> None:
    before, kept = drawn.bytes(), (drawn.run / "run.toml").read_bytes()
    drawn.write_frames("other-", 1)
    drawn.set("images.difference", "other-difference.fits")
    done = drawn.generate("-j", jobs)
    assert done.returncode == 2, done.stderr
    assert "images.difference was 'difference.fits', now 'other-difference.fits'" in done.stderr
    assert "1700" in done.stderr
    assert (drawn.bytes(), (drawn.run / "run.toml").read_bytes()) == (before, kept)


def test_the_same_pixels_elsewhere_are_taken(drawn: Project) -> None:
    drawn.write_frames("moved-", 0)
    for name in ("template", "science", "difference"):
        drawn.set(f"images.{name}", f"moved-{name}.fits")
    done = drawn.generate()
    assert done.returncode == 0, done.stderr
    assert "images.template was 'template.fits', now 'moved-template.fits'" in done.stderr
    assert "0 drawn, 3 already there" in done.stdout


@pytest.mark.parametrize("ids", [[*IDS, 1800], [1800], [1702, 1800, 1700]], ids=str)
def test_a_catalog_that_adds_rows_is_taken(drawn: Project, ids: list[int]) -> None:
    before = drawn.bytes()
    drawn.write_sources("more.csv", ids)
    drawn.set("catalog.path", "more.csv")
    done = drawn.generate()
    assert done.returncode == 0, done.stderr
    assert {row["external_id"] for row in drawn.rows()} == {*map(str, IDS), "1800"}
    assert drawn.bytes().items() >= before.items()


@pytest.mark.parametrize("change", ["metadata", "position"])
def test_a_catalog_that_alters_recorded_rows_is_refused(drawn: Project, change: str) -> None:
    rows = drawn.rows()
    drawn.write_sources("other.csv", [1800, *IDS], band="r" if change == "metadata" else "g")
    if change == "position":
        drawn.set("catalog.x", "y")
    drawn.set("catalog.path", "other.csv")
    done = drawn.generate()
    assert done.returncode == 2, done.stderr
    assert "catalog.path was 'sources.csv', now 'other.csv'" in done.stderr
    assert ("its band was 'g', now 'r'" if change == "metadata" else "its pixels are others") in done.stderr
    assert drawn.rows() == rows


def test_frames_that_are_gone_alter_nothing(drawn: Project) -> None:
    drawn.write_sources("next.csv", [1800])
    drawn.write_frames("next-", 5)
    drawn.set("catalog.path", "*.csv")
    for name in ("template", "science", "difference"):
        drawn.set(f"images.{name}", f"{{band}}-{name}.fits")
    done = drawn.generate()
    assert done.returncode == 3, done.stderr
    assert len(drawn.rows()) == 3


def test_upload_goes_by_the_configuration_given_now(drawn: Project, server: Running) -> None:
    drawn.set("upload.project", "owner/rehearsal")
    drawn.set("upload.subject_set", "Mistyped")
    drawn.generate()
    drawn.set("upload.subject_set", "Corrected")
    drawn.set("rights.basis", "ours")
    config = drawn.configuration()
    planned = drawn.zoocut("upload", drawn.run, "--config", config, "--dry-run", **account(server))
    assert "'Corrected': 3 of 3 rows" in planned.stdout, planned.stderr
    assert drawn.kept("upload")["subject_set"] == "Mistyped"
    done = drawn.zoocut("upload", drawn.run, "--config", config, **account(server))
    assert done.returncode == 0, done.stderr
    assert "upload.subject_set was 'Mistyped', now 'Corrected'" in done.stderr
    assert (len(subjects(server, "Corrected")), subjects(server, "Mistyped")) == (3, [])
    assert drawn.kept("upload")["subject_set"] == "Corrected"
    assert drawn.kept("rights")["basis"] == "ours"
    again = drawn.zoocut("upload", drawn.run, **account(server))
    assert again.returncode == 0, again.stderr


def test_upload_says_which_copy_it_goes_by(drawn: Project, server: Running) -> None:
    drawn.set("upload.project", "owner/rehearsal")
    drawn.set("upload.subject_set", "From the copy")
    drawn.generate()
    done = drawn.zoocut("upload", drawn.run, **account(server))
    assert done.returncode == 0, done.stderr
    assert (
        f"{drawn.run / 'run.toml'}: project = 'owner/rehearsal', subject_set = 'From the copy'" in done.stderr
    )
    assert "--config FILE" in done.stderr
    named = ("--project", "owner/rehearsal", "--set", "From the copy")
    assert "run.toml" not in drawn.zoocut("upload", drawn.run, *named, **account(server)).stderr


def test_other_addresses_are_for_generate_to_write(drawn: Project, server: Running) -> None:
    drawn.set("manifest.url_root", "https://images.example/night")
    done = drawn.zoocut("upload", drawn.run, "--config", drawn.configuration(), **account(server))
    assert (done.returncode, "`zoocut generate" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[upload]\nsubjet_set = 'x'\n", "unknown key upload.subjet_set: did you mean subject_set?"),
        ("[upload]\nsettle_s = -1\n", "upload.settle_s = -1 is not allowed"),
        ("[uplod]\n", "unknown key uplod: did you mean upload?"),
        ("[upload\n", "is not valid TOML"),
    ],
)
def test_a_wrong_configuration_for_an_upload(drawn: Project, text: str, words: str) -> None:
    (drawn.folder / "wrong.toml").write_text(text)
    done = drawn.zoocut("upload", drawn.run, "--config", drawn.folder / "wrong.toml")
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr


def test_a_run_file_that_was_edited_wrongly_is_told(drawn: Project) -> None:
    record = drawn.run / "run.toml"
    record.write_text(record.read_text() + "\n[settings.uplaod]\nproject = 'x/y'\n")
    done = drawn.zoocut("preview", drawn.run)
    assert (done.returncode, "unknown key uplaod: did you mean upload?" in done.stderr) == (3, True), (
        done.stderr
    )


def test_an_option_out_of_its_range(drawn: Project) -> None:
    done = drawn.zoocut("upload", drawn.run, "--project", "a/b", "--set", "x", "--check", "some")
    assert done.returncode == 2
    assert "the options: check = 'some' is not allowed" in done.stderr
