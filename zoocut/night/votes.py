"""The votes of all nights, counted from time to time: an export is asked for and reduced to one table."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.config.night import NightSettings
from zoocut.error_kinds import ExportNotReady, RecordDamaged
from zoocut.errors import InputError
from zoocut.files import typed, write_whole
from zoocut.ledger import Ledger
from zoocut.night.record import NightRecord
from zoocut.night.report import write_page
from zoocut.run.folder import Run

if TYPE_CHECKING:
    from zoocut.results import Summary

__all__ = ["count_votes", "told_of_votes"]

COUNTED = ".zoocut-results.json"
TABLE = "results.parquet"
EXPORTS = "exports"
DAY_S = 86_400.0
"""An export of the last day is taken as it is: the server makes one a day."""

WAIT_S = 60.0
"""An export takes minutes to hours: the next call looks again, and this one keeps no other from its turn."""


@dataclass(frozen=True, slots=True)
class Counted:
    """When votes were counted last, and what came of it.

    Parameters
    ----------
    at : float
        In seconds since 1970.
    says : str
        In a line.
    """

    at: float
    says: str


def told_of_votes(root: Path) -> str:
    """Say what came of counting last; empty where it never was.

    Raises
    ------
    InputError
        When the note of it cannot be read.
    """
    known = _last(root)
    return known.says if known else ""


def count_votes(
    root: Path, nights: Iterable[NightRecord], settings: NightSettings, tell: Callable[[str], None]
) -> str:
    """Count the votes of all nights if it is time again.

    Parameters
    ----------
    root : Path
        The folder of the nights, which gets `results.parquet`.
    nights : iterable of NightRecord
        All of them.
    settings : NightSettings
        Of which workflow, and how often.
    tell : callable
        Told what is waited for.

    Returns
    -------
    str
        What came of it, in a line; empty when it is not time.

    Raises
    ------
    ZoocutError
        When the export cannot be had or counted. What cannot be counted is tried again when it is time again; what
        cannot be had, with the next call.
    """
    if settings.results is None or not _is_due(root, settings.results):
        return ""
    uploaded = [night for night in nights if _was_uploaded(night)]
    if not uploaded:
        return ""
    try:
        says = _counted([Run.open(night.path) for night in uploaded], root, str(settings.workflow), tell)
    except ExportNotReady as error:
        return f"results: {error}".replace("the same command again", "`zoocut night CONFIG` again")
    except InputError as error:
        _write(root, Counted(time.time(), f"results: {error}"))
        raise
    _write(root, Counted(time.time(), says))
    newest = max((night for night in uploaded if night.done), key=lambda night: night.night, default=None)
    if newest is not None:
        write_page(Run.open(newest.path), newest, says)
    return says


def _was_uploaded(night: NightRecord) -> bool:
    if not night.run_date or not (night.path / "run.toml").exists():
        return False
    run = Run.open(night.path)
    if not run.ledger.exists():
        return False
    with Ledger.read(run.ledger) as ledger:
        return bool(ledger.targets())


def _is_due(root: Path, days: float) -> bool:
    known, now = _last(root), time.time()
    return known is None or now - known.at >= days * DAY_S or known.at > now  # the clock was put back


def _counted(runs: list[Run], root: Path, workflow: str, tell: Callable[[str], None]) -> str:
    from zoocut.api.exports import export_of_runs
    from zoocut.results import Rules, reduce_export

    export = export_of_runs(
        runs,
        root / EXPORTS,
        workflow=workflow,
        max_age_s=DAY_S,
        wait_s=WAIT_S,
        waiting=lambda gone_s, state: tell(f"the export of {workflow!r} is {state}: {gone_s:.0f} s"),
        report=lambda done, of: None,
    )
    rules = Rules(workflow=export.workflow_id)
    tasks = {export.workflow_id: export.tasks}
    return _line(reduce_export(runs, export.path, root / TABLE, rules, tasks, export.endpoint))


def _line(summary: Summary) -> str:
    broken = sum(summary.broken.reasons.values())
    unread = f", {broken} rows of it cannot be read" if broken else ""
    withdrawn = f", {summary.withdrawn} subjects withdrawn" if summary.withdrawn else ""
    counted = f"{summary.rows} rows from {summary.used} of {summary.read} classifications"
    return f"results: {counted}{unread}{withdrawn}: {summary.path}"


def _last(root: Path) -> Counted | None:
    file = root / COUNTED
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
        return Counted(float(content["at"]), str(content["says"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordDamaged(
            f"{file} cannot be read ({error}): `rm {typed(file)}`, which lets the votes be counted again"
        ) from error


def _write(root: Path, counted: Counted) -> None:
    write_whole(root / COUNTED, json.dumps({"version": 1, **asdict(counted)}).encode())
