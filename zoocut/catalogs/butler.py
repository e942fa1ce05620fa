"""DiaSource tables in a Butler repository, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.butler import closing_with, fetched, find_tables, open_butler
from zoocut.catalogs.rows import TableNames, source_of_row
from zoocut.catalogs.table_files import by_exposure, read_parquet
from zoocut.config.catalog import ButlerTableSettings
from zoocut.error_kinds import MissingColumn, UnreadableFile
from zoocut.errors import InputError
from zoocut.model import DiaSource, Rejection

if TYPE_CHECKING:
    import pyarrow as pa
    from lsst.daf.butler import DatasetRef

__all__ = ["ButlerCatalog"]

ROWS_AT_ONCE = 2000
DATA_ID_COLUMNS = ("instrument", "visit", "detector", "band")


class ButlerCatalog:
    """The rows of all tables of a dataset type that an expression chooses.

    Parameters
    ----------
    settings : ButlerTableSettings
        The repository, the tables and the names of their columns.
    folder : Path
        What a relative repository is relative to.

    Raises
    ------
    ConfigError
        When lsst-daf-butler is not installed.
    InputError
        When the repository cannot be read, or no table meets the expression.
    """

    def __init__(self, settings: ButlerTableSettings, folder: Path) -> None:
        self._names = TableNames.of(settings)
        self._butler = closing_with(self, open_butler(settings.repository, settings.collections, folder))
        instrument = {} if settings.instrument is None else {"instrument": settings.instrument}
        self._refs = find_tables(self._butler, settings.dataset_type, settings.where, instrument)

    @property
    def expected(self) -> int | None:
        """Unknown: only the tables tell."""
        return None

    def sources(self) -> Iterator[DiaSource | Rejection]:
        """Yield every row; a table that cannot be read costs itself alone.

        Raises
        ------
        InputError
            When a table lacks a needed column.
        """
        for ref in self._refs:
            known = {name: ref.dataId.get(name) for name in DATA_ID_COLUMNS}
            told = f"{ref.datasetType.name} {_told(known) or ref.id}"
            try:
                table = self._read(ref)
            except InputError as error:
                yield Rejection("", told, str(error), error.code)
                continue
            yield from self._rows(table, told, {name: v for name, v in known.items() if v is not None})

    def _rows(self, table: pa.Table, told: str, known: Mapping[str, Any]) -> Iterator[DiaSource | Rejection]:
        missing = [name for name in self._names.needed if name not in table.column_names]
        if missing:
            raise MissingColumn(
                f"{told} has no column {', '.join(missing)}: name its columns in [catalog]"
                f" (it has {', '.join(table.column_names[:12])})"
            )
        number = 0
        for batch in by_exposure(table, self._names.columns).to_batches(max_chunksize=ROWS_AT_ONCE):
            for cells in batch.to_pylist():
                number += 1
                yield source_of_row({**known, **cells}, self._names, told, f"{told} row {number}")

    def _read(self, ref: DatasetRef) -> pa.Table:
        with fetched(lambda: self._butler.getURI(ref)) as path:
            try:
                return read_parquet(path, id_column=self._names.dia_source_id)
            except Exception as error:  # pyarrow lets several kinds escape
                raise UnreadableFile(f"{path} cannot be read as parquet ({error}): fetch it again") from error


def _told(known: Mapping[str, Any]) -> str:
    return " ".join(f"{name} {known[name]}" for name in ("visit", "detector") if known[name] is not None)
