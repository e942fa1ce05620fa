"""Server-side imports: how a manifest is read, and the job that makes its rows into subjects of a set.

A manifest is read as Ruby's CSV reads it: an empty cell is nothing and ``""`` an empty text; a line of nothing is
a row of nothing. The job makes one subject a row, in order, and is never repeated: a location without an address,
or a cell without a header, ends it for good. A row that fails (its type unknown, its external_id in the set) is
counted and skipped.
"""

from __future__ import annotations

import asyncio
import json
import math
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, zip_longest

from zoocut.sandbox.state.instance import Instance
from zoocut.sandbox.state.jobs import count_set
from zoocut.sandbox.state.members import add_members
from zoocut.sandbox.state.store import Row, Store, now_us

__all__ = ["LAST", "Job", "MalformedError", "rows_of", "run"]

BATCH = 50
"""Rows between two looks at other requests; small enough that a client can watch an import of some hundreds."""

FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n|\r|\n|\Z)')

MIMES = {
    "csv": "text/csv", "gif": "image/gif", "jpe": "image/jpeg", "jpeg": "image/jpeg", "jpg": "image/jpeg",
    "json": "application/json", "m4v": "video/mp4", "mp1": "audio/mpeg", "mp2": "audio/mpeg", "mp3": "audio/mpeg",
    "mp4": "video/mp4", "mpe": "video/mpeg", "mpeg": "video/mpeg", "mpg": "video/mpeg", "pdf": "application/pdf",
    "pjpeg": "image/jpeg", "png": "image/png", "svg": "image/svg+xml", "text": "text/plain", "tif": "image/tiff",
    "tiff": "image/tiff", "txt": "text/plain", "aac": "audio/aac", "m4a": "audio/aac", "mpg4": "audio/aac",
}  # fmt: skip
"""What an address may end in, case and all, and the media type that Rails reads from it."""

LAST = 2**62
"""Larger than any id."""

Cells = list[tuple[str | None, str | None]]


class MalformedError(ValueError):
    """A manifest is not CSV."""


class DiedError(Exception):
    """The job met what it cannot do."""


def records(text: str) -> Iterator[list[str | None]]:
    """Yield the lines of a CSV text as lists of cells.

    Raises
    ------
    MalformedError
        At a quote where none may be.
    """
    position, row = 0, list[str | None]()
    while position < len(text):
        match = FIELD.match(text, position)
        if match is None:
            raise MalformedError(f"a quote where none may be, at character {position}")
        quoted, plain, end = match.groups()
        row.append(plain or None if quoted is None else quoted.replace('""', '"'))
        position = match.end()
        if end != ",":
            yield row if row != [None] else []
            row = []
    if row:
        yield [*row, None]


def rows_of(text: str) -> Iterator[Cells]:
    """Yield the rows of a manifest as pairs of header and cell; the first line is the header, whatever it holds."""
    lines = records(text)
    header = next(lines, [])
    for line in lines:
        yield list(zip_longest(header, line))


@dataclass
class Job:
    """One run of an import.

    Attributes
    ----------
    number : int
        The import.
    text : str
        Its manifest.
    dies_at, stalls_at : int
        The row, from 1, at which it is to die or to stall; 0 for none.
    wakes_s : float
        How long it stalls; 0 for ever.
    row_s : float
        How long a row takes.
    strangers : int
        Rows of somebody else that join the set with each batch.
    last_seen : int
        The largest subject id that it sees, besides its own: of two at once, neither sees the other's.
    own : set of str
        The external ids it has made.
    """

    number: int
    text: str
    dies_at: int = 0
    stalls_at: int = 0
    wakes_s: float = 0.0
    row_s: float = 0.0
    strangers: int = 0
    last_seen: int = LAST
    own: set[str | None] = field(default_factory=set)


def every(count: int) -> int:
    """Return after how many rows the count of imported ones is saved."""
    if count < 1:
        return 1
    size = math.floor(math.log10(max(count - 1, 1)))
    return {0: 5, 1: 25, 2: 50, 3: 250}.get(size, 500)


