"""Drawing a batch: what one process does on its own, and how several share the work in order."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from multiprocessing import get_context
from typing import TYPE_CHECKING

from zoocut.config.settings import Settings
from zoocut.errors import InputError
from zoocut.files import write_whole
from zoocut.generating.plan import SOURCES_AT_ONCE, Batch, Planned
from zoocut.model import Cutout, DiaSource, Images, Picture, Rejection
from zoocut.render import open_renderer
from zoocut.run.folder import Run
from zoocut.run.sources import DrawnSource

if TYPE_CHECKING:
    from zoocut.render import Renderer

__all__ = ["BatchDrawer", "Done", "draw_batches"]

Cut = tuple[DiaSource, tuple[Cutout, ...]]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a batch.

    Parameters
    ----------
    outcomes : list of DrawnSource or Rejection
        One for each row.
    drawn, kept : int
        Sources drawn now, and found already drawn.
    """

    outcomes: list[DrawnSource | Rejection]
    drawn: int
    kept: int


@dataclass(frozen=True)
class BatchDrawer:
    """Draws batches into a run; cheap to send to another process, which opens files for itself.

    Parameters
    ----------
    settings : Settings
        How to draw.
    open_images : callable
        Opens the sources' images.
    run : Run
        Where the images go.
    """

    settings: Settings
    open_images: Callable[[], Images]
    run: Run

    def draw(self, batch: Batch) -> Done:
        """Draw what is missing of a batch, and record what is there."""
        planned = [item for _, sources in batch.exposures for item in sources]
        kept = {item.source.dia_source_id: found for item in planned if (found := self._on_disk(item))}
        drawn = self._drawn(batch, kept)
        outcomes = [kept.get(key) or drawn[key] for key in (item.source.dia_source_id for item in planned)]
        fresh = sum(isinstance(item, DrawnSource) for item in drawn.values())
        return Done([*batch.rejections, *outcomes], fresh, len(kept))

    @cached_property
    def _images(self) -> Images:
        return self.open_images()

    @cached_property
    def _renderer(self) -> Renderer:
        return open_renderer(self.settings.draw)

    def _on_disk(self, planned: Planned) -> DrawnSource | None:
        names = self._names(planned.source)
        try:
            sums = tuple(hashlib.sha256((self.run.path / name).read_bytes()).hexdigest() for name in names)
        except FileNotFoundError:
            return None
        if planned.recorded not in (None, sums):
            return None
        return DrawnSource(dict(planned.source.columns), names, sums)

    def _drawn(self, batch: Batch, kept: dict[int, DrawnSource]) -> dict[int, DrawnSource | Rejection]:
        outcomes: dict[int, DrawnSource | Rejection] = {}
        recorded = {
            item.source.dia_source_id: item.recorded for _, sources in batch.exposures for item in sources
        }
        cuts = self._cuts(batch, kept, outcomes)
        while several := list(islice(cuts, SOURCES_AT_ONCE)):
            for (source, cutouts), pictures in zip(several, self._renderer.draw(several), strict=True):
                key = source.dia_source_id
                if self.settings.draw.save_as_numpy:
                    self._save_raw(source, cutouts)
                outcomes[key] = self._stored(source, pictures, recorded[key])
        return outcomes

    def _cuts(
        self, batch: Batch, kept: dict[int, DrawnSource], refused: dict[int, DrawnSource | Rejection]
    ) -> Iterator[Cut]:
        """Cut every source that is not kept; put those that cannot be cut into `refused`."""
        for exposure, planned in batch.exposures:
            sources = [item.source for item in planned if item.source.dia_source_id not in kept]
            for source, cutouts in self._cut(exposure, sources):
                if isinstance(cutouts, Rejection):
                    refused[source.dia_source_id] = cutouts
                else:
                    yield source, cutouts

    def _cut(
        self, exposure: str, sources: Sequence[DiaSource]
    ) -> Iterator[tuple[DiaSource, tuple[Cutout, ...] | Rejection]]:
        if not sources:
            return
        try:
            yield from zip(sources, self._images.cut(exposure, sources), strict=True)
        except InputError as error:
            for source in sources:
                yield source, Rejection(str(source.dia_source_id), source.row, str(error))

    def _stored(
        self, source: DiaSource, pictures: tuple[Picture, ...] | Rejection, recorded: tuple[str, ...] | None
    ) -> DrawnSource | Rejection:
        if isinstance(pictures, Rejection):
            return pictures
        names = self._names(source)
        sums = tuple(hashlib.sha256(picture.png).hexdigest() for picture in pictures)
        if recorded not in (None, sums):
            reason = "its pixels are no longer those that the run recorded: generate it into a new folder"
            return Rejection(str(source.dia_source_id), source.row, reason)
        for name, picture in zip(names, pictures, strict=True):
            write_whole(self.run.path / name, picture.png)
        return DrawnSource(dict(source.columns), names, sums)

    def _names(self, source: DiaSource) -> tuple[str, ...]:
        name = f"images/{self._chunk(source)}{source.dia_source_id}"
        return tuple(f"{name}{suffix}.png" for suffix in self._renderer.suffixes)

    def _chunk(self, source: DiaSource) -> str:
        size = self.settings.draw.chunk_size
        return "" if size is None else f"{source.dia_source_id // size * size}/"

    def _save_raw(self, source: DiaSource, cutouts: tuple[Cutout, ...]) -> None:
        from zoocut.render.raw import npy_files

        for name, content in npy_files(source, cutouts).items():
            write_whole(self.run.numpy / f"{self._chunk(source)}{name}", content)


def draw_batches(batches: Iterable[Batch], drawer: BatchDrawer, jobs: int) -> Iterator[Done]:
    """Draw all batches with one process or several; results come in the order of the batches."""
    if jobs == 1:
        yield from map(drawer.draw, batches)
        return
    with ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_start_worker, initargs=(drawer,)
    ) as pool:
        waiting: deque[Future[Done]] = deque()
        for batch in batches:
            waiting.append(pool.submit(_draw, batch))
            if len(waiting) > 2 * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


_drawers: list[BatchDrawer] = []


def _start_worker(drawer: BatchDrawer) -> None:
    _drawers.append(drawer)


def _draw(batch: Batch) -> Done:
    return _drawers[-1].draw(batch)
