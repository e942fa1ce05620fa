"""New subjects for old ones: a new run, uploaded to a new set, remembers which subject each row replaces.

An image is never exchanged under a subject that volunteers may have classified.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from zoocut.error_kinds import BadManifest, NotReplaceable
from zoocut.files import write_csv
from zoocut.ledger import Ledger
from zoocut.run.folder import Run
from zoocut.run.manifest import ManifestRow, write_manifest

__all__ = ["SUPERSEDES", "Superseded", "supersede"]

SUPERSEDES = "#supersedes"
"""The metadata key, hidden from volunteers, with the id of the subject that this one replaces."""

TABLE = "superseded.csv"
HEADER = ("diaSourceId", "old_subject_id", "new_subject_id")


@dataclass(frozen=True, slots=True)
class Superseded:
    """How far a replacement has come.

    Parameters
    ----------
    replaced : int
        Rows of the new run that replace a subject.
    fresh : int
        Rows of it that replace none.
    uploaded : int
        Those of the replacing rows that have their new subject.
    table : Path
        The pairs of old and new.
    """

    replaced: int
    fresh: int
    uploaded: int
    table: Path


def supersede(old: Run, new: Run, endpoint: str) -> Superseded:
    """Write into the new run's manifest what its rows replace, and the table of old and new subjects.

    Call it before the new run is uploaded, and again afterwards to complete the table.

    Parameters
    ----------
    old, new : Run
        Runs of the same sources.
    endpoint : str
        The server that both go to.

    Raises
    ------
    InputError
        When the old run has no subjects there, or the new one was uploaded without being prepared.
    """
    before, after = _subjects(old, endpoint), _subjects(new, endpoint)
    if not before:
        raise NotReplaceable(f"{old.path} has no subjects at {endpoint}: there is nothing to replace")
    addressed = [new.by_addresses()] if new.urls_manifest.is_file() else []
    for manifest in (*addressed, new):  # what `upload --urls` and `--import` send has to tell it, too
        found = _prepared(manifest, before, bool(after))
    write_csv(
        new.path / TABLE,
        HEADER,
        ((source, before[source], after.get(source, "")) for source in found.replaced),
    )
    done = sum(source in after for source in found.replaced)
    return Superseded(len(found.replaced), found.fresh, done, new.path / TABLE)


@dataclass(slots=True)
class _Found:
    """What a manifest has, of which a million rows would take a gigabyte."""

    replaced: list[str] = field(default_factory=list)
    fresh: int = 0
    keys: dict[str, None] = field(default_factory=dict)
    locations: int = 0
    prepared: bool = True
    broken: ManifestRow | None = None


def _prepared(run: Run, before: Mapping[str, str], uploaded: bool) -> _Found:
    """Write into one of a run's manifests what its rows replace; return what rows it has."""
    found = _look_through(run, before)
    if found.prepared:
        return found
    if uploaded:
        raise NotReplaceable(
            f"{run.path} was uploaded before it was prepared: its subjects do not tell what they "
            "replace; generate it anew, run `zoocut supersede OLD NEW`, then upload"
        )
    if found.broken is not None:
        raise BadManifest(f"{run.manifest} line {found.broken.line}: {found.broken.problem}")
    rows = (_marked(row, before) for row in run.rows())
    write_manifest(run.manifest, rows, found.keys, found.locations)
    run.forget_format()  # what another tool wrote is now written as zoocut does
    return found


def _look_through(run: Run, before: Mapping[str, str]) -> _Found:
    found = _Found()
    for row in run.rows():
        wanted = _marked(row, before)
        found.prepared = found.prepared and wanted == row
        found.keys.update(dict.fromkeys(wanted.metadata))
        found.locations = max(found.locations, len(row.locations))
        if row.problem and found.broken is None:
            found.broken = row
        if row.external_id in before:
            found.replaced.append(row.external_id)
        else:
            found.fresh += 1
    return found


def _subjects(run: Run, endpoint: str) -> dict[str, str]:
    if not run.ledger.exists():
        return {}
    with Ledger.read(run.ledger) as ledger:
        return dict(_linked(ledger, endpoint))


def _linked(ledger: Ledger, endpoint: str) -> Iterator[tuple[str, str]]:
    for target in ledger.targets():
        if target.endpoint == endpoint:
            for entry in ledger.every(target):
                if entry.subject_id and entry.state.has_subject:
                    yield entry.external_id, entry.subject_id


def _marked(row: ManifestRow, before: Mapping[str, str]) -> ManifestRow:
    old = before.get(row.external_id)
    return row if old is None else replace(row, metadata={**row.metadata, SUPERSEDES: old})
