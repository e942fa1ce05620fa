"""Drawing a batch: what one worker does on its own, and how several share the work in order.

Workers are those of any `concurrent.futures.Executor`, on this machine or on others: a batch and a `BatchDrawer`
are sent, what was recorded comes back. A worker keeps its opened images and its renderer from batch to batch.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from threading import local
from typing import Any

from zoocut.catalogs.blocks import whole_row
from zoocut.config.settings import RunSettings, Settings
from zoocut.error_kinds import WorkersLost
from zoocut.errors import InputError
from zoocut.files import write_unsynced
from zoocut.generating.picture_files import PictureFiles, picture_files
from zoocut.generating.plan import SOURCES_AT_ONCE, Batch, Planned
from zoocut.media.medium import Shown
from zoocut.media.registry import Media, open_media
from zoocut.model import Cutout, DiaSource, Images, Rejection
from zoocut.reasons import NOTHING_TO_SHOW, OTHER_PIXELS
from zoocut.run.folder import Run
from zoocut.run.record import NEWEST_ENCODING
from zoocut.run.recorded import trimmed
from zoocut.run.sources import DrawnSource

__all__ = [
    "BatchDrawer",
    "DrawBatches",
    "Drawn",
    "Endings",
    "checksums",
    "draw_batches",
    "draw_here",
    "endings_by",
]

Exposures = Sequence[tuple[str, list[Planned]]]
Cut = tuple[Planned, tuple[Cutout, ...]]

Endings = tuple[tuple[str, ...], tuple[str, ...]]
"""What the names of files end in: those of locations, then those for Talk."""


@dataclass(slots=True)
class Drawn:
    """What came of drawing a batch.

    Parameters
    ----------
    sources : list of DrawnSource
        In the order of the catalog.
    positions : list of int
        Where the row of each stands in the catalog.
    rejections : list of Rejection
        Sources that could not be drawn.
    notes : Counter of str
        What the user should know of the sources drawn, and how often.
    """

    sources: list[DrawnSource] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class BatchDrawer:
    """Draws batches into a run; cheap to send to another process, which opens files for itself.

    Parameters
    ----------
    settings : Settings
        How to draw.
    folder : Path
        What relative paths in the settings are relative to.
    open_images : callable
        Opens the sources' images.
    path : Path
        The run folder, where the files go.
    call : str
        Tells this call of `generate` from others that the same worker served.
    encoding : int
        What the run's pictures are written by.
    """

    settings: Settings
    folder: Path
    open_images: Callable[[], Images]
    path: Path
    call: str = ""
    encoding: int = NEWEST_ENCODING

    def __reduce__(self) -> tuple[Any, ...]:
        """Be sent without what is open here: a worker opens files for itself."""
        own = (self.settings, self.folder, self.open_images, self.path, self.call, self.encoding)
        return type(self), own

    def draw(self, exposures: Exposures) -> Drawn:
        """Draw the sources of some exposures."""
        done = Drawn()
        cuts = self._cuts(exposures, done.rejections)
        while several := list(islice(cuts, SOURCES_AT_ONCE)):
            shown = self._media.draw([(planned.source, cutouts) for planned, cutouts in several])
            for (planned, cutouts), drawn in zip(several, shown, strict=True):
                self._keep(planned, cutouts, drawn, done)
        return done

    @property
    def endings(self) -> Endings:
        """What the names of files end in; the media are opened for it."""
        return self._media.endings, self._media.talk_endings

    def files_with(self, endings: Endings) -> PictureFiles:
        """Where pictures lie whose names end so."""
        of_locations, of_talk = endings
        return picture_files(self.path, of_locations, self.settings.draw.chunk_size, of_talk)

    @cached_property
    def files(self) -> PictureFiles:
        """Where the pictures lie."""
        return self.files_with(self.endings)

    @cached_property
    def _images(self) -> Images:
        return self.open_images()

    @cached_property
    def _media(self) -> Media:
        return open_media(self.settings, self.folder, self.encoding)

    def _cuts(self, exposures: Exposures, rejections: list[Rejection]) -> Iterator[Cut]:
        """Cut every source; put those that cannot be cut into `rejections`."""
        for exposure, planned in exposures:
            cut = self._cut(exposure, [item.source for item in planned])
            for item, cutouts in zip(planned, cut, strict=True):
                if isinstance(cutouts, Rejection):
                    rejections.append(cutouts)
                else:
                    yield item, cutouts

    def _cut(self, exposure: str, sources: Sequence[DiaSource]) -> Iterator[tuple[Cutout, ...] | Rejection]:
        try:
            yield from self._images.cut(exposure, sources)
        except InputError as error:
            for source in sources:
                yield Rejection.of(source, error)

    def _keep(
        self,
        planned: Planned,
        cutouts: tuple[Cutout, ...],
        shown: Shown | Rejection,
        done: Drawn,
    ) -> None:
        source = planned.source
        if self.settings.draw.save_as_numpy:
            self._save_raw(planned, cutouts)
        if isinstance(shown, Rejection):
            done.rejections.append(shown)
            return
        if not any(shown.files[: len(self._media.endings)]):
            reason = (
                f"it has nothing to show: {'; '.join(dict.fromkeys(shown.notes)) or 'its media made no file'}"
            )
            done.rejections.append(Rejection.of(source, reason, NOTHING_TO_SHOW))
            return
        sums = checksums(shown)
        if planned.sha256 is not None and planned.sha256 != trimmed(sums):
            reason = "its pixels are no longer those that the run recorded: generate it into a new folder"
            done.rejections.append(Rejection.of(source, reason, OTHER_PIXELS))
            return
        names = self.files.names(source, self._chunk(planned))
        self.files.write(names, shown.files)
        if shown.notes or any(cutout.notes for cutout in cutouts):
            done.notes.update(list(dict.fromkeys(note for cutout in cutouts for note in cutout.notes)))
            done.notes.update(shown.notes)
        images = tuple([None if one is None else name for name, one in zip(names, sums, strict=True)])
        done.sources.append(DrawnSource(whole_row(source.columns), images, sums))
        done.positions.append(planned.position)

    def _chunk(self, planned: Planned) -> str:
        if planned.chunk is not None:
            return planned.chunk
        return self.files.chunk(planned.source, planned.position)

    def _save_raw(self, planned: Planned, cutouts: tuple[Cutout, ...]) -> None:
        from zoocut.render.raw import npy_files

        for name, content in npy_files(planned.source, cutouts).items():
            path = Run(self.path, "", RunSettings()).numpy / f"{self._chunk(planned)}{name}"
            write_unsynced(path, content)


def checksums(shown: Shown) -> tuple[str | None, ...]:
    """Return the checksums of what was drawn; None for a medium that made no file."""
    return tuple([None if file is None else hashlib.sha256(file).hexdigest() for file in shown.files])


DrawBatches = Callable[[Iterable[Batch], BatchDrawer], Iterator[tuple[Batch, Drawn]]]
"""Draws all batches and yields what came of each, in their order."""


def draw_here(batches: Iterable[Batch], drawer: BatchDrawer) -> Iterator[tuple[Batch, Drawn]]:
    """Draw all batches in this process."""
    yield from ((batch, drawer.draw(batch.exposures)) for batch in batches)


def draw_batches(
    batches: Iterable[Batch], drawer: BatchDrawer, executor: Executor, ahead: int
) -> Iterator[tuple[Batch, Drawn]]:
    """Draw all batches by the workers of an executor.

    Parameters
    ----------
    batches : iterable of Batch
        What is to be drawn.
    drawer : BatchDrawer
        Draws one.
    executor : Executor
        Whose workers draw.
    ahead : int
        How many batches are with the executor at once, so that no worker waits.

    Yields
    ------
    (Batch, Drawn)
        In the order of the batches.
    """
    waiting: deque[tuple[Batch, Future[Drawn] | None]] = deque()
    for batch in batches:
        with _loss_told():
            drawn = executor.submit(_draw, drawer, batch.exposures) if batch.exposures else None
        waiting.append((batch, drawn))
        if len(waiting) > ahead:
            yield _result(*waiting.popleft())
    while waiting:
        yield _result(*waiting.popleft())


def endings_by(executor: Executor, drawer: BatchDrawer) -> Endings:
    """Open the media in a worker of an executor, and tell what their files end in."""
    with _loss_told():
        return executor.submit(_endings, drawer).result()


def _result(batch: Batch, drawn: Future[Drawn] | None) -> tuple[Batch, Drawn]:
    with _loss_told():
        return batch, Drawn() if drawn is None else drawn.result()


@contextmanager
def _loss_told() -> Iterator[None]:
    """Tell that workers are lost, whether work is given to them or taken from them."""
    try:
        yield
    except BrokenExecutor as error:
        raise WorkersLost(
            f"a process that draws has ended ({error}), most likely for want of memory where it has not said why: run "
            "the same command again, which goes on, with fewer processes"
        ) from error


_kept = local()
"""What a thread of a worker keeps open from batch to batch: the drawer of the call that it served last."""


def _kept_for(drawer: BatchDrawer) -> BatchDrawer:
    kept: BatchDrawer | None = getattr(_kept, "drawer", None)
    if kept is None or kept.call != drawer.call:
        kept = _kept.drawer = drawer
    return kept


def _draw(drawer: BatchDrawer, exposures: Exposures) -> Drawn:
    return _kept_for(drawer).draw(exposures)


def _endings(drawer: BatchDrawer) -> Endings:
    return _kept_for(drawer).endings
