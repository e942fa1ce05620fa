"""Whether other inputs would alter what a run has recorded: its rows as the catalog gives them now, drawn again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from zoocut.error_kinds import OtherSettings
from zoocut.errors import ConfigError, InputError
from zoocut.generating.drawing import BatchDrawer, DrawBatches, Drawn, Exposures, checksums
from zoocut.generating.inputs import Inputs
from zoocut.generating.metadata_text import metadata_of
from zoocut.generating.plan import SOURCES_AT_ONCE, Planned, plan_batches
from zoocut.metadata_words import columns_named
from zoocut.model import DiaSource, Rejection, SourceId
from zoocut.reasons import OTHER_PIXELS
from zoocut.run.folder import Run
from zoocut.run.recorded import Recorded, trimmed
from zoocut.run.sources import files_of, read_drawn

__all__ = ["BatchComparer", "refuse_altered_rows"]


class BatchComparer(BatchDrawer):
    """Draws recorded sources again and compares; nothing is written."""

    def draw(self, exposures: Exposures) -> Drawn:
        """Return the sources that are drawn otherwise now as rejections.

        Exposures whose files are not there any more are passed over: what was drawn from them stays as it is.
        """
        done = Drawn()
        for exposure, planned in exposures:
            try:
                done.rejections += self._altered(exposure, planned)
            except InputError:
                continue
        return done

    def _altered(self, exposure: str, planned: list[Planned]) -> Iterator[Rejection]:
        cut = zip(planned, self._images.cut(exposure, [one.source for one in planned]), strict=True)
        while several := list(islice(cut, SOURCES_AT_ONCE)):
            yield from (told for _, told in several if isinstance(told, Rejection))
            drawable = [(one, told) for one, told in several if not isinstance(told, Rejection)]
            shown = self._media.draw([(one.source, cutouts) for one, cutouts in drawable])
            for (one, _), drawn in zip(drawable, shown, strict=True):
                if isinstance(drawn, Rejection):
                    yield drawn
                elif one.sha256 != trimmed(checksums(drawn)):
                    yield Rejection.of(one.source, "its pixels are others", OTHER_PIXELS)


def refuse_altered_rows(
    run: Run, inputs: Inputs, comparer: BatchComparer, draw: DrawBatches, changed: str
) -> None:
    """Refuse other inputs when a recorded row would come out of them otherwise than it was recorded.

    Rows that they add, or no longer have, alter nothing.

    Parameters
    ----------
    run : Run
        What has drawn something.
    inputs : Inputs
        The catalog and images that the new settings name.
    comparer : BatchComparer
        Draws with the run's own settings.
    draw : callable
        Has the batches drawn, here or by workers.
    changed : str
        Which settings are others, for the message.

    Raises
    ------
    ConfigError
        At the first such row.
    """
    recorded = Recorded(run.sources)
    metadata = comparer.settings.metadata
    told = {
        source.dia_source_id: metadata_of(source.columns, metadata)
        # as they are: put together they would be a record that is newer than pictures that nobody has looked at yet
        for file in files_of(run.sources)
        for source in read_drawn(file, columns_named(metadata))
    }
    known = _known(inputs, told, metadata, lambda *why: _refusal(run, changed, *why))
    batches = plan_batches(known, inputs.open_images(), recorded, lambda *_: False, None)
    for _, drawn in draw(batches, comparer):
        for altered in drawn.rejections:
            raise _refusal(run, changed, altered.dia_source_id, altered.reason)


def _known(
    inputs: Inputs,
    told: Mapping[SourceId, Mapping[str, str]],
    metadata: Mapping[str, str],
    refusal: Callable[[str, str], ConfigError],
) -> Iterator[DiaSource]:
    """Yield the recorded sources of the catalog, each once; refuse one whose metadata is another."""
    left = dict(told)
    for row in inputs.catalog.sources():
        before = left.pop(row.dia_source_id, None) if isinstance(row, DiaSource) else None
        if before is None or not isinstance(row, DiaSource):
            continue
        now = metadata_of(row.columns, metadata)
        for key in metadata:
            if before.get(key) != now.get(key):
                raise refusal(
                    str(row.dia_source_id), f"its {key} was {before.get(key)!r}, now {now.get(key)!r}"
                )
        yield row


def _refusal(run: Run, changed: str, source: str, reason: str) -> ConfigError:
    return OtherSettings(
        f"{run.path} has drawn {source} from other inputs than those given now ({changed}), by which {reason}: use the "
        "former ones again, or generate into a new folder"
    )
