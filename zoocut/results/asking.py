"""Having an export from the server: the one that is there while it is new enough, else a new one, waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from zoocut.error_kinds import ExportFailed, ExportNotReady
from zoocut.files import write_whole
from zoocut.results.export_file import ExportFile
from zoocut.zooniverse.download import Downloader, Report
from zoocut.zooniverse.exports import Export, ExportAdmin
from zoocut.zooniverse.request_errors import Refused

__all__ = ["fetch_export"]

DAY_S = 86_400.0
"""Panoptes makes an export of a workflow at most once in this time."""

FIRST_POLL_S, LONGEST_POLL_S = 2.0, 60.0
FAILED = "failed"


def fetch_export(
    admin: ExportAdmin,
    downloader: Downloader,
    workflow_id: str,
    folder: Path,
    max_age_s: float,
    wait_s: float,
    waiting: Callable[[float, str], None],
    report: Report,
) -> Path:
    """Have a workflow's classification export on disk.

    Parameters
    ----------
    admin : ExportAdmin
        The server.
    downloader : Downloader
        Reads from its store.
    workflow_id : str
        The workflow.
    folder : Path
        Where exports are kept, each with a file of its SHA-256 checksum beside it.
    max_age_s : float
        An export that is not older is taken as it is, in seconds; an older one is made anew.
    wait_s : float
        How long to wait for a new one.
    waiting : callable
        Told, while it is waited for, the seconds gone and the server's word for the state.
    report : callable
        Told how far the download is.

    Raises
    ------
    ExportNotReady
        When it is not ready in time.
    ZooniverseError
        When it failed, or cannot be downloaded whole.
    NotPermitted
        When this account may not have it.
    InputError
        When what came is no export, or the folder cannot be written.
    """
    export = _ready(admin, workflow_id, max_age_s, wait_s, waiting)
    made = datetime.fromtimestamp(export.updated_at, UTC).strftime("%Y%m%dT%H%M%SZ")
    goal = folder / f"classifications-{workflow_id}-{made}.csv"
    kept = [path for path in (goal, goal.with_name(f"{goal.name}.gz")) if _is_as_it_came(path)]
    return kept[0] if kept else _download(admin, downloader, workflow_id, goal, report)


def _is_as_it_came(path: Path) -> bool:
    checksum = path.with_name(f"{path.name}.sha256")
    return (
        path.exists()
        and checksum.exists()
        and checksum.read_text("utf-8").split()[:1] == [ExportFile(path).sha256()]
    )


def _download(
    admin: ExportAdmin, downloader: Downloader, workflow_id: str, goal: Path, report: Report
) -> Path:
    def address() -> str:
        export = admin.export(workflow_id)
        if export is None:
            raise ExportFailed(f"the export of workflow {workflow_id} is gone from the server: run again")
        return export.url

    path = downloader.fetch(address, goal, report)
    line = f"{ExportFile(path).sha256()}  {path.name}\n"
    write_whole(path.with_name(f"{path.name}.sha256"), line.encode())
    return path


def _ready(
    admin: ExportAdmin,
    workflow_id: str,
    max_age_s: float,
    wait_s: float,
    waiting: Callable[[float, str], None],
) -> Export:
    known = admin.export(workflow_id)
    if known is not None and known.ready and admin.now() - known.updated_at <= max_age_s:
        return known
    asked = known is not None and not known.ready and known.state != FAILED
    if not asked or (known is not None and admin.now() - known.updated_at > DAY_S):
        _ask(admin, workflow_id, known)
    return _waited_for(admin, workflow_id, known, wait_s, waiting)


def _ask(admin: ExportAdmin, workflow_id: str, known: Export | None) -> None:
    try:
        admin.ask_for_export(workflow_id)
    except Refused as error:
        last = "" if known is None else f"; the last one is of {_time(known)}: --max-age takes it"
        raise ExportFailed(
            f"the server makes no export of workflow {workflow_id} now ({error}){last}"
        ) from error


def _waited_for(
    admin: ExportAdmin,
    workflow_id: str,
    before: Export | None,
    wait_s: float,
    waiting: Callable[[float, str], None],
) -> Export:
    started, poll_s = time.monotonic(), FIRST_POLL_S
    while True:
        export = admin.export(workflow_id)
        newer = export is not None and (
            before is None or not before.ready or export.updated_at > before.updated_at
        )
        if export is not None and export.ready and newer:
            return export
        if export is not None and export.state == FAILED and newer:
            raise ExportFailed(
                f"the server failed to make the export of workflow {workflow_id}: ask for it on the project's page "
                "of exports, and Zooniverse if that fails too"
            )
        gone = time.monotonic() - started
        if gone >= wait_s:
            raise ExportNotReady(_not_in_time(workflow_id, export, gone))
        waiting(gone, export.state if export else "asked for")
        time.sleep(min(poll_s, max(0.0, wait_s - gone)))
        poll_s = min(1.5 * poll_s, LONGEST_POLL_S)


def _not_in_time(workflow_id: str, export: Export | None, gone: float) -> str:
    since = "" if export is None else f"; it was asked for at {_time(export)}"
    return (
        f"the export of workflow {workflow_id} is not ready after {gone:.0f} s{since}: run the same command again, "
        "which waits on. The server makes one a day; asked for sooner, it never becomes ready, and is asked for anew "
        "a day later"
    )


def _time(export: Export) -> str:
    return datetime.fromtimestamp(export.updated_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
