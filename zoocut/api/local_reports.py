"""What the run folder alone tells: where a run stands, and which subject is which source."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoocut.run.record import read_record
from zoocut.status_report import RunStatus, TargetStatus
from zoocut.status_report import status as describe

if TYPE_CHECKING:
    from zoocut.exporting import Export
    from zoocut.run.folder import Run
    from zoocut.zooniverse.set_admin import SetAdmin

__all__ = ["export", "status"]

AnyPath = str | os.PathLike[str]


def status(run: AnyPath, *, remote: bool = False) -> RunStatus:
    """Return where a run stands, from its ledger alone; also while an upload is running.

    Parameters
    ----------
    run : path
        The run folder.
    remote : bool
        Also ask the server: subjects, workflows, what volunteers did.

    Raises
    ------
    InputError, LedgerError
        When the folder is no run, or its ledger cannot be read.
    ZooniverseError
        When the server is asked and does not answer.
    """
    found = describe(read_record(Path(run)))
    return _with_remote(found) if remote else found


def _with_remote(found: RunStatus) -> RunStatus:
    from zoocut.api.server import sign_in
    from zoocut.run.folder import Run

    opened = Run.open(found.path)
    admins = {target.target.endpoint: sign_in(target.target.endpoint) for target in found}
    asked = (_ask(opened, admins[target.target.endpoint], target) for target in found)
    return replace(found, targets=tuple(asked))


def _ask(run: Run, admin: SetAdmin, target: TargetStatus) -> TargetStatus:
    from zoocut.ledger import Ledger
    from zoocut.priorities import other_priorities
    from zoocut.subject_sets import progress

    said = progress(admin, target.target.set_id)
    if said is None:
        return replace(target, asked=True, remote=None)
    with Ledger.read(run.ledger) as ledger:
        others = sum(1 for _ in other_priorities(run, ledger, target.target, admin.panoptes))
    return replace(target, asked=True, remote=asdict(said) | {"other_priorities": others})


def export(run: AnyPath, output: AnyPath | None = None) -> Export:
    """Write which subject each diaSourceId became, with its Talk page and its images' checksums.

    Parameters
    ----------
    run : path
        The run folder.
    output : path, optional
        The table, .csv, .parquet or .ecsv; `mapping.csv` in the run folder when not given.

    Raises
    ------
    InputError
        When nothing was uploaded yet, or the ending is another.
    """
    from zoocut.exporting import export as write_table
    from zoocut.run.folder import Run

    opened = Run.open(Path(run))
    return write_table(opened, opened.path / "mapping.csv" if output is None else Path(output))
