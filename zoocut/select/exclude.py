"""Lists of sources to leave out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from zoocut.delimited import DelimitedText, without_mark
from zoocut.error_kinds import BadList, MissingColumn, NotARun, RepeatedColumn, UnreadableFile
from zoocut.model import SourceId
from zoocut.object_store import local_path
from zoocut.run.folder import NOTHING_KNOWN, Run
from zoocut.values import ID_RULES, IdKind

__all__ = ["read_excluded"]

ID_COLUMNS = ("diaSourceId", "external_id")
SOURCES = (
    "a CSV such as `zoocut export RUN` and `zoocut sets members SET --csv` write, or a run with a manifest"
)


def read_excluded(
    names: Iterable[str], folder: Path, kind: IdKind = "integer", encoding: str | None = None
) -> frozenset[SourceId]:
    """Read the ids of all lists.

    Parameters
    ----------
    names : iterable of str
        Files of delimited text with a column of ids, where an empty cell names no source; or run folders, whose
        manifests are such files.
    folder : Path
        What relative names are relative to.
    kind : str
        Whether the ids are whole numbers or names.
    encoding : str, optional
        The encoding of lists that are neither UTF-8 nor UTF-16.

    Raises
    ------
    InputError
        When a list cannot be read, has no column of ids or something else than ids in it.
    """
    return frozenset(
        number
        for name in names
        for number in _ids(local_path(folder, name, "select.exclude"), kind, encoding)
    )


def _ids(path: Path, kind: IdKind, encoding: str | None) -> list[SourceId]:
    found = []
    for where, cell in _cells_of_run(path) if path.is_dir() else _cells(path, encoding):
        try:
            found += [ID_RULES[kind](cell)] if cell else []
        except ValueError as error:
            raise BadList(f"{where} in select.exclude: {error}; an empty cell stands for no source") from None
    return found


def _cells_of_run(path: Path) -> Iterator[tuple[str, str]]:
    """Return the ids in a run's manifest, read as its uploads read it."""
    run = Run.open(path) if (path / "run.toml").exists() else Run(path, "", NOTHING_KNOWN)
    if not run.has_manifest:
        raise NotARun(f"{path} in select.exclude has no manifest.csv: give {SOURCES}")
    for row in run.rows():
        named = {key.lstrip("#!/% "): value for key, value in row.metadata.items()}
        yield f"{run.manifest} line {row.line}", named.get("diaSourceId", row.external_id).strip()


def _cells(path: Path, encoding: str | None) -> Iterator[tuple[str, str]]:
    try:
        with DelimitedText(path, encoding, "select.encoding =") as text:
            bare = [name.lstrip("#!/% ") for name in text.header]
            at = next((bare.index(name) for name in ID_COLUMNS if name in bare), None)
            if at is None:
                raise MissingColumn(
                    f"{path} in select.exclude has no column {' or '.join(ID_COLUMNS)}: name one so"
                    f" (it has {', '.join(text.header[:12]) or 'none'})"
                )
            if bare.count(bare[at]) > 1:
                raise RepeatedColumn(
                    f"{path} in select.exclude has several columns named {bare[at]}: keep one"
                )
            for line in text.lines():
                yield (
                    f"{path} line {line.number}",
                    without_mark(line.cells[at].strip()) if at < len(line.cells) else "",
                )
    except OSError as error:
        raise UnreadableFile(
            f"{path} in select.exclude cannot be read ({error.strerror}): give {SOURCES}"
        ) from error
