"""Catalog and images to a run: PNGs first, then `sources.parquet`, `rejected.csv` and, last, the manifest.

Everything streams in catalog order and every file appears whole, so a killed call leaves nothing broken, and
the same call again draws only what is missing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from secrets import token_hex

from zoocut.config.load import Loaded, differences
from zoocut.config.settings import Settings
from zoocut.generating.comparing import BatchComparer, refuse_altered_rows
from zoocut.generating.drawing import BatchDrawer, Drawn, draw_batches
from zoocut.generating.generated import Generated
from zoocut.generating.inputs import Inputs, open_inputs
from zoocut.generating.local_workers import local_workers
from zoocut.generating.manifest_rows import check_metadata, write_manifest_of, write_urls_manifest_of
from zoocut.generating.plan import Batch, plan_batches
from zoocut.generating.runs import (
    INPUTS,
    alone,
    open_record,
    open_run,
    refuse_fixed_changes,
    take_settings,
)
from zoocut.model import Rejection
from zoocut.run.folder import Run
from zoocut.run.recorded import Recorded
from zoocut.run.rejected import merge_rejected
from zoocut.run.sources import DrawnWriter, put_together
from zoocut.select import Spread

__all__ = ["Inputs", "Progress", "generate"]

AHEAD = 3
"""Batches a process that wait for it or are being drawn: fewer would let it wait, more only hold memory."""


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
class _Tally:
    """What a call has done so far."""

    drawn: int = 0
    kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    spread: Spread = field(default_factory=Spread)
    notes: Counter[str] = field(default_factory=Counter)

    def count(self, batch: Batch, drawn: Drawn, rejections: list[Rejection]) -> None:
        """Count what became of a batch."""
        self.drawn += len(drawn.sources)
        self.kept += len(batch.kept)
        self.notes += drawn.notes
        self.rejected.update(_kind(rejection.reason) for rejection in rejections)
        for columns in chain((s.columns for s in batch.kept), (s.columns for _, s in drawn.sources)):
            self.spread.add(columns)


def generate(
    config: Loaded,
    path: Path | str,
    *,
    jobs: int = 1,
    limit: int | None = None,
    report: Callable[[Progress], None] = lambda _: None,
    inputs: Inputs | None = None,
    executor: Executor | None = None,
) -> Generated:
    """Draw every source of a catalog into a run folder.

    Parameters
    ----------
    config : Loaded
        The settings.
    path : Path or str
        The run folder: new, or one that was made with the same drawing and manifest settings.
    jobs : int
        Processes of this machine to draw with.
    limit : int, optional
        Most sources to take from the catalog, in the place of `select.limit`.
    report : callable
        Told after each batch how far the work has come.
    inputs : Inputs, optional
        Sources and images that are already open, in the place of those that the settings name.
    executor : Executor, optional
        Whose workers draw, in the place of processes of this machine; they must see the run folder and the images
        under the same paths.

    Returns
    -------
    Generated
        What was done; sources that could not be drawn are in `rejected.csv`.

    Raises
    ------
    ConfigError
        When other settings would alter what the run has drawn, or the metadata names a column that is not there.
    InputError
        When no source can be read at all, or a file of the run cannot be written.
    """
    settings = config.settings
    with ExitStack() as stack:
        workers = executor or (stack.enter_context(local_workers(jobs)) if jobs > 1 else None)
        inputs = inputs or open_inputs(config)
        sources = check_metadata(inputs.catalog.sources(), settings.metadata)
        drawer = BatchDrawer(settings, config.folder, inputs.open_images, Path(path), token_hex(8))
        files = (
            drawer.files
        )  # opens the media: what is wrong with their settings is told before a run is made
        run, tally = open_run(Path(path), settings), _Tally()
        stack.enter_context(alone(run))
        recorded = open_record(run)
        if len(recorded):
            _require_same_rows(run, config, inputs, workers)
        run, changed = take_settings(run, settings)
        limit = limit or settings.select.limit
        batches = plan_batches(sources, inputs.open_images(), recorded, files.are_there, limit)
        drawn = draw_batches(batches, drawer, workers, AHEAD * jobs)
        expected = limit or inputs.catalog.expected
        rejections = _record(drawn, recorded, run, tally, lambda: report(_progress(tally, expected)))
        rows = _write_files(run, settings, rejections)
    read = tuple(inputs.notes)
    return Generated(
        run, tally.drawn, tally.kept, tally.rejected, rows, tally.spread, tally.notes, changed, read
    )


def _require_same_rows(run: Run, config: Loaded, inputs: Inputs, workers: Executor | None) -> None:
    """Refuse settings under which what the run has recorded would be drawn otherwise."""
    refuse_fixed_changes(run, config.settings)
    changed = differences(run.settings, config.settings, *INPUTS)
    if changed:
        comparer = BatchComparer(config.settings, config.folder, inputs.open_images, run.path, token_hex(8))
        refuse_altered_rows(run, inputs, comparer, workers, "; ".join(changed))


def _write_files(run: Run, settings: Settings, rejections: list[Rejection]) -> int:
    """Bring the files of the whole run up to date; tell how many rows its manifest has."""
    put_together(run.sources)
    merge_rejected(run.rejected, rejections, Recorded(run.sources))
    write_urls_manifest_of(run, settings.metadata, settings.manifest.url_root)
    return write_manifest_of(run, settings.metadata)


def _progress(tally: _Tally, expected: int | None) -> Progress:
    return Progress(tally.drawn, tally.kept, tally.rejected.total(), expected)


def _record(
    batches: Iterable[tuple[Batch, Drawn]],
    recorded: Recorded,
    run: Run,
    tally: _Tally,
    report: Callable[[], None],
) -> list[Rejection]:
    """Record what was drawn as it comes, unless only its images were lost; return what was not drawn."""
    rejections: list[Rejection] = []
    with DrawnWriter(run.sources) as writer:
        for batch, drawn in batches:
            for position, source in drawn.sources:
                if source.dia_source_id not in recorded:
                    writer.add(source, position)
            new = [*batch.rejections, *drawn.rejections]
            rejections += new
            tally.count(batch, drawn, new)
            report()
    return rejections


def _kind(reason: str) -> str:
    """Cut a reason off where it begins to speak of its own row."""
    return re.split(r"[,:(]", reason, maxsplit=1)[0].strip()
