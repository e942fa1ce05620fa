"""New subjects for old ones: a new run, uploaded to a new set, remembers which subject each row replaces.

An image is never exchanged under a subject that volunteers may have classified.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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
        wanted = _prepared(manifest, before, bool(after))
    pairs = [(row.external_id, before[row.external_id]) for row in wanted if row.external_id in before]
    _write(new.path / TABLE, pairs, after)
    done = sum(source in after for source, _ in pairs)
    return Superseded(len(pairs), len(wanted) - len(pairs), done, new.path / TABLE)


def _prepared(run: Run, before: Mapping[str, str], uploaded: bool) -> list[ManifestRow]:
    """Write into one of a run's manifests what its rows replace; return its rows."""
    rows = list(run.rows())
    wanted = [_marked(row, before) for row in rows]
    if wanted == rows:
        return wanted
    if uploaded:
        raise NotReplaceable(
            f"{run.path} was uploaded before it was prepared: its subjects do not tell what they "
            "replace; generate it anew, run `zoocut supersede OLD NEW`, then upload"
        )
    _require_whole(run, rows)
    keys = dict.fromkeys(key for row in wanted for key in row.metadata)
    write_manifest(run.manifest, wanted, keys, max(len(row.locations) for row in wanted))
    run.forget_format()  # what another tool wrote is now written as zoocut does
    return wanted


def _require_whole(run: Run, rows: list[ManifestRow]) -> None:
    broken = next((row for row in rows if row.problem), None)
    if broken is not None:
        raise BadManifest(f"{run.manifest} line {broken.line}: {broken.problem}")


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


def _write(path: Path, pairs: list[tuple[str, str]], after: Mapping[str, str]) -> None:
    write_csv(path, HEADER, ((source, subject, after.get(source, "")) for source, subject in pairs))
