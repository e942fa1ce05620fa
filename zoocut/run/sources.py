"""`sources.parquet`: the catalog rows drawn, with the paths and checksums of their images.

While a run is drawn its rows go to parts in `.sources/`, each on disk after the images that it names; they are put
together, in the catalog's order, when the run is complete. So a kill costs the last part, and several jobs can draw
one run. Columns are those of all parts together; a column whose types do not go together becomes text.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from zoocut.error_kinds import RecordDamaged
from zoocut.files import appear_whole, sync_files, typed
from zoocut.model import SourceId, Value
from zoocut.object_store import readable
from zoocut.run.record_columns import column_of, common_schema, fitted
from zoocut.values import id_key

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = [
    "TALK_FOLDER",
    "DrawnSource",
    "DrawnWriter",
    "columns_of_images",
    "damage_told",
    "drawn_file",
    "files_of",
    "put_together",
    "read_drawn",
]

ROWS_AT_ONCE = 5000
"""Rows of a part and of a row group: some megabytes, whatever the number of columns. They are read without threads,
which take longer to wake than the rows of most runs to decode."""

FIRST_PART_S, LONGEST_PART_S = 1.0, 60.0
"""A kill costs what was drawn since the last part: a second at first, then as much as before, a minute at most."""

TALK_FOLDER = "talk"
"""Where files for Talk pages lie in a run, beside `images/`."""

POSITION = "#position"
"""The column of parts that holds a row's position in the catalog; sources.parquet has none."""

Keys = npt.NDArray[np.int64]
"""What stands for ids, by `id_key`."""


@dataclass(frozen=True, slots=True)
class DrawnSource:
    """A source whose images exist.

    Parameters
    ----------
    columns : dict
        Its catalog row; `diaSourceId` is among the columns.
    images : tuple of str or None
        Its files in the order of the run's media, relative to the run folder; None where it has no such file.
    sha256 : tuple of str or None
        Their checksums.
    """

    columns: dict[str, Value]
    images: tuple[str | None, ...]
    sha256: tuple[str | None, ...]

    @property
    def locations(self) -> tuple[str, ...]:
        """Its files that are locations of the subject, in order."""
        return tuple(name for name in self.files if not name.startswith(f"{TALK_FOLDER}/"))

    @property
    def files(self) -> tuple[str, ...]:
        """All files that it has."""
        return tuple(name for name in self.images if name is not None)

    @property
    def for_talk(self) -> tuple[tuple[str, str], ...]:
        """Its files for the Talk page, each with its checksum."""
        pairs = zip(self.images, self.sha256, strict=True)
        return tuple(
            (n, s) for n, s in pairs if n is not None and s is not None and n.startswith(f"{TALK_FOLDER}/")
        )

    @property
    def dia_source_id(self) -> SourceId:
        """The exact id: a number, or a name where the catalog's ids are text."""
        found = self.columns["diaSourceId"]
        return found if isinstance(found, str) else int(found or 0)


class DrawnWriter:
    """Records drawn sources in parts beside `sources.parquet`.

    Use it as a context manager: what was added is on disk when the block ends, also with an error.

    Parameters
    ----------
    path : Path
        The run's `sources.parquet`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream = secrets.token_hex(4)
        self._count = 0
        self._waiting: list[dict[str, Value]] = []
        self._images: list[str] = []
        self._part_s = FIRST_PART_S
        self._due = time.monotonic() + self._part_s

    def __enter__(self) -> DrawnWriter:
        return self

    def add(self, source: DrawnSource, position: int) -> None:
        """Take one more source.

        Parameters
        ----------
        source : DrawnSource
            Its images are written.
        position : int
            Where its row stands in the catalog; greater than that of the source before it.
        """
        images = {f"image:{n}": name for n, name in enumerate(source.images, start=1)}
        sums = {f"sha256:{n}": value for n, value in enumerate(source.sha256, start=1)}
        self._waiting.append({**source.columns, **images, **sums, POSITION: position})
        self.add_files(source)

    def add_files(self, source: DrawnSource) -> None:
        """Take the files of a source that is recorded already: they were lost, and written again.

        They are on disk before a record is written that is newer than they are, and so takes them for whole.
        """
        self._images += source.files
        if len(self._waiting) >= ROWS_AT_ONCE or time.monotonic() >= self._due:
            self._write_part()

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        self._write_part()

    def _write_part(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._part_s = min(2 * self._part_s, LONGEST_PART_S)
        self._due = time.monotonic() + self._part_s
        if self._images:
            sync_files(self._path.parent, self._images)
            self._images = []
        if not self._waiting:
            return
        names = list(dict.fromkeys(name for row in self._waiting for name in row))
        columns = {name: column_of([row.get(name) for row in self._waiting]) for name in names}
        part = _folder_of_parts(self._path) / f"{self._stream}-{self._count:06d}.parquet"
        with appear_whole(part) as goal:
            pq.write_table(pa.table(columns), goal, write_page_checksum=True)
        self._waiting, self._count = [], self._count + 1


def _folder_of_parts(path: Path) -> Path:
    return path.with_name(".sources")


def _parts(path: Path) -> list[Path]:
    """List the parts that wait to be put together, those of one call in order."""
    return sorted(_folder_of_parts(path).glob("[!.]*.parquet"))


def files_of(path: Path) -> list[Path]:
    """List the files that hold a run's drawn sources: `sources.parquet`, and parts that wait to be added to it."""
    return [path] * path.exists() + _parts(path)


