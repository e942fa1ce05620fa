"""What is known of each night: a file in `.nights/` beside the run folders, written after every step."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from zoocut.error_kinds import RecordDamaged
from zoocut.files import write_whole

__all__ = ["STEPS", "NightRecord", "nights_in", "read_night"]

RECORDS = ".nights"
STEPS = ("generated", "uploaded", "verified", "linked", "reported")


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
    greatest : float or None
        The greatest value of `night.since_column`.
    error : str or None
        What stopped it last.
    pictures_removed : bool
        Whether `night.keep` has removed its pictures.
    run_date : str
        What `{run_date}` stands for in the names of its sets: when it was first uploaded; empty before.
    """

    path: Path
    night: str
    chosen: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    steps: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    greatest: float | None = None
    error: str | None = None
    pictures_removed: bool = False
    run_date: str = ""

    @property
    def file(self) -> Path:
        """Where it is written."""
        return _file(self.path)

    @property
    def done(self) -> bool:
        """Whether every step was taken."""
        return all(step in self.steps for step in STEPS)

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
        write_whole(self.file, json.dumps({"version": 1, **content}, indent=1).encode())
        return self


def _file(run_folder: Path) -> Path:
    return run_folder.parent / RECORDS / f"{run_folder.name}.json"


def read_night(path: Path) -> NightRecord:
    """Read the record of the night of a run folder.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    file = _file(path)
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        known = {one.name: content[one.name] for one in fields(NightRecord) if one.name in content}
        known |= {name: tuple(known.get(name, ())) for name in ("chosen", "passed_over")}
        return NightRecord(path, **known)
    except (OSError, ValueError, TypeError) as error:
        raise RecordDamaged(
            f"{file} cannot be read ({error}): restore it from a copy, or move it and {path} to another folder"
        ) from error


def nights_in(root: Path) -> Iterator[NightRecord]:
    """Yield the nights under a folder, by date."""
    for file in sorted((root / RECORDS).glob("[!.]*.json")):
        yield read_night(root / file.stem)
