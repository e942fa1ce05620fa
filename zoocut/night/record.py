"""What is known of each night: a file in `.nights/` beside the run folders, written after every step."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from functools import cache
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from zoocut.error_kinds import RecordDamaged
from zoocut.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STEPS", "NightRecord", "nights_in", "read_night"]

RECORDS = ".nights"
VERSION = 1
STEPS = ("generated", "published", "uploaded", "verified", "linked", "reported")

Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class NightRecord:
    """One night.

    Parameters
    ----------
    path : Path
        Its run folder.
    night : str
        Its date.
    chosen : tuple of str
        The ids that are to be drawn.
    passed_over : tuple of str
        The ids that `night.limit` or `night.object` left out: they are known, and not new the next time.
    steps : mapping of str to str
        When each step was done, in UTC.
    counts : mapping of str to int
        What came of it.
    greatest : int, float or None
        The greatest value of `night.since_column`.
    error : str or None
        What stopped it last.
    pictures_removed : bool
        Whether `night.keep` has removed its pictures.
    run_date : str
        What `{run_date}` stands for in the names of its sets: when it was first uploaded; empty before.
    project, subject_set, send, publish : str
        Where it was first uploaded, how its images were sent and where they were published: it goes on there and so,
        whatever the configuration says later; empty before.
    """

    path: Path
    night: str
    chosen: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    steps: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, Count] = field(default_factory=dict)
    greatest: int | float | None = None
    error: str | None = None
    pictures_removed: bool = False
    run_date: str = ""
    project: str = ""
    subject_set: str = ""
    send: str = ""
    publish: str = ""

    @property
    def file(self) -> Path:
        """Where it is written."""
        return _file(self.path)

    @property
    def done(self) -> bool:
        """Whether the last step was taken, and so every step before it."""
        return STEPS[-1] in self.steps

    def with_step(self, step: str, **counts: int) -> NightRecord:
        """Return the record with a step taken now."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return replace(self, steps={**self.steps, step: moment}, counts={**self.counts, **counts}, error=None)

    def save(self) -> NightRecord:
        """Write it beside the run, whole and on disk.

        Raises
        ------
        InputError
            When it cannot be written.
        """
        content = {name: value for name, value in asdict(self).items() if name != "path"}
        write_whole(self.file, json.dumps({"version": VERSION, **content}, indent=1).encode())
        return self


def _file(run_folder: Path) -> Path:
    return run_folder.parent / RECORDS / f"{run_folder.name}.json"


@cache
def _reader() -> Callable[[bytes], NightRecord]:
    """Make what checks the types of a record: people mend these files by hand."""
    adapter = TypeAdapter(NightRecord)
    return lambda content: adapter.validate_json(content, strict=True)


def read_night(path: Path) -> NightRecord:
    """Read the record of the night of a run folder.

    Raises
    ------
    InputError
        When it cannot be read, or holds what no record can.
    """
    file = _file(path)
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise TypeError("it holds no object")
        newer = content.get("version", VERSION) != VERSION
        record = _reader()(json.dumps(content | {"path": str(path)}).encode())
        problem = "it was written by another version of zoocut" if newer else _problem(record)
    except ValidationError as error:
        first = error.errors()[0]
        problem = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (OSError, ValueError, TypeError, RecursionError) as error:
        problem = str(error)
    if problem is not None:
        raise RecordDamaged(
            f"{file} cannot be read ({problem}): restore it from a copy, or move it and {path} to another folder"
        )
    return record


def _problem(record: NightRecord) -> str | None:
    """Tell what in a record of the right types cannot be."""
    try:
        night = date.fromisoformat(record.night).isoformat()
    except ValueError:
        return f"night: {record.night!r} is no date"
    if not record.path.name.startswith(night):
        return f"night: {record.night} is not the night of {record.path.name}"
    unknown = record.steps.keys() - {*STEPS, "unlinked"}
    if unknown:
        return f"steps: {min(unknown)!r} is none of {', '.join(STEPS)}"
    if record.greatest is not None and not isfinite(record.greatest):
        return f"greatest: {record.greatest} is no number"
    return None


def nights_in(root: Path) -> Iterator[NightRecord]:
    """Yield the nights under a folder, by date."""
    for file in sorted((root / RECORDS).glob("[!.]*.json")):
        yield read_night(root / file.stem)
