"""`zoocut dedupe`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoocut.api.server import sign_in
from zoocut.cli.asking import agree, told_when_stopped
from zoocut.cli.console import print_json, results
from zoocut.cli.options import CsvOption, EndpointOption, JsonOption, ProjectOption, YesOption
from zoocut.cli.tables import show

if TYPE_CHECKING:
    from zoocut.dedupe import Copy, Group
    from zoocut.zooniverse.set_admin import SetAdmin

__all__ = ["dedupe"]


def dedupe(
    subject_set: Annotated[
        str | None,
        typer.Option(
            "--set", help="The set's name or id; the whole project when not given.", show_default=False
        ),
    ] = None,
    project: ProjectOption = None,
    unlink: Annotated[
        bool, typer.Option("--unlink", help="Take all but one of each out of the sets.")
    ] = False,
    by_external_id: Annotated[
        bool,
        typer.Option("--by-external-id", help="Compare by external_id where a subject has no diaSourceId."),
    ] = False,
    settle: Annotated[
        float, typer.Option("--settle", min=0, help="How many seconds old a subject must be to be taken out.")
    ] = 180.0,
    yes: YesOption = False,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Find subjects with the same diaSourceId; keep the one with the most classifications.

    Training subjects are left alone, and so are subjects that differ in metadata or images. Without --unlink it
    only shows what it finds.

    Example: zoocut dedupe --set 'Night 1' --project owner/name --unlink
    """
    from zoocut.error_kinds import DestinationMissing

    if project is None and subject_set is None:
        raise DestinationMissing("say where to look: --project OWNER/NAME, and --set for one set of it")
    admin = sign_in(endpoint)
    groups = _groups(admin, project, subject_set, settle, by_external_id)
    if unlink:
        _settle(admin, groups, yes, as_json)
    else:
        show("duplicates", [row for group in groups for row in _rows(group)], as_json, as_csv)


def _groups(
    admin: SetAdmin, project: str | None, subject_set: str | None, settle_s: float, by_external_id: bool
) -> list[Group]:
    from functools import partial

    from zoocut.dedupe import find_groups, source_and_id
    from zoocut.subject_sets import find_project, find_set
    from zoocut.zooniverse.store import Store
    from zoocut.zooniverse.transport import Transport

    store = Store(Transport())
    find = partial(find_groups, checksums=store.checksums, settle_s=settle_s)
    keep = partial(source_and_id, by_external_id=by_external_id)
    owner = find_project(admin, project)
    if subject_set is None:
        assert owner is not None
        return find(admin, owner, admin.of_subjects(owner, keep))
    held = find_set(admin, owner, subject_set).subject_set
    owner = owner or admin.panoptes.project(held.project_id)
    return find(admin, owner, admin.panoptes.of_members(held.set_id, keep))


def _settle(admin: SetAdmin, groups: list[Group], yes: bool, as_json: bool) -> None:
    """Take all but one of each out of the sets, after showing them."""
    from zoocut.dedupe import shared_sets, unlink_others

    others = sum(bool(shared_sets(group, other)) for group in groups for other in group.twins)
    left = sum(len(group.left_alone) for group in groups)
    if others:
        if not as_json:
            show("duplicates", [row for group in groups for row in _rows(group)], False, False)
        agree(f"take {others} subjects out of the sets that hold their kept copy?", yes)
    with told_when_stopped("stopped; what was done so far stays: run the same command again to go on"):
        unlinked = unlink_others(admin, groups)
    if as_json:
        print_json({"version": 1, "sources": len(groups), "unlinked": unlinked, "left_alone": left})
        return
    results.print(
        f"{len(groups)} sources had several subjects; {unlinked} memberships ended, {left} subjects left alone"
    )


def _rows(group: Group) -> list[dict[str, Any]]:
    kept = _row(group.dia_source_id, group.kept, "keep")
    others = (_row(group.dia_source_id, other, _proposal(group, other)) for other in group.others)
    return [kept, *others]


def _proposal(group: Group, other: Copy) -> str:
    from zoocut.dedupe import shared_sets

    if why := group.left_alone.get(other.subject.subject_id):
        return f"leave: {why}"
    return "unlink" if shared_sets(group, other) else "leave: other sets"


def _row(source: str, one: Copy, what: str) -> dict[str, Any]:
    return {
        "diaSourceId": source,
        "subject": one.subject.subject_id,
        "sets": " ".join(one.subject.sets),
        "classifications": one.classifications,
        "served": "yes" if one.served else "no",
        "collected": "yes" if one.collected else "not visibly",
        "proposal": what,
    }
