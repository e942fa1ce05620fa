"""`talk.csv`: the files that are attached to subjects' Talk pages, one a line.

They stand in a file of their own: a further column of the manifest would become metadata in other programs.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

from zoocut.error_kinds import RecordDamaged
from zoocut.files import write_csv

__all__ = ["TALK_FILE", "TalkRow", "read_talk", "write_talk"]

TALK_FILE = "talk.csv"
HEADER = ("external_id", "file", "sha256")


@dataclass(frozen=True, slots=True)
class TalkRow:
    """A file for a subject's Talk page.

    Parameters
    ----------
    external_id : str
        The manifest's row.
    file : str
        Relative to the run folder.
    sha256 : str
        Its checksum when it was drawn.
    """

    external_id: str
    file: str
    sha256: str


def write_talk(path: Path, rows: Iterable[TalkRow]) -> None:
    """Write the file; it appears when it is complete.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    write_csv(path, HEADER, map(astuple, rows))


def read_talk(path: Path) -> Iterator[TalkRow]:
    """Read the file; nothing where there is none.

    Raises
    ------
    InputError
        When it cannot be read, or a line is none of these.
    """
    if not path.exists():
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            if tuple(next(lines, ())) != HEADER:
                raise RecordDamaged(f"{path} does not begin with {','.join(HEADER)}: generate the run again")
            for line in lines:
                if len(line) != len(HEADER):
                    raise RecordDamaged(
                        f"{path} line {lines.line_num} has {len(line)} cells: generate the run again"
                    )
                yield TalkRow(*line)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecordDamaged(f"{path} cannot be read ({error}): generate the run again") from error
