"""The medium `flipbook`: one object at several epochs, as pictures that Zooniverse shows one after the other.

All frames of a subject have one size, sign and stretch: their limits are those of all their pixels together, or
a change between frames could be the stretch's. Epochs are the sources of the same object in the catalog, which
is read once for it: its sources with an object are kept in memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from zoocut.catalogs import open_catalog
from zoocut.config.draw import PanelName
from zoocut.config.section import Section
from zoocut.config.settings import Settings
from zoocut.error_kinds import WrongSetting
from zoocut.errors import InputError
from zoocut.images import open_images
from zoocut.media.medium import Cut, MediaContext, Shown
from zoocut.media.one_panel import cut_one, open_panel, pictures
from zoocut.model import Cutout, DiaSource, Images, Rejection, Value
from zoocut.reasons import NOTHING_TO_SHOW
from zoocut.render.intervals import open_interval
from zoocut.select.columns import value_of
from zoocut.values import number_of, object_of

__all__ = ["Flipbook", "FlipbookSettings", "open_flipbook"]


class FlipbookSettings(Section):
    """What a flip-book shows."""

    panel: Annotated[PanelName, Field(description="which image of each epoch")] = "difference"
    frames: Annotated[
        int,
        Field(ge=2, le=20, description="most epochs: those nearest in time to the source, itself among them"),
    ] = 6
    object: Annotated[
        str, Field(description="the catalog's column of objects: diaObjectId, ssObjectId for what moves ...")
    ] = "diaObjectId"
    time: Annotated[str, Field(description="the catalog's column of times, which order the epochs")] = (
        "midpointMjdTai"
    )
    centre: Annotated[
        Literal["source", "sky"],
        Field(
            description="each epoch on its own source; or all on the place of the subject's source on the sky, so "
            "that what moves is seen to"
        ),
    ] = "source"
    title: Annotated[str, Field(description="the words above the frames; empty: none")] = ""
    required: Annotated[
        bool, Field(description="reject sources with a single epoch, in the place of showing that alone")
    ] = False


@dataclass(frozen=True, slots=True)
class Epoch:
    """A source of an object, and when it was seen."""

    time: float
    source: DiaSource


class Flipbook:
    """Draws the epochs of objects.

    Parameters
    ----------
    own : FlipbookSettings
        What is shown.
    settings : Settings
        The catalog, the images and the manner of drawing.
    folder : Path
        What relative paths are relative to.
    """

    def __init__(self, own: FlipbookSettings, settings: Settings, folder: Path) -> None:
        self._own = own
        self._settings = settings
        self._folder = folder
        panel = settings.draw.panel(own.panel)
        self._interval = open_interval(own.panel, panel)
        between = {
            "interval": "manual",
            "interval_options": {"vmin": 0.0, "vmax": 1.0},
            "central_crop_pix": None,
        }
        self._renderer = open_panel(settings.draw, own.panel, own.title, **between)

    @property
    def endings(self) -> tuple[str, ...]:
        """One a frame."""
        return tuple(f"-epoch{number}.png" for number in range(1, self._own.frames + 1))

    def draw(self, batch: Sequence[Cut]) -> Iterator[Shown | Rejection]:
        """Draw the frames of some sources."""
        for source, _ in batch:
            yield self._shown(source)

    @cached_property
    def _images(self) -> Images:
        return open_images(self._settings.images, self._settings.draw, self._folder)

    @cached_property
    def _epochs(self) -> Mapping[Value, Sequence[Epoch]]:
        """Read the catalog: the epochs of every object in order of time."""
        found: defaultdict[Value, list[Epoch]] = defaultdict(list)
        other: Value = None
        settings = self._settings
        catalog = open_catalog(settings.catalog, self._folder, rights_basis=settings.rights.basis)
        for row in catalog.sources():
            if isinstance(row, DiaSource):
                name, told = self._object(row), value_of(row, self._own.time, "media.flipbook.time")
                time = number_of(told)
                if name is not None and time is not None:
                    found[name].append(Epoch(float(time), row))
                other = told if time is None and other is None else other
        if not found and other is not None:
            raise WrongSetting(
                f"media.flipbook.time names the column {self._own.time}, which holds {other!r}: give a column of "
                "numbers, such as MJD"
            )
        for epochs in found.values():
            epochs.sort(key=lambda epoch: (epoch.time, epoch.source.dia_source_id))
        return found

    def _object(self, source: DiaSource) -> Value:
        return object_of(value_of(source, self._own.object, "media.flipbook.object"))

    def _shown(self, source: DiaSource) -> Shown | Rejection:
        notes: list[str] = []
        cuts = self._cuts(source, notes)
        if len(cuts) < 2 and self._own.required:
            return Rejection.of(
                source, "its object has one epoch alone, which is no flip-book", NOTHING_TO_SHOW
            )
        if not cuts:
            return Shown((None,) * self._own.frames, ("without a flip-book: no epoch can be cut", *notes))
        drawn = list(pictures(self._renderer, self._between_limits(cuts)))
        refused = next((one for one in drawn if isinstance(one, Rejection)), None)
        if refused:
            return refused
        files = [one for one in drawn if isinstance(one, bytes)]
        return Shown((*files, *[None] * (self._own.frames - len(files))), tuple(notes))

    def _cuts(self, source: DiaSource, notes: list[str]) -> list[Cut]:
        """Cut the first size of every epoch; those that cannot be cut, or not as the source itself, are noted."""
        found = [cut for epoch in self._chosen(source) if (cut := self._cut(epoch, source)) is not None]
        notes += ["epochs of flip-books left out: they cannot be cut"] * (
            len(self._chosen(source)) - len(found)
        )
        shapes = {epoch.dia_source_id: cutouts[0].science.shape for epoch, cutouts in found}
        shape = shapes.get(source.dia_source_id, next(iter(shapes.values()), None))
        alike = [cut for cut in found if cut[1][0].science.shape == shape]
        notes += ["epochs of flip-books left out: their cutouts have another size"] * (
            len(found) - len(alike)
        )
        return alike

    def _cut(self, epoch: DiaSource, source: DiaSource) -> Cut | None:
        try:
            at = epoch if self._own.centre == "source" else _moved(epoch, source)
            found = cut_one(self._images, at)
        except InputError:
            return None
        return None if isinstance(found, Rejection) else (epoch, (found[1][0],))

    def _chosen(self, source: DiaSource) -> list[DiaSource]:
        """Choose the epochs nearest in time, in order of time."""
        name = self._object(source)
        epochs = self._epochs.get(name, ()) if name is not None else ()
        own = next((e.time for e in epochs if e.source.dia_source_id == source.dia_source_id), None)
        if own is None:
            return [source]
        nearest = sorted(epochs, key=lambda e: (abs(e.time - own), e.time, e.source.dia_source_id))
        kept = sorted(nearest[: self._own.frames], key=lambda e: (e.time, e.source.dia_source_id))
        return [epoch.source for epoch in kept]

    def _between_limits(self, cuts: Sequence[Cut]) -> list[Cut]:
        """Bring the panel's pixels of all epochs to 0..1 between their common limits."""
        panel = self._own.panel
        images = [np.asarray(getattr(cutouts[0], panel), np.float64) for _, cutouts in cuts]
        together = np.concatenate([self._cropped(image) for image in images], axis=1)
        (vmin,), (vmax,) = self._interval.limits(together[None])
        width = vmax - vmin or 1.0
        return [
            (source, (_with_panel(cutouts[0], panel, (image - vmin) / width),))
            for (source, cutouts), image in zip(cuts, images, strict=True)
        ]

    def _cropped(self, image: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> np.ndarray:
        """Take the middle that the panel's limits come from."""
        size = self._settings.draw.panel(self._own.panel).central_crop_pix
        if size is None:
            return image
        first = [max(length // 2 - size // 2, 0) for length in image.shape]
        return image[first[0] : first[0] + size, first[1] : first[1] + size]


def open_flipbook(context: MediaContext) -> Flipbook:
    """Open the medium.

    Raises
    ------
    ConfigError
        When a setting is wrong.
    """
    return Flipbook(context.section(FlipbookSettings), context.settings, context.folder)


def _moved(epoch: DiaSource, source: DiaSource) -> DiaSource:
    """Put an epoch's source where another is on the sky."""
    if source.ra_deg is None or source.dec_deg is None:
        raise InputError(
            "it has no position on the sky to centre all epochs on: set media.flipbook.centre = 'source'"
        )
    return replace(epoch, ra_deg=source.ra_deg, dec_deg=source.dec_deg, pixel_yx=None)


def _with_panel(cutout: Cutout, panel: PanelName, image: object) -> Cutout:
    return replace(cutout, **{panel: image})  # type: ignore[arg-type]
