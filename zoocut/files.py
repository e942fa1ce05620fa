"""Files that appear whole or not at all: written under a temporary name beside the goal, then renamed."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zoocut.errors import InputError

__all__ = ["TEMPORARY_SUFFIX", "appear_whole", "remove_parts", "typed", "write_first", "write_whole"]

TEMPORARY_SUFFIX = ".zoocut-part"
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


@contextmanager
def appear_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to, and rename it to `path` when the block ends without an error.

    Parameters
    ----------
    path : Path
        The file to make or replace; its folder is made when missing.

    Yields
    ------
    Path
        A file name in the same folder, not there yet.

    Raises
    ------
    InputError
        When the folder cannot be made or the file cannot be renamed.
    """
    part = _part_of(path)
    with _explained(path), _removed_at_last(part):
        path.parent.mkdir(parents=True, exist_ok=True)
        yield Path(part)
        os.replace(part, path)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"cannot write {path}: {reason}; free space or choose another folder") from error


@contextmanager
def _removed_at_last(part: str) -> Iterator[None]:
    try:
        yield
    finally:
        with suppress(OSError):
            os.unlink(part)


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that readers meet the old file or the new one, never a part.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    part = _part_of(path)
    with _explained(path), _removed_at_last(part):
        _write_new(part, content)
        os.replace(part, path)


def write_first(path: Path, content: bytes) -> bool:
    """Write `content` to `path` unless somebody has; it appears whole.

    Returns
    -------
    bool
        Whether it was written; of several who try at once one succeeds.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    part = _part_of(path)
    with _explained(path), _removed_at_last(part):
        _write_new(part, content)
        try:
            os.link(part, path)
        except FileExistsError:
            return False
    return True


def _part_of(path: Path) -> str:
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")


def _write_new(part: str, content: bytes) -> None:
    """Write a file, asking for its folder only when there is none: most files join thousands of others."""
    try:
        descriptor = os.open(part, NEW_FILE, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(part), exist_ok=True)
        descriptor = os.open(part, NEW_FILE, 0o666)
    with open(descriptor, "wb") as file:
        file.write(content)


def typed(path: Path) -> str:
    """Write a path as it is typed in a command."""
    return shlex.quote(str(path))


def remove_parts(folder: Path) -> None:
    """Remove the temporary files that killed processes left under `folder`."""
    for part in folder.rglob(f".*{TEMPORARY_SUFFIX}"):
        part.unlink(missing_ok=True)
