"""`zoocut doctor`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import typer

from zoocut.api.server import credentials_for, endpoint_of
from zoocut.cli.options import CsvOption, EndpointOption, JsonOption, ProjectOption
from zoocut.cli.tables import show

__all__ = ["doctor"]


def doctor(
    project: ProjectOption = None,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Look at server, clock, account, rights, quota, disk and versions, and say what to do.

    Example: zoocut doctor --project owner/name
    """
    from zoocut.doctor import Verdict, examine
    from zoocut.zooniverse.connect import connect_set_admin

    server = endpoint_of(endpoint)
    checks = list(
        examine(server, lambda: credentials_for(server), partial(connect_set_admin, server), project, Path())
    )
    rows = [{"what": one.what, "verdict": one.verdict.value, "found": one.found} for one in checks]
    show("checks", rows, as_json, as_csv)
    if any(one.verdict is Verdict.BAD for one in checks):
        raise typer.Exit(1)
