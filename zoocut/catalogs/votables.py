"""What astropy does not tell of a VOTable: references to other files, and numbers that it clips in silence."""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.parsers import expat

from zoocut.error_kinds import UnreadableFile

__all__ = ["cells_out_of_range", "require_own_data"]

RANGES = {
    "unsignedbyte": (0, 2**8 - 1),
    "short": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
}
"""Numbers of the whole-number types: VOTable 1.3, section 2.1."""


def require_own_data(path: Path) -> None:
    """Refuse references to other files, which astropy would follow, on this machine or any other.

    Raises
    ------
    InputError
        When the table has any.
    """

    def element(name: str, attributes: Mapping[str, str]) -> None:
        if _local(name) == "STREAM" and "href" in {_local(key).lower() for key in attributes}:
            raise UnreadableFile(
                f"{path} refers to another file (STREAM href): such references are not followed; save the table with "
                "its data inside"
            )

    def entity(name: str, *_: Any) -> None:
        raise UnreadableFile(f"{path} defines an XML entity ({name}): save the table without")

    parser = expat.ParserCreate()
    parser.StartElementHandler = element
    parser.EntityDeclHandler = entity
    _parse(parser, path)


def cells_out_of_range(path: Path) -> dict[int, set[int]]:
    """Find the whole numbers of the first table that its columns' types cannot hold.

    Returns
    -------
    dict of int to set of int
        Rows by column, both counted from 0.
    """
    reader = _CellReader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    _parse(parser, path)
    return dict(reader.found)


class _CellReader:
    """Walks through the cells of the first TABLEDATA of a document."""

    def __init__(self) -> None:
        self.found: defaultdict[int, set[int]] = defaultdict(set)
        self._ranges: list[tuple[int, int] | None] = []
        self._row, self._column, self._cell = -1, -1, ""
        self._is_over = False

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        kind = _local(name)
        if kind == "FIELD" and self._row < 0:
            single = attributes.get("arraysize", "1") == "1"
            self._ranges.append(RANGES.get(attributes.get("datatype", "").lower()) if single else None)
        elif kind == "TR" and not self._is_over:
            self._row, self._column = self._row + 1, -1
        elif kind == "TD":
            self._column, self._cell = self._column + 1, ""

    def text(self, text: str) -> None:
        self._cell += text

    def end(self, name: str) -> None:
        kind = _local(name)
        self._is_over = self._is_over or kind == "TABLEDATA"
        if kind != "TD" or self._is_over or self._column >= len(self._ranges):
            return
        limits, number = self._ranges[self._column], _whole(self._cell)
        if limits is not None and number is not None and not limits[0] <= number <= limits[1]:
            self.found[self._column].add(self._row)


def _whole(text: str) -> int | None:
    try:
        bare = text.strip().lower()
        return int(bare, 16) if bare.startswith("0x") else int(bare)
    except ValueError:
        return None


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _parse(parser: expat.XMLParserType, path: Path) -> None:
    opened: Callable[[Path, Any], Any] = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rb") as file:
        parser.ParseFile(file)
