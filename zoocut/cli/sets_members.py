"""`zoocut sets members`, `add`, `remove`, `copy`, `merge`, `split` and `training`: which subjects a set holds."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoocut.api.server import sign_in
from zoocut.cli.asking import agree, told_when_stopped
from zoocut.cli.console import notes, print_json, results
from zoocut.cli.options import (
    CsvOption,
    EncodingOption,
    EndpointOption,
    JsonOption,
    ProjectOption,
    SetArgument,
    YesOption,
)
from zoocut.cli.tables import show

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from zoocut.zooniverse.panoptes import Project, SubjectSet
    from zoocut.zooniverse.set_admin import SetAdmin, SetDetails

__all__ = ["add", "copy", "members", "merge", "remove", "split", "training"]

SubjectsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="[SUBJECT]...", help="Subject ids.", show_default=False)
]
FileOption = Annotated[
    Path | None,
    typer.Option("--file", "-f", help="A text file of subject ids, one a line.", show_default=False),
]
SourceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--dia-source-id", "-d", help="A diaSourceId; the option may be repeated.", show_default=False
    ),
]
STOPPED = "stopped; what was done so far stays: run the same command again to go on"


def members(
    name: SetArgument,
    project: ProjectOption = None,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List the subjects of a set and the diaSourceId that each tells, whichever tool made them.

    The section [select] of a configuration takes the CSV as `exclude`.

    Example: zoocut sets members 'Night 1' --project owner/name --csv > seen.csv
    """
    from zoocut.subject_sets import find_project, find_set, list_members

    admin = sign_in(endpoint)
    set_id = find_set(admin, find_project(admin, project), name).subject_set.set_id
    rows = [{"subject_id": m.subject_id, "diaSourceId": m.dia_source_id} for m in list_members(admin, set_id)]
    show("subjects", rows, as_json, as_csv)
    if silent := sum(not row["diaSourceId"] for row in rows):
        notes.print(f"note: {silent} of {len(rows)} subjects tell no diaSourceId", markup=False)


