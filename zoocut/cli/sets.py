"""`zoocut sets`: its commands; those about what a set holds are in `sets_members`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoocut.api.server import sign_in
from zoocut.cli.asking import agree
from zoocut.cli.options import CsvOption, EndpointOption, JsonOption, ProjectOption, SetArgument, YesOption
from zoocut.cli.sets_members import add, copy, members, merge, remove, split, training
from zoocut.cli.tables import show

if TYPE_CHECKING:
    from zoocut.zooniverse.set_admin import SetAdmin, SetDetails

__all__ = ["app"]

app = typer.Typer(help="See, arrange and remove subject sets.", no_args_is_help=True)

for command in (members, add, remove, copy, merge, split, training):
    app.command()(command)


@app.command("list")
def list_(
    project: ProjectOption = None,
    runs: Annotated[
        Path, typer.Option("--runs", help="Where to look for runs that were uploaded to them.")
    ] = Path(),
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List the sets of a project, with their subjects counted now.

    Example: zoocut sets list --project owner/name
    """
    from zoocut.api.server_reports import sets
    from zoocut.error_kinds import DestinationMissing

    if project is None:
        raise DestinationMissing("a list of sets needs its project: add --project OWNER/NAME")
    found = sets(project, endpoint=endpoint, runs=runs)
    show("sets", [line.to_dict() if as_json else line.to_row() for line in found], as_json, as_csv)


