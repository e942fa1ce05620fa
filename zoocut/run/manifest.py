"""`manifest.csv`: what Zooniverse gets, one row a subject, without loss in either direction.

Columns are `external_id`, `location:1` .. `location:N` and `metadata:<key>`. A location is a path relative to
the manifest's folder, or an http(s) address. Every value is text: ids stay exact.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from zoocut.errors import InputError
from zoocut.files import appear_whole

__all__ = ["ManifestRow", "count_rows", "read_manifest", "write_manifest"]

METADATA = "metadata:"
LOCATION = "location:"
IDENTITIES = ("external_id", "diaSourceId")


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
    """

    external_id: str
    locations: tuple[str, ...]
    metadata: Mapping[str, str] = field(default_factory=dict)


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
        How many images a row has.

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
    with appear_whole(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        plain = csv.writer(file, lineterminator="\n")
        quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for cells in chain([header], _cells(rows, keys)):
            writer = quoted if any("\r" in cell for cell in cells) else plain
            writer.writerow(cells)


def _cells(rows: Iterable[ManifestRow], keys: Sequence[str]) -> Iterator[list[str]]:
    for row in rows:
        yield [row.external_id, *row.locations, *(row.metadata.get(key, "") for key in keys)]


def read_manifest(path: Path) -> Iterator[ManifestRow]:
    """Read a manifest row by row.

    Parameters
    ----------
    path : Path
        A file as `write_manifest` makes it, or as panoptes-cli reads it: file names in some columns, every
        column metadata. Cells that are empty are left out of the row.

    Yields
    ------
    ManifestRow
        The rows in order.

    Raises
    ------
    InputError
        When the file is missing or has no header that tells which columns are locations.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            try:
                yield from _rows(path, lines)
            except csv.Error as error:
                raise InputError(f"{path} line {lines.line_num} cannot be read ({error}): mend it") from error
    except FileNotFoundError:
        raise InputError(
            f"{path} does not exist: finish `zoocut generate` first, it writes the manifest last"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as UTF-8 CSV: {error}") from error


def count_rows(path: Path) -> int:
    """Count the rows of a manifest without looking at them.

    Raises
    ------
    InputError
        When the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return max(0, sum(1 for line in csv.reader(file) if line) - 1)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as UTF-8 CSV: {error}") from error


def _rows(path: Path, lines: Iterator[list[str]]) -> Iterator[ManifestRow]:
    header = next(lines, [])
    body = _checked(path, header, lines)
    if any(_is_location(name) for name in header) and "external_id" in header:
        read = _own_columns(header)
    else:
        first = next(body, None)
        read = _foreign_columns(path, header, first or [])
        body = chain([first] if first else [], body)
    yield from map(read, body)


def _checked(path: Path, header: list[str], lines: Iterator[list[str]]) -> Iterator[list[str]]:
    for number, line in enumerate(lines, start=2):
        if line and len(line) != len(header):
            raise InputError(
                f"{path} line {number} has {len(line)} cells where the header has {len(header)}: mend it"
            )
        if line:
            yield line


def _own_columns(header: list[str]) -> Callable[[list[str]], ManifestRow]:
    locations = sorted(
        (int(name.removeprefix(LOCATION)), at) for at, name in enumerate(header) if _is_location(name)
    )
    metadata = [
        (name.removeprefix(METADATA), at) for at, name in enumerate(header) if name.startswith(METADATA)
    ]
    identity = header.index("external_id")
    return lambda line: ManifestRow(
        line[identity],
        tuple(line[at] for _, at in locations if line[at]),
        {key: line[at] for key, at in metadata if line[at]},
    )


def _foreign_columns(path: Path, header: list[str], first: list[str]) -> Callable[[list[str]], ManifestRow]:
    """Read as panoptes-cli does: the columns whose first cell names a file, or an address, are locations.

    All columns become metadata. A row is known by its external_id or diaSourceId column, whatever its prefix,
    else by its first location.
    """
    files = [at for at, cell in enumerate(first) if _names_image(path.parent, cell.strip())]
    if not files:
        raise InputError(
            f"{path} needs external_id and location:1 in its first line, or a column that names image files beside "
            f"it; it has: {', '.join(header)}"
        )
    names = [name.strip() for name in header]
    identity = next((at for at, name in enumerate(names) if name.lstrip("#!/%") in IDENTITIES), files[0])
    return lambda line: ManifestRow(
        line[identity].strip(),
        tuple(line[at].strip() for at in files if line[at].strip()),
        {name: cell.strip() for name, cell in zip(names, line, strict=True) if cell.strip()},
    )


def _names_image(folder: Path, cell: str) -> bool:
    try:
        return cell.startswith(("http://", "https://")) or (bool(cell) and (folder / cell).is_file())
    except (OSError, ValueError):
        return False


def _is_location(name: str) -> bool:
    return name.startswith(LOCATION) and name.removeprefix(LOCATION).isdecimal()
