"""The manifest of a run, made from the sources it has drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from urllib.parse import quote

from zoocut.error_kinds import NothingDrawn
from zoocut.generating.metadata_text import check_words, metadata_of
from zoocut.metadata_words import columns_named
from zoocut.model import DiaSource, Rejection
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest
from zoocut.run.rejected import read_rejected
from zoocut.run.sources import DrawnSource, read_drawn
from zoocut.run.talk import TalkRow, write_talk

__all__ = ["check_metadata", "write_manifest_of", "write_urls_manifest_of"]


def check_metadata(
    rows: Iterator[DiaSource | Rejection], metadata: Mapping[str, str]
) -> Iterator[DiaSource | Rejection]:
    """Look at the first source's columns, then pass all rows on.

    Parameters
    ----------
    rows : iterator of DiaSource or Rejection
        A catalog's rows.
    metadata : mapping of str to str
        Subject metadata key to catalog column, or words with columns in braces.

    Raises
    ------
    ConfigError
        When the metadata asks for a column that the catalog does not have, or its words are malformed.
    """
    first: list[DiaSource | Rejection] = []
    for row in rows:
        first.append(row)
        if isinstance(row, DiaSource):
            check_words(row, metadata)
            break
    return chain(first, rows)


def write_manifest_of(run: Run, metadata: Mapping[str, str]) -> int:
    """Write `manifest.csv` from `sources.parquet`.

    Parameters
    ----------
    run : Run
        The run.
    metadata : mapping of str to str
        Subject metadata key to catalog column, or words with columns in braces.

    Returns
    -------
    int
        How many rows it has.

    Raises
    ------
    InputError
        When the run has drawn nothing.
    """
    drawn = read_drawn(run.sources, columns_named(metadata))
    first = next(drawn, None)
    if first is None:
        raise NothingDrawn(_why_nothing(run))
    counted = _Counted(_row(source, metadata) for source in chain([first], drawn))
    write_manifest(run.manifest, counted, metadata, locations=_most_locations(run, first))
    write_talk_of(run)
    return counted.count


def _most_locations(run: Run, first: DrawnSource) -> int:
    """Tell how many locations a row has at most; what is for Talk is none."""
    if not run.settings.talk.attach:
        return len(first.images)
    return max(len(source.locations) for source in read_drawn(run.sources, ()))


def write_talk_of(run: Run) -> None:
    """Write `talk.csv`, which names the files for subjects' Talk pages, where the run has some."""
    if run.settings.talk.attach:
        rows = (
            TalkRow(str(source.dia_source_id), name, sha256)
            for source in read_drawn(run.sources, ())
            for name, sha256 in source.for_talk
        )
        write_talk(run.talk, rows)


def _why_nothing(run: Run) -> str:
    first = next(read_rejected(run.rejected), None)
    if first is None:
        return "the catalog has no source that meets what is asked: check catalog.where, [select] and --reliability-min"
    return f"nothing could be drawn; {run.rejected} tells why, row by row, first: {first.reason}"


def write_urls_manifest_of(run: Run, metadata: Mapping[str, str], url_root: str | None) -> None:
    """Write `manifest-urls.csv`, which names every image by the address it will have.

    Parameters
    ----------
    run : Run
        The run.
    metadata : mapping of str to str
        Subject metadata key to catalog column, or words with columns in braces.
    url_root : str or None
        Where the run folder will be served; None: nowhere, so nothing is written.
    """
    if url_root is None:
        return
    drawn = read_drawn(run.sources, columns_named(metadata))
    first = next(drawn, None)
    if first is None:
        return
    rows = (_row(source, metadata) for source in chain([first], drawn))
    addressed = (
        replace(row, locations=tuple(_address(name, url_root) for name in row.locations)) for row in rows
    )
    write_manifest(run.urls_manifest, addressed, metadata, locations=_most_locations(run, first))


def _address(name: str, url_root: str) -> str:
    return f"{url_root.rstrip('/')}/{quote(name)}"


class _Counted:
    def __init__(self, rows: Iterable[ManifestRow]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[ManifestRow]:
        for row in self._rows:
            self.count += 1
            yield row


def _row(source: DrawnSource, metadata: Mapping[str, str]) -> ManifestRow:
    return ManifestRow(str(source.dia_source_id), source.locations, metadata_of(source.columns, metadata))
