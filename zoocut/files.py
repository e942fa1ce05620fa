"""Files that appear whole or not at all: written under a temporary name beside the goal, then renamed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoocut.errors import InputError

__all__ = ["TEMPORARY_SUFFIX", "appear_whole", "remove_parts", "write_whole"]

TEMPORARY_SUFFIX = ".zoocut-part"


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
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _removed_at_last(part):
            yield part
            os.replace(part, path)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"cannot write {path}: {reason}; free space or choose another folder") from error


@contextmanager
def _removed_at_last(part: Path) -> Iterator[None]:
    try:
        yield
    finally:
        part.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that readers meet the old file or the new one, never a part.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    with appear_whole(path) as part:
        part.write_bytes(content)


def remove_parts(folder: Path) -> None:
    """Remove the temporary files that killed processes left under `folder`."""
    for part in folder.rglob(f".*{TEMPORARY_SUFFIX}"):
        part.unlink(missing_ok=True)
