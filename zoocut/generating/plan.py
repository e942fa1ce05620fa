"""Which sources are to be drawn, in batches that a process can work off on its own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field

from zoocut.errors import InputError
from zoocut.model import DiaSource, Images, Rejection, SourceId
from zoocut.reasons import TWICE
from zoocut.run.recorded import Record, Recorded

__all__ = ["Batch", "Planned", "plan_batches"]

SOURCES_AT_ONCE = 256
"""So many sources make the cost of sending a batch to another process small beside that of drawing it."""

LARGEST_EXPOSURE = 5000
"""An exposure's files are opened once for as many sources; more would keep the other processes waiting."""


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
    """

    exposures: list[tuple[str, list[Planned]]] = field(default_factory=list)
    kept: list[DiaSource] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rejections) + len(self.kept) + sum(len(sources) for _, sources in self.exposures)

    def add(self, exposure: str, planned: Planned) -> None:
        """Put a source beside its neighbours of the same exposure."""
        if not self.exposures or self.exposures[-1][0] != exposure:
            self.exposures.append((exposure, []))
        self.exposures[-1][1].append(planned)

    def is_full_before(self, exposure: str) -> bool:
        """Whether a source of `exposure` belongs into the next batch; an exposure is not torn apart."""
        continues = bool(self.exposures) and self.exposures[-1][0] == exposure
        return len(self) >= (LARGEST_EXPOSURE if continues else SOURCES_AT_ONCE)


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
    batch = Batch()
    for position, row in enumerate(_refusing_duplicates(rows, limit)):
        if isinstance(row, Rejection):
            batch.rejections.append(row)
            continue
        record = recorded.get(row.dia_source_id)
        if record is not None and is_drawn(row, record):
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


def _sent_when_full(batch: Batch, exposure: str) -> Generator[Batch, None, Batch]:
    """Yield a batch that takes no source of `exposure` any more; return the one that does."""
    if not batch.is_full_before(exposure):
        return batch
    yield batch
    return Batch()


def _refusing_duplicates(
    rows: Iterable[DiaSource | Rejection], limit: int | None
) -> Iterator[DiaSource | Rejection]:
    seen: set[SourceId] = set()
    for row in rows:
        if limit is not None and len(seen) >= limit:
            return
        if isinstance(row, DiaSource) and row.dia_source_id in seen:
            row = Rejection.of(row, "its diaSourceId is in the catalog twice: the first row is kept", TWICE)
        elif isinstance(row, DiaSource):
            seen.add(row.dia_source_id)
        yield row
