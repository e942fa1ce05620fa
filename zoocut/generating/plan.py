"""Which sources are to be drawn, in batches that a process can work off on its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from zoocut.errors import InputError
from zoocut.model import DiaSource, Images, Rejection

__all__ = ["Batch", "Planned", "plan_batches"]

SOURCES_AT_ONCE = 256
LARGEST_EXPOSURE = 5000


@dataclass(frozen=True, slots=True)
class Planned:
    """A source, and the checksums that its images must have because the run has recorded them."""

    source: DiaSource
    recorded: tuple[str, ...] | None


@dataclass(slots=True)
class Batch:
    """Sources grouped by exposure, and what was refused among them.

    Parameters
    ----------
    exposures : list of (exposure, sources)
        Neighbours in the catalog that share an exposure are together.
    rejections : list of Rejection
        Rows that need no drawing to be refused.
    """

    exposures: list[tuple[str, list[Planned]]] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rejections) + sum(len(sources) for _, sources in self.exposures)

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
    recorded: Mapping[int, tuple[str, ...]],
    limit: int | None,
) -> Iterator[Batch]:
    """Group a catalog's rows for drawing.

    Parameters
    ----------
    rows : iterable of DiaSource or Rejection
        The catalog.
    images : Images
        Tells which exposure a source lies on.
    recorded : mapping of int to tuple of str
        Checksums of images that the run has already recorded.
    limit : int or None
        Most sources to take.

    Yields
    ------
    Batch
        Every row exactly once, in the catalog's order.
    """
    batch = Batch()
    for row in _refusing_duplicates(rows, limit):
        if isinstance(row, Rejection):
            batch.rejections.append(row)
            continue
        try:
            exposure = images.exposure_of(row)
        except InputError as error:
            batch.rejections.append(Rejection(str(row.dia_source_id), row.row, str(error)))
            continue
        if batch.is_full_before(exposure):
            yield batch
            batch = Batch()
        batch.add(exposure, Planned(row, recorded.get(row.dia_source_id)))
    yield batch


def _refusing_duplicates(
    rows: Iterable[DiaSource | Rejection], limit: int | None
) -> Iterator[DiaSource | Rejection]:
    seen: set[int] = set()
    for row in rows:
        if limit is not None and len(seen) >= limit:
            return
        if isinstance(row, DiaSource) and row.dia_source_id in seen:
            row = Rejection(
                str(row.dia_source_id),
                row.row,
                "its diaSourceId is in the catalog twice: the first row is kept",
            )
        elif isinstance(row, DiaSource):
            seen.add(row.dia_source_id)
        yield row
