"""Pictures that are others now than those that a set shows: they stay as they were, which is said."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from zoocut.files import typed
from zoocut.ledger import Entry, Image
from zoocut.metadata_keys import SubjectKey

__all__ = ["changed_since_upload", "held_with_another", "tell_changed", "tell_held_with_another"]


def held_with_another(folder: Path, image: Image, key: str) -> bool:
    """Whether a subject of another run, by its key, shows another picture than a row's first image."""
    known = SubjectKey.read(key)
    if known is None or not image.hosted:
        return False
    try:
        found = hashlib.sha256((folder / image.path).read_bytes()).hexdigest()
    except OSError:
        return False
    return not found.startswith(known.checksum)


def changed_since_upload(folder: Path, entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the rows in the set whose pictures were drawn anew; only files that are newer than the upload are read."""
    for entry in entries:
        hosted = [image for image in entry.images if image.hosted and entry.state.in_set and entry.subject_id]
        if any(_is_other(folder, image, entry.sent_at or 0.0) for image in hosted):
            yield entry.external_id


def _is_other(folder: Path, image: Image, sent_at: float) -> bool:
    path = folder / image.path
    try:
        found = path.stat()
        if image.sha256 is None or (found.st_size == image.size and found.st_mtime <= sent_at):
            return False
        return hashlib.sha256(path.read_bytes()).hexdigest() != image.sha256
    except OSError:
        return False  # pictures that were removed after the upload are no other ones


def tell_held_with_another(folder: Path, set_name: str, rows: list[str]) -> str:
    """Say that a set shows rows with the pictures of another run, which stay."""
    return (
        f"{_counted(rows)} in the set {set_name!r} with another picture, of another run, which stays as it was: to "
        f"show the new ones, `zoocut supersede OLD {typed(folder)}` and upload to another set"
    )


def tell_changed(folder: Path, set_name: str, rows: list[str]) -> str:
    """Say that pictures of a run were drawn anew after they were uploaded."""
    return (
        f"{_counted(rows)} in the set {set_name!r} with the picture of before, which stays as it was: to show the new "
        f"ones, generate them into a folder of their own, then `zoocut supersede {typed(folder)} NEW`"
    )


def _counted(rows: list[str]) -> str:
    named = ", ".join(rows[:3]) + (", ..." if len(rows) > 3 else "")
    return f"{len(rows)} rows ({named}) are" if len(rows) > 1 else f"the row {named} is"