@app.command("show")
def show_(
    name: SetArgument,
    project: ProjectOption = None,
    runs: Annotated[
        Path, typer.Option("--runs", help="Where to look for runs that were uploaded to it.")
    ] = Path(),
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show one set with its metadata.

    Example: zoocut sets show 'Night 1' --project owner/name
    """
    from zoocut.subject_sets import describe, find_project, find_set, local_runs

    admin = sign_in(endpoint)
    details = find_set(admin, find_project(admin, project), name)
    line = describe(admin, details, local_runs(runs, admin.panoptes.endpoint))
    if as_json:
        show("sets", [line.to_dict()], as_json, as_csv)
        return
    pairs = {**line.to_row(), **{f"metadata {key}": value for key, value in line.metadata.items()}}
    show("values", [{"what": key, "value": value} for key, value in pairs.items()], as_json, as_csv)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The new set's name.", show_default=False)],
    project: ProjectOption = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(
            "--metadata",
            "-m",
            help="A note about the set, as KEY=VALUE; may be repeated.",
            show_default=False,
        ),
    ] = None,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make an empty set.

    Example: zoocut sets create 'Night 1' --project owner/name -m telescope=DECam
    """
    from zoocut.error_kinds import DestinationMissing
    from zoocut.subject_sets import create as make

    if project is None:
        raise DestinationMissing("a new set needs its project: add --project OWNER/NAME")
    admin = sign_in(endpoint)
    made = make(admin, admin.panoptes.project(project), name, _pairs(metadata))
    _tell({"id": made.set_id, "display_name": made.name}, f"made set {made.set_id}: {made.name}", as_json)


@app.command()
def rename(
    name: SetArgument,
    to: Annotated[str, typer.Argument(metavar="NEW", help="The new name.", show_default=False)],
    project: ProjectOption = None,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a set another name.

    Example: zoocut sets rename 'Night 1' 'Night 1 g band' --project owner/name
    """
    from zoocut.subject_sets import find_project, find_set
    from zoocut.subject_sets import rename as give_name

    admin = sign_in(endpoint)
    details = find_set(admin, find_project(admin, project), name)
    give_name(admin, details, to)
    set_id = details.subject_set.set_id
    _tell({"id": set_id, "display_name": to}, f"set {set_id} is now called {to}", as_json)


@app.command()
def metadata(
    name: SetArgument,
    put: Annotated[
        list[str] | None,
        typer.Option("--set", help="KEY=VALUE to set; the option may be repeated.", show_default=False),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option("--unset", help="A key to remove; the option may be repeated.", show_default=False),
    ] = None,
    project: ProjectOption = None,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Show what is noted about a set, or change it.

    Example: zoocut sets metadata 'Night 1' --set band=g --unset note --project owner/name
    """
    from zoocut.subject_sets import change_metadata, find_project, find_set

    admin = sign_in(endpoint)
    details = find_set(admin, find_project(admin, project), name)
    noted = details.subject_set.metadata
    if put or drop:
        noted = change_metadata(admin, details, _pairs(put), frozenset(drop or ()))
    show("metadata", [{"key": key, "value": value} for key, value in noted.items()], as_json, as_csv)


@app.command()
def link(
    name: SetArgument,
    workflow: Annotated[str, typer.Argument(help="The workflow's name or id.", show_default=False)],
    project: ProjectOption = None,
    copy: Annotated[
        bool,
        typer.Option(
            "--copy", help="Copy the set into the project of the workflow, which is named by its id."
        ),
    ] = False,
    runs: Annotated[
        Path, typer.Option("--runs", help="Where to look for runs that were uploaded to it.")
    ] = Path(),
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a workflow serve a set, which shows it to volunteers once the workflow is active.

    Example: zoocut sets link 'Night 1' 'Real or bogus' --project owner/name
    """
    from zoocut.subject_sets import find_project, find_set, find_workflow, link_copy
    from zoocut.subject_sets import link as serve

    admin = sign_in(endpoint)
    details = find_set(admin, find_project(admin, project), name)
    found = details.subject_set
    owner = admin.panoptes.project(found.project_id)
    if copy:
        made = link_copy(admin, details, admin.workflow(workflow.removeprefix("id:")))
        _tell(
            {"id": made, "changed": True},
            f"set {found.set_id} was copied to {made}, which is linked",
            as_json,
        )
        return
    served_by = find_workflow(admin, owner, workflow)
    _warn_unverified(found.set_id, runs, admin.panoptes.endpoint)
    changed = serve(admin, details, served_by)
    words = "now serves" if changed else "already serves"
    _tell(
        {"id": found.set_id, "workflow": served_by.workflow_id, "changed": changed},
        f"workflow {served_by.workflow_id} ({served_by.name}) {words} set {found.set_id} ({found.name})",
        as_json,
    )


def _warn_unverified(set_id: str, folder: Path, endpoint: str) -> None:
    """Audit the local run that made the set, as `zoocut verify` does, and warn when it does not pass."""
    from zoocut.api.server import credentials_for
    from zoocut.cli.console import notes
    from zoocut.ledger import Ledger
    from zoocut.run.folder import Run
    from zoocut.subject_sets import local_runs
    from zoocut.verifying import verify
    from zoocut.zooniverse.connect import connect

    found = local_runs(folder, endpoint).get(set_id)
    if found is None:
        return
    panoptes, store = connect(endpoint, credentials_for(endpoint))
    with Ledger.read(Run.open(found.path).ledger) as ledger:
        targets = [one for one in ledger.targets() if (one.endpoint, one.set_id) == (endpoint, set_id)]
        audits = [
            verify(Run.open(found.path), ledger, one, panoptes.retrying(), store, "sample") for one in targets
        ]
    differences = sum(audit.differences for audit in audits)
    if differences or found.unfinished:
        notes.print(
            f"warning: {found.unfinished} rows of {found.path} are not in the set yet and {differences} "
            f"things differ: volunteers may meet what is linked; see `zoocut verify {found.path}`",
            markup=False,
        )


@app.command()
def unlink(
    name: SetArgument,
    workflow: Annotated[str, typer.Argument(help="The workflow's name or id.", show_default=False)],
    project: ProjectOption = None,
    yes: YesOption = False,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop a workflow from serving a set.

    Example: zoocut sets unlink 'Night 1' 'Real or bogus' --project owner/name
    """
    from zoocut.subject_sets import find_project, find_set, find_workflow
    from zoocut.subject_sets import unlink as stop

    admin = sign_in(endpoint)
    details = find_set(admin, find_project(admin, project), name)
    served_by = find_workflow(admin, admin.panoptes.project(details.subject_set.project_id), workflow)
    set_id, number = details.subject_set.set_id, served_by.workflow_id
    agree(f"workflow {number} ({served_by.name}) will no longer show set {set_id} to volunteers:", yes)
    changed = stop(admin, details, served_by)
    words = "no longer serves" if changed else "did not serve"
    _tell(
        {"id": set_id, "workflow": number, "changed": changed},
        f"workflow {number} {words} set {set_id}",
        as_json,
    )


@app.command()
def delete(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="SET...", help="Names or ids of the sets; id:N insists on the id.", show_default=False
        ),
    ],
    project: ProjectOption = None,
    yes: YesOption = False,
    endpoint: EndpointOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete sets; says first what will become of their subjects. All of them are found before one is deleted.

    Example: zoocut sets delete 'Night 1' 'Night 2' --project owner/name
    """
    from zoocut.subject_sets import delete as remove
    from zoocut.subject_sets import find_project, find_set

    admin = sign_in(endpoint)
    owner = find_project(admin, project)
    found = {one.subject_set.set_id: one for one in (find_set(admin, owner, name) for name in names)}
    for details in found.values():
        _tell_deletion(admin, details)
    listed = ", ".join(f"{set_id} ({one.subject_set.name})" for set_id, one in found.items())
    agree(f"delete set{'s' * (len(found) > 1)} {listed}?", yes)
    for set_id, details in found.items():
        remove(admin, details)
        if not as_json:
            _tell({}, f"deleted set {set_id} ({details.subject_set.name})", as_json)
    if as_json:
        one = {"id": next(iter(found))} if len(found) == 1 else {}
        _tell({**one, "ids": list(found), "deleted": True}, "", as_json)


def _tell_deletion(admin: SetAdmin, details: SetDetails) -> None:
    from zoocut.cli.console import notes
    from zoocut.subject_sets import foresee_deletion

    found = details.subject_set
    seen = foresee_deletion(admin, admin.panoptes.project(found.project_id), details)
    words = (
        f"set {found.set_id} ({found.name}) has {seen.subjects} subjects: {seen.elsewhere} are in other sets "
        f"and stay, {seen.served} were classified or retired and stay in no set, {seen.lost} may be removed "
        "by the server for good, unless they are collected or discussed, which cannot be seen from here; no "
        "quota comes back"
    )
    notes.print(words, markup=False)
    if seen.workflows:
        notes.print(f"it is served by {', '.join(seen.workflows)}", markup=False)


def _pairs(given: list[str] | None) -> dict[str, str]:
    from zoocut.error_kinds import WrongOption

    pairs = [one.partition("=") for one in given or ()]
    for key, equals, _ in pairs:
        if not equals or not key.strip():
            raise WrongOption(f"{key!r} is not KEY=VALUE: write for example band=g")
    return {key: value for key, _, value in pairs}


def _tell(document: dict[str, Any], sentence: str, as_json: bool) -> None:
    from zoocut.cli.console import print_json, results

    if as_json:
        print_json({"version": 1, **document})
    else:
        results.print(sentence, markup=False)
