"""Pixels from the exposures in a Butler repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.butler import fetched, find_dataset
from zoocut.config.draw import DrawSettings
from zoocut.config.images import ButlerSettings
from zoocut.error_kinds import MissingColumn
from zoocut.errors import InputError
from zoocut.images.aligned import Aligned
from zoocut.images.boxes import Boxes, Footprints, boxes_for, footprint_boxes
from zoocut.images.lsst.exposure import LsstPlane, open_exposure
from zoocut.images.lsst.footprints import read_footprints
from zoocut.model import Cutout, DiaSource, Rejection
from zoocut.values import number_of

if TYPE_CHECKING:
    from lsst.daf.butler import Butler

__all__ = ["ButlerImages"]

WAYS = (
    "images.footprint_type to the dataset type of its SourceCatalog, such as dia_source_unfiltered, or name columns"
    " with its box in [images.footprint]"
)


class ButlerImages:
    """Cutouts out of the exposures of a repository.

    Parameters
    ----------
    settings : ButlerSettings
        Dataset types and the instrument.
    draw : DrawSettings
        Sizes, footprint and orientation.
    open_butler : callable
        Opens the repository for its owner, which is given; called when the first exposure is cut.

    Raises
    ------
    ConfigError
        When no size is given.
    """

    def __init__(
        self, settings: ButlerSettings, draw: DrawSettings, open_butler: Callable[[object], Butler]
    ) -> None:
        self._settings = settings
        self._open_butler = open_butler
        self._north_up = draw.orientation == "north-up"
        self._squares = None if draw.use_footprint else boxes_for(settings.footprint, draw)
        self._footprints: tuple[str, Footprints] | None = None
        own = settings.diff_image_type is None
        self._types = (
            ("images.template_image_type" if own else "images.diff_image_type", settings.template_type),
            ("images.science_image_type", settings.science_image_type),
            ("images.difference_image_type" if own else "images.diff_image_type", settings.difference_type),
        )

    def exposure_of(self, source: DiaSource) -> str:
        """Name the source's exposure as instrument/visit/detector.

        Raises
        ------
        InputError
            When the source lacks one of these columns.
        """
        instrument = self._settings.instrument or source.columns.get("instrument")
        if not instrument:
            raise MissingColumn("its catalog has no column instrument: set images.instrument")
        places = [number_of(source.columns.get(name)) for name in ("visit", "detector")]
        if not all(isinstance(place, int) for place in places):
            raise MissingColumn(
                f"its visit and detector are {places[0]} and {places[1]}: an exposure is found by both, name"
                " their columns in [catalog.columns]"
            )
        return f"{instrument}/{places[0]}/{places[1]}"

    def cut(self, exposure: str, sources: Sequence[DiaSource]) -> Iterator[tuple[Cutout, ...] | Rejection]:
        """Cut every source out of the exposure's template, science and difference images.

        Yields
        ------
        tuple of Cutout or Rejection
            For each source in order: one cutout a size, or why there is none.

        Raises
        ------
        InputError
            When a dataset is not there, its file cannot be read, or the three are not aligned.
        """
        instrument, visit, detector = exposure.rsplit("/", 2)
        data_id = {"instrument": instrument, "visit": int(visit), "detector": int(detector)}
        refs = [find_dataset(self._butler, name, data_id, key) for key, name in self._types]
        with ExitStack() as stack:
            planes = [
                stack.enter_context(
                    self._open(stack.enter_context(fetched(partial(self._butler.getURI, ref))))
                )
                for ref in refs
            ]
            aligned = Aligned(
                self._boxes_on(exposure, data_id), self._north_up, self._settings.allow_missing_template
            )
            yield from aligned.cut(planes, sources)

    def _boxes_on(self, exposure: str, data_id: Mapping[str, Any]) -> Boxes:
        if self._squares is not None:
            return self._squares
        if self._footprints is None or self._footprints[0] != exposure:
            self._footprints = (exposure, self._read_footprints(data_id))
        return footprint_boxes(self._footprints[1], self._settings.footprint)

    def _read_footprints(self, data_id: Mapping[str, Any]) -> Footprints:
        """Read the exposure's catalog; one that cannot be had leaves the columns, and says why."""
        dataset_type = self._settings.source_catalog_type
        if dataset_type is None:
            return Footprints(f"nothing tells its footprint: set {WAYS}")
        try:
            ref = find_dataset(self._butler, dataset_type, data_id, "images.footprint_type")
            with fetched(partial(self._butler.getURI, ref)) as path:
                found = read_footprints(path)
        except InputError as error:
            return Footprints(f"its footprint is not known: {error}")
        return Footprints(f"the exposure's {dataset_type} has no footprint of it: set {WAYS}", found)

    @cached_property
    def _butler(self) -> Butler:
        return self._open_butler(self)

    def _open(self, path: Path) -> AbstractContextManager[LsstPlane]:
        own = self._settings
        return open_exposure(path, own.blank_planes, own.pixels == "nJy", own.no_data)
