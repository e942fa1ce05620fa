"""Texts by their names, by the million: the texts are in a temporary file, and sixteen bytes of each in memory."""

from __future__ import annotations

import os
import tempfile
import weakref
from array import array
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["TextStore"]


class TextStore(Mapping[str, str]):
    """A mapping that is filled first and read then; of several texts of one name the first counts."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it is open as long as this is used
        weakref.finalize(self, self._file.close)
        self._keys, self._begins = array("q"), array("q", [0])
        self._order: npt.NDArray[np.int64] | None = None
        self._sorted: Any = None

    def add(self, name: str, text: str) -> None:
        """Add a text."""
        content = f"{name}\0{text}".encode("utf-8", "surrogatepass")
        if self._order is not None:
            self._file.seek(0, os.SEEK_END)
        self._file.write(content)
        self._keys.append(_key(name))
        self._begins.append(self._begins[-1] + len(content))
        self._order = None

    def _find(self, name: str) -> str | None:
        if self._order is None:
            self._sort()
        assert self._order is not None
        key = _key(name)
        at = int(self._sorted.searchsorted(key))
        while at < len(self._order) and self._sorted[at] == key:
            found, text = self._read(int(self._order[at]))
            if found == name:
                return text
            at += 1
        return None

    def _sort(self) -> None:
        import numpy as np

        self._file.flush()
        keys = np.frombuffer(self._keys, np.int64) if self._keys else np.empty(0, np.int64)
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]

    def _read(self, number: int) -> tuple[str, str]:
        begin, end = self._begins[number], self._begins[number + 1]
        self._file.seek(begin)
        content = self._file.read(end - begin)
        name, _, text = content.decode("utf-8", "surrogatepass").partition("\0")
        return name, text

    def __getitem__(self, name: str) -> str:
        found = self._find(name)
        if found is None:
            raise KeyError(name)
        return found

    def get(self, name: object, default: Any = None) -> Any:
        """Return a text; the default where there is none."""
        found = self._find(name) if isinstance(name, str) else None
        return default if found is None else found

    def __contains__(self, name: object) -> bool:
        return self.get(name) is not None

    def __len__(self) -> int:
        """Count the texts that were added, those of one name too."""
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        """Yield the names in the order of adding."""
        self._file.flush()
        for number in range(len(self._keys)):
            yield self._read(number)[0]


def _key(name: str) -> int:
    """Return 63 bits that stand for a name; ids of digits stand for themselves."""
    if name.isdecimal() and len(name) <= 18:
        return int(name)
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") >> 1
