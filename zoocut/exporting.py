"""Which subject a source became: the run's ledger as a table for the science.

The ledger is read twice, once to know the columns and once to write them, so that its length does not matter; only
ECSV, which astropy writes, is in memory.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.delimited import as_text_cell, without_mark
from zoocut.error_kinds import WrongOutput
from zoocut.files import appear_whole, write_csv
from zoocut.ledger import Ledger, Target
from zoocut.ledger.made import MadeSubject, made_subjects
from zoocut.notebook import data_frame, html_table
from zoocut.run.folder import Run
from zoocut.values import id_key
from zoocut.zooniverse.credentials import PRODUCTION

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["FORMATS", "Export", "export"]

REAL_SITE = (PRODUCTION, "https://panoptes.zooniverse.org")
NUMBERS = ("diaSourceId", "subject_id", "subject_set_id", "project_id")
TEXTS = ("endpoint", "state", "talk", "uploaded_at")
ROWS_AT_ONCE = 50_000
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of a table: which of the numbers are whole numbers, and how many checksums there are."""

    whole: frozenset[str]
    images: int

    @property
    def names(self) -> list[str]:
        """All of them in order."""
        return [*NUMBERS, *TEXTS, *(f"sha256:{n + 1}" for n in range(self.images))]

    def row(self, target: Target, made: MadeSubject) -> list[Any]:
        """Return a subject's cells."""
        numbers = (made.external_id, made.subject_id, target.set_id, target.project_id)
        ids = [int(one) if name in self.whole else one for name, one in zip(NUMBERS, numbers, strict=True)]
        missing = [""] * (self.images - len(made.sha256))
        texts = [target.endpoint, made.state, _talk(target, made), _time(made.sent_at)]
        return [*ids, *texts, *made.sha256, *missing]


@dataclass(frozen=True)
class Export:
    """Which subject each source became.

    Parameters
    ----------
    table : Path
        The file that was written.
    subjects : int
        How many subjects it has.
    whole : frozenset of str
        Its columns of whole numbers.
    """

    table: Path
    subjects: int
    whole: frozenset[str]

    @cached_property
    def columns(self) -> Mapping[str, Sequence[Any]]:
        """What the file holds, by column; it is read when it is asked for."""
        return FORMATS[self.table.suffix.lower()].read(self.table, self.whole)

    def __len__(self) -> int:
        return self.subjects

    def __iter__(self) -> Iterator[Row]:
        """Yield each subject as a mapping of column to value."""
        for values in zip(*self.columns.values(), strict=True):
            yield dict(zip(self.columns, values, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """Return it in the form of `zoocut export --json`."""
        return {"version": 1, "table": str(self.table), "subjects": self.subjects}

    def to_pandas(self) -> pd.DataFrame:
        """Return the subjects as a data frame, one a row."""
        return data_frame(self)

    def _repr_html_(self) -> str:
        return html_table(f"{self.table}: {self.subjects} subjects", list(self))


def export(run: Run, path: Path) -> Export:
    """Write the mapping from diaSourceId to subject.

    A row for each subject that the run has made: `diaSourceId`, `subject_id`, `subject_set_id`, `project_id`,
    `endpoint`, `state`, `talk` (the subject's page on Talk; empty elsewhere than at the real site),
    `uploaded_at` (when it was made, by the server's clock) and `sha256:1` and so on, the images' checksums.

    Parameters
    ----------
    run : Run
        A run whose upload has begun.
    path : Path
        The file to make or replace; its ending chooses the format, one of `FORMATS`.

    Returns
    -------
    Export
        What was written.

    Raises
    ------
    InputError
        When nothing was uploaded yet, or the ending is another.
    LedgerError
        When the ledger cannot be read.
    """
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise WrongOutput(f"{path} should end in one of {', '.join(FORMATS)}")
    with Ledger.read_uploaded(run) as ledger:
        columns, count = _columns(_made(ledger))
        form.write(path, columns, (columns.row(*one) for one in _made(ledger)))
    return Export(path, count, columns.whole)


def _made(ledger: Ledger) -> Iterator[tuple[Target, MadeSubject]]:
    return ((target, made) for target in ledger.targets() for made in made_subjects(ledger, target))


def _columns(every: Iterator[tuple[Target, MadeSubject]]) -> tuple[_Columns, int]:
    """Look at all subjects: ids are whole numbers where every one of them is; other tools call rows by other names."""
    whole, images, count = set(NUMBERS), 0, 0
    for target, made in every:
        count += 1
        images = max(images, len(made.sha256))
        numbers = (made.external_id, made.subject_id, target.set_id, target.project_id)
        whole -= {
            name for name, one in zip(NUMBERS, numbers, strict=True) if name in whole and not _is_exact(one)
        }
    return _Columns(frozenset(whole), images if count else 1), count


def _is_exact(text: str) -> bool:
    return str(id_key(text)) == text


def _talk(target: Target, made: MadeSubject) -> str:
    if target.endpoint not in REAL_SITE:
        return ""
    return f"{PRODUCTION}/projects/{target.project_slug}/talk/subjects/{made.subject_id}"


def _time(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _write_csv(path: Path, columns: _Columns, rows: Iterator[list[Any]]) -> None:
    write_csv(path, columns.names, (map(as_text_cell, row) for row in rows))


def _read_csv(path: Path, whole: frozenset[str]) -> dict[str, list[Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    cells = zip(*lines, strict=True) if lines else ([] for _ in header)
    return {
        name: [int(cell) if name in whole else without_mark(cell) for cell in column]
        for name, column in zip(header, cells, strict=True)
    }


def _schema(columns: _Columns) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([(name, pa.int64() if name in columns.whole else pa.string()) for name in columns.names])


def _write_parquet(path: Path, columns: _Columns, rows: Iterator[list[Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema(columns)
    with appear_whole(path) as part, pq.ParquetWriter(part, schema) as writer:
        while several := list(islice(rows, ROWS_AT_ONCE)):
            arrays = [
                pa.array(column, kind)
                for column, kind in zip(zip(*several, strict=True), schema.types, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def _read_parquet(path: Path, whole: frozenset[str]) -> dict[str, list[Any]]:
    import pyarrow.parquet as pq

    return dict(pq.ParquetFile(path).read().to_pydict())


def _write_ecsv(path: Path, columns: _Columns, rows: Iterator[list[Any]]) -> None:
    from astropy.table import Table

    cells = list(zip(*rows, strict=True)) or [()] * len(columns.names)
    with appear_whole(path) as part:
        Table([list(one) for one in cells], names=columns.names).write(part, format="ascii.ecsv")


def _read_ecsv(path: Path, whole: frozenset[str]) -> dict[str, list[Any]]:
    from astropy.table import Table

    table = Table.read(path, format="ascii.ecsv")
    # an empty text is a missing one in this format
    return {name: ["" if one is None else one for one in table[name].tolist()] for name in table.colnames}


@dataclass(frozen=True, slots=True)
class _Format:
    """How a table is written, and read again."""

    write: Callable[[Path, _Columns, Iterator[list[Any]]], None]
    read: Callable[[Path, frozenset[str]], dict[str, list[Any]]]


FORMATS: Mapping[str, _Format] = {
    ".csv": _Format(_write_csv, _read_csv),
    ".parquet": _Format(_write_parquet, _read_parquet),
    ".ecsv": _Format(_write_ecsv, _read_ecsv),
}
