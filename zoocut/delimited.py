"""Delimited text as spreadsheets, databases and people write it: one reader for tables, manifests and lists.

What a file is, is recognised, never guessed from its values: the encoding by its byte-order mark, UTF-8 without
one, anything else only when it is named; the separator and the header by how lines split. Cells stay as they are
written; blanks between a separator and a cell are no part of the cell, as panoptes-cli has it.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from zoocut.error_kinds import UnreadableText, WrongOption
from zoocut.errors import InputError

__all__ = ["DelimitedText", "Line", "as_text_cell", "is_blank", "without_mark"]

MARKS = (
    (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32", "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16"),
)
"""Byte-order mark, the encoding it stands for, the codec that takes it off. UTF-32 begins like UTF-16."""

OTHER_FORMATS = (
    (b"PK\x03\x04", "an Excel workbook (or another zip file)"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook"),
    (b"PAR1", "parquet"),
    (b"SIMPLE  =", "FITS"),
    (b"SQLite format 3", "a SQLite database"),
    (b"%PDF", "a PDF"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "XML"),
)
SAVE = "save it as CSV UTF-8 (comma delimited)"

HEAD_LINES = 200
"""Lines that are looked at to tell the separator: more than any comment in front of a table has."""

LARGEST_CELL = 64 << 20
"""Characters: annotations of whole images in classification exports reach some millions."""

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", " ": "blanks"}
BLANK_SEPARATED = (".dat", ".txt", ".ecsv")
COMMENT = ("#", ";")
FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d.]+(?:[eE][+-]?\d+)?$)")
"""How a formula begins; a number with a sign is none."""

DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)
KNOWN_NAMES = frozenset(
    (
        "external_id",
        "location:1",
        "diaSourceId",
        "subject_id",
        "subject_ids",
        "subject_data",
        "image",
        "ra",
        "dec",
    )
)
"""Names that no row of values holds: a line with one of them is a header, whatever stands in front of it."""

NAMED_SEPARATOR = re.compile(r'"?sep=(.)"?\s*$', re.IGNORECASE)
"""The line that Excel puts in front of a CSV to name its separator."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the file.

    Parameters
    ----------
    number : int
        The line of the file that it begins in, counted from 1.
    cells : list of str
        Its cells as they are written.
    """

    number: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the header is, and what separates cells."""

    separator: str
    header_at: int
    comments: int