def drawn_file(content: Any) -> pq.ParquetFile:
    """Open a file of drawn sources; a page that is not as it was written cannot be read, and is no other value."""
    import pyarrow.parquet as pq

    # without `pre_buffer`, else all of it is in memory
    return pq.ParquetFile(content, pre_buffer=False, page_checksum_verification=True)


def put_together(path: Path) -> None:
    """Add the rows of all parts to `sources.parquet`, in the catalog's order, and remove the parts.

    A source that is recorded twice has one row: a call that was killed before it had removed its parts leaves them
    beside the file that holds them, and jobs of other shares may have drawn the same source.

    Raises
    ------
    InputError
        When a file cannot be read or written.
    """
    import pyarrow.parquet as pq

    parts = _parts(path)
    if not parts:
        return
    before = [path] if path.exists() else []
    of_parts = common_schema([pq.read_schema(readable(one)) for one in before + parts])
    schema = of_parts.remove(of_parts.get_field_index(POSITION))
    streams = [list(several) for _, several in groupby(parts, key=lambda part: part.name.split("-")[0])]
    merged = _merged([(fitted(one, of_parts) for one in _tables(several)) for several in streams])
    all_of_them = (fitted(one, schema) for one in chain(_tables(before), merged))
    of_one_call = len(before + streams) == 1  # which records no source twice
    rows = all_of_them if of_one_call else _without_repeats(all_of_them, _recorded_twice(before + parts))
    with appear_whole(path) as goal, pq.ParquetWriter(goal, schema, write_page_checksum=True) as writer:
        for table in _of_equal_size(rows):
            writer.write_table(table)
    _remove(parts)


def _remove(parts: Sequence[Path]) -> None:
    """Remove the parts that were put together, and their folder unless something else is in it."""
    for part in parts:
        part.unlink(missing_ok=True)
    with suppress(OSError):
        parts[0].parent.rmdir()


def _recorded_twice(paths: Iterable[Path]) -> Keys:
    """Tell which sources have more than one row in some files."""
    keys, counts = np.unique(np.concatenate([_keys(_ids(one)) for one in paths]), return_counts=True)
    return keys[counts > 1]


def _ids(path: Path) -> pa.Table:
    with damage_told(path):
        return drawn_file(readable(path)).read(["diaSourceId"])


def _keys(table: pa.Table) -> Keys:
    ids = table.column("diaSourceId").to_pylist()
    return np.fromiter(map(id_key, ids), np.int64, len(ids))


def _without_repeats(tables: Iterable[pa.Table], twice: Keys) -> Iterator[pa.Table]:
    """Leave out the second row of every source among `twice`."""
    import pyarrow as pa

    seen: set[int] = set()
    for table in tables:
        keys = _keys(table) if len(twice) else twice
        if not np.isin(keys, twice).any():
            yield table
            continue
        first = []
        for key, repeats in zip(keys.tolist(), np.isin(keys, twice).tolist(), strict=True):
            first.append(not repeats or key not in seen)
            if repeats:
                seen.add(key)
        yield table.filter(pa.array(first))


