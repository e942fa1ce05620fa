"""Files that appear whole or not at all: written under a temporary name beside the goal, then renamed.

What is renamed is on disk first, and its folder after it, so that a power cut leaves the old file or the new one.
Pictures are written by the hundred thousand: theirs is one `sync_files` for many, before the record that names them.
In an object store every file is put whole, and is there when that is acknowledged.
"""

from __future__ import annotations

import csv
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import chain, count
from pathlib import Path
from typing import Any

from zoocut.error_kinds import NotWritable
from zoocut.object_store import ObjectPath

__all__ = [
    "TEMPORARY_SUFFIX",
    "appear_whole",
    "is_address",
    "remove_parts",
    "sync_files",
    "typed",
    "write_csv",
    "write_first",
    "write_unsynced",
    "write_whole",
]

TEMPORARY_SUFFIX = ".zoocut-part"
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


@contextmanager
def appear_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to, and rename or store it as `path` when the block ends without an error.

    Parameters
    ----------
    path : Path
        The file to make or replace; its folder is made when missing.

    Yields
    ------
    Path
        A file name in the same folder, or on this machine for an object store; not there yet.

    Raises
    ------
    InputError
        When the folder cannot be made or the file cannot be renamed.
    """
    if isinstance(path, ObjectPath):
        with path.written_here_first() as goal:
            yield goal
        return
    part = _part_of(path)
    with _explained(path), _removed_on_error(part):
        path.parent.mkdir(parents=True, exist_ok=True)
        yield Path(part)
        _sync(part)
        os.replace(part, path)
        _sync(path.parent)


@contextmanager
def _explained(path: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise NotWritable(f"cannot write {path}: {reason}; free space or choose another folder") from error


@contextmanager
def _removed_on_error(part: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that readers meet the old file or the new one, never a part.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    with appear_whole(path) as part:
        _write_new(str(part), content)


def write_unsynced(path: str | Path, content: bytes) -> None:
    """Write a file as `write_whole` does, but leave it to `sync_files` when it must be on disk.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    if isinstance(path, ObjectPath):
        path.write_bytes(content)
        return
    part = _part_of(path)
    try:
        _write_new(part, content)
        os.replace(part, path)
    except BaseException as error:  # a picture takes so little that context managers would be seen
        with _explained(path), _removed_on_error(part):
            raise error


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
    if isinstance(path, ObjectPath):
        return path.write_first(content)
    part = _part_of(path)
    with _explained(path), _removed_on_error(part):
        _write_new(part, content)
        _sync(part)
        try:
            os.link(part, path)
        except FileExistsError:
            return False
        finally:
            os.unlink(part)
        _sync(path.parent)
    return True


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a table as UTF-8 CSV; it appears when it is complete.

    A row with a carriage return in a cell, or a blank before one, is quoted whole: readers would else take the one
    for the end of the line and leave the other out.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    with appear_whole(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        plain = csv.writer(file, lineterminator="\n")
        quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for cells in chain([header], map(list, rows)):
            writer = quoted if _is_misread(cells) else plain
            writer.writerow(cells)


def _is_misread(cells: Sequence[Any]) -> bool:
    """Whether a reader would misread a row unless it is quoted; most are known to be plain by one look at all cells."""
    texts = [str(cell) for cell in cells]
    row = "\n".join(["", *texts])
    return ("\r" in row or "\n " in row) and any("\r" in text or text[:1] == " " for text in texts)


def sync_files(folder: Path, names: Iterable[str]) -> None:
    """See to it that files, and their names in their folders, are on disk.

    Where the system can, it is asked once for the whole file system: one request in the place of thousands.

    Parameters
    ----------
    folder : Path
        A folder above them all.
    names : iterable of str
        Their paths below it.

    Raises
    ------
    InputError
        When one of them cannot be brought to disk.
    """
    if isinstance(folder, ObjectPath) or _sync_file_system(folder):
        return
    paths = [folder / name for name in names]
    above = {one for path in paths for one in path.parents if one == folder or folder in one.parents}
    for path in [*paths, *above, folder.parent]:
        with _explained(path):
            _sync(path)


def _sync_file_system(folder: Path) -> bool:
    """Bring all that was written on the folder's file system to disk; False where the system cannot."""
    syncfs = _syncfs()
    if syncfs is None:
        return False
    with _explained(folder):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            return bool(syncfs(descriptor) == 0)
        finally:
            os.close(descriptor)


@cache
def _syncfs() -> Callable[[int], int] | None:
    """Find Linux's `syncfs`, which Python does not offer."""
    import ctypes

    try:
        found: Callable[[int], int] = ctypes.CDLL(None).syncfs
        return found
    except (AttributeError, OSError, TypeError):
        return None


def _sync(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _part_of(path: str | Path) -> str:
    """Name a file that no other writer names: the system is asked for random bytes once, not for each picture."""
    folder, separator, name = os.fspath(path).rpartition(os.sep)
    return f"{folder}{separator}.{name}.{_mark(os.getpid())}{next(_numbers):x}{TEMPORARY_SUFFIX}"


_numbers = count()


@cache
def _mark(_process: int) -> str:
    """Choose what the temporary files of this process are told apart by; one that is forked chooses anew."""
    return os.urandom(4).hex()


def _write_new(part: str, content: bytes) -> None:
    """Write a file, asking for its folder only when there is none: most files join thousands of others."""
    try:
        descriptor = os.open(part, NEW_FILE, 0o666)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(part), exist_ok=True)
        descriptor = os.open(part, NEW_FILE, 0o666)
    try:
        written = os.write(descriptor, content)
        while written < len(content):  # a system writes two gigabytes at a time, or what there is room for
            written += os.write(descriptor, memoryview(content)[written:])
    finally:
        os.close(descriptor)


def is_address(text: str) -> bool:
    """Return whether a text is a web address, not a path."""
    return text.startswith(("http://", "https://"))


def typed(path: Path | str) -> str:
    """Write a path as it is typed in a command."""
    return shlex.quote(str(path))


def remove_parts(folder: Path) -> None:
    """Remove the temporary files that killed processes left under `folder`; an object store has none."""
    if isinstance(folder, ObjectPath):
        return
    for where, _, names in os.walk(folder):  # a third of the time of Path.rglob: a run has a million files
        for name in names:
            if name.endswith(TEMPORARY_SUFFIX) and name.startswith("."):
                Path(where, name).unlink(missing_ok=True)
