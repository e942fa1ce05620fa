"""`zoocut verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoocut.cli.options import JsonOption, RunFolder, YesOption
from zoocut.cli.tables import for_run

if TYPE_CHECKING:
    from zoocut.ledger import Target
    from zoocut.verifying import Audit

__all__ = ["verify"]

REMEDIES = {
    "missing": "`zoocut upload RUN` completes them",
    "unlinked": "`zoocut upload RUN` links those it was linking; one that was linked already was taken out or deleted "
    "at Zooniverse: put it back with `zoocut sets add SET ID --project OWNER/NAME`, or move the ledger away, then "
    "`zoocut adopt RUN` and `zoocut upload RUN`",
    "wrong_bytes": "restore the image on disk; where that is right, take the subject out with "
    "`zoocut sets remove SET ID --project OWNER/NAME`, move the ledger away, then `zoocut adopt RUN` and "
    "`zoocut upload RUN --retry-rejected`: a new subject is made, the old one keeps its image",
    "duplicates": "`zoocut dedupe --project OWNER/NAME --set SET` shows them and takes all but one of each out",
    "strays": "no volunteer meets them; `zoocut verify RUN --prune` deletes those that are older than settle_s, while "
    "nobody uploads to the set",
    "talk_missing": "`zoocut upload RUN --talk-only` attaches them",
    "talk_strays": "`zoocut verify RUN --prune` takes them away",
    "unread": "verify again: their addresses could not be read to the end",
}
SHOWN = 10


def verify(
    run: RunFolder,
    check: Annotated[str, typer.Option(help="Images to read back: all, sample or none.")] = "sample",
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete strays: subjects of this run that no set holds.")
    ] = False,
    settle: Annotated[
        float | None,
        typer.Option(
            "--settle",
            min=0,
            help="How many seconds old a stray must be to be deleted; by default the run's upload.settle_s.",
        ),
    ] = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare what the server really holds with the run: read only, unless --prune is given.

    It ends with exit code 6 when something differs.

    Example: zoocut verify night-run --check all
    """
    from zoocut.api.server_reports import verify as compare
    from zoocut.cli.asking import ask, assent
    from zoocut.cli.console import print_json
    from zoocut.cli.progress import counting_several

    with counting_several() as report:
        found = compare(
            run, check=check, prune=prune, settle_s=settle, confirm=assent if yes else ask, progress=report
        )
    if as_json:
        print_json(found.to_dict())
    else:
        for audit in found:
            _tell(audit, run)
    found.raise_for_differences()


def _tell(audit: Audit, run: Path) -> None:
    from zoocut.cli.console import results

    where = audit.target
    results.print(
        f"{where.project_slug}, set {where.set_id} {where.set_name!r} at {where.endpoint}: {audit.rows} rows, "
        f"{audit.members} subjects in the set, {audit.others} of them not of this run",
        markup=False,
    )
    for kind, remedy in REMEDIES.items():
        found = getattr(audit, kind)
        results.print(f"  {kind.replace('_', ' ')}: {len(found)}", markup=False)
        for words in found[:SHOWN]:
            results.print(f"    {words}", markup=False)
        if found:
            results.print(f"    next: {for_run(_for_set(remedy, where), run)}", markup=False)
    if audit.priorities:
        results.print(
            f"  served by another priority than the manifest says: {len(audit.priorities)}", markup=False
        )
        for words in audit.priorities[:SHOWN]:
            results.print(f"    {words}", markup=False)
        remedy = "some minutes after an upload, `zoocut metadata RUN --apply`"
        results.print(f"    next: {for_run(remedy, run)}", markup=False)
    if audit.pruned:
        results.print(f"  pruned: {audit.pruned}", markup=False)


def _for_set(text: str, target: Target) -> str:
    """Put the set that is spoken of into the commands of a message."""
    return (
        text.replace(" SET ", f" id:{target.set_id} ")
        .replace(" SET`", f" id:{target.set_id}`")
        .replace("OWNER/NAME", target.project_slug)
    )
