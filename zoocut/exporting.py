"""Which subject a source became: the run's ledger as a table for the science."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.delimited import as_text_cell
from zoocut.errors import InputError
from zoocut.files import appear_whole, write_csv
from zoocut.ledger import Entry, Ledger, Target
from zoocut.notebook import data_frame, html_table
from zoocut.run.folder import Run
from zoocut.values import id_key
from zoocut.zooniverse.credentials import PRODUCTION

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FORMATS", "Export", "export"]

REAL_SITE = (PRODUCTION, "https://panoptes.zooniverse.org")
NUMBERS = ("diaSourceId", "subject_id", "subject_set_id", "project_id")
TEXTS = ("endpoint", "state", "talk", "uploaded_at")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Export:
    """Which subject each source became.

    Parameters
    ----------
    table : Path
        The file that was written.
    columns : mapping of str to sequence
        What it holds, by column.
    """

    table: Path
    columns: Mapping[str, Sequence[Any]] = field(repr=False)

    @property
    def subjects(self) -> int:
        """How many subjects it has."""
        return len(self.columns["subject_id"])

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
    write = FORMATS.get(path.suffix.lower())
    if write is None:
        raise InputError(f"{path} should end in one of {', '.join(FORMATS)}")
    with Ledger.read_uploaded(run) as ledger:
        rows = [_row(target, entry) for target in ledger.targets() for entry in _made(ledger, target)]
    images = max((len(row["sha256"]) for row in rows), default=1)
    columns = _columns(rows, images)
    write(path, columns)
    return Export(path, columns)


def _made(ledger: Ledger, target: Target) -> Iterator[Entry]:
    return (entry for entry in ledger.every(target) if entry.subject_id)


def _row(target: Target, entry: Entry) -> Row:
    return {
        "diaSourceId": entry.external_id,
        "subject_id": entry.subject_id,
        "subject_set_id": target.set_id,
        "project_id": target.project_id,
        "endpoint": target.endpoint,
        "state": entry.state.value,
        "talk": _talk(target, entry),
        "uploaded_at": _time(entry.sent_at),
        "sha256": [image.sha256 or "" for image in entry.images],
    }


def _talk(target: Target, entry: Entry) -> str:
    if target.endpoint not in REAL_SITE:
        return ""
    return f"{PRODUCTION}/projects/{target.project_slug}/talk/subjects/{entry.subject_id}"


def _time(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _columns(rows: Sequence[Row], images: int) -> dict[str, list[Any]]:
    numbers = {name: _numbers([row[name] for row in rows]) for name in NUMBERS}
    texts = {name: [row[name] for row in rows] for name in TEXTS}
    sums = {
        f"sha256:{n + 1}": [row["sha256"][n] if n < len(row["sha256"]) else "" for row in rows]
        for n in range(images)
    }
    return {**numbers, **texts, **sums}


def _numbers(values: list[Any]) -> list[Any]:
    """Make whole numbers of ids where every one of them is; other tools call their rows by other names."""
    exact = all(str(id_key(value)) == value for value in map(str, values))
    return [int(value) for value in values] if exact else [str(value) for value in values]


def _write_csv(path: Path, table: Mapping[str, Sequence[Any]]) -> None:
    write_csv(path, list(table), (map(as_text_cell, row) for row in zip(*table.values(), strict=True)))


def _write_parquet(path: Path, table: Mapping[str, Sequence[Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with appear_whole(path) as part:
        pq.write_table(pa.table({name: list(values) for name, values in table.items()}), part)


def _write_ecsv(path: Path, table: Mapping[str, Sequence[Any]]) -> None:
    from astropy.table import Table

    with appear_whole(path) as part:
        Table(dict(table)).write(part, format="ascii.ecsv")


FORMATS: Mapping[str, Callable[[Path, Mapping[str, Sequence[Any]]], None]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".ecsv": _write_ecsv,
}
