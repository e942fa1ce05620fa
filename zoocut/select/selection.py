"""Choosing among a catalog's sources.

Cuts and exclusions are decided row by row. One source an object and samples need to see all rows before the
first is chosen: the catalog is then read twice, and only ids and the columns that decide are kept in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from zoocut.config.select import SelectSettings
from zoocut.model import Catalog, DiaSource, Rejection, SourceId
from zoocut.select.cuts import Cuts
from zoocut.select.exclude import read_excluded
from zoocut.select.objects import best_of_objects
from zoocut.select.sample import draw_sample
from zoocut.values import IdKind

__all__ = ["Selection"]


class Selection:
    """A catalog of the chosen sources of another.

    Parameters
    ----------
    catalog : Catalog
        All sources.
    settings : SelectSettings
        Which of them are wanted.
    folder : Path
        What relative paths of exclusion lists are relative to.
    ids : str
        Whether the catalog's ids are whole numbers or names.

    Raises
    ------
    InputError
        When an exclusion list cannot be read.
    """

    def __init__(
        self, catalog: Catalog, settings: SelectSettings, folder: Path, ids: IdKind = "integer"
    ) -> None:
        self._catalog = catalog
        self._settings = settings
        self._cuts = Cuts(settings.cuts)
        self._excluded = read_excluded(settings.exclude, folder, ids, settings.encoding)

    @property
    def expected(self) -> int | None:
        """How many rows to expect; None where only choosing tells."""
        settings = self._settings
        sampled = settings.sample.size if settings.sample else None
        chooses = settings.cuts or settings.exclude or settings.one_per_object
        bounds = [
            n for n in (None if chooses else self._catalog.expected, sampled, settings.limit) if n is not None
        ]
        return min(bounds, default=None)

    def sources(self) -> Iterator[DiaSource | Rejection]:
        """Yield the chosen sources in the catalog's order, and every row that cannot be one.

        Raises
        ------
        ConfigError
            When a column that decides is not in the catalog, or holds nothing of the kind that is asked for.
        """
        if not (self._settings.one_per_object or self._settings.sample):
            yield from self._passing()
            return
        chosen = self._chosen()
        for row in self._catalog.sources():
            if isinstance(row, Rejection) or row.dia_source_id in chosen:
                yield row

    def _passing(self) -> Iterator[DiaSource | Rejection]:
        if not (self._excluded or self._settings.cuts):
            yield from self._catalog.sources()
            return
        for row in self._catalog.sources():
            if isinstance(row, Rejection) or (
                row.dia_source_id not in self._excluded and self._cuts.met_by(row)
            ):
                yield row
        self._cuts.require_sense()

    def _chosen(self) -> set[SourceId]:
        settings = self._settings
        passing = (row for row in self._passing() if isinstance(row, DiaSource))
        if settings.one_per_object is None and settings.sample is not None:
            return draw_sample(passing, settings.sample)
        assert settings.one_per_object is not None
        best = best_of_objects(passing, settings.one_per_object)
        if settings.sample is None:
            return best
        again = (row for row in self._passing() if isinstance(row, DiaSource))
        return draw_sample((row for row in again if row.dia_source_id in best), settings.sample)
