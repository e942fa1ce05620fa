"""Files of tables to arrow tables, integers with nulls kept exact."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.errors import InputError
from zoocut.model import Rejection

if TYPE_CHECKING:
    import pyarrow as pa
    from astropy.table import Table

__all__ = ["by_exposure", "from_astropy", "read_parquet", "read_table"]


ORDER = "zoocut order"

Reader = Callable[[Path], "pa.Table"]


def read_table(
    path: Path, id_column: str, broken: list[Rejection], key: str = "catalog.path or --input"
) -> pa.Table:
    """Read a table in the format that its ending tells.

    Parameters
    ----------
    path : Path
        The file.
    id_column : str
        The column of ids, which are kept exact.
    broken : list of Rejection
        Lines of CSV that cannot be read are put here.
    key : str
        The setting that names the file, for the message.

    Raises
    ------
    InputError
        When the file is missing, unreadable or of an unknown format.
    """
    readers: dict[str, Reader] = {
        ".csv": lambda path: _read_csv(path, id_column, broken),
        ".parquet": read_parquet,
    }
    for endings, kind in (((".ecsv",), "ascii.ecsv"), ((".vot", ".votable", ".xml"), "votable")):
        readers |= dict.fromkeys(endings, lambda path, kind=kind: _read_astropy(path, kind))
    readers |= dict.fromkeys((".fits", ".fit"), lambda path: _read_astropy(path, "fits"))
    reader = readers.get(_ending(path))
    if reader is None:
        raise InputError(f"{path} is no table that zoocut reads: its name must end in {', '.join(readers)}")
    if not path.is_file():
        raise InputError(f"{path} does not exist: check {key}")
    try:
        return reader(path)
    except Exception as error:  # each of the libraries has errors of its own
        raise InputError(f"{path} cannot be read as {_ending(path)[1:]}: {error}") from error


def _ending(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def _read_csv(path: Path, id_column: str, broken: list[Rejection]) -> pa.Table:
    """Read CSV, ids as text.

    Parameters
    ----------
    path : Path
        The file.
    id_column : str
        The column of ids.
    broken : list of Rejection
        Lines with too many or too few cells are put here.
    """
    import pyarrow as pa
    import pyarrow.csv

    def set_aside(line: Any) -> str:
        cells = f"{line.actual_columns} cells where the header has {line.expected_columns}"
        broken.append(
            Rejection("", f"{path.name}, the line {line.text[:60]!r}", f"it has {cells}: mend the line")
        )
        return "skip"

    ids_as_text = pyarrow.csv.ConvertOptions(column_types={id_column: pa.string()}, strings_can_be_null=True)
    return pyarrow.csv.read_csv(
        path,
        convert_options=ids_as_text,
        parse_options=pyarrow.csv.ParseOptions(invalid_row_handler=set_aside),
    )


def by_exposure(table: pa.Table, renamed: Mapping[str, str]) -> pa.Table:
    """Bring the rows of an exposure together, by visit and detector where the table has them.

    Parameters
    ----------
    table : Table
        Its rows keep their order within an exposure.
    renamed : mapping of str to str
        What the table calls visit and detector, where it calls them otherwise.
    """
    import pyarrow as pa

    keys = [renamed.get(name, name) for name in ("visit", "detector")]
    keys = [name for name in keys if name in table.column_names]
    numbered = table.append_column(ORDER, pa.array(range(table.num_rows)))
    return numbered.sort_by([(name, "ascending") for name in [*keys, ORDER]]).drop_columns([ORDER])


def read_parquet(path: Path) -> pa.Table:
    """Read parquet."""
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path)


def _read_astropy(path: Path, kind: str) -> pa.Table:
    """Read one of astropy's formats; columns of arrays are left out.

    Parameters
    ----------
    path : Path
        The file.
    kind : str
        `ascii.ecsv`, `votable` or `fits`.
    """
    from astropy.table import Table
    from astropy.utils.exceptions import AstropyWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        table = Table.read(path, format=kind)
    return from_astropy(table)


def from_astropy(table: Table) -> pa.Table:
    """Convert a table of astropy; columns of arrays are left out."""
    import pyarrow as pa

    table.convert_bytestring_to_unicode()
    scalars = [name for name in table.colnames if table[name].ndim == 1]
    return pa.table({name: _column(table[name].tolist()) for name in scalars})


def _column(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values])
