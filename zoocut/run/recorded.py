"""What a run has recorded: which sources, the checksums of their files, and when it was written down.

Ids alone are kept, in arrays: ten million sources take 80 to 240 MB. Checksums are read when one is asked for, from
the row group that it lies in; a source whose files are older than its record needs none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from zoocut.error_kinds import RecordDamaged
from zoocut.model import SourceId
from zoocut.object_store import readable
from zoocut.run.sources import columns_of_images, damage_told, drawn_file, files_of
from zoocut.values import id_key

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DamagedRecord", "Record", "Recorded", "trimmed"]

ROWS_AT_ONCE = 50_000

Keys = npt.NDArray[np.int64]
"""What stands for ids, by `id_key`."""

Sums = tuple[str | None, ...]


class DamagedRecord(RecordDamaged):
    """A file of the record cannot be read.

    Parameters
    ----------
    path : Path
        Which.
    reason : str
        What its reader says.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be read ({reason}): run `zoocut generate CONFIG -o RUN` again")
        self.path = path


def trimmed(sha256: Sequence[str | None]) -> Sums:
    """Return checksums without what is missing at the end."""
    count = max((at for at, one in enumerate(sha256, start=1) if one is not None), default=0)
    return tuple(sha256[:count])


class Record(NamedTuple):
    """What is known of a source that was drawn.

    Parameters
    ----------
    file : RecordFile
        The file that says so.
    row : int
        Of that file.
    chunk : str or None
        The folder below `images/` that its images lie in, where its id, being a name, does not tell.
    """

    file: RecordFile
    row: int
    chunk: str | None = None

    @property
    def at_ns(self) -> int:
        """When the file was written: images that are older were complete by then."""
        return self.file.at_ns

    @property
    def of_all(self) -> int | None:
        """How many files every source of the run has; None where some lack one."""
        return self.file.of_all

    @property
    def sha256(self) -> Sums:
        """Checksums of its files in the order of the run's media, None for one that it lacks, nothing at the end."""
        return self.file.sums(self.row)


class RecordFile:
    """A parquet file of drawn sources.

    Parameters
    ----------
    path : Path
        Where.

    Raises
    ------
    ArrowException, KeyError, ValueError, OSError
        When it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self.path, self.at_ns = path, path.stat().st_mtime_ns
        self._content = readable(path)
        with drawn_file(self._content) as file:
            schema, metadata = file.schema_arrow, file.metadata
        self.rows = int(metadata.num_rows)
        self.named = not pa.types.is_integer(schema.field("diaSourceId").type)
        self._images = columns_of_images(schema.names, "image")
        self._sums = columns_of_images(schema.names, "sha256")
        groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
        self._ends = list(accumulate(group.num_rows for group in groups))
        self.of_all = None if any(map(_lacks_sums, groups)) else len(self._sums)
        self._read: tuple[int, int, list[Sums]] = (0, 0, [])
        """Where the row group begins and ends that was read last, and its checksums."""

    def keys(self, chunks: dict[int, str]) -> Iterator[Keys]:
        """Read the ids; where they are names, note the folders of their images in `chunks`."""
        images = self._images if self.named else []
        with drawn_file(self._content) as file:
            for batch in file.iter_batches(ROWS_AT_ONCE, columns=["diaSourceId", *images]):
                if not self.named:
                    yield batch.column(0).to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
                    continue
                keys = np.array([id_key(name) for name in batch.column(0).to_pylist()], np.int64)
                files = zip(*(batch.column(name).to_pylist() for name in images), strict=True)
                chunks.update(zip(keys.tolist(), map(_chunk_of, files), strict=True))
                yield keys

    def sums(self, row: int) -> Sums:
        """Read a row's checksums, and keep those beside it, which are likely asked for next.

        Raises
        ------
        InputError
            When they cannot be read.
        """
        begin, end, read = self._read
        if not begin <= row < end:
            begin, end, read = self._read = self._group_of(row)
        return read[row - begin]

    def _group_of(self, row: int) -> tuple[int, int, list[Sums]]:
        number = int(np.searchsorted(self._ends, row, side="right"))
        with damage_told(self.path), drawn_file(self._content) as file:
            table = file.read_row_group(number, columns=self._sums, use_threads=False)
        columns = [table.column(name).to_pylist() for name in self._sums]
        begin = self._ends[number] - table.num_rows
        return begin, self._ends[number], [trimmed(several) for several in zip(*columns, strict=True)]


def _lacks_sums(group: pa.RowGroupMetaData) -> bool:
    """Whether some checksum of a row group is missing, or may be."""
    columns = map(group.column, range(group.num_columns))
    known = [one.statistics for one in columns if one.path_in_schema.startswith("sha256:")]
    return any(one is None or not one.has_null_count or one.null_count for one in known)


def _chunk_of(images: Sequence[str | None]) -> str:
    """Return the folder of a source's images below that of all, as `images/1000/name.png` has `1000/`."""
    image = next(filter(None, images), "")
    return image.removeprefix("images/").rpartition("/")[0] + "/" if image.count("/") > 1 else ""


class Recorded:
    """The sources that `sources.parquet` and the parts beside it hold, each known by its row in all of them.

    Parameters
    ----------
    path : Path
        The run's `sources.parquet`; it need not be there.

    Raises
    ------
    DamagedRecord
        When a file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._chunks: dict[int, str] = {}
        self._files: list[RecordFile] = []
        found = [keys for file in files_of(path) for keys in self._keys(file)]
        self._keys_of_rows = np.concatenate(found) if found else np.empty(0, np.int64)
        self._begins = list(accumulate((file.rows for file in self._files), initial=0))
        self._in_order = bool((self._keys_of_rows[1:] > self._keys_of_rows[:-1]).all())
        self._order = None if self._in_order else np.argsort(self._keys_of_rows, kind="stable")
        self._sorted = self._keys_of_rows if self._order is None else self._keys_of_rows[self._order]
        self._next, self._view = 0, self._keys_of_rows.data

    def _keys(self, path: Path) -> list[Keys]:
        import pyarrow as pa

        try:
            file = RecordFile(path)
            self._files.append(file)
            return list(file.keys(self._chunks))
        except (pa.ArrowException, KeyError, ValueError, OSError) as error:
            raise DamagedRecord(path, str(error).partition("\n")[0]) from error

    def __len__(self) -> int:
        return len(self._keys_of_rows)

    def __contains__(self, dia_source_id: object) -> bool:
        return isinstance(dia_source_id, (int, str)) and self.find(dia_source_id) is not None

    def find(self, dia_source_id: SourceId) -> int | None:
        """Return the row of a source, the first one where it has several; None where it has none.

        Catalogs are mostly read in the order that was recorded, so the row behind the last one is looked at first.
        """
        if not len(self._sorted):
            return None
        key, row = id_key(dia_source_id), self._next
        if not (self._in_order and row < len(self._view) and self._view[row] == key):
            at = int(self._sorted.searchsorted(key))
            if at == len(self._sorted) or self._sorted[at] != key:
                return None
            row = at if self._order is None else int(self._order[at])
        self._next = row + 1
        return row

    def record(self, row: int) -> Record:
        """Return what is recorded in a row."""
        number = 0 if row < self._begins[1] else int(np.searchsorted(self._begins, row, side="right")) - 1
        chunk = self._chunks.get(self._view[row]) if self._chunks else None
        return Record(self._files[number], row - self._begins[number], chunk)

    def get(self, dia_source_id: SourceId) -> Record | None:
        """Return what is recorded of a source; None where nothing is."""
        row = self.find(dia_source_id)
        return None if row is None else self.record(row)
