"""What a run knows of its rows: the catalog's columns where it has drawn them, else what its manifest says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zoocut.error_kinds import NotARun, RecordDamaged
from zoocut.metadata_keys import DIA_SOURCE_ID, PREFIXES, bare_name, source_of
from zoocut.model import Value
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow
from zoocut.run.sources import DrawnSource, read_drawn

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["KnownRow", "known_columns", "read_known"]


@dataclass(frozen=True, slots=True)
class KnownRow:
    """A row of a run.

    Parameters
    ----------
    external_id : str
        What its manifest calls it, and so the ledger.
    dia_source_id : str
        Its source, exact; the same as `external_id` where the manifest tells no other.
    columns : mapping of str to Value
        What is known of it, without the id.
    images : tuple of str
        Its image files relative to the run folder, or addresses.
    """

    external_id: str
    dia_source_id: str
    columns: Mapping[str, Value] = field(repr=False)
    images: tuple[str, ...]


def read_known(run: Run) -> Iterator[KnownRow]:
    """Read the rows of a run in order.

    Parameters
    ----------
    run : Run
        One that `zoocut generate` made, or any folder with a manifest.

    Raises
    ------
    InputError
        When a file cannot be read, or there is neither.
    """
    if run.sources.exists():
        yield from map(_of_source, read_drawn(run.sources))
    else:
        names = _bare_names(_keys(run))
        yield from (_of_manifest(row, names) for row in _manifest(run))


def known_columns(run: Run) -> dict[str, pa.DataType]:
    """Return the columns of a run's rows and their types; those of a manifest are text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not run.sources.exists():
        names = _bare_names(_keys(run)).values()
        return {name: pa.string() for name in names if name != DIA_SOURCE_ID}
    try:
        schema = pq.read_schema(run.sources)
    except (pa.ArrowException, OSError) as error:
        raise RecordDamaged(f"{run.sources} cannot be read ({error}): restore it from a copy") from error
    return {
        one.name: one.type
        for one in schema
        if one.name != DIA_SOURCE_ID and not one.name.startswith(("image:", "sha256:"))
    }


def _of_source(source: DrawnSource) -> KnownRow:
    columns = {name: value for name, value in source.columns.items() if name != DIA_SOURCE_ID}
    identity = str(source.dia_source_id)
    return KnownRow(identity, identity, columns, source.locations)


def _of_manifest(row: ManifestRow, names: Mapping[str, str]) -> KnownRow:
    columns: dict[str, Value] = {names[key]: value for key, value in row.metadata.items()}
    columns.pop(DIA_SOURCE_ID, None)
    return KnownRow(row.external_id, source_of(row.metadata, row.external_id), columns, row.locations)


def _manifest(run: Run) -> Iterator[ManifestRow]:
    if not run.has_manifest:
        raise NotARun(
            f"{run.path} has neither {run.sources.name} nor {run.manifest.name}: give a run that "
            "`zoocut generate CONFIG -o RUN` has made or `zoocut upload RUN` has uploaded"
        )
    return run.rows()


def _keys(run: Run) -> Sequence[str]:
    return list(dict.fromkeys(key for row in _manifest(run) for key in row.metadata))


def _bare_names(keys: Sequence[str]) -> dict[str, str]:
    """Name the columns as the catalog did: keys without prefix, unless two of them would be one."""
    folded = [bare_name(key) for key in keys]
    return {
        key: _named(key) if name and folded.count(name) == 1 else key
        for key, name in zip(keys, folded, strict=True)
    }


def _named(key: str) -> str:
    return DIA_SOURCE_ID if bare_name(key) == bare_name(DIA_SOURCE_ID) else key.lstrip(PREFIXES).rstrip()
