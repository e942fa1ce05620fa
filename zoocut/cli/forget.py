"""`zoocut forget`."""

from __future__ import annotations

from typing import Annotated

import typer

from zoocut.api.server import sign_in, target_of
from zoocut.cli.asking import agree
from zoocut.cli.console import print_json, results
from zoocut.cli.options import EndpointOption, JsonOption, ProjectOption, RunFolder, YesOption

__all__ = ["forget"]


def forget(
    path: RunFolder,
    subject_set: Annotated[
        str, typer.Option("--set", help="The set to forget, by name or id.", show_default=False)
    ],
    project: ProjectOption = None,
    keep_subjects: Annotated[
        bool,
        typer.Option(
            "--keep-subjects",
            help="Forget it even while the server holds subjects of the run for it; they stay there.",
        ),
    ] = False,
    yes: YesOption = False,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Drop a set from a run's ledger, as after a wrong name; nothing is changed at the server.

    It is refused while the server holds subjects of the run for this set, unless --keep-subjects is given.

    Example: zoocut forget night-run --set 'Nihgt 1'
    """
    from zoocut.forgetting import has_begun, require_none_held
    from zoocut.ledger import Ledger, drop_target, sole_uploader
    from zoocut.run.folder import Run

    run = Run.open(path)
    target = target_of(run, endpoint, project, subject_set)
    with sole_uploader(run.ledger), Ledger.open(run.ledger, run.run_id) as ledger:
        if not keep_subjects and has_begun(ledger, target):
            require_none_held(run, ledger, target, sign_in(target.endpoint).panoptes)
        rows = sum(ledger.counts(target).values())
        agree(f"forget the set {target.set_name!r} of {target.project_slug} with its {rows} rows?", yes)
        drop_target(ledger, target)
    if as_json:
        print_json({"version": 1, "id": target.set_id, "rows": rows, "forgotten": True})
        return
    results.print(
        f"forgot the set {target.set_id} ({target.set_name}) at {target.endpoint} with its {rows} rows; the set itself "
        "stays there",
        markup=False,
    )
