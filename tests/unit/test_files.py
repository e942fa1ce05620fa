"""Files appear whole or not at all."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from zoocut.errors import InputError
from zoocut.files import appear_whole, remove_parts, write_whole


def test_an_error_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"old")
    with contextlib.suppress(RuntimeError), appear_whole(path) as part:
        part.write_bytes(b"half of the n")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_folder_is_made(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b" / "picture.png", b"new")
    assert (tmp_path / "a" / "b" / "picture.png").read_bytes() == b"new"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a file")
    with pytest.raises(InputError, match=r"cannot write .*picture\.png"):
        write_whole(tmp_path / "a" / "picture.png", b"new")


def test_remains_of_killed_processes(tmp_path: Path) -> None:
    with appear_whole(tmp_path / "picture.png") as part:
        part.write_bytes(b"new")
        left = part.with_name(part.name.replace("picture", "other"))
        left.write_bytes(b"of a killed process")
    remove_parts(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["picture.png"]
