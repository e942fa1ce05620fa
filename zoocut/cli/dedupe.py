"""`zoocut dedupe`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoocut.api.server import sign_in
from zoocut.cli.asking import agree, told_when_stopped
from zoocut.cli.console import notes, print_json, results
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
    delete: Annotated[
        bool, typer.Option("--delete-unseen", help="Also delete those that no volunteer can have met.")
    ] = False,
    yes: YesOption = False,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Find subjects with the same diaSourceId; keep the one with the most classifications.

    Training subjects are left alone. Without --unlink it only shows what it finds.

    Example: zoocut dedupe --set 'Night 1' --project owner/name --unlink
    """
    from zoocut.errors import ConfigError

    if project is None and subject_set is None:
        raise ConfigError("say where to look: --project OWNER/NAME, and --set for one set of it")
    admin = sign_in(endpoint)
    groups = _groups(admin, project, subject_set)
    if unlink or delete:
        _settle(admin, groups, delete, yes, as_json)
    else:
        show("duplicates", [row for group in groups for row in _rows(group)], as_json, as_csv)


def _groups(admin: SetAdmin, project: str | None, subject_set: str | None) -> list[Group]:
    from zoocut.dedupe import find_groups
    from zoocut.subject_sets import find_project, find_set

    owner = find_project(admin, project)
    if subject_set is None:
        assert owner is not None
        return find_groups(admin, owner, admin.subjects_of_project(owner))
    held = find_set(admin, owner, subject_set).subject_set
    owner = owner or admin.panoptes.project(held.project_id)
    return find_groups(admin, owner, admin.panoptes.subjects_of_set(held.set_id))


def _settle(admin: SetAdmin, groups: list[Group], delete: bool, yes: bool, as_json: bool) -> None:
    """Take all but one of each out of the sets, and delete those that nobody can have met where that is asked."""
    from zoocut.dedupe import delete_unseen, shared_sets, unlink_others

    others = sum(bool(shared_sets(group, other)) for group in groups for other in group.others)
    unseen = sum(
        one.unseen and set(one.subject.sets) <= set(group.kept.subject.sets)
        for group in groups
        for one in group.others
    )
    if others or (delete and unseen):
        agree(_question(others, unseen, delete), yes)
    with told_when_stopped("stopped; what was done so far stays: run the same command again to go on"):
        unlinked = unlink_others(admin, groups)
        deleted = delete_unseen(admin, groups) if delete else []
    if as_json:
        print_json({"version": 1, "sources": len(groups), "unlinked": unlinked, "deleted": deleted})
        return
    results.print(
        f"{len(groups)} sources had several subjects; {unlinked} memberships ended, {len(deleted)} subjects "
        "deleted"
    )
    if deleted:
        notes.print("deleting gives no quota back until the server has removed them, if then")


def _question(others: int, unseen: int, delete: bool) -> str:
    words = f"take {others} subjects out of the sets that hold their kept copy"
    return f"{words}, and delete for good {unseen} that no volunteer can have met?" if delete else f"{words}?"


def _rows(group: Group) -> list[dict[str, Any]]:
    from zoocut.dedupe import shared_sets

    kept = _row(group.dia_source_id, group.kept, "keep")
    others = (
        _row(group.dia_source_id, other, "unlink" if shared_sets(group, other) else "leave: other sets")
        for other in group.others
    )
    return [kept, *others]


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
