"""Histories out of a Butler repository's tables of forced photometry, such as `dia_object_forced_source`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from zoocut.butler import closing_with, fetched, find_tables, open_butler
from zoocut.catalogs.history.cells import ObjectId, number, valid_mjd
from zoocut.catalogs.history.grouped import Row, Rows, by_object
from zoocut.catalogs.history.lsst import FLUXES as SOURCE_FLUXES
from zoocut.catalogs.history.lsst import LsstRows, cell
from zoocut.catalogs.history.mapped import MappedRows
from zoocut.catalogs.history.points import Kind, Point
from zoocut.catalogs.history.tables import rows_of_objects
from zoocut.catalogs.table_files import read_parquet
from zoocut.config.history import ButlerHistorySettings, MeasurementColumns
from zoocut.error_kinds import UnreadableFile
from zoocut.model import DiaSource

if TYPE_CHECKING:
    from lsst.daf.butler import DatasetRef

__all__ = ["ButlerRows"]

FLUXES = {
    "difference": ("psfDiffFlux", "psfDiffFluxErr", "psfDiffFlux_flag"),
    "total": ("psfFlux", "psfFluxErr", "psfFlux_flag"),
}
"""ForcedSourceOnDiaObject has other names than DiaForcedSource (schema dp1 of lsst-sdm-schemas)."""


class ButlerRows:
    """The rows of all tables that an expression chooses; tables are read one by one, for each batch of objects.

    Parameters
    ----------
    settings : ButlerHistorySettings
        The repository and its tables.
    folder : Path
        What a relative repository is relative to.

    Raises
    ------
    ConfigError
        When lsst-daf-butler is not installed.
    InputError
        When the repository cannot be read, or no table meets the expression.
    """

    scale = "TAI"

    def __init__(self, settings: ButlerHistorySettings, folder: Path) -> None:
        self._settings = settings
        flux, error, self._flag = FLUXES[settings.quantity]
        self._columns = MeasurementColumns(time=None, flux=flux, flux_error=error, unit="nJy", bands={})
        self._butler = closing_with(self, open_butler(settings.repository, settings.collections, folder))
        self._refs = find_tables(self._butler, settings.dataset_type, settings.where, {})

    def rows(self, objects: Sequence[ObjectId]) -> Rows:
        """Fetch the rows of some objects."""
        return by_object(
            (found, row, Kind.FORCED) for ref in self._refs for found, row in self._read(ref, objects)
        )

    def reader(self, left_out: Counter[str]) -> MappedRows:
        """Return a reader whose times are those of the rows' visits."""
        return MappedRows(self._columns, (self._flag, *self._settings.flags), left_out, self._time)

    def trigger_of(self, source: DiaSource, left_out: Counter[str]) -> tuple[float | None, Point | None]:
        """Read a source's own row by the names of DiaSource, where its catalog has them."""
        row = source.columns
        mjd = valid_mjd(number(cell(row, "midpointMjdTai")))
        if cell(row, SOURCE_FLUXES[self._settings.quantity][0]) is None:
            return mjd, None
        return mjd, LsstRows(self._settings.quantity, (), left_out).point(row, Kind.DETECTION)

    def _read(self, ref: DatasetRef, objects: Sequence[ObjectId]) -> Iterator[tuple[ObjectId, Row]]:
        with fetched(lambda: self._butler.getURI(ref)) as path:
            try:
                table = read_parquet(path, id_column=self._settings.object)
            except Exception as error:  # pyarrow lets several kinds escape
                raise UnreadableFile(f"{path} cannot be read as parquet ({error}): fetch it again") from error
        yield from rows_of_objects(table, self._settings.object, objects, ref.datasetType.name)

    def _time(self, row: Row) -> float | None:
        visit = row.get("visit")
        return self._visits.get(visit) if isinstance(visit, int) else None

    @cached_property
    def _visits(self) -> Mapping[int, float]:
        """Return the middle of every visit that the registry knows, as MJD in TAI."""
        where = {} if self._settings.instrument is None else {"instrument": self._settings.instrument}
        records = self._butler.query_dimension_records("visit", data_id=where, limit=None, explain=False)
        spans = {record.id: record.timespan for record in records if record.timespan is not None}
        return {
            number: _middle(span.begin, span.end) for number, span in spans.items() if span.begin and span.end
        }


def _middle(begin: object, end: object) -> float:
    return float((begin.tai.mjd + end.tai.mjd) / 2)  # type: ignore[attr-defined]