def add(
    name: SetArgument,
    subjects: SubjectsArgument = None,
    file: FileOption = None,
    dia_source_id: SourceOption = None,
    project: ProjectOption = None,
    yes: YesOption = False,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put subjects of the project into a set.

    Example: zoocut sets add 'Night 1' 9001 9002 --project owner/name
    """
    from zoocut.subject_sets import add as put
    from zoocut.subject_sets import find_subjects

    admin, owner, details = _open(endpoint, project, name)
    set_id = details.subject_set.set_id
    among = partial(admin.of_subjects, owner)
    ids = _required(find_subjects(admin, owner, _ids(subjects, file), dia_source_id or (), among))
    _tell_retired(admin, owner, ids)
    _agree_to_publish(admin, [details.subject_set], yes)
    with told_when_stopped(STOPPED):
        count = put(admin, set_id, ids)
    _tell_count(set_id, count, len(ids), "added", as_json)


def remove(
    name: SetArgument,
    subjects: SubjectsArgument = None,
    file: FileOption = None,
    dia_source_id: SourceOption = None,
    project: ProjectOption = None,
    yes: YesOption = False,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take subjects out of a set; the subjects themselves are kept.

    Example: zoocut sets remove 'Night 1' --dia-source-id 170059034123456789 --project owner/name
    """
    from zoocut.subject_sets import find_subjects
    from zoocut.subject_sets import remove as take_out

    admin, owner, details = _open(endpoint, project, name)
    set_id = details.subject_set.set_id
    among = partial(admin.panoptes.of_members, set_id)
    ids = _required(find_subjects(admin, owner, _ids(subjects, file), dia_source_id or (), among))
    agree(f"take {len(ids)} subjects out of set {set_id} ({details.subject_set.name})?", yes)
    with told_when_stopped(STOPPED):
        count = take_out(admin, set_id, ids)
    _tell_count(set_id, count, len(ids), "taken out", as_json)


def copy(
    name: SetArgument,
    to: Annotated[str, typer.Argument(metavar="NEW", help="The name of the new set.", show_default=False)],
    project: ProjectOption = None,
    yes: YesOption = False,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make another set with the same subjects, or complete it.

    Example: zoocut sets copy 'Night 1' 'Night 1 again' --project owner/name
    """
    admin, owner, details = _open(endpoint, project, name)
    ids = [str(number) for number in admin.panoptes.member_ids(details.subject_set.set_id)]
    _fill(admin, owner, {to: ids}, yes, as_json)


def merge(
    names: Annotated[
        list[str], typer.Argument(metavar="SET...", help="Names or ids of the sets.", show_default=False)
    ],
    into: Annotated[str, typer.Option("--into", help="The set that gets all subjects.", show_default=False)],
    project: ProjectOption = None,
    yes: YesOption = False,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the subjects of several sets into one, each once; the sets stay as they are.

    Example: zoocut sets merge 'Night 1' 'Night 2' --into 'Both nights' --project owner/name
    """
    from zoocut.subject_sets import find_set

    admin, owner, first = _open(endpoint, project, names[0])
    others = [find_set(admin, owner, name) for name in names[1:]]
    found = [one.subject_set.set_id for one in (first, *others)]
    ids = [str(number) for set_id in found for number in admin.panoptes.member_ids(set_id)]
    _fill(admin, owner, {into: list(dict.fromkeys(ids))}, yes, as_json)


def split(
    name: SetArgument,
    by: Annotated[str, typer.Option("--by", help="The metadata key, without prefix.", show_default=False)],
    project: ProjectOption = None,
    yes: YesOption = False,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a set for each value of a metadata key; the set itself stays as it is.

    Example: zoocut sets split 'Night 1' --by band --project owner/name
    """
    from zoocut.subject_sets import split_by

    admin, owner, details = _open(endpoint, project, name)
    groups = split_by(admin, details.subject_set.set_id, by)
    wanted = {f"{details.subject_set.name} {by} {value}": ids for value, ids in sorted(groups.items())}
    agree(f"make a set, or complete it, for each of {len(wanted)} values of {by} ({_first(groups)})?", yes)
    _fill(admin, owner, wanted, yes, as_json)


def training(
    name: SetArgument,
    table: Annotated[
        Path,
        typer.Argument(
            help="CSV: subject_id or diaSourceId, #feedback_1_id, #feedback_1_answer.", show_default=False
        ),
    ],
    project: ProjectOption = None,
    yes: YesOption = False,
    endpoint: EndpointOption = None,
    encoding: EncodingOption = None,
) -> None:
    """Mark subjects of a set as training subjects and print what to ask Zooniverse for.

    Example: zoocut sets training 'Training' answers.csv --project owner/name
    """
    from zoocut.subject_sets import find_subjects, mark_training, read_training, shown_by, workflow_request

    rows = read_training(table, encoding)
    admin, owner, details = _open(endpoint, project, name)
    set_id = details.subject_set.set_id
    sources = {row.dia_source_id for row in rows if row.dia_source_id}
    members = admin.panoptes.members(set_id, shown_by(sources))
    ids = [
        find_subjects(admin, owner, [], [row.dia_source_id], lambda _: members.kept.values())[0]
        if row.dia_source_id
        else row.subject_id
        for row in rows
    ]
    _require_members(ids, set(ids).intersection(map(str, members.ids)), set_id)
    agree(f"write training metadata to {len(ids)} subjects of set {set_id}?", yes)
    with told_when_stopped(STOPPED):
        changed = mark_training(admin, rows, ids)
    notes.print(f"{len(changed)} subjects marked, {len(ids) - len(changed)} carried it already", markup=False)
    notes.print("ask Zooniverse (contact@zooniverse.org) to add this to the workflow's configuration:")
    results.print(json.dumps(workflow_request(rows, [set_id])), markup=False)


def _open(endpoint: str | None, project: str | None, name: str) -> tuple[SetAdmin, Project, SetDetails]:
    from zoocut.subject_sets import find_project, find_set

    admin = sign_in(endpoint)
    details = find_set(admin, find_project(admin, project), name)
    return admin, admin.panoptes.project(details.subject_set.project_id), details


def _ids(subjects: list[str] | None, file: Path | None) -> list[str]:
    from zoocut.error_kinds import UnreadableFile

    if file is None:
        return subjects or []
    try:
        lines = file.read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{file} cannot be read ({error}): give a text file of subject ids") from error
    return [*(subjects or ()), *lines]


def _required(ids: list[str]) -> list[str]:
    from zoocut.error_kinds import DestinationMissing

    if not ids:
        raise DestinationMissing("no subjects were named: give their ids, --file or --dia-source-id")
    return ids


def _require_members(ids: list[str], members: Container[str], set_id: str) -> None:
    from zoocut.error_kinds import WrongSubjects

    missing = [number for number in ids if number not in members]
    if missing:
        raise WrongSubjects(
            f"subject {missing[0]} is not in set {set_id}: add it first, or correct the table"
        )


def _fill(admin: SetAdmin, owner: Project, wanted: dict[str, list[str]], yes: bool, as_json: bool) -> None:
    """Make the sets that are missing and put the subjects in."""
    from zoocut.subject_sets import add as put
    from zoocut.subject_sets import create
    from zoocut.zooniverse.finding import find_set, require_new_name

    known = {name: find_set(admin.panoptes, owner, name) for name in wanted}
    for name in (name for name, found in known.items() if found is None):
        require_new_name(name)
    _tell_retired(admin, owner, list(dict.fromkeys(number for ids in wanted.values() for number in ids)))
    _agree_to_publish(admin, [found for found in known.values() if found is not None], yes)
    rows = []
    with told_when_stopped(STOPPED):
        for name, ids in wanted.items():
            goal = known[name] or create(admin, owner, name, {})
            rows.append(
                {
                    "id": goal.set_id,
                    "name": goal.name,
                    "subjects": len(ids),
                    "added": put(admin, goal.set_id, ids),
                }
            )
    show("sets", rows, as_json, False)


def _first(groups: Mapping[str, object]) -> str:
    """Name the first values, so that a wrong key shows."""
    shown = ", ".join(sorted(groups)[:5])
    return shown if len(groups) <= 5 else f"{shown} and so on"


def _agree_to_publish(admin: SetAdmin, sets: Sequence[SubjectSet], yes: bool) -> None:
    """Ask before subjects go into sets that volunteers are served from now."""
    for one in sets:
        serving = admin.panoptes.active_workflows(one.set_id)
        if serving:
            agree(
                f"the set {one.name!r} is served by an active workflow ({', '.join(serving)}): volunteers will see the "
                "new subjects at once; go on?",
                yes,
            )


def _tell_retired(admin: SetAdmin, owner: Project, ids: list[str]) -> None:
    from zoocut.subject_sets import already_retired

    for one in already_retired(admin, owner, ids):
        notes.print(
            f"note: workflow {one.workflow_id} ({one.name}) has retired {one.subjects} of them and will "
            "not serve these again, from whichever set",
            markup=False,
        )


def _tell_count(set_id: str, count: int, of: int, what: str, as_json: bool) -> None:
    if as_json:
        print_json({"version": 1, "id": set_id, "changed": count, "subjects": of})
        return
    rest = f", {of - count} needed nothing" if of > count else ""
    results.print(f"set {set_id}: {count} {what}{rest}", markup=False)
