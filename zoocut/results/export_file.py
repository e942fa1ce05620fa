"""A classification export of Zooniverse as a stream of rows: a CSV, or one inside gzip.

Whatever is not a whole export is refused with what it is: an error page of the store, an archive, another
export, a file that was cut off.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from zoocut.error_kinds import BadExport

__all__ = ["ExportFile", "ExportRow"]

NEEDED = (
    "classification_id",
    "user_name",
    "user_id",
    "workflow_id",
    "workflow_version",
    "created_at",
    "gold_standard",
    "metadata",
    "annotations",
    "subject_data",
    "subject_ids",
)
"""Columns of the export that the results are made from; it also has user_ip, workflow_name and expert."""

LARGEST_CELL = 2**31 - 1
"""A volunteer may have drawn thousands of points in one classification."""

HEAD_BYTES = 2048
GZIP = b"\x1f\x8b"
OTHER_FORMATS = {
    b"PK\x03\x04": "a ZIP archive: unpack it first",
    b"\xff\xfe": "in UTF-16: save it as UTF-8",
    b"\xfe\xff": "in UTF-16: save it as UTF-8",
    b"PAR1": "a Parquet file: give the CSV that Zooniverse makes",
}
OTHER_EXPORTS = {
    "locations": "a subject export",
    "strings": "a workflow export",
    "reducer": "a table of panoptes_aggregation: `zoocut join EXPORT RUN -o FILE` adds the sources to it",
    "extractor": "a table of panoptes_aggregation: `zoocut join EXPORT RUN -o FILE` adds the sources to it",
    "comment_body": "a Talk export",
}
ASK_AGAIN = "ask Zooniverse for a classification export, and download it again"


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One row of an export.

    Parameters
    ----------
    line : int
        The line of the file that it ends on.
    cells : mapping of str to str, or None
        Its cells by column; None when it has another number of cells than the header.
    """

    line: int
    cells: Mapping[str, str] | None


class ExportFile:
    """A file with a classification export.

    Parameters
    ----------
    path : Path
        A CSV as Zooniverse makes it, gzipped or not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def sha256(self) -> str:
        """Return the checksum of the file as it lies there.

        Raises
        ------
        InputError
            When it cannot be read.
        """
        with self._explained(), self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def rows(self) -> Iterator[ExportRow]:
        """Read the rows in order.

        Raises
        ------
        InputError
            When the file is missing, is no classification export, or is cut off; the latter is known only
            after the last row.
        """
        csv.field_size_limit(LARGEST_CELL)
        with self._explained(), self._opened() as binary:
            self._refuse_other_formats(binary)
            with io.TextIOWrapper(binary, "utf-8-sig", "surrogateescape", newline="") as text:
                yield from self._rows(_Lines(text))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BadExport(f"{self.path} is cut off or damaged ({error}): {ASK_AGAIN}") from error
        except csv.Error as error:
            raise BadExport(f"{self.path} cannot be read as CSV ({error}): {ASK_AGAIN}") from error
        except OSError as error:
            raise BadExport(
                f"{self.path} cannot be read ({error.strerror}): give the file of a classification export"
            ) from error

    @contextmanager
    def _opened(self) -> Iterator[io.BufferedReader[Any]]:
        with self.path.open("rb") as file:
            if file.peek(2)[:2] != GZIP:
                yield file
                return
            with gzip.open(file) as unpacked, io.BufferedReader(cast(io.RawIOBase, unpacked)) as buffered:
                yield buffered

    def _refuse_other_formats(self, binary: io.BufferedReader[Any]) -> None:
        head = binary.peek(HEAD_BYTES)[:HEAD_BYTES]
        if not head.strip():
            raise BadExport(f"{self.path} is empty: {ASK_AGAIN}")
        for start, meaning in OTHER_FORMATS.items():
            if head.startswith(start):
                raise BadExport(f"{self.path} is {meaning}")
        first = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
        if first in (b"<", b"{", b"["):
            raise BadExport(
                f"{self.path} is an answer of a server, not an export ({_words(head)}): addresses of exports "
                f"end after minutes; {ASK_AGAIN}"
            )

    def _rows(self, lines: _Lines) -> Iterator[ExportRow]:
        reader = csv.reader(lines)
        header = next(reader, [])
        self._check_header(header)
        cells = header
        for cells in reader:
            fits = len(cells) == len(header)
            if cells:
                yield ExportRow(reader.line_num, dict(zip(header, cells, strict=True)) if fits else None)
        if not lines.ended or len(cells) < len(header):
            raise BadExport(
                f"{self.path} is cut off: its last row, at line {reader.line_num}, is not whole; {ASK_AGAIN}"
            )

    def _check_header(self, header: Sequence[str]) -> None:
        missing = [name for name in NEEDED if name not in header]
        if not missing:
            return
        if other := next((meaning for name, meaning in OTHER_EXPORTS.items() if name in header), None):
            raise BadExport(f"{self.path} is {other}, not a classification export: {ASK_AGAIN}")
        if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
            raise BadExport(f"{self.path} was saved with another separator than commas: {ASK_AGAIN}")
        raise BadExport(
            f"{self.path} is no classification export: its first line lacks {', '.join(missing)}; {ASK_AGAIN}"
        )


class _Lines:
    """Passes lines on and remembers whether the last one was ended."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self.ended = True

    def __iter__(self) -> Iterator[str]:
        line = "\n"
        for line in self._text:
            yield line
        self.ended = line.endswith(("\n", "\r"))


def _words(head: bytes) -> str:
    """Show the beginning of a page in one line, without the signatures that an error page repeats."""
    text = " ".join(head[:200].decode("utf-8", "replace").split())
    return text.partition("sig=")[0][:120]
