"""Catalog and images to a run: pictures first, then `sources.parquet`, `rejected.csv` and, last, the manifest.

The catalog's rows stream: `plan` groups them into batches, neighbours of one exposure together, and leaves out what
the run has recorded; `drawing` cuts and draws a batch, here or in several workers, and its results come back in the
catalog's order. What was drawn is recorded in parts as it comes, each part on disk after the pictures that it names;
the parts are put together when all is drawn, and the manifest is written from them. Every file appears whole, so a
killed call leaves nothing broken, and the same call again draws only what is missing.

Settings may change between calls as long as what is recorded stays what it is (`runs`, `comparing`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from secrets import token_hex

from zoocut.config.load import Loaded, differences
from zoocut.config.settings import Settings
from zoocut.generating.comparing import BatchComparer, refuse_altered_rows
from zoocut.generating.drawing import BatchDrawer, DrawBatches, Drawn, draw_batches, draw_here
from zoocut.generating.generated import Generated
from zoocut.generating.inputs import Inputs, open_inputs
from zoocut.generating.local_workers import LocalWorkers
from zoocut.generating.manifest_files import write_manifests
from zoocut.generating.manifest_rows import check_metadata
from zoocut.generating.parts import Part
from zoocut.generating.picture_files import PictureFiles
from zoocut.generating.plan import Batch, plan_batches
from zoocut.generating.rebuilding import is_rebuilt, proved, refuse_other_metadata
from zoocut.generating.runs import (
    INPUTS,
    alone,
    alone_in_part,
    encoding_of,
    open_record,
    open_run,
    refuse_changes_in_part,
    refuse_fixed_changes,
    take_settings,
)
from zoocut.model import DiaSource, Rejection
from zoocut.object_store import as_path
from zoocut.reasons import Reasons
from zoocut.rights import require_rights_of_settings
from zoocut.run.folder import Run
from zoocut.run.recorded import Recorded
from zoocut.run.rejected import merge_rejected
from zoocut.run.sources import DrawnWriter, put_together
from zoocut.select import Spread

__all__ = ["Inputs", "Progress", "generate", "generate_part"]

AHEAD_ELSEWHERE = 128
"""Batches that a cluster holds: it does not tell how many workers it has, or gets; a batch is some hundred kB."""


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
    rejected: Reasons = field(default_factory=Reasons)
    spread: Spread = field(default_factory=Spread)
    notes: Counter[str] = field(default_factory=Counter)

    def count(self, batch: Batch, drawn: Drawn, rejections: list[Rejection]) -> None:
        """Count what became of a batch."""
        self.drawn += len(drawn.sources)
        self.kept += len(batch.kept)
        self.notes += drawn.notes
        for rejection in rejections:
            self.rejected.add(str(rejection.dia_source_id), rejection.reason, rejection.code)
        self.spread.add([s.columns for s in batch.kept] + [s.columns for s in drawn.sources])

    def generated(self, run: Run, rows: int, changed: tuple[str, ...], read: Iterable[str]) -> Generated:
        """Sum up a call that has ended."""
        counts = (self.drawn, self.kept, self.rejected.counted(), rows, self.spread, self.notes)
        return Generated(run, *counts, changed, tuple(read))


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
        Processes of this machine to draw with; where little is to be drawn, this one draws alone.
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
    with _open_call(config, path, jobs, limit, inputs, executor) as call, alone(call.run) as told:
        recorded = open_record(call.run)
        damaged = call.run.sources.with_suffix(".damaged")
        if damaged.exists():
            call.tally.notes[
                f"{damaged} could not be read: what the catalog holds of it is drawn anew; look at it, then remove it"
            ] += 1
        if len(recorded):
            _require_same_rows(call)
        run, changed = take_settings(call.run, config.settings)
        if is_rebuilt(run):
            call.tally.notes[f"run.toml could not be read and was made anew: {proved(run)}"] += 1
        rejections = _draw(call, recorded, report)
        rows = _write_files(run, config.settings, rejections)
    return call.tally.generated(run, rows, changed, [*call.inputs.notes, *told])


def generate_part(
    config: Loaded,
    path: Path | str,
    part: Part,
    *,
    jobs: int = 1,
    limit: int | None = None,
    report: Callable[[Progress], None] = lambda _: None,
    inputs: Inputs | None = None,
    executor: Executor | None = None,
) -> Generated:
    """Draw one share of a catalog into a run folder, beside jobs that draw the others.

    Parameters
    ----------
    config, path, jobs, limit, report, inputs, executor : see `generate`
        All shares must be given the same.
    part : Part
        Which share.

    Returns
    -------
    Generated
        What was done; there is no manifest before `generate` has put the shares together.

    Raises
    ------
    ConfigError, InputError
        As `generate` does, and when another process draws the same share.
    """
    with (
        _open_call(config, path, jobs, limit, inputs, executor) as call,
        alone_in_part(call.run, part) as told,
    ):
        refuse_changes_in_part(call.run, config.settings, part)
        _draw(replace(call, holds=part.holds), open_record(call.run), report)
    return call.tally.generated(call.run, 0, (), [*call.inputs.notes, *told])


@dataclass(frozen=True, slots=True)
class _Call:
    """What one call works with; nothing of it is read before the run is locked."""

    config: Loaded
    inputs: Inputs
    sources: Iterator[DiaSource | Rejection]
    drawer: BatchDrawer
    files: PictureFiles
    run: Run
    limit: int | None
    draw: DrawBatches
    tally: _Tally = field(default_factory=_Tally)
    holds: Callable[[str, int], bool] = lambda exposure, position: True


@contextmanager
def _open_call(
    config: Loaded,
    path: Path | str,
    jobs: int,
    limit: int | None,
    inputs: Inputs | None,
    executor: Executor | None,
) -> Iterator[_Call]:
    settings = config.settings
    folder = as_path(path)
    with ExitStack() as stack:
        require_rights_of_settings(settings)
        opened = inputs or open_inputs(config)
        workers = _local_workers(executor, jobs, opened.ahead, stack)
        sources = check_metadata(opened.catalog.sources(), settings.metadata)
        encoding = encoding_of(folder)
        drawer = BatchDrawer(settings, config.folder, opened.open_images, folder, token_hex(8), encoding)
        # the media are opened: a fault in their settings is told before a run is made
        endings = drawer.endings if workers is None else workers.endings(drawer)
        run = open_run(folder, settings)
        if run.encoding != encoding:  # it was made anew, or another process has made it meanwhile
            drawer = replace(drawer, call=token_hex(8), encoding=encoding_of(folder))
        limit = limit or settings.select.limit
        draw = _shared_by(executor, workers)
        yield _Call(config, opened, sources, drawer, drawer.files_with(endings), run, limit, draw)


def _local_workers(
    executor: Executor | None, jobs: int, ahead: float, stack: ExitStack
) -> LocalWorkers | None:
    """Make ready for processes of this machine, which end with `stack`, where there are to be some."""
    return stack.enter_context(LocalWorkers(jobs, ahead)) if jobs > 1 and executor is None else None


def _shared_by(executor: Executor | None, workers: LocalWorkers | None) -> DrawBatches:
    """Choose who draws: the workers of `executor`, processes of this machine, or this one."""
    if executor is not None:
        return partial(draw_batches, executor=executor, ahead=AHEAD_ELSEWHERE)
    return draw_here if workers is None else workers.draw


def _require_same_rows(call: _Call) -> None:
    """Refuse settings under which what the run has recorded would be drawn otherwise."""
    config, run = call.config, call.run
    if is_rebuilt(run):
        refuse_other_metadata(run, config.settings)
        _compare(call, "run.toml was lost")
        return
    refuse_fixed_changes(run, config.settings)
    changed = differences(run.settings, config.settings, *INPUTS)
    if changed:
        _compare(call, "; ".join(changed))


def _compare(call: _Call, changed: str) -> None:
    config, run = call.config, call.run
    opened = call.inputs.open_images
    comparer = BatchComparer(config.settings, config.folder, opened, run.path, token_hex(8), run.encoding)
    refuse_altered_rows(run, call.inputs, comparer, call.draw, changed)


def _draw(call: _Call, recorded: Recorded, report: Callable[[Progress], None]) -> list[Rejection]:
    """Draw and record what is missing; return what could not be drawn."""
    images, tally = call.inputs.open_images(), call.tally
    batches = plan_batches(call.sources, images, recorded, call.files.are_there, call.limit, call.holds)
    drawn = call.draw(batches, call.drawer)
    expected = call.limit or call.inputs.catalog.expected
    return _record(drawn, recorded, call.run, tally, lambda: report(_progress(tally, expected)))


def _write_files(run: Run, settings: Settings, rejections: list[Rejection]) -> int:
    """Bring the files of the whole run up to date; tell how many rows its manifest has."""
    put_together(run.sources)
    merge_rejected(run.rejected, rejections, lambda: Recorded(run.sources))
    return write_manifests(run, settings)


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
            for position, source in zip(drawn.positions, drawn.sources, strict=True):
                if source.dia_source_id in recorded:
                    writer.add_files(source)
                else:
                    writer.add(source, position)
            new = [*batch.rejections, *drawn.rejections]
            rejections += new
            tally.count(batch, drawn, new)
            report()
    return rejections
