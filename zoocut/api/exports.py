"""A workflow's classification export, from the server that runs went to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoocut.api.server import credentials_for, endpoint_of
from zoocut.results.asking import fetch_export
from zoocut.results.server import project_of, server_of, workflow_of
from zoocut.results.workflow import WorkflowTasks, workflow_tasks
from zoocut.run.folder import Run
from zoocut.zooniverse.connect import connect_export_admin
from zoocut.zooniverse.download import Report
from zoocut.zooniverse.request_errors import malformed_is_doubtful

__all__ = ["FetchedExport", "export_of_runs"]


@dataclass(frozen=True, slots=True)
class FetchedExport:
    """An export on disk.

    Parameters
    ----------
    path : Path
        The file.
    endpoint : str
        The server that it is from.
    workflow_id : str
        The workflow.
    tasks : WorkflowTasks
        What the server says of the workflow's versions.
    """

    path: Path
    endpoint: str
    workflow_id: str
    tasks: WorkflowTasks


def export_of_runs(
    runs: Sequence[Run],
    folder: Path,
    *,
    endpoint: str | None = None,
    project: str | None = None,
    workflow: str | None = None,
    max_age_s: float,
    wait_s: float,
    waiting: Callable[[float, str], None],
    report: Report,
) -> FetchedExport:
    """Have the export of the workflow that serves some runs; it is asked for where the server has none that is new.

    Parameters
    ----------
    runs : sequence of Run
        What was uploaded.
    folder : Path
        Where exports are kept.
    endpoint, project, workflow : str, optional
        Which, where the runs do not tell.
    max_age_s, wait_s, waiting, report
        As `fetch_export` takes them.

    Raises
    ------
    ExportNotReady
        When it is not ready in time.
    ZoocutError
        When nothing tells which export is meant, or it cannot be had.
    """
    server = endpoint_of(server_of(runs, endpoint and endpoint_of(endpoint)))
    admin, downloader = connect_export_admin(server, credentials_for(server))
    chosen = workflow_of(admin.sets, project_of(admin.sets, runs, project), runs, workflow)
    number = chosen.workflow_id
    path = fetch_export(admin, downloader, number, folder, max_age_s, wait_s, waiting, report)
    with malformed_is_doubtful("the versions of a workflow"):
        tasks = workflow_tasks(number, admin.workflow_versions(number))
    return FetchedExport(path, server, number, tasks)
