"""Which sources are to be drawn, in batches that a process can work off on its own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from zoocut.errors import InputError
from zoocut.model import DiaSource, Images, Rejection, SourceId
from zoocut.reasons import TWICE
from zoocut.run.recorded import Record, Recorded
from zoocut.values import id_key

__all__ = ["Batch", "Planned", "plan_batches"]

SOURCES_AT_ONCE = 256
"""So many sources make the cost of sending a batch to another process small beside that of drawing it."""

LARGEST_EXPOSURE = 5000
"""An exposure's files are opened once for as many sources; more would keep the other processes waiting."""

MOST_RECENT = 100_000
"""Ids that are kept as Python's numbers, 60 bytes each, before they join an array, which is sorted again then."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A source that is to be drawn.

    Parameters
    ----------
    source : DiaSource
        Which.
    position : int
        Where its row stands in the catalog, from 0.
    sha256 : tuple of (str or None), or None
        The checksums that its files must have because the run has recorded them.
    chunk : str or None
        The folder that its images lie in, where the run has recorded it.
    """

    source: DiaSource
    position: int
    sha256: tuple[str | None, ...] | None
    chunk: str | None = None


@dataclass(slots=True)
class Batch:
    """Rows of a catalog that follow each other.

    Parameters
    ----------
    exposures : list of (exposure, sources)
        What is to be drawn; neighbours in the catalog that share an exposure are together.
    kept : list of DiaSource
        What is drawn already.
    rejections : list of Rejection
        Rows that need no drawing to be refused.
    planned : int
        How many sources are to be drawn.
    """

    exposures: list[tuple[str, list[Planned]]] = field(default_factory=list)
    kept: list[DiaSource] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    planned: int = 0

    def __len__(self) -> int:
        return len(self.rejections) + len(self.kept) + self.planned

    def add(self, exposure: str, planned: Planned) -> None:
        """Put a source beside its neighbours of the same exposure."""
        self.planned += 1
        if not self.exposures or self.exposures[-1][0] != exposure:
            self.exposures.append((exposure, []))
        self.exposures[-1][1].append(planned)

    def is_full_before(self, exposure: str) -> bool:
        """Whether a source of `exposure` belongs into the next batch; an exposure is not torn apart."""
        continues = bool(self.exposures) and self.exposures[-1][0] == exposure
        return len(self) >= (LARGEST_EXPOSURE if continues else SOURCES_AT_ONCE)

    def divided(self, least: float) -> tuple[Batch, Batch]:
        """Return the first exposures, with `least` sources or more to be drawn, and the others."""
        first, others = Batch(kept=self.kept, rejections=self.rejections), Batch()
        for exposure, planned in self.exposures:
            part = first if first.planned < least else others
            part.exposures.append((exposure, planned))
            part.planned += len(planned)
        return first, others


def plan_batches(
    rows: Iterable[DiaSource | Rejection],
    images: Images,
    recorded: Recorded,
    is_drawn: Callable[[DiaSource, Record], bool],
    limit: int | None,
    holds: Callable[[str, int], bool] = lambda exposure, position: True,
) -> Iterator[Batch]:
    """Group a catalog's rows for drawing.

    Parameters
    ----------
    rows : iterable of DiaSource or Rejection
        The catalog.
    images : Images
        Tells which exposure a source lies on.
    recorded : Recorded
        What the run has drawn before.
    is_drawn : callable
        Whether the images of a recorded source are still there.
    limit : int or None
        Most sources to take.
    holds : callable
        Whether a source of an exposure, at a position in the catalog, is this call's to draw.

    Yields
    ------
    Batch
        Every row exactly once, in the catalog's order; those that are not this call's are left out.
    """
    batch, met = Batch(), _Met(recorded)
    for position, row in enumerate(rows):
        if limit is not None and met.count >= limit:
            break
        if isinstance(row, Rejection):
            batch.rejections.append(row)
            continue
        at = recorded.find(row.dia_source_id)
        if not met.add(row.dia_source_id, at):
            reason = "its diaSourceId is in the catalog twice: the first row is kept"
            batch.rejections.append(Rejection.of(row, reason, TWICE))
            continue
        record = None if at is None else recorded.record(at)
        if record is not None and is_drawn(row, record):
            if len(batch) >= SOURCES_AT_ONCE:
                batch = yield from _sent_when_full(batch, "")
            batch.kept.append(row)
            continue
        try:
            exposure = images.exposure_of(row)
        except InputError as error:
            batch.rejections.append(Rejection.of(row, error))
            continue
        if not holds(exposure, position):
            continue
        batch = yield from _sent_when_full(batch, exposure)
        known = (None, None) if record is None else (record.sha256, record.chunk)
        batch.add(exposure, Planned(row, position, *known))
    yield batch


class _Met:
    """The sources that a catalog has shown: a byte for one that is recorded, eight for another.

    Parameters
    ----------
    recorded : Recorded
        What the run has drawn before.
    """

    def __init__(self, recorded: Recorded) -> None:
        self.count = 0
        self._recorded = bytearray(len(recorded))
        self._recent: set[int] = set()
        self._others = np.empty(0, np.int64)

    def add(self, dia_source_id: SourceId, at: int | None) -> bool:
        """Note a source, recorded in row `at` if at all; tell whether it is a new one."""
        is_new = self._add_other(id_key(dia_source_id)) if at is None else not self._recorded[at]
        if at is not None:
            self._recorded[at] = 1
        self.count += is_new
        return is_new

    def _add_other(self, key: int) -> bool:
        at = int(self._others.searchsorted(key))
        if key in self._recent or (at < len(self._others) and self._others[at] == key):
            return False
        self._recent.add(key)
        if len(self._recent) >= MOST_RECENT:
            recent = np.fromiter(self._recent, np.int64, len(self._recent))
            self._others = np.sort(np.concatenate([self._others, recent]), kind="stable")
            self._recent.clear()
        return True


def _sent_when_full(batch: Batch, exposure: str) -> Generator[Batch, None, Batch]:
    """Yield a batch that takes no source of `exposure` any more; return the one that does."""
    if not batch.is_full_before(exposure):
        return batch
    yield batch
    return Batch()