class DelimitedText:
    """A file of delimited text, plain or gzipped, open to be read once.

    Use it as a context manager.

    Parameters
    ----------
    path : Path
        The file.
    encoding : str, optional
        Its encoding, where it is neither UTF-8 nor marked as UTF-16.
    option : str
        How the user names an encoding, for messages.

    Raises
    ------
    ConfigError
        When there is no such encoding.
    InputError
        When it is another kind of file, holds bytes that are not of its encoding, or has no header that can be
        told from comments.
    OSError
        When it cannot be opened.
    """

    def __init__(self, path: Path, encoding: str | None = None, option: str = "--encoding") -> None:
        self._path, self._option = path, option
        self._binary = _opened(path)
        try:
            self._encoding, codec = self._recognised(encoding)
            self._text = io.TextIOWrapper(self._binary, encoding=codec, newline="")
            self._head = [line for _, line in zip(range(HEAD_LINES), self._decoded(), strict=False)]
            self._layout = _layout(path, self._head)
            self._rows = self._parsed()
            self.header: list[str] = self._named(next(self._rows, Line(0, [])).cells)
        except BaseException:
            with suppress(ValueError):  # a damaged gzip is closed by what met the damage
                self._binary.close()
            raise

    def __enter__(self) -> DelimitedText:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()

    @property
    def told(self) -> str:
        """What was recognised, in words; empty for UTF-8 separated by commas with the header in front."""
        layout, parts = self._layout, []
        if self._encoding != "utf-8":
            parts.append(f"read as {self._encoding.upper()}")
        if layout.separator != ",":
            parts.append(f"separated by {SEPARATORS.get(layout.separator, repr(layout.separator))}")
        if layout.comments:
            s = "s" if layout.comments > 1 else ""
            parts.append(f"{layout.comments} comment line{s} before the header passed over")
        return ", ".join(parts)

    def lines(self) -> Iterator[Line]:
        """Yield the rows below the header; rows whose cells are all blank are no rows.

        Blank cells beyond the header's last are taken off; otherwise a row has the cells that it has.

        Raises
        ------
        InputError
            When a line cannot be decoded, or its quotation marks do not pair.
        """
        width = len(self.header)
        for line in self._rows:
            if is_blank(line.cells):
                continue
            while len(line.cells) > width and not line.cells[-1].strip():
                line.cells.pop()
            yield line

    def _recognised(self, encoding: str | None) -> tuple[str, str]:
        """Return the encoding's name and the codec to read with."""
        path, start = self._path, self._start()
        for mark, kind in OTHER_FORMATS:
            if start.startswith(mark) or (
                mark[:1] == b"<" and start.lstrip().lower().startswith(mark.lower())
            ):
                raise UnreadableText(f"{path} is {kind}, no delimited text: {SAVE}")
        named = None if encoding is None else _codec(encoding, self._option)
        for mark, name, codec in MARKS:
            if start.startswith(mark):
                if named not in (None, name, codec):
                    raise UnreadableText(
                        f"{path} begins with the mark of {name.upper()}, not {encoding}: leave {self._option} out"
                    )
                return name, codec
        if named is None and b"\0" in start[:2]:
            order = "le" if start[1:2] == b"\0" else "be"
            raise UnreadableText(
                f"{path} begins with a NUL byte, as UTF-16 without its mark does: {SAVE}, or name the "
                f"encoding ({self._option} utf-16-{order})"
            )
        if named is not None and not named.startswith("utf") and _is_utf8(self._path):
            raise UnreadableText(
                f"{path} is UTF-8 with letters beyond ASCII, which {named.upper()} would garble: name it so"
                f" ({self._option} utf-8)"
            )
        return named or "utf-8", named or "utf-8"

    def _start(self) -> bytes:
        try:
            return self._binary.peek(64)[:64]
        except DAMAGED as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> InputError:
        return UnreadableText(f"{self._path} breaks off or is damaged ({error}): fetch it again")

    def _named(self, cells: list[str]) -> list[str]:
        """Take blanks off the names, and a # that stands apart in front of them."""
        apart = self._layout.separator == " " and cells[:1] in (["#"], [";"])
        return [name.strip() for name in (cells[1:] if apart else cells)]

    def _decoded(self) -> Iterator[str]:
        try:
            while line := self._text.readline():  # `yield from` would close the file with the generator
                yield line
        except UnicodeError as error:
            raise self._undecodable(error) from None
        except DAMAGED as error:
            raise self._damaged(error) from error

    def _undecodable(self, error: UnicodeError) -> InputError:
        number, bad = _first_undecodable(self._path, self._text.encoding)
        shown = " ".join(f"0x{byte:02x}" for byte in bad) or str(error)
        return UnreadableText(
            f"{self._path} line {number} holds the bytes {shown}, which are not {self._encoding.upper()}: {SAVE}, or "
            f"name its encoding (such as {self._option} cp1252)"
        )

    def _parsed(self) -> Iterator[Line]:
        layout = self._layout
        source = chain(self._head[layout.header_at :], self._decoded())
        rows = _reader(source, layout.separator)
        begins = layout.header_at + 1
        try:
            for cells in rows:
                yield Line(begins, cells)
                begins = layout.header_at + rows.line_num + 1
        except csv.Error as error:
            raise UnreadableText(f"{self._path} line {begins} cannot be read ({error}): mend it") from error


def as_text_cell(value: Any) -> Any:
    """Mark a text that spreadsheets would take for a formula with an apostrophe, as they do themselves."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def without_mark(cell: str) -> str:
    """Take the apostrophe off again that marks a text."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell[1:]) else cell


def is_blank(cells: Iterable[str]) -> bool:
    """Whether no cell holds anything."""
    return not "".join(cells).strip()


def _opened(path: Path) -> io.BufferedReader:
    file = path.open("rb")
    if file.peek(2)[:2] != b"\x1f\x8b":
        return file
    file.close()
    return io.BufferedReader(gzip.open(path))


