"""Which columns of a manifest are images, which metadata: by their names, by the user's word, or by all cells.

A column is never taken for images because of its first cell. Beside `location:N` every column is what its name
says. Without one, and without the user's word, a column holds images when each of its cells that is not empty
looks like a relative path of a medium; one that holds other cells too is refused. Addresses are images only where
that was said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from zoocut.delimited import Line
from zoocut.error_kinds import BadManifest, MissingColumn, RepeatedColumn
from zoocut.metadata_keys import DIA_SOURCE_ID, bare_name, tidied

__all__ = ["AS_IT_TELLS", "LOCATION", "METADATA", "Columns", "ManifestFormat", "choose_columns"]

METADATA = "metadata:"
LOCATION = "location:"
IDENTITIES = ("external_id", bare_name(DIA_SOURCE_ID))
BY_ADDRESSES = "manifest-urls.csv"

MEDIA = re.compile(r".*\.(png|jpe?g|gif|svg|webp|bmp|tiff?|mp3|m4a|mp4|mpe?g|txt|json)", re.IGNORECASE)
"""What Zooniverse takes, and images that people would expect it to take; not FITS, which is metadata of these."""

NUMBERED = re.compile(r"location:([1-9][0-9]*)")
MISSPELT = re.compile(
    r"metadata[\s:_.\-]+\S.*|metadata:|location[\s:_.\-]*[0-9]+|(.*[\s|])?location\s*:.*|external[\s_.\-]*id",
    re.IGNORECASE,
)
ABSOLUTE = re.compile(r"([/\\~]|[A-Za-z]:[/\\]|file:)", re.IGNORECASE)
ADDRESS = re.compile(r"https?://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ManifestFormat:
    """What the user has said of a manifest that another tool wrote.

    Parameters
    ----------
    images : tuple of str
        The columns that hold images, in the order of the subject's locations; empty when not said.
    encoding : str or None
        The file's encoding, where it is neither UTF-8 nor UTF-16.
    """

    images: tuple[str, ...] = ()
    encoding: str | None = None


AS_IT_TELLS = ManifestFormat()
"""Nothing was said: names and cells tell."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What each column of a manifest is.

    Parameters
    ----------
    header : tuple of str
        The names as they stand in the file.
    identity : int
        Where the row's external_id is.
    images : tuple of int
        Where the images are, in order.
    metadata : tuple of (str, int)
        Metadata keys, and where their values are.
    trimmed : bool
        Whether blanks around cells are no part of them.
    told : str
        What was chosen, in words; empty where names alone say it.
    """

    header: tuple[str, ...]
    identity: int
    images: tuple[int, ...]
    metadata: tuple[tuple[str, int], ...]
    trimmed: bool
    told: str


class _Kind(Enum):
    """What a cell looks like."""

    PATH = "names a file"
    ADDRESS = "is an address"
    ABSOLUTE = "is an absolute path"
    OTHER = "names no image"


@dataclass(slots=True)
class _Seen:
    """The first cell of each kind in a column."""

    first: dict[_Kind, tuple[int, str]] = field(default_factory=dict)

    def add(self, line: int, cell: str) -> None:
        self.first.setdefault(_kind(cell), (line, cell))


def choose_columns(
    path: Path, header: Sequence[str], form: ManifestFormat, lines: Callable[[], Iterable[Line]]
) -> Columns:
    """Return what each column is.

    Parameters
    ----------
    path : Path
        The manifest.
    header : sequence of str
        Its names.
    form : ManifestFormat
        What the user has said.
    lines : callable
        Gives its rows; called only where neither names nor the user tell which columns are images.

    Raises
    ------
    InputError
        When a name is there twice or misspelt, or the images cannot be told.
    """
    _refuse_values(path, header)
    _refuse_repeated(path, header)
    numbered = _numbered(path, header)
    if form.images and numbered:
        raise BadManifest(f"{path} names its images by location:1 itself: leave --images out")
    if form.images:
        return _foreign(header, _asked_for(path, header, form.images), "as --images says")
    if numbered:
        return _own(path, header, numbered)
    images = _recognised(path, header, lines())
    return _foreign(header, images, "all their cells name image files")


def _refuse_values(path: Path, header: Sequence[str]) -> None:
    value = next((name for name in header if _kind(name) is not _Kind.OTHER), None)
    if value is not None:
        raise BadManifest(
            f"{path} begins with {value}, where the names of its columns should be: put a line of names in front"
        )


def _refuse_repeated(path: Path, header: Sequence[str]) -> None:
    counts = Counter(name if _is_own(name) else METADATA + _key(name) for name in header if name)
    repeated = [name.removeprefix(METADATA) for name, count in counts.items() if count > 1]
    if repeated:
        raise RepeatedColumn(
            f"{path} has several columns named {', '.join(repeated)}: rename or delete all but one"
        )


def _is_own(name: str) -> bool:
    """Whether a name is one of zoocut's own columns and not that of metadata."""
    return name == "external_id" or NUMBERED.fullmatch(name) is not None


