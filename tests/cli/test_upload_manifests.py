"""Manifests of other tools, through the real command into the sandbox: what is told, sent, rejected, remembered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from uploads import WHERE, Zoocut, account, picture, states, subjects

from zoocut.sandbox import Running


def folder(path: Path, manifest: str | bytes) -> Path:
    path.mkdir()
    for name in "abcd":
        (path / f"{name}.png").write_bytes(picture(name))
    (path / "manifest.csv").write_bytes(manifest if isinstance(manifest, bytes) else manifest.encode())
    return path


def images(server: Running, name: str) -> dict[str, int]:
    return {one["external_id"]: len(one["locations"]) for one in subjects(server, name)}


def metadata(server: Running, name: str) -> dict[str, dict[str, Any]]:
    return {
        one["external_id"]: {key: value for key, value in one["metadata"].items() if key != "#zoocut"}
        for one in subjects(server, name)
    }


@pytest.mark.parametrize(
    ("name", "manifest"),
    [
        ("commas", "image,note\na.png,é\nb.png,\n,\n"),
        ("blanks", 'image, note\na.png, "é"\nb.png, \n'),
        ("semicolons", "image;note\na.png;é\nb.png;\n;\n"),
        ("tabs", "image\tnote\na.png\té\nb.png\t\n"),
        ("utf16", "image\tnote\r\na.png\té\r\nb.png\t\r\n".encode("utf-16")),
        ("comments", "# of the night, of 2024, all; x\nimage,note\na.png,é\nb.png,\n"),
    ],
)
def test_however_it_is_written_the_same_subjects_come_of_it(
    zoocut: Zoocut, server: Running, tmp_path: Path, name: str, manifest: str | bytes
) -> None:
    run = folder(tmp_path / "run", manifest)
    dry = zoocut("upload", run, *WHERE, name, "--dry-run", **account(server))
    assert dry.returncode == 0, dry.stderr
    assert (
        "images: image (all their cells name image files); metadata: note; rows are known by image"
        in dry.stdout
    )
    done = zoocut("upload", run, *WHERE, name, **account(server))
    assert done.returncode == 0, done.stderr
    assert (
        "images: image (all their cells name image files); metadata: note; rows are known by image"
        in done.stderr
    )
    assert metadata(server, name) == {"a.png": {"image": "a.png", "note": "é"}, "b.png": {"image": "b.png"}}


def test_a_second_image_is_sent_and_a_missing_one_rejected_whichever_row_it_is_in(
    zoocut: Zoocut, server: Running, tmp_path: Path
) -> None:
    run = folder(tmp_path / "run", "one,two\na.png,\nb.png,c.png\nd.png,gone.png\ngone.png,\n")
    done = zoocut("upload", run, *WHERE, "two images", **account(server))
    assert done.returncode == 3
    assert "gone.png is missing" in done.stdout
    assert images(server, "two images") == {"a.png": 1, "b.png": 2}
    assert states(zoocut, run) == {"linked": 2, "rejected": 2}


def test_what_the_user_says_is_remembered_and_told(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    text = "note,two,one\nREADME.txt,a.png,b.png\nnothing,c.png,d.png\ngrün,c.png,gone.png\n"
    run = folder(tmp_path / "run", text.encode("cp1252"))
    name = "as the user says"
    refused = zoocut("upload", run, *WHERE, name, "--images", "one,two", **account(server))
    assert refused.returncode == 3
    assert "line 4 holds the bytes 0xfc, which are not UTF-8" in refused.stderr
    mixed = zoocut("upload", run, *WHERE, name, "--encoding", "cp1252", **account(server))
    assert mixed.returncode == 3
    assert "--images two,one" in mixed.stderr
    options = ("--images", "one,two", "--encoding", "cp1252")
    dry = zoocut("upload", run, *WHERE, name, "--dry-run", "--json", *options, **account(server))
    assert json.loads(dry.stdout)["manifest"] == (
        "manifest.csv: read as CP1252; images: one, two (as --images says); metadata: note; rows are known by one"
    )
    assert zoocut("upload", run, *WHERE, name, *options, **account(server)).returncode == 3
    assert images(server, name) == {"b.png": 2, "d.png": 2}
    (run / "gone.png").write_bytes(picture("now"))
    assert json.loads(zoocut("status", run, "--json").stdout)["run"]["rows"] == 3
    assert zoocut("upload", run, "--retry-rejected", **account(server)).returncode == 0
    assert metadata(server, name)["gone.png"]["note"] == "grün"
    assert zoocut("verify", run, **account(server)).returncode == 0


def test_columns_without_a_prefix_reach_the_subjects(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    text = "external_id, location:1, diaSourceId, #priority, finder\n"
    text += "1, a.png, 170059034123456789, 1, http://127.0.0.1:9/x.png\n"
    run = folder(tmp_path / "run", text)
    done = zoocut("upload", run, *WHERE, "no prefix", **account(server))
    assert done.returncode == 0, done.stderr
    assert "taken as metadata without their prefix: diaSourceId, #priority, finder" in done.stderr
    assert images(server, "no prefix") == {"1": 1}
    expected = {"diaSourceId": "170059034123456789", "#priority": "1", "finder": "http://127.0.0.1:9/x.png"}
    assert metadata(server, "no prefix")["1"] == expected


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        (b"PK\x03\x04 workbook", "is an Excel workbook"),
        ("external_id,location:1,location:3\n1,a.png,b.png\n", "but no location:2"),
        ("image,image\na.png,b.png\n", "several columns named image"),
        ("image,\na.png,x\n", "which has no name"),
        ("site,plate\nx,y\n", "or --images; it has: site, plate"),
        ('image,note\na.png,"x\nb.png,y\n', "line 2 cannot be read"),
    ],
)
def test_a_manifest_that_cannot_be_read_makes_nothing(
    zoocut: Zoocut, server: Running, tmp_path: Path, manifest: str | bytes, says: str
) -> None:
    run = folder(tmp_path / "run", manifest)
    for options in (("--dry-run",), ()):
        done = zoocut("upload", run, *WHERE, "never made", *options, **account(server))
        assert (done.returncode, "Traceback" in done.stderr) == (3, False)
        assert says in done.stderr
    assert subjects(server, "never made") == []


def test_a_row_without_an_id_is_told_by_its_line(zoocut: Zoocut, server: Running, tmp_path: Path) -> None:
    run = folder(tmp_path / "run", "external_id,location:1\n1,a.png\n,,\n,b.png\n2,sub\\c.png\n")
    done = zoocut("upload", run, *WHERE, "by line", **account(server))
    assert done.returncode == 3
    assert "line 4 of the manifest has no external_id" in done.stdout
    assert r"sub\c.png is missing, which is written with backslashes" in done.stdout
