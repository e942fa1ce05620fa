"""`zoocut doctor`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from zoocut.api.server import credentials_for, endpoint_of
from zoocut.cli.options import CsvOption, EndpointOption, JsonOption, ProjectOption
from zoocut.cli.tables import show

__all__ = ["doctor"]


def doctor(
    project: ProjectOption = None,
    workflow: Annotated[
        str | None,
        typer.Option(
            "--workflow",
            help="The id of a workflow that is to suit the run; needs --run.",
            show_default=False,
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            "--run",
            help="A run, for what its uploads tell of imports, and to compare with --workflow.",
            show_default=False,
        ),
    ] = None,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Look at server, clock, account, rights, quota, disk and versions, and say what to do.

    With --run it also tells the server's limit of imports, if the run's uploads met it; with --workflow as well,
    whether the workflow shows what the run's subjects have.

    Example: zoocut doctor --project owner/name
    """
    from zoocut.doctor import Verdict, examine, import_check, workflow_checks
    from zoocut.error_kinds import WrongOption
    from zoocut.run.folder import Run
    from zoocut.zooniverse.connect import connect_set_admin

    if workflow is not None and run is None:
        raise WrongOption("--workflow needs --run: give the run whose subjects it serves")
    server = endpoint_of(endpoint)
    checks = list(
        examine(server, lambda: credentials_for(server), partial(connect_set_admin, server), project, Path())
    )
    if run is not None:
        checks.append(import_check(server, Run.open(run)))
    if workflow is not None and run is not None:
        checks += workflow_checks(connect_set_admin(server, credentials_for(server)), workflow, Run.open(run))
    rows = [{"what": one.what, "verdict": one.verdict.value, "found": one.found} for one in checks]
    show("checks", rows, as_json, as_csv)
    if any(one.verdict is Verdict.BAD for one in checks):
        raise typer.Exit(1)
