"""`manifest.csv`: what Zooniverse gets, one row a subject, without loss in either direction.

Columns are `external_id`, `location:1` .. `location:N` and `metadata:<key>`. A location is a path relative to
the manifest's folder, or an http(s) address. Every value is text: ids stay exact.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from zoocut.errors import InputError
from zoocut.files import appear_whole

__all__ = ["ManifestRow", "read_manifest", "write_manifest"]

METADATA = "metadata:"
LOCATION = "location:"


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
        A file as `write_manifest` makes it; metadata cells that are empty are left out of the row.

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
            yield from _rows(path, csv.reader(file))
    except FileNotFoundError:
        raise InputError(
            f"{path} does not exist: finish `zoocut generate` first, it writes the manifest last"
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as UTF-8 CSV: {error}") from error


def _rows(path: Path, lines: Iterator[list[str]]) -> Iterator[ManifestRow]:
    header = next(lines, [])
    locations = sorted(
        (int(name.removeprefix(LOCATION)), at) for at, name in enumerate(header) if _is_location(name)
    )
    metadata = [
        (name.removeprefix(METADATA), at) for at, name in enumerate(header) if name.startswith(METADATA)
    ]
    if not locations or "external_id" not in header:
        raise InputError(
            f"{path} needs external_id and location:1 in its first line, which has: {', '.join(header)}"
        )
    identity = header.index("external_id")
    for number, line in enumerate(lines, start=2):
        if not line:
            continue
        if len(line) != len(header):
            raise InputError(
                f"{path} line {number} has {len(line)} cells where the header has {len(header)}: mend it"
            )
        yield ManifestRow(
            line[identity],
            tuple(line[at] for _, at in locations if line[at]),
            {key: line[at] for key, at in metadata if line[at]},
        )


def _is_location(name: str) -> bool:
    return name.startswith(LOCATION) and name.removeprefix(LOCATION).isdecimal()
