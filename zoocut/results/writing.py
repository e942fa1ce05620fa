"""The results as a file: Parquet, ECSV or CSV, with a header that says what they were made from.

A file is written batch by batch and appears whole.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.error_kinds import WrongOutput
from zoocut.files import appear_whole

if TYPE_CHECKING:
    import pyarrow as pa
    from astropy.table import MaskedColumn

__all__ = ["FORMATS", "KEY", "require_format", "write_results"]

KEY = "zoocut"
"""The header's name in the metadata of a Parquet or ECSV file; the value is JSON."""

Tables = Iterator["pa.Table"]


def require_format(path: Path) -> None:
    """Check that the ending of a file's name is one of `FORMATS`.

    Raises
    ------
    InputError
        When it is not.
    """
    if path.suffix.lower() not in FORMATS:
        raise WrongOutput(f"{path} should end in one of {', '.join(FORMATS)}")


def write_results(path: Path, tables: Tables, header: Mapping[str, Any]) -> int:
    """Write a table that comes in batches.

    Parameters
    ----------
    path : Path
        The file to make or replace; its ending chooses the format.
    tables : iterator of pyarrow.Table
        At least one, all with the same columns.
    header : mapping
        What goes into the file's header, as JSON.

    Returns
    -------
    int
        How many rows it has.

    Raises
    ------
    InputError
        When the ending is another, or the file cannot be written.
    """
    require_format(path)
    rows = 0

    def counted() -> Tables:
        nonlocal rows
        for table in tables:
            rows += table.num_rows
            yield table

    with appear_whole(path) as part:
        FORMATS[path.suffix.lower()](part, counted(), json.dumps(header, ensure_ascii=False))
    return rows


def _write_parquet(path: Path, tables: Tables, header: str) -> None:
    import pyarrow.parquet as pq

    first = next(tables)
    schema = first.schema.with_metadata({KEY: header})
    with pq.ParquetWriter(path, schema) as writer:
        for table in chain([first], tables):
            writer.write_table(table.replace_schema_metadata(schema.metadata))


def _write_csv(path: Path, tables: Tables, header: str) -> None:
    """Write a line with the header, then a plain CSV: `skiprows=1` for pandas."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# {header}\n")
        writer = csv.writer(file, lineterminator="\n")
        for number, table in enumerate(tables):
            if number == 0:
                writer.writerow(table.column_names)
            writer.writerows(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _write_ecsv(path: Path, tables: Tables, header: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, table in enumerate(tables):
            text = _ecsv(table, header)
            head = 1 + sum(1 for _ in takewhile(lambda line: line.startswith("#"), text.split("\n")))
            file.write(text if number == 0 else text.split("\n", head)[head])


def _ecsv(table: pa.Table, header: str) -> str:
    from astropy.table import Table

    if any(str(one).startswith("#") for one in table.columns[0].to_pylist()):
        raise WrongOutput(
            "an id begins with #, which readers of ECSV take for a comment: write .parquet or .csv"
        )
    columns = [_masked(name, column) for name, column in zip(table.column_names, table.columns, strict=True)]
    text = io.StringIO(newline="")
    Table(columns, meta={KEY: json.loads(header)}).write(text, format="ascii.ecsv")
    return text.getvalue()


def _masked(name: str, column: pa.ChunkedArray) -> MaskedColumn:
    """Make a column of astropy; what it has no type for is text.

    Line breaks become a backslash and n: astropy takes a line that begins with `#` for a comment, also in cells.
    """
    import pyarrow as pa
    from astropy.table import MaskedColumn

    kind, values = column.type, column.to_pylist()
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    dtype = kind.to_pandas_dtype() if number else str
    filled = [(0 if value is None else value) if number else _in_one_line(value) for value in values]
    return MaskedColumn(filled, mask=[value is None for value in values], name=name, dtype=dtype)


def _in_one_line(value: Any) -> str:
    return "" if value is None else str(value).replace("\r", "\\r").replace("\n", "\\n")


FORMATS: Mapping[str, Callable[[Path, Tables, str], None]] = {
    ".parquet": _write_parquet,
    ".ecsv": _write_ecsv,
    ".csv": _write_csv,
}