def _tables(paths: Iterable[Path]) -> Iterator[pa.Table]:
    import pyarrow as pa

    for path in paths:
        with damage_told(path):
            for batch in drawn_file(readable(path)).iter_batches(ROWS_AT_ONCE, use_threads=False):
                yield pa.Table.from_batches([batch])


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Say that a record cannot be read, also while another is written of it: nothing is wrong with that one."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def _merged(streams: Sequence[Iterator[pa.Table]]) -> Iterator[pa.Table]:
    """Merge streams that are in order of position each; a table a stream is in memory at a time."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if len(streams) == 1:
        yield from streams[0]
        return
    heads = [(table, stream) for stream in streams if (table := next(stream, None)) is not None]
    while heads:
        bound = min(table[POSITION][-1].as_py() for table, _ in heads)
        due = [table.filter(pc.less_equal(table[POSITION], bound)) for table, _ in heads]
        yield pa.concat_tables(due, promote_options="permissive").sort_by(POSITION)
        rest = [(table.filter(pc.greater(table[POSITION], bound)), stream) for table, stream in heads]
        heads = [(table, stream) for table, stream in map(_refilled, rest) if table is not None]


def _refilled(head: tuple[pa.Table, Iterator[pa.Table]]) -> tuple[pa.Table | None, Iterator[pa.Table]]:
    table, stream = head
    return (table, stream) if table.num_rows else (next(stream, None), stream)


def _of_equal_size(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Cut a stream of rows anew, so that row groups do not tell in how many calls a run was drawn."""
    import pyarrow as pa

    waiting: list[pa.Table] = []
    for table in tables:
        waiting.append(table)
        while sum(one.num_rows for one in waiting) >= ROWS_AT_ONCE:
            whole = pa.concat_tables(waiting)
            yield whole.slice(0, ROWS_AT_ONCE)
            waiting = [whole.slice(ROWS_AT_ONCE)]
    if any(one.num_rows for one in waiting):
        yield pa.concat_tables(waiting)


def read_drawn(path: Path, columns: Iterable[str] | None = None) -> Iterator[DrawnSource]:
    """Read the drawn sources in order; none when the file is not there yet.

    Parameters
    ----------
    path : Path
        The run's `sources.parquet`.
    columns : iterable of str, optional
        Catalog columns that are wanted beside the id; all where it is not given.

    Raises
    ------
    InputError
        When the file is not a `sources.parquet` of zoocut.
    """
    import pyarrow as pa

    if not path.exists():
        return
    try:
        file = drawn_file(readable(path))
        wanted = None if columns is None else _wanted(file.schema_arrow.names, columns)
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=wanted, use_threads=False):
            images, sums = (columns_of_images(batch.schema.names, kind) for kind in ("image", "sha256"))
            yield from (_drawn(row, images, sums) for row in batch.to_pylist())
    except (pa.ArrowException, KeyError, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> RecordDamaged:
    """Say that a file of drawn sources cannot be read, and what to do."""
    told = " ".join(str(error).split())  # some is told in lines
    return RecordDamaged(
        f"{path} cannot be read ({told}): take it away with `mv {typed(path)} {typed(path)}.damaged`, then run "
        "`zoocut generate CONFIG -o RUN` again, which draws its sources anew"
    )


def _wanted(names: Sequence[str], columns: Iterable[str]) -> list[str]:
    kept = {"diaSourceId", *columns, *columns_of_images(names, "image"), *columns_of_images(names, "sha256")}
    return [name for name in names if name in kept]


def _drawn(row: dict[str, Any], images: Sequence[str], sums: Sequence[str]) -> DrawnSource:
    names = tuple(row.pop(name) for name in images)
    checksums = tuple(row.pop(name) for name in sums)
    return DrawnSource(row, names, checksums)


def columns_of_images(names: Iterable[str], kind: str) -> list[str]:
    """Name the columns `image:1..n` or `sha256:1..n` among a table's, in order of location."""
    numbers = [name.removeprefix(f"{kind}:") for name in names if name.startswith(f"{kind}:")]
    return [f"{kind}:{number}" for number in sorted((n for n in numbers if n.isdecimal()), key=int)]
