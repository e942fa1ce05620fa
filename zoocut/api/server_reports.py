"""What the server tells: what it holds of a run, and which sets a project has."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from zoocut.api.server import credentials_for, sign_in
from zoocut.api.uploads import Confirm, confirming
from zoocut.error_kinds import WrongOption
from zoocut.ledger import Ledger, Target, sole_uploader
from zoocut.run.folder import Run
from zoocut.subject_sets import SetList, list_sets, local_runs
from zoocut.verifying import Audit, Progress, Verification
from zoocut.verifying import prune as remove_strays
from zoocut.verifying import verify as audit_target
from zoocut.zooniverse.connect import connect
from zoocut.zooniverse.panoptes import RetryingPanoptes

__all__ = ["sets", "verify"]

AnyPath = str | os.PathLike[str]


def verify(
    run: AnyPath,
    *,
    check: str = "sample",
    prune: bool = False,
    settle_s: float | None = None,
    confirm: Confirm = False,
    progress: Progress | None = None,
) -> Verification:
    """Compare what the server really holds with the run: read only, unless strays are to be pruned.

    Parameters
    ----------
    run : path
        The run folder.
    check : str
        Images to read back: `all`, `sample` or `none`.
    prune : bool
        Delete strays: subjects of this run that no set holds.
    settle_s : float, optional
        How old a stray must be to be deleted; the run's own setting when not given.
    confirm : bool or callable
        Whether they may be deleted; a function is given the question and tells.
    progress : callable, optional
        Told what is counted, how many of it are done and how many there are, page by page.

    Returns
    -------
    Verification
        Every difference; `raise_for_differences` makes an error of them.

    Raises
    ------
    ConfigError
        When `check` is another word.
    InputError
        When nothing was uploaded yet.
    ZooniverseError
        When the server cannot be asked to the end.
    """
    if check not in ("all", "sample", "none"):
        raise WrongOption(f"--check {check} is not known: give all, sample or none")
    opened = Run.open(Path(run))
    report = progress or _nothing
    if not prune:
        return Verification(opened.path, _audits(opened, check, report, None))
    old_s = opened.settings.upload.settle_s if settle_s is None else settle_s
    with sole_uploader(opened.ledger):
        pruning = partial(remove_strays, settle_s=old_s, confirm=confirming(confirm))
        return Verification(opened.path, _audits(opened, check, report, pruning))


Prune = Callable[[RetryingPanoptes, Audit], int]


def _nothing(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def _audits(run: Run, check: str, report: Progress, prune: Prune | None) -> tuple[Audit, ...]:
    with Ledger.read_uploaded(run) as ledger:
        return tuple(_audit(run, ledger, target, check, report, prune) for target in ledger.targets())


def _audit(
    run: Run, ledger: Ledger, target: Target, check: str, report: Progress, prune: Prune | None
) -> Audit:
    panoptes, store = connect(target.endpoint, credentials_for(target.endpoint))
    audit = audit_target(run, ledger, target, panoptes.retrying(), store, check, report)
    return replace(audit, pruned=prune(panoptes.retrying(), audit)) if prune else audit


def sets(project: str, *, endpoint: str | None = None, runs: AnyPath = ".") -> SetList:
    """List the sets of a project, counted now.

    Parameters
    ----------
    project : str
        As owner/name, or its id.
    endpoint : str, optional
        The server; PANOPTES_ENDPOINT, else the real Zooniverse.
    runs : path
        The folder with the runs that may have been uploaded to them.

    Raises
    ------
    NotPermitted
        When this account may not see the project.
    """
    admin = sign_in(endpoint)
    found = admin.panoptes.project(project)
    return SetList(
        found.slug, tuple(list_sets(admin, found, local_runs(Path(runs), admin.panoptes.endpoint)))
    )
