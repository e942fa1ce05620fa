"""Where the task's files lie."""

from __future__ import annotations

import os
from pathlib import Path

from zoocut.error_kinds import WrongSetting

__all__ = ["CutoutPath"]


class CutoutPath:
    """Paths of a source's files: `root/images/`, or a folder in it for each range of ids.

    Parameters
    ----------
    root : str or Path
        The output folder, or an address.
    chunk_size : int, optional
        How wide a range of ids shares a folder, a power of ten.
    subdirectory : str
        The folder below `root`.

    Raises
    ------
    ConfigError
        When `chunk_size` is no power of ten.
    """

    def __init__(
        self, root: str | os.PathLike[str], chunk_size: int | None = None, subdirectory: str = "images"
    ) -> None:
        if chunk_size is not None and str(chunk_size).strip("0") != "1":
            raise WrongSetting(f"chunk_size = {chunk_size} is not a power of ten: use 1000 or 10000")
        self._root = os.fspath(root)
        self._chunk_size = chunk_size
        self._subdirectory = subdirectory

    def directory(self, id: int) -> str:
        """Name the folder of a source's files."""
        whole = os.path.join(self._root, self._subdirectory)
        size = self._chunk_size
        return whole if size is None else os.path.join(whole, str(id // size * size))

    def __call__(self, id: int, filename: str | None = None) -> str:
        """Name a source's file: its PNG, where none is named."""
        return os.path.join(self.directory(id), f"{id}.png" if filename is None else filename)

    def exists(self, id: int, filename: str | None = None) -> bool:
        """Return whether a source's file is there."""
        return Path(self(id, filename)).exists()

    def mkdir(self, id: int) -> None:
        """Make the folder of a source's files."""
        Path(self.directory(id)).mkdir(parents=True, exist_ok=True)