def _numbered(path: Path, header: Sequence[str]) -> list[int]:
    """Return the places of location:1, location:2 and so on; none where the manifest is of another kind."""
    found = {int(match[1]): at for at, name in enumerate(header) if (match := NUMBERED.fullmatch(name))}
    for name in header:
        proper = _is_own(name) or (name.startswith(METADATA) and _key(name))
        if not proper and MISSPELT.fullmatch(name):
            raise BadManifest(
                f"{path} has a column {name!r}, which is neither external_id, location:1, location:2 ... nor"
                " metadata:KEY: write it so, or give it another name"
            )
    missing = next((n for n in range(1, len(found) + 1) if n not in found), None)
    if missing is not None:
        raise BadManifest(
            f"{path} has {', '.join(f'location:{n}' for n in sorted(found))} but no location:{missing}: number them"
            " from 1 without gaps"
        )
    return [found[n] for n in sorted(found)]


def _own(path: Path, header: Sequence[str], images: Sequence[int]) -> Columns:
    bare = [
        name
        for name in header
        if name and name != "external_id" and not name.startswith((METADATA, LOCATION))
    ]
    identity = "external_id" if "external_id" in header else None
    metadata = [
        (_key(name), at) for at, name in enumerate(header) if name and at not in images and name != identity
    ]
    told = f"taken as metadata without their prefix: {', '.join(bare)}" if bare else ""
    return Columns(
        tuple(header), _identity(header, images), tuple(images), tuple(metadata), trimmed=False, told=told
    )


def _foreign(header: Sequence[str], images: Sequence[int], why: str) -> Columns:
    """Read as panoptes-cli does: all columns become metadata, those of images too."""
    metadata = [(_key(name), at) for at, name in enumerate(header) if name]
    others = ", ".join(name for at, name in enumerate(header) if name and at not in images)
    identity = _identity(header, images)
    told = (
        f"images: {', '.join(header[at] for at in images)} ({why}); metadata: {others or 'nothing else'}; rows are"
        f" known by {header[identity]}"
    )
    return Columns(tuple(header), identity, tuple(images), tuple(metadata), trimmed=True, told=told)


def _key(name: str) -> str:
    """Take off what is no part of a key: zoocut's own prefix, blanks around it and behind Zooniverse's prefixes."""
    return tidied(name.removeprefix(METADATA))


def _identity(header: Sequence[str], images: Sequence[int]) -> int:
    """Find the column that a row is known by, whatever its prefix; else that of its first image."""
    if "external_id" in header:
        return header.index("external_id")
    bare = [bare_name(_key(name)) for name in header]
    return next((at for at, name in enumerate(bare) if name in IDENTITIES), images[0])


def _asked_for(path: Path, header: Sequence[str], names: Iterable[str]) -> list[int]:
    missing = [name for name in names if name not in header]
    if missing:
        raise MissingColumn(
            f"{path} has no column {', '.join(missing)}, which --images names: it has {', '.join(header)}"
        )
    return [header.index(name) for name in names]


def _recognised(path: Path, header: Sequence[str], lines: Iterable[Line]) -> list[int]:
    seen = [_Seen() for _ in header]
    for line in lines:
        for column, cell in zip(seen, line.cells, strict=False):
            if cell.strip():
                column.add(line.number, cell.strip())
    wanted = _Kind.ADDRESS if path.name == BY_ADDRESSES else _Kind.PATH
    images = [at for at, column in enumerate(seen) if header[at] and [*column.first] == [wanted]]
    named = [header[at] for at in images]
    for name, column in zip(header, seen, strict=True):
        _refuse_doubtful(path, name, column, named)
    if not images:
        raise BadManifest(
            f"{path} needs external_id and location:1 in its first line, or a column whose cells all name image files "
            f"beside it, or --images; it has: {', '.join(header)}{_hint(header, seen)}"
        )
    return images


def _refuse_doubtful(path: Path, name: str, column: _Seen, images: Sequence[str]) -> None:
    """Refuse a column that holds images in some rows, or where this program does not look for them."""
    say = f"say which columns are images with --images {','.join(images) or 'COLUMN'}"
    kinds = [kind for kind in column.first if kind is not _Kind.PATH]
    if _Kind.PATH in column.first and kinds:
        (line, cell), (other_line, other) = column.first[_Kind.PATH], column.first[kinds[0]]
        raise BadManifest(
            f"{path}: column {name} names a file in line {line} ({cell}), and in line {other_line} holds {other}, "
            f"which {kinds[0].value}: {say}"
        )
    if _Kind.ABSOLUTE in column.first:
        line, cell = column.first[_Kind.ABSOLUTE]
        raise BadManifest(
            f"{path} line {line} names {cell} in column {name}, which {_Kind.ABSOLUTE.value}: put the images beside the"
            f" manifest and name them as they lie there, or {say}"
        )


def _hint(header: Sequence[str], seen: Sequence[_Seen]) -> str:
    """Point at a column that may have been meant."""
    for name, column in zip(header, seen, strict=True):
        for kind, (line, cell) in column.first.items():
            if kind is _Kind.ADDRESS:
                return f". Addresses in {name} are images only when said so: --images {name}"
            if _kind(cell.strip("'\"`<> ")) is _Kind.PATH:
                return f". Line {line} holds {cell} in {name}: take the quotation marks off"
    return ""


def _kind(cell: str) -> _Kind:
    if ADDRESS.match(cell):
        return _Kind.ADDRESS
    if not MEDIA.fullmatch(cell):
        return _Kind.OTHER
    return _Kind.ABSOLUTE if ABSOLUTE.match(cell) else _Kind.PATH
