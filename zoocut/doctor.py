"""What would go wrong, and what to do about it, before it does."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

from zoocut.config.upload import UploadSettings
from zoocut.errors import ZoocutError
from zoocut.ledger import Ledger
from zoocut.ledger.imports import import_limits
from zoocut.run.folder import Run
from zoocut.viewers import unmet_needs
from zoocut.zooniverse.credentials import Credentials
from zoocut.zooniverse.set_admin import SetAdmin

__all__ = ["Check", "Verdict", "examine", "import_check", "workflow_checks"]

GIGABYTE = 1e9
LEAST_FREE_GB = 1.0
MOST_CLOCK_S = 60.0
"""Beyond this a certificate or a signed address may be taken for expired."""


class Verdict(StrEnum):
    """How a check ended."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Parameters
    ----------
    what : str
        The thing.
    verdict : Verdict
        How it is.
    found : str
        What was found, and what to do when it is not good.
    """

    what: str
    verdict: Verdict
    found: str


def examine(
    endpoint: str,
    find_credentials: Callable[[], Credentials],
    sign_in: Callable[[Credentials], SetAdmin],
    project: str | None,
    folder: Path,
) -> Iterator[Check]:
    """Look at everything that an upload needs.

    Parameters
    ----------
    endpoint : str
        The server.
    find_credentials : callable
        Finds the account to use, or raises why it cannot.
    sign_in : callable
        Signs in with it, or raises why it cannot.
    project : str or None
        The project to have rights in.
    folder : Path
        Where runs are written.

    Yields
    ------
    Check
        One thing after the other; what needs an account is left out when there is none.
    """
    yield Check("versions", Verdict.GOOD, _versions())
    yield _disk(folder)
    try:
        credentials = find_credentials()
    except ZoocutError as error:
        yield Check("credentials", Verdict.BAD, str(error))
        return
    yield Check("credentials", Verdict.GOOD, f"found in {credentials.source}")
    try:
        admin = sign_in(credentials)
    except ZoocutError as error:
        yield Check(f"sign-in at {endpoint}", Verdict.BAD, str(error))
        return
    yield from _account(admin)
    yield _clock(admin)
    if project is not None:
        yield _rights(admin, project)


def workflow_checks(admin: SetAdmin, workflow_id: str, run: Run) -> list[Check]:
    """Look at whether a workflow shows what a run's subjects have.

    Raises
    ------
    InputError
        When the run's manifest cannot be read.
    """
    try:
        workflow = admin.workflow(workflow_id)
    except ZoocutError as error:
        return [Check(f"workflow {workflow_id}", Verdict.BAD, str(error))]
    what = f"workflow {workflow.name} ({workflow_id})"
    unmet = [Check(what, Verdict.BAD, words) for words in unmet_needs(run, workflow)]
    return unmet or [Check(what, Verdict.GOOD, "it shows all that the run's subjects have")]


def import_check(endpoint: str, run: Run) -> Check:
    """Tell how many rows a server imports at once, as far as the run's uploads have met its limit; nothing is asked.

    Raises
    ------
    LedgerError
        When the run's ledger cannot be read.
    """
    limits = []
    if run.ledger.exists():
        with Ledger.read(run.ledger) as ledger:
            limits = [one for one in import_limits(ledger) if one.endpoint == endpoint]
    if not limits:
        usual = UploadSettings().import_rows
        return Check(
            "imports", Verdict.GOOD, f"no limit was met at {endpoint}; {usual} rows are asked for at once"
        )
    told = time.strftime("%Y-%m-%d", time.gmtime(limits[0].told_at))
    words = f"{endpoint} imports at most {limits[0].rows} rows at once, as it said on {told}"
    return Check("imports", Verdict.GOOD, f"{words}: manifests are split by that")


def _versions() -> str:
    names = ("zoocut", "panoptes-client", "numpy", "astropy", "pyarrow")
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in names)])


def _disk(folder: Path) -> Check:
    free_gb = shutil.disk_usage(folder).free / GIGABYTE
    if free_gb < LEAST_FREE_GB:
        return Check("disk", Verdict.WARNING, f"{free_gb:.1f} GB free in {folder.resolve()}: free some space")
    return Check("disk", Verdict.GOOD, f"{free_gb:.0f} GB free in {folder.resolve()}")


def _account(admin: SetAdmin) -> Iterator[Check]:
    account = admin.panoptes.account()
    if account.banned:
        words = f"{account.login} is banned and what it creates is dropped: write to Zooniverse"
        yield Check("account", Verdict.BAD, words)
        return
    yield Check(
        "account", Verdict.GOOD, f"{account.login} (id {account.user_id}) at {admin.panoptes.endpoint}"
    )
    if account.limit is None:
        yield Check("quota", Verdict.GOOD, f"{account.uploaded} subjects uploaded, no limit")
        return
    left = account.limit - account.uploaded
    words = f"{account.uploaded} of {account.limit} subjects uploaded, about {max(left, 0)} left"
    if left <= 0:
        yield Check("quota", Verdict.BAD, f"{words}: ask Zooniverse to raise the limit")
    else:
        yield Check("quota", Verdict.GOOD, words)


def _clock(admin: SetAdmin) -> Check:
    ahead_s = time.time() - admin.panoptes.server_now()
    words = (
        f"this machine's clock is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} the server's"
    )
    if abs(ahead_s) > MOST_CLOCK_S:
        return Check("clock", Verdict.WARNING, f"{words}: set it")
    return Check("clock", Verdict.GOOD, words)


def _rights(admin: SetAdmin, reference: str) -> Check:
    try:
        project = admin.panoptes.project(reference)
    except ZoocutError as error:
        return Check("rights", Verdict.BAD, str(error))
    if admin.panoptes.holds_role(project):
        return Check(
            "rights", Verdict.GOOD, f"owner or collaborator of {project.slug} (id {project.project_id})"
        )
    return Check(
        "rights",
        Verdict.WARNING,
        f"neither owner nor collaborator of {project.slug} in person: rights through a group do not show "
        "here; without them ask its owner for the role of collaborator",
    )
