"""`zoocut metadata`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoocut.api.server import sign_in, target_of
from zoocut.cli.asking import agree, told_when_stopped
from zoocut.cli.console import notes, print_json, results
from zoocut.cli.options import (
    CsvOption,
    EndpointOption,
    JsonOption,
    ProjectOption,
    RunFolder,
    RunsSetOption,
    YesOption,
)
from zoocut.cli.tables import reason_lines, show

if TYPE_CHECKING:
    from zoocut.metadata import Change, Left
    from zoocut.priorities import OtherPriority

__all__ = ["metadata"]


def metadata(
    path: RunFolder,
    write: Annotated[
        bool, typer.Option("--apply/--diff", help="Write the differences, or only show them.")
    ] = False,
    project: ProjectOption = None,
    subject_set: RunsSetOption = None,
    yes: YesOption = False,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Change the metadata of uploaded subjects to what the run's manifest says now.

    Where #priority changed, prioritized workflows serve the subjects by the new value from then on.

    Edit manifest.csv, for example the heading metadata:snr to metadata:#snr, look at --diff, then --apply. Subjects
    that were made with --urls or --import have theirs from manifest-urls.csv.

    Example: zoocut metadata night-run --apply
    """
    from zoocut.ledger import Ledger, sole_uploader
    from zoocut.metadata import Change, Left, apply_all, differences, unlike_other_manifest
    from zoocut.priorities import other_priorities, set_priority
    from zoocut.rights import require_rights
    from zoocut.run.folder import Run

    run = Run.open(path)
    target = target_of(run, endpoint, project, subject_set)
    admin = sign_in(target.endpoint)
    with sole_uploader(run.ledger), Ledger.open(run.ledger, run.run_id) as ledger:
        require_rights(run.by(target.manifest), ledger.rights_of(target))
        _tell_of_other(unlike_other_manifest(run, target), target.manifest)
        found = list(differences(run, ledger, target, admin))
        changes = [one for one in found if isinstance(one, Change)]
        left = [one for one in found if isinstance(one, Left)]
        others = list(other_priorities(run, ledger, target, admin.panoptes))
        if not write:
            rows = [row for change in changes for row in _rows(change)] + [_served(other) for other in others]
            show("differences", rows, as_json, as_csv)
            _end_with(left, path)
            return
        written = {change.entry.external_id for change in changes if change.given}
        touched = len(written | {other.external_id for other in others})
        if touched:
            agree(f"change the metadata of {touched} subjects of {target.set_name}?", yes)
        with told_when_stopped(f"stopped; run `zoocut metadata {path} --apply` again to go on"):
            ended = list(apply_all(ledger, admin, changes))
            for other in others:
                set_priority(admin, target, other)
    changed = sum(isinstance(one, Change) for one in ended)
    left += [one for one in ended if isinstance(one, Left)]
    if as_json:
        told = [{"external_id": one.external_id, "reason": one.reason} for one in left]
        print_json({"version": 1, "changed": changed, "priorities": len(others), "left": told})
    else:
        results.print(f"{changed} subjects changed", markup=False)
        if others:
            results.print(f"{len(others)} subjects served by another priority than before", markup=False)
    _end_with(left, path)


def _tell_of_other(rows: Sequence[str], manifest: str) -> None:
    """Tell of what was changed in the manifest that does not count."""
    if rows:
        notes.print(
            f"note: {len(rows)} rows (first: {rows[0]}) have other metadata in manifest.csv than in {manifest}, "
            "which the set goes by: change it there, too",
            markup=False,
        )


def _end_with(left: Sequence[Left], run: Path) -> None:
    """Tell which rows were left as they are; such a command ends with 3."""
    from zoocut.reasons import REFUSED_ROW, Reasons

    if not left:
        return
    notes.print(f"{len(left)} rows were left as they are:", markup=False)
    for line in reason_lines(
        list(Reasons(((one.external_id, one.reason) for one in left), REFUSED_ROW)), run
    ):
        notes.print(line, markup=False)
    raise typer.Exit(3)


def _served(other: OtherPriority) -> dict[str, Any]:
    return {
        "external_id": other.external_id,
        "subject": other.subject_id,
        "key": "priority served",
        "there": other.membership.priority,
        "manifest": other.wanted,
    }


def _rows(change: Change) -> list[dict[str, Any]]:
    return [
        {
            "external_id": change.entry.external_id,
            "subject": change.entry.subject_id,
            "key": key,
            "there": before,
            "manifest": after,
        }
        for key, (before, after) in change.given.items()
    ]
