"""Where the pictures of a source lie in a run folder, and whether they are there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from zoocut.files import write_unsynced
from zoocut.model import DiaSource
from zoocut.object_store import ObjectPath
from zoocut.run.folder import PICTURES_REMOVED
from zoocut.run.recorded import Record
from zoocut.run.sources import TALK_FOLDER
from zoocut.values import file_stem

__all__ = ["PictureFiles", "picture_files"]


LATEST_NS = 10**9 - 1
"""A store tells whole seconds: what is of the record's own may be older or newer, and is read and compared."""


class PictureFiles:
    """The pictures of a run.

    Parameters
    ----------
    folder : Path
        The run folder.
    endings : sequence of str
        What the names of a source's files end in, in order of location.
    talk_endings : sequence of str
        The same for files that are attached to Talk pages; they lie in a folder of their own.
    chunk_size : int or None
        Ids of so wide a range, or so many names, share a folder; None puts all pictures into one.
    """

    def __init__(
        self, folder: Path, endings: Sequence[str], chunk_size: int | None, talk_endings: Sequence[str] = ()
    ) -> None:
        self._folder = f"{folder}{os.sep}"
        self._endings = tuple(("images", ending) for ending in endings)
        self._endings += tuple((TALK_FOLDER, ending) for ending in talk_endings)
        self._chunk_size = chunk_size
        self._removed = (folder / PICTURES_REMOVED).exists()

    def chunk(self, source: DiaSource, position: int) -> str:
        """Name the folder of a new source's pictures, below the one of all; empty without `chunk_size`.

        Parameters
        ----------
        source : DiaSource
            The source.
        position : int
            Where its row stands in the catalog: names that are no numbers share a folder by that.
        """
        size, number = self._chunk_size, source.dia_source_id
        if size is None:
            return ""
        return f"{(number if isinstance(number, int) else position) // size * size}/"

    def names(self, source: DiaSource, chunk: str) -> tuple[str, ...]:
        """Name a source's pictures in a folder of all, relative to the run folder."""
        name = f"{chunk}{file_stem(source.dia_source_id)}"
        return tuple([f"{folder}/{name}{ending}" for folder, ending in self._endings])

    def are_there(self, source: DiaSource, record: Record) -> bool:
        """Return whether the pictures of a recorded source are there as they were recorded.

        One that is older than the record was complete on disk when that was written; one that is newer, because
        somebody put it there or copied the folder, is read and compared. Those that were removed on purpose count as
        there: they are not to be drawn again.
        """
        if self._removed:
            return True
        chunk = self.chunk(source, 0) if record.chunk is None else record.chunk
        names = self.names(source, chunk)
        try:
            return self._are_older(names, record) or self._are_as_recorded(names, record)
        except FileNotFoundError:
            return False

    def _are_older(self, names: Sequence[str], record: Record) -> bool:
        """Whether all of them are older than the record, where that tells so without its checksums."""
        count, at_ns = record.file.of_all, record.file.at_ns
        if count is None or count > len(names):
            return False
        for name in names[:count]:  # noqa: SIM110 - half of what a call costs that finds nothing to do
            if self._written_ns(name) > at_ns:
                return False
        return True

    def _are_as_recorded(self, names: Sequence[str], record: Record) -> bool:
        sha256 = record.sha256
        if len(names) < len(sha256):
            return False
        kept = {name: known for name, known in zip(names, sha256, strict=False) if known}
        return all(
            self._written_ns(name) <= record.at_ns or hashlib.sha256(self._read(name)).hexdigest() == known
            for name, known in kept.items()
        )

    def _written_ns(self, name: str) -> int:
        return os.stat(self._folder + name).st_mtime_ns

    def _read(self, name: str) -> bytes:
        return Path(self._folder + name).read_bytes()

    def _write(self, name: str, content: bytes) -> None:
        write_unsynced(self._folder + name, content)

    def write(self, names: Sequence[str], contents: Sequence[bytes | None]) -> None:
        """Write a source's files, those that it has; they are on disk when the record that names them is written.

        Raises
        ------
        InputError
            When one cannot be written.
        """
        for name, content in zip(names, contents, strict=True):
            if content is not None:
                self._write(name, content)


class PictureObjects(PictureFiles):
    """The pictures of a run in an object store, which is asked once what it holds, not picture by picture.

    Parameters
    ----------
    folder : ObjectPath
        The run folder.
    endings, chunk_size, talk_endings : see `PictureFiles`
        The same.
    """

    def __init__(
        self,
        folder: ObjectPath,
        endings: Sequence[str],
        chunk_size: int | None,
        talk_endings: Sequence[str] = (),
    ) -> None:
        super().__init__(folder, endings, chunk_size, talk_endings)
        self._root = folder

    @cached_property
    def _held(self) -> Mapping[str, int]:
        return self._root.listing()

    def _written_ns(self, name: str) -> int:
        if name not in self._held:
            raise FileNotFoundError(name)
        return self._held[name] + LATEST_NS

    def _read(self, name: str) -> bytes:
        return (self._root / name).read_bytes()

    def _write(self, name: str, content: bytes) -> None:
        (self._root / name).write_bytes(content)


def picture_files(
    folder: Path, endings: Sequence[str], chunk_size: int | None, talk_endings: Sequence[str] = ()
) -> PictureFiles:
    """Open the pictures of a run folder, wherever it is; see `PictureFiles`."""
    if isinstance(folder, ObjectPath):
        return PictureObjects(folder, endings, chunk_size, talk_endings)
    return PictureFiles(folder, endings, chunk_size, talk_endings)
