"""What a run has recorded: which sources, the checksums of their images, and when it was written down.

Ids and checksums alone are read, into arrays: ten million sources of one image take half a gigabyte.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from zoocut.error_kinds import RecordDamaged
from zoocut.model import SourceId
from zoocut.run.sources import columns_of_images, files_of
from zoocut.values import id_key

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DamagedRecord", "Record", "Recorded", "trimmed"]

ROWS_AT_ONCE = 50_000
SHA256_BYTES = 32


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


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a source that was drawn.

    Parameters
    ----------
    sha256 : tuple of str or None
        Checksums of its files, in the order of the run's media; None where a source has no such file, nothing at
        the end.
    at_ns : int
        When the file was written that says so: images that are older were complete by then.
    chunk : str or None
        The folder below `images/` that its images lie in, where its id, being a name, does not tell.
    """

    sha256: tuple[str | None, ...]
    at_ns: int
    chunk: str | None = None


def trimmed(sha256: Sequence[str | None]) -> tuple[str | None, ...]:
    """Return checksums as a `Record` has them: without what is missing at the end."""
    count = max((at for at, one in enumerate(sha256, start=1) if one is not None), default=0)
    return tuple(sha256[:count])


class Recorded:
    """The sources that `sources.parquet` and the parts beside it hold.

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
        found = [chunk for file in files_of(path) for chunk in _read(file, self._chunks)]
        ids = np.concatenate([ids for ids, _, _ in found]) if found else np.empty(0, np.int64)
        order = np.argsort(ids, kind="stable")
        self._ids = ids[order]
        self._images = max((sums.shape[1] for _, sums, _ in found), default=0)
        self._sums = (
            np.concatenate([_padded(sums, self._images) for _, sums, _ in found])[order] if found else ids
        )
        self._at_ns = np.concatenate([at_ns for _, _, at_ns in found])[order] if found else ids

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, dia_source_id: object) -> bool:
        return isinstance(dia_source_id, (int, str)) and self._find(id_key(dia_source_id)) is not None

    def get(self, dia_source_id: SourceId) -> Record | None:
        """Return what is recorded of a source; None where nothing is."""
        key = id_key(dia_source_id)
        at = self._find(key)
        if at is None:
            return None
        row = self._sums[at].tobytes()
        sums = (row[i : i + SHA256_BYTES].hex() for i in range(0, len(row), SHA256_BYTES))
        known = trimmed([one if one.strip("0") else None for one in sums])
        return Record(known, int(self._at_ns[at]), self._chunks.get(key))

    def _find(self, key: int) -> int | None:
        at = int(self._ids.searchsorted(key))
        return at if at < len(self._ids) and self._ids[at] == key else None


Chunk = tuple[npt.NDArray[Any], npt.NDArray[np.uint8], npt.NDArray[np.int64]]
"""Ids, checksums of shape (n, images, 32) and times of some rows."""


def _read(file: Path, chunks: dict[int, str]) -> list[Chunk]:
    import pyarrow as pa

    try:
        return list(_chunks(file, chunks))
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        raise DamagedRecord(file, str(error).partition("\n")[0]) from error


def _chunks(file: Path, chunks: dict[int, str]) -> Iterator[Chunk]:
    """Read ids and checksums; where ids are names, note the folders of their images."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    at_ns = file.stat().st_mtime_ns
    parquet = pq.ParquetFile(file)
    sums = columns_of_images(parquet.schema_arrow.names, "sha256")
    named = not pa.types.is_integer(parquet.schema_arrow.field("diaSourceId").type)
    images = columns_of_images(parquet.schema_arrow.names, "image") if named else []
    for batch in parquet.iter_batches(ROWS_AT_ONCE, columns=["diaSourceId", *images, *sums]):
        ids = batch.column(0).to_numpy(zero_copy_only=False)
        if named:
            ids = np.array([id_key(name) for name in ids], np.int64)
            files = zip(*(batch.column(name).to_pylist() for name in images), strict=True)
            chunks.update(zip(ids.tolist(), map(_chunk_of, files), strict=True))
        yield ids, np.stack([_bytes(batch.column(name)) for name in sums], axis=1), np.full(len(ids), at_ns)


def _chunk_of(images: Sequence[str | None]) -> str:
    """Return the folder of a source's images below that of all, as `images/1000/name.png` has `1000/`."""
    image = next(filter(None, images), "")
    return image.removeprefix("images/").rpartition("/")[0] + "/" if image.count("/") > 1 else ""


def _bytes(column: pa.Array) -> npt.NDArray[np.uint8]:
    """Turn checksums of 64 digits into rows of 32 bytes; one that is missing is all zeros."""
    digits = "".join(value or "0" * 2 * SHA256_BYTES for value in column.to_pylist())
    return np.frombuffer(bytes.fromhex(digits), np.uint8).reshape(-1, SHA256_BYTES)


def _padded(sums: npt.NDArray[np.uint8], images: int) -> npt.NDArray[np.uint8]:
    return np.pad(sums, ((0, 0), (0, images - sums.shape[1]), (0, 0)))
