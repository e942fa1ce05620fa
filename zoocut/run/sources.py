"""`sources.parquet`: the catalog rows drawn, with the paths and checksums of their images.

It grows over several calls and is written as a stream, so its columns are those of all chunks together; a
column whose types do not go together becomes text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from zoocut.errors import InputError
from zoocut.files import TEMPORARY_SUFFIX, appear_whole
from zoocut.model import Value

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DrawnSource", "DrawnWriter", "read_drawn", "recorded_checksums"]

ROWS_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class DrawnSource:
    """A source whose images exist.

    Parameters
    ----------
    columns : dict
        Its catalog row; `diaSourceId` is among the columns.
    images : tuple of str
        Its image files in the order of the subject's locations, relative to the run folder.
    sha256 : tuple of str
        Their checksums.
    """

    columns: dict[str, Value]
    images: tuple[str, ...]
    sha256: tuple[str, ...]

    @property
    def dia_source_id(self) -> int:
        """The exact id."""
        return int(self.columns["diaSourceId"] or 0)


class DrawnWriter:
    """Collects drawn sources on disk and puts them behind those that the file already holds.

    Use it as a context manager: the file appears, whole, when the block ends without an error.

    Parameters
    ----------
    path : Path
        The run's `sources.parquet`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[dict[str, Value]] = []
        self._chunks: list[Path] = []

    def __enter__(self) -> DrawnWriter:
        return self

    def add(self, source: DrawnSource) -> None:
        """Take one more source."""
        images = {f"image:{n}": name for n, name in enumerate(source.images, start=1)}
        sums = {f"sha256:{n}": value for n, value in enumerate(source.sha256, start=1)}
        self._waiting.append({**source.columns, **images, **sums})
        if len(self._waiting) >= ROWS_AT_ONCE:
            self._flush()

    def __exit__(
        self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush()
                self._put_together()
        finally:
            for chunk in self._chunks:
                chunk.unlink(missing_ok=True)

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._waiting:
            names = list(dict.fromkeys(name for row in self._waiting for name in row))
            columns = {name: _column([row.get(name) for row in self._waiting]) for name in names}
            chunk = self._path.with_name(f".chunk{len(self._chunks)}{TEMPORARY_SUFFIX}")
            self._chunks.append(chunk)
            pq.write_table(pa.table(columns), chunk)
            self._waiting = []

    def _put_together(self) -> None:
        import pyarrow.parquet as pq

        parts = [self._path] * self._path.exists() + self._chunks
        if not self._chunks:
            return
        schema = _common([pq.read_schema(part) for part in parts])
        with appear_whole(self._path) as goal, pq.ParquetWriter(goal, schema) as writer:
            for part in parts:
                for batch in pq.ParquetFile(part).iter_batches(ROWS_AT_ONCE):
                    writer.write_table(_fitted(batch, schema))


def read_drawn(path: Path) -> Iterator[DrawnSource]:
    """Read the drawn sources in order; none when the file is not there yet.

    Raises
    ------
    InputError
        When the file is not a `sources.parquet` of zoocut.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.exists():
        return
    try:
        for batch in pq.ParquetFile(path).iter_batches(ROWS_AT_ONCE):
            yield from (_drawn(row) for row in batch.to_pylist())
    except (pa.ArrowException, KeyError, OSError) as error:
        raise InputError(
            f"{path} cannot be read ({error}): restore it, or generate into a new folder"
        ) from error


def recorded_checksums(path: Path) -> dict[int, tuple[str, ...]]:
    """Map each source that the file holds to its images' checksums."""
    return {source.dia_source_id: source.sha256 for source in read_drawn(path)}


def _drawn(row: dict[str, Any]) -> DrawnSource:
    images = tuple(row.pop(name) for name in _numbered(row, "image:"))
    sums = tuple(row.pop(name) for name in _numbered(row, "sha256:"))
    return DrawnSource(row, images, sums)


def _numbered(row: dict[str, Any], prefix: str) -> Sequence[str]:
    return [name for name in row if name.startswith(prefix) and name.removeprefix(prefix).isdecimal()]


def _column(values: list[Value]) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else str(value) for value in values])


def _common(schemas: Sequence[pa.Schema]) -> pa.Schema:
    import pyarrow as pa

    fields: dict[str, pa.Field] = {}
    for field in (field for schema in schemas for field in schema):
        known = fields.get(field.name, field)
        fields[field.name] = known.with_type(_wider(known.type, field.type))
    return pa.schema(list(fields.values()))


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    return pa.string()


def _fitted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    present = set(batch.schema.names)
    arrays = [
        batch.column(field.name).cast(field.type)
        if field.name in present
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema)
