"""Files of tables to arrow tables, each cell as its file has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from zoocut.catalogs.astropy_tables import read_astropy
from zoocut.catalogs.columns import Tell, column_of_texts
from zoocut.catalogs.csv_tables import read_csv
from zoocut.catalogs.ecsv import units_of_ecsv
from zoocut.catalogs.tidying import tidied
from zoocut.error_kinds import FileMissing, MissingColumn, NothingInside, UnreadableFile
from zoocut.errors import InputError, ZoocutError
from zoocut.model import Rejection
from zoocut.object_store import ObjectPath

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["EXPOSURE", "TableFile", "by_exposure", "explained", "read_parquet", "read_table"]

ORDER = "zoocut order"
EXPOSURE = ("visit", "detector")
"""The columns that tell of rows which exposure they are from."""

DELIMITED = (".csv", ".tsv", ".dat", ".txt")
BY_ASTROPY = {
    ".ecsv": "ascii.ecsv",
    **dict.fromkeys((".vot", ".votable", ".xml"), "votable"),
    **dict.fromkeys((".fits", ".fit"), "fits"),
}
ENDINGS = (*DELIMITED, ".parquet", *BY_ASTROPY)
WORKBOOKS = (".xlsx", ".xls", ".ods", ".numbers")


@dataclass(frozen=True, slots=True)
class TableFile:
    """A table that was read.

    Parameters
    ----------
    table : Table
        Its columns.
    units : mapping of str to str
        Units by column, where the file tells.
    lines : sequence of int
        The line of the file that each row begins in; empty where it has no lines.
    """

    table: pa.Table
    units: Mapping[str, str] = field(default_factory=dict)
    lines: Sequence[int] = ()


def read_table(
    path: Path,
    id_column: str,
    broken: list[Rejection],
    key: str = "catalog.path or --input",
    encoding: str | None = None,
    tell: Tell = lambda _: None,
) -> TableFile:
    """Read a table in the format that its ending tells; of a folder all parquet files in it.

    Parameters
    ----------
    path : Path
        The file or folder.
    id_column : str
        The column of ids, which are kept exact.
    broken : list of Rejection
        Lines of text that cannot be read are put here.
    key : str
        The setting that names the file, for the message.
    encoding : str, optional
        The encoding of delimited text that is neither UTF-8 nor UTF-16.
    tell : callable
        Told what was recognised, converted or left out.

    Raises
    ------
    InputError
        When the file is missing, unreadable or of an unknown format.
    """
    if isinstance(path, ObjectPath):
        return _read_object(path, id_column, broken, key, encoding, tell)
    ending = Path(path.name.lower().removesuffix(".gz")).suffix
    if path.is_dir():
        return TableFile(_read_folder(path, tell, id_column))
    if ending in WORKBOOKS:
        raise UnreadableFile(f"{path} is a workbook: save its sheet as CSV UTF-8 (comma delimited)")
    if ending not in ENDINGS:
        raise MissingColumn(
            f"{path} is no table that zoocut reads: its name must end in {', '.join(ENDINGS)}"
        )
    if not path.is_file():
        raise FileMissing(f"{path} does not exist: check {key}")
    with explained(path, ending[1:]):
        if ending == ".parquet":
            return TableFile(read_parquet(path, tell, id_column))
        if ending in BY_ASTROPY:
            return _read_by_astropy(path, BY_ASTROPY[ending], id_column, tell)
        table, lines = read_csv(path, id_column, encoding, broken, tell)
        return TableFile(table, lines=lines)


@contextmanager
def explained(path: Path, kind: str) -> Iterator[None]:
    """Let every error that reading a file may raise name the file.

    Raises
    ------
    InputError
        In the place of the libraries' own errors.
    """
    try:
        yield
    except InputError as error:
        raise error if str(path) in str(error) else InputError(f"{path}: {error}") from None
    except ZoocutError:
        raise
    except Exception as error:  # each of the libraries has errors of its own
        raise UnreadableFile(f"{path} cannot be read as {kind} ({error}): save it anew") from error


def _read_object(
    path: ObjectPath, id_column: str, broken: list[Rejection], key: str, encoding: str | None, tell: Tell
) -> TableFile:
    """Read a table of an object store from a copy; what is said of the copy is said of the object."""
    try:
        with path.copied_here() as copy:
            try:
                return read_table(
                    copy,
                    id_column,
                    broken,
                    key,
                    encoding,
                    lambda told: tell(told.replace(str(copy), str(path))),
                )
            except ZoocutError as error:
                raise type(error)(str(error).replace(str(copy), str(path))) from None
    except FileNotFoundError:
        raise FileMissing(f"{path} does not exist: check {key}") from None


def _read_by_astropy(path: Path, kind: str, id_column: str, tell: Tell) -> TableFile:
    try:
        read = read_astropy(path, kind, tell)
    except ValueError as error:
        # a number beyond 64 bits makes astropy refuse the whole ECSV: as text it costs its own row alone
        if kind != "ascii.ecsv" or "failed to convert" not in str(error):
            raise
        table, lines = read_csv(path, id_column, None, [], tell)
        tell(f"{path.name}: {error}; its columns are read as they are written")
        return TableFile(table, units_of_ecsv(path), lines)
    return TableFile(tidied(read.table, tell, id_column), read.units)


def by_exposure(table: pa.Table, renamed: Mapping[str, str]) -> pa.Table:
    """Bring the rows of an exposure together, by visit and detector where the table has them.

    Parameters
    ----------
    table : Table
        Its rows keep their order within an exposure.
    renamed : mapping of str to str
        What the table calls visit and detector, where it calls them otherwise.
    """
    import numpy as np
    import pyarrow as pa

    keys = [renamed.get(name, name) for name in EXPOSURE]
    keys = [name for name in keys if name in table.column_names]
    numbered = table.append_column(ORDER, pa.array(np.arange(table.num_rows)))
    return numbered.sort_by([(name, "ascending") for name in [*keys, ORDER]]).drop_columns([ORDER])


def read_parquet(path: Path, tell: Tell = lambda _: None, id_column: str = "") -> pa.Table:
    """Read parquet.

    Parameters
    ----------
    path : Path
        The file.
    tell : callable
        Told of columns that have lost something.
    id_column : str
        The column of ids, which is left as it is.
    """
    import pyarrow.parquet

    # no threads: one that still reads when the process ends would abort it
    return tidied(
        pyarrow.parquet.ParquetFile(path, pre_buffer=False).read(use_threads=False), tell, id_column
    )


def _read_folder(folder: Path, tell: Tell, id_column: str) -> pa.Table:
    """Read all parquet files below a folder, with the columns that names such as visit=7 of folders stand for."""
    import pyarrow as pa

    paths = sorted(path for path in folder.rglob("*.parquet") if path.is_file() and path.name[0] not in "._")
    if not paths:
        raise NothingInside(f"{folder} is a folder without parquet files: check catalog.path or --input")
    tables = []
    for path in paths:
        try:
            tables.append(_with_partitions(read_parquet(path, tell, id_column), path.relative_to(folder)))
        except (pa.ArrowException, OSError) as error:
            raise UnreadableFile(f"{path} cannot be read as parquet ({error}): save it anew") from error
    try:
        table = pa.concat_tables(tables, promote_options="default")
    except pa.ArrowException as error:
        raise UnreadableFile(
            f"the files below {folder} differ in the types of their columns ({error}): write them alike"
        ) from error
    tell(f"{folder}: {len(paths)} parquet files")
    partitions = {name for path in paths for name in _partitions(path.relative_to(folder))}
    for name in partitions:
        at = table.column_names.index(name)
        table = table.set_column(at, name, column_of_texts(name, table[name], tell))
    return table


def _partitions(path: Path) -> dict[str, str]:
    return dict(part.split("=", 1) for part in path.parent.parts if "=" in part)


def _with_partitions(table: pa.Table, path: Path) -> pa.Table:
    import pyarrow as pa

    for name, value in _partitions(path).items():
        if name not in table.column_names:
            table = table.append_column(name, pa.array([value] * table.num_rows, pa.string()))
    return table