async def run(instance: Instance, job: Job) -> None:
    """Make the rows of a manifest into subjects, until it ends, dies or stalls."""
    store = instance.store
    row = store.rows("SELECT i.*, s.project_id FROM subject_set_imports i JOIN subject_sets s "
                     "ON s.id = i.subject_set_id WHERE i.id = ?", job.number)[0]  # fmt: skip
    rows, done = rows_of(job.text), 0
    try:
        while batch := list(islice(rows, 1 if job.row_s else BATCH)):
            for cells in batch:
                await _held_up(job, done + 1)
                done += 1
                with store.write():
                    _make(store, job, row, cells)
                    if not done % every(row["manifest_count"]):
                        save(store, job.number, done)
            with store.write():
                _add_strangers(store, row, job.strangers)
            await asyncio.sleep(job.row_s)
    except DiedError:
        return
    with store.write():
        save(store, job.number, done)
        count_set(store, {"set_id": row["subject_set_id"]})


async def _held_up(job: Job, number: int) -> None:
    if number == job.dies_at:
        raise DiedError
    if number == job.stalls_at:
        if not job.wakes_s:
            raise DiedError
        await asyncio.sleep(job.wakes_s)


def save(store: Store, number: int, done: int) -> None:
    """Write down how many rows were done, inside an open transaction."""
    store.run(
        "UPDATE subject_set_imports SET imported_count = ?, updated_at = ? WHERE id = ? AND imported_count != ?",
        done, now_us(), number, done,
    )  # fmt: skip


def _make(store: Store, job: Job, row: Row, cells: Cells) -> None:
    """Make one row into a subject, or count it as failed, inside an open transaction."""
    external_id, locations, metadata = read_row(cells)
    allowed = all(item["mime"] for item in locations)
    if not allowed or _is_held(store, job, row["subject_set_id"], external_id):
        store.run("UPDATE subject_set_imports SET failed_count = failed_count + 1 WHERE id = ?", job.number)
        return
    now = now_us()
    subject_id = store.insert(
        "subjects", project_id=row["project_id"], upload_user_id=row["user_id"], external_id=external_id,
        metadata=json.dumps(metadata, ensure_ascii=False), locations=json.dumps(locations),
        created_at=now, updated_at=now,
    )  # fmt: skip
    store.note("subject-created", subject_id)
    add_members(store, row["subject_set_id"], [subject_id])
    store.run("UPDATE users SET uploaded_count = uploaded_count + 1 WHERE id = ?", row["user_id"])
    job.own.add(external_id)


def _is_held(store: Store, job: Job, set_id: int, external_id: str | None) -> bool:
    # CROSS JOIN keeps SQLite from reading all members of the set for each row
    held = store.one(
        "SELECT 1 FROM subjects s CROSS JOIN set_member_subjects m ON m.subject_id = s.id "
        "WHERE s.external_id IS ? AND m.subject_set_id = ? AND s.id <= ?",
        external_id, set_id, job.last_seen,
    )  # fmt: skip
    return held is not None or external_id in job.own


def read_row(
    cells: Cells,
) -> tuple[str | None, list[dict[str, str]], dict[str, str | None]]:
    """Read one row: its external_id, locations and metadata; a header is split at every colon.

    Raises
    ------
    DiedError
        At a cell without a header, or a location without an address.
    """
    external_id = next((cell for header, cell in cells if header == "external_id"), None)
    locations, metadata = list[dict[str, str]](), dict[str, str | None]()
    for header, cell in cells:
        if header is None:
            raise DiedError
        kind, key = (*header.rstrip(":").split(":"), "")[:2]
        if kind == "location":
            if cell is None:
                raise DiedError
            locations.append({"mime": mime_of(cell), "url": cell})
        elif kind == "metadata":
            metadata[key] = cell
    return external_id, locations, metadata


def mime_of(address: str) -> str:
    """Return the media type that the end of an address tells, empty when it tells none that may be stored."""
    ending = posixpath.splitext(posixpath.basename(address.rstrip("/")))[1]
    return MIMES.get(ending.removeprefix("."), "")


def _add_strangers(store: Store, row: Row, count: int) -> None:
    for _ in range(count):
        now = now_us()
        subject_id = store.insert(
            "subjects", project_id=row["project_id"], upload_user_id=row["user_id"],
            external_id=f"other-{now}", metadata="{}", locations="[]", created_at=now, updated_at=now,
        )  # fmt: skip
        store.note("subject-drifted-in", subject_id)
        add_members(store, row["subject_set_id"], [subject_id])