def _is_utf8(path: Path) -> bool:
    """Whether a file holds sequences of UTF-8 and nothing else: no text in another encoding happens to."""
    decoder, is_ascii = codecs.getincrementaldecoder("utf-8")(), True
    try:
        with _opened(path) as file:
            while block := file.read(1 << 16):
                is_ascii = is_ascii and block.isascii()
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except (UnicodeDecodeError, *DAMAGED):
        return False
    return not is_ascii


def _codec(encoding: str, option: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)
    except LookupError:
        raise WrongOption(
            f"{option} {encoding!r} is no encoding of text: give one such as cp1252, latin-1 or utf-16-le"
        ) from None
    return name


def _first_undecodable(path: Path, codec: str) -> tuple[int, bytes]:
    """Find the line with the first bytes that cannot be decoded, and the bytes."""
    decoder, number = codecs.getincrementaldecoder(codec)(), 1
    with _opened(path) as file:
        while True:
            block = file.read(1 << 16)
            try:
                number += decoder.decode(block, final=not block).count("\n")
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(codec, "replace")
                return number + before.count("\n"), error.object[error.start : error.end]
            if not block:
                return number, b""


def _reader(lines: Iterable[str], separator: str) -> csv._reader:  # type: ignore[name-defined]
    csv.field_size_limit(LARGEST_CELL)
    # strict: a quotation mark that is never closed would swallow all rows behind it into one cell
    if separator == " ":
        lines = (line.expandtabs(1).strip() + "\n" for line in lines)
    return csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True)


def _layout(path: Path, head: Sequence[str]) -> _Layout:
    """Return the separator, and which line is the header.

    Lines in front of it that begin with # or ; are comments, unless they split into as many cells as the first
    line that does not and is no header by its names: panoptes-cli's names of hidden keys begin with #.
    """
    filled = [at for at, line in enumerate(head) if line.strip()]
    first = next((at for at in filled if not head[at].lstrip().startswith(COMMENT)), None)
    named = NAMED_SEPARATOR.match(head[filled[0]]) if filled else None
    if named and len(filled) > 1:
        return _Layout(named[1], filled[1], 0)
    if first is None:
        return _Layout(_separator(path, head[filled[0] :]), filled[0], 0) if filled else _Layout(",", 0, 0)
    separator = _separator(path, head[first:])
    comments = [at for at in filled if at < first]
    width = len(_cells(head[first], separator))
    named_so = not KNOWN_NAMES.isdisjoint(name.strip() for name in _cells(head[first], separator))
    alike = [at for at in comments if width > 1 and not named_so and _width(head[at], separator) == width]
    if len(alike) > 1:
        raise UnreadableText(
            f"{path} has several lines that could be its header (lines {alike[0] + 1} and {alike[1] + 1}, with as many "
            f"cells as line {first + 1}): delete the comment lines, or begin the header without #"
        )
    header = alike[0] if alike else first
    return _Layout(separator, header, sum(at < header for at in comments))


def _width(line: str, separator: str) -> int:
    """Count the cells of a line, which has one fewer where a # stands apart in front of its names."""
    cells = _cells(line, separator)
    return len(cells) - (separator == " " and cells[0] in COMMENT)


def _separator(path: Path, lines: Sequence[str]) -> str:
    """Choose the one that splits the first line, before all the one that splits every line alike."""
    candidates = [one for one in ",;\t" if len(_cells(lines[0], one)) > 1]
    alike = [one for one in candidates if _splits_alike(lines, one)]
    for one in (*alike, *candidates):
        return one
    ending = Path(path.name.lower().removesuffix(".gz")).suffix
    return " " if ending in BLANK_SEPARATED and len(lines[0].split()) > 1 else ","


def _splits_alike(lines: Sequence[str], separator: str) -> bool:
    widths: Counter[int] = Counter()
    with suppress(csv.Error):  # the last of these lines may be the first of a quoted cell of several lines
        widths.update(len(row) for row in _reader(lines, separator) if not is_blank(row))
    return len(widths) == 1


def _cells(line: str, separator: str) -> list[str]:
    try:
        return next(iter(_reader([line], separator)), [])
    except csv.Error:  # a quoted name may hold a line break
        return line.split(separator)
