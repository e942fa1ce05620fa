"""The catalog's columns of manifest rows, whatever the manifest's order, without all of them in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from zoocut.model import Value
from zoocut.run.folder import Run
from zoocut.run.sources import DrawnSource, read_drawn
from zoocut.text_store import TextStore

__all__ = ["CatalogRows"]


class CatalogRows:
    """The catalog rows of a run, to be asked for in the order of the manifest.

    `generate` writes both in one order. Where a row is not the next one, all are put into a temporary file.

    Parameters
    ----------
    run : Run
        Its `sources.parquet` need not be there.

    Raises
    ------
    InputError
        When it cannot be read.
    """

    def __init__(self, run: Run) -> None:
        self._path = run.sources
        self.names: Sequence[str] = list(next(read_drawn(run.sources), DrawnSource({}, (), ())).columns)
        self._next: Iterator[DrawnSource] = read_drawn(run.sources)
        self._store: TextStore | None = None

    def values(self, external_id: str) -> list[Value]:
        """Return the values of a source in the order of `names`; nothing but None where it has no row."""
        if self._store is None:
            source = next(self._next, None)
            if source is not None and str(source.dia_source_id) == external_id:
                return list(source.columns.values())
            self._store = TextStore()
            for one in read_drawn(self._path):
                self._store.add(str(one.dia_source_id), json.dumps(list(one.columns.values()), default=str))
        found = self._store.get(external_id)
        return [None] * len(self.names) if found is None else list(json.loads(found))
