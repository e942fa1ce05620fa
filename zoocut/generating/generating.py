"""Catalog and images to a run: PNGs first, then `sources.parquet`, `rejected.csv` and, last, the manifest.

Everything streams in catalog order and every file appears whole, so a killed call leaves nothing broken, and
the same call again draws only what is missing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from zoocut.config.load import Loaded
from zoocut.generating.drawing import BatchDrawer, Done, draw_batches
from zoocut.generating.inputs import Inputs, open_inputs
from zoocut.generating.manifest_rows import check_metadata, write_manifest_of, write_urls_manifest_of
from zoocut.generating.plan import plan_batches
from zoocut.generating.runs import alone, open_run
from zoocut.model import Rejection
from zoocut.run.folder import Run
from zoocut.run.rejected import merge_rejected
from zoocut.run.sources import DrawnWriter, recorded_checksums
from zoocut.select import Spread

__all__ = ["Inputs", "Progress", "Summary", "generate"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a call has come.

    Parameters
    ----------
    drawn, kept, rejected : int
        Sources drawn by this call, found already drawn, and not drawn.
    expected : int or None
        How many there will be in all, where the catalog knows.
    """

    drawn: int
    kept: int
    rejected: int
    expected: int | None


@dataclass(slots=True)
class Summary:
    """What a call did.

    Parameters
    ----------
    run : Run
        The run folder.
    drawn, kept : int
        Sources drawn by this call, and found already drawn.
    rejected : Counter of str
        How many sources were not drawn, by kind of reason: the first words of it.
    rows : int
        Rows of the manifest now.
    spread : Spread
        How the sources drawn or kept by this call spread over visits, detectors and bands.
    """

    run: Run
    drawn: int = 0
    kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    spread: Spread = field(default_factory=Spread)


def generate(
    config: Loaded,
    path: Path | str,
    *,
    jobs: int = 1,
    limit: int | None = None,
    report: Callable[[Progress], None] = lambda _: None,
    inputs: Inputs | None = None,
) -> Summary:
    """Draw every source of a catalog into a run folder.

    Parameters
    ----------
    config : Loaded
        The settings.
    path : Path or str
        The run folder: new, or one that was made with the same drawing and manifest settings.
    jobs : int
        Processes to draw with.
    limit : int, optional
        Most sources to take from the catalog, in the place of `select.limit`.
    report : callable
        Told after each batch how far the work has come.
    inputs : Inputs, optional
        Sources and images that are already open, in the place of those that the settings name.

    Returns
    -------
    Summary
        What was done; sources that could not be drawn are in `rejected.csv`.

    Raises
    ------
    ConfigError
        When the run was made with other settings, or the metadata names a column that is not there.
    InputError
        When no source can be read at all, or a file of the run cannot be written.
    """
    settings = config.settings
    inputs = inputs or open_inputs(config)
    images = inputs.open_images()
    sources = check_metadata(inputs.catalog.sources(), settings.metadata)
    limit = limit or settings.select.limit
    summary = Summary(open_run(Path(path), settings))
    with alone(summary.run):
        recorded = recorded_checksums(summary.run.sources)
        batches = plan_batches(sources, images, recorded, limit)
        done = draw_batches(batches, BatchDrawer(settings, inputs.open_images, summary.run), jobs)
        expected = limit or inputs.catalog.expected
        rejections = _record(done, recorded, summary, lambda: report(_progress(summary, expected)))
        merge_rejected(summary.run.rejected, rejections, recorded)
        write_urls_manifest_of(summary.run, settings.metadata, settings.manifest.url_root)
        summary.rows = write_manifest_of(summary.run, settings.metadata)
    return summary


def _progress(summary: Summary, expected: int | None) -> Progress:
    return Progress(summary.drawn, summary.kept, summary.rejected.total(), expected)


def _record(
    batches: Iterable[Done],
    recorded: dict[int, tuple[str, ...]],
    summary: Summary,
    report: Callable[[], None],
) -> list[Rejection]:
    """Put what was drawn into `sources.parquet` as it comes; return what was not."""
    rejections: list[Rejection] = []
    with DrawnWriter(summary.run.sources) as drawn:
        for done in batches:
            _take(done, drawn, rejections, recorded, summary)
            report()
    return rejections


def _take(
    done: Done,
    drawn: DrawnWriter,
    rejections: list[Rejection],
    recorded: dict[int, tuple[str, ...]],
    summary: Summary,
) -> None:
    summary.drawn += done.drawn
    summary.kept += done.kept
    for item in done.outcomes:
        if isinstance(item, Rejection):
            rejections.append(item)
            summary.rejected[_kind(item.reason)] += 1
            continue
        summary.spread.add(item.columns)
        if item.dia_source_id not in recorded:
            recorded[item.dia_source_id] = item.sha256
            drawn.add(item)


def _kind(reason: str) -> str:
    """Cut a reason off where it begins to speak of its own row."""
    return re.split(r"[,:(]", reason, maxsplit=1)[0].strip()
