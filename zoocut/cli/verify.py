"""`zoocut verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zoocut.cli.options import JsonOption, RunFolder

if TYPE_CHECKING:
    from zoocut.verifying import Audit

__all__ = ["verify"]

REMEDIES = {
    "missing": "`zoocut upload` completes them",
    "unlinked": "`zoocut upload` links those it was linking; one that was linked already was taken out or deleted at "
    "Zooniverse: put it back with `zoocut sets add`, or move the ledger away, then `zoocut adopt` and `zoocut upload`",
    "wrong_bytes": "restore the image on disk; where that is right, take the subject out with `zoocut sets remove`, "
    "move the ledger away, then `zoocut adopt` and `zoocut upload`",
    "duplicates": "`zoocut dedupe` shows them and takes all but one of each out",
    "strays": "no volunteer meets them; `zoocut verify --prune` deletes them",
    "talk_missing": "`zoocut upload --talk-only` attaches them",
    "talk_strays": "`zoocut verify --prune` takes them away",
    "unread": "verify again: their addresses could not be read to the end",
}
SHOWN = 10


def verify(
    run: RunFolder,
    check: Annotated[str, typer.Option(help="Images to read back: all, sample or none.")] = "sample",
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete strays: subjects of this run that no set holds.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare what the server really holds with the run: read only, unless --prune is given.

    Ends with exit code 6 when something differs.

    Example: zoocut verify night-run --check all
    """
    from zoocut.api.server_reports import verify as compare
    from zoocut.cli.console import print_json

    found = compare(run, check=check, prune=prune)
    if as_json:
        print_json(found.to_dict())
    else:
        for audit in found:
            _tell(audit)
    found.raise_for_differences()


def _tell(audit: Audit) -> None:
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
            results.print(f"    next: {remedy}", markup=False)
    if audit.priorities:
        results.print(
            f"  served by another priority than the manifest says: {len(audit.priorities)}", markup=False
        )
        for words in audit.priorities[:SHOWN]:
            results.print(f"    {words}", markup=False)
        results.print("    next: some minutes after an upload, `zoocut metadata --apply`", markup=False)
    if audit.pruned:
        results.print(f"  pruned: {audit.pruned}", markup=False)
