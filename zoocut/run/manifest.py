"""`manifest.csv`: what Zooniverse gets, one row a subject, without loss in either direction.

Columns are `external_id`, `location:1` .. `location:N` and `metadata:<key>`. A location is a path relative to
the manifest's folder, or an http(s) address. Every value is text: ids stay exact. Manifests of other tools are
read too; `manifest_columns` tells which of their columns are images.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from zoocut.delimited import DelimitedText, Line
from zoocut.error_kinds import BadManifest, NotARun, UnreadableFile
from zoocut.files import write_csv
from zoocut.run.manifest_columns import (
    AS_IT_TELLS,
    LOCATION,
    METADATA,
    Columns,
    ManifestFormat,
    choose_columns,
)

__all__ = [
    "ManifestRow",
    "count_rows",
    "describe_manifest",
    "read_manifest",
    "read_metadata_keys",
    "write_manifest",
]

UNPLAIN = (b'"', b"\r", b"\0", b"\n\n", b"\n,", b"\n ", b"\n\t")
"""What stands in a CSV that has other rows than lines, or lines that may be blank."""


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One subject to be.

    Parameters
    ----------
    external_id : str
        The diaSourceId, or what another tool calls its rows by.
    locations : tuple of str
        Its images in order: paths relative to the manifest's folder, or addresses.
    metadata : mapping of str to str
        Keys with Zooniverse's prefixes as they are.
    line : int
        The line of the file that it begins in; 0 for a row that was not read from one.
    problem : str or None
        Why it cannot be a subject, as far as the manifest alone tells.
    """

    external_id: str
    locations: tuple[str, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)
    line: int = field(default=0, compare=False)
    problem: str | None = field(default=None, compare=False)


def write_manifest(
    path: Path, rows: Iterable[ManifestRow], metadata_keys: Iterable[str], locations: int = 1
) -> None:
    """Write the manifest; it appears when it is complete.

    Parameters
    ----------
    path : Path
        The file to make or replace.
    rows : iterable of ManifestRow
        Every row, in the order to keep.
    metadata_keys : iterable of str
        The metadata columns; a row without a key has an empty cell.
    locations : int
        How many files a row has at most; a row with fewer has empty cells behind them.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    keys = list(metadata_keys)
    header = [
        "external_id",
        *(f"{LOCATION}{n}" for n in range(1, locations + 1)),
        *(METADATA + key for key in keys),
    ]
    write_csv(path, header, _cells(rows, keys, locations))


def _cells(rows: Iterable[ManifestRow], keys: Sequence[str], locations: int) -> Iterator[list[str]]:
    for row in rows:
        missing = [""] * (locations - len(row.locations))
        yield [row.external_id, *row.locations, *missing, *(row.metadata.get(key, "") for key in keys)]


def read_manifest(path: Path, form: ManifestFormat = AS_IT_TELLS) -> Iterator[ManifestRow]:
    """Read a manifest row by row.

    Parameters
    ----------
    path : Path
        A file as `write_manifest` makes it, or as panoptes-cli reads it: file names in some columns, every
        column metadata. Cells that are empty are left out of the row, rows that are empty are passed over.
    form : ManifestFormat
        What the user has said of it.

    Yields
    ------
    ManifestRow
        The rows in order.

    Raises
    ------
    InputError
        When the file is missing, cannot be read, or does not tell which of its columns are images.
    """
    with _opened(path, form) as text:
        columns = choose_columns(path, text.header, form, lambda: _lines(path, form))
        for line in _whole(path, text):
            yield _row(path, columns, line)


def read_metadata_keys(path: Path, form: ManifestFormat = AS_IT_TELLS) -> list[str]:
    """Read which metadata a manifest has, without its rows where its header tells.

    Raises
    ------
    InputError
        As `read_manifest`, but for faults of rows.
    """
    with _opened(path, form) as text:
        columns = choose_columns(path, text.header, form, lambda: _lines(path, form))
        return [key for key, _ in columns.metadata]


def count_rows(path: Path, form: ManifestFormat = AS_IT_TELLS) -> int:
    """Count the rows of a manifest without looking at them.

    Raises
    ------
    InputError
        When the file cannot be read.
    """
    with _opened(path, form) as text:
        plain = _count_plain_lines(path) if text.header[:1] == ["external_id"] and not text.told else None
        return sum(1 for _ in text.lines()) if plain is None else plain


def _count_plain_lines(path: Path) -> int | None:
    """Count the lines below the first by their ends alone, a million in a tenth of a second.

    None where only a reader of CSV can tell rows: where cells are quoted, lines may be blank, or bytes are not ASCII.
    """
    count, last = 0, b""
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            seen = last + block
            if not block.isascii() or any(sign in seen for sign in UNPLAIN):
                return None
            count += block.count(b"\n")
            last = block[-1:]
    return count - (last == b"\n")


def describe_manifest(path: Path, form: ManifestFormat = AS_IT_TELLS) -> str:
    """Say what was recognised in a manifest of another tool's making; empty for one of zoocut's own.

    Raises
    ------
    InputError
        When the file cannot be read.
    """
    with _opened(path, form) as text:
        columns = choose_columns(path, text.header, form, lambda: _lines(path, form))
        parts = [part for part in (text.told, columns.told) if part]
        return f"{path.name}: {'; '.join(parts)}" if parts else ""


@contextmanager
def _opened(path: Path, form: ManifestFormat) -> Iterator[DelimitedText]:
    try:
        with DelimitedText(path, form.encoding) as text:
            yield text
    except FileNotFoundError:
        raise NotARun(
            f"{path} does not exist: finish `zoocut generate CONFIG -o RUN` first, it writes the manifest last"
        ) from None
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read ({error.strerror}): check its permissions") from error


def _lines(path: Path, form: ManifestFormat) -> Iterator[Line]:
    with _opened(path, form) as text:
        yield from _whole(path, text)


def _whole(path: Path, text: DelimitedText) -> Iterator[Line]:
    width = len(text.header)
    for line in text.lines():
        if len(line.cells) != width:
            raise BadManifest(
                f"{path} line {line.number} has {len(line.cells)} cells where the header has {width}: mend it"
            )
        yield line


def _row(path: Path, columns: Columns, line: Line) -> ManifestRow:
    cells, header = line.cells, columns.header
    nameless = next((at for at, name in enumerate(header) if not name and cells[at].strip()), None)
    if nameless is not None:
        raise BadManifest(
            f"{path} line {line.number} holds {cells[nameless]!r} in column {nameless + 1}, which has no name: name it"
            " in the first line, or delete it"
        )
    if columns.trimmed:
        cells = [cell.strip() for cell in cells]
    locations = [cells[at] for at in columns.images]
    return ManifestRow(
        cells[columns.identity],
        tuple(filter(None, locations)),
        {key: cells[at] for key, at in columns.metadata if cells[at]},
        line.number,
        _gap(columns, locations),
    )


def _gap(columns: Columns, locations: Sequence[str]) -> str | None:
    """Tell of an image that is missing before another, which would take its number."""
    empty = next((n for n, name in enumerate(locations) if not name), len(locations))
    behind = next((n for n, name in enumerate(locations) if name and n > empty), None)
    if behind is None:
        return None
    names = [columns.header[at] for at in columns.images]
    return f"{names[empty]} is empty where {names[behind]} names {locations[behind]}: name both, or move the image up"
