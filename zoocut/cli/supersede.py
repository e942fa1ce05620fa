"""`zoocut supersede`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoocut.api.server import target_of
from zoocut.cli.console import print_json, results
from zoocut.cli.options import EndpointOption, JsonOption, ProjectOption
from zoocut.files import typed

__all__ = ["supersede"]


def supersede(
    old: Annotated[
        Path, typer.Argument(metavar="OLD", help="The run that was uploaded.", show_default=False)
    ],
    new: Annotated[
        Path,
        typer.Argument(metavar="NEW", help="The run of the same sources, drawn anew.", show_default=False),
    ],
    project: ProjectOption = None,
    subject_set: Annotated[
        str | None, typer.Option("--set", help="OLD's set, where it went to several.", show_default=False)
    ] = None,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace subjects by new ones in a new set and keep which replaces which.

    Run it before NEW is uploaded: its subjects then carry #supersedes, hidden from volunteers. Run it again
    afterwards: NEW/superseded.csv then has every pair.

    Example: zoocut supersede night-run night-run-2
    """
    from zoocut.run.folder import Run
    from zoocut.supersede import supersede as replace

    before, after = Run.open(old), Run.open(new)
    told = replace(before, after, target_of(before, endpoint, project, subject_set).endpoint)
    if as_json:
        counts = {"replaced": told.replaced, "fresh": told.fresh, "uploaded": told.uploaded}
        print_json({"version": 1, "table": str(told.table), **counts})
        return
    results.print(
        f"{told.replaced} rows of {new} replace subjects of {old}, {told.fresh} replace none; "
        f"{told.uploaded} have their new subject: {told.table}",
        markup=False,
    )
    if told.uploaded < told.replaced:
        results.print(
            f"next: zoocut upload {typed(new)} --set 'NEW SET NAME', then this command again", markup=False
        )
    else:
        results.print(
            "next: link the new set to its workflow and unlink the old one: `zoocut sets link SET WORKFLOW`, "
            "`zoocut sets unlink SET WORKFLOW`"
        )
