"""`zoocut adopt`."""

from __future__ import annotations

from typing import Annotated

import typer

from zoocut.cli.options import EncodingOption, ImagesOption, JsonOption, ManifestFolder, listed
from zoocut.files import typed

__all__ = ["adopt"]


ProjectOption = Annotated[
    str | None,
    typer.Option(
        "--project",
        "-p",
        help="The project as owner/name, its id or its web address; by default the one that the run went to.",
    ),
]
SubjectSetOption = Annotated[
    str | None,
    typer.Option("--set", help="The subject set, by name or id; by default the one that the run went to."),
]
SetByOption = Annotated[
    str | None,
    typer.Option("--set-by", help="The metadata key, for a run that went to one set for each value of it."),
]
EndpointOption = Annotated[str | None, typer.Option(help="The server; by default PANOPTES_ENDPOINT.")]
YesOption = Annotated[
    bool, typer.Option("--yes", help="Do not ask before subjects of another tool are taken over.")
]


def adopt(
    run: ManifestFolder,
    project: ProjectOption = None,
    subject_set: SubjectSetOption = None,
    set_by: SetByOption = None,
    endpoint: EndpointOption = None,
    yes: YesOption = False,
    images: ImagesOption = None,
    encoding: EncodingOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rebuild a lost ledger from the server, or take over what another tool has begun to upload.

    Example: zoocut adopt night-run --project owner/rehearsal --set "First night"
    """
    import os
    from dataclasses import asdict

    from zoocut.api.server import credentials_for
    from zoocut.cli.asking import ask, assent
    from zoocut.cli.console import print_json, results
    from zoocut.config.upload import UploadSettings
    from zoocut.ledger import Ledger, sole_uploader
    from zoocut.uploading.adopting import Adoption, as_shown
    from zoocut.uploading.adopting import adopt as take_over
    from zoocut.uploading.context import UploadContext
    from zoocut.uploading.folder import open_run
    from zoocut.uploading.goals import where_to
    from zoocut.uploading.targets import choose_existing, target_of
    from zoocut.zooniverse.connect import connect

    opened = open_run(run).read_as(listed(images), encoding)
    settings = UploadSettings(project=project, subject_set=subject_set)
    goal = where_to(opened, endpoint, os.environ, settings)
    panoptes, store = connect(goal.endpoint, credentials_for(goal.endpoint), settings.answer_s)
    retrying = panoptes.retrying()
    agreement = assent if yes else ask
    user_id, adoption = retrying.account().user_id, Adoption()
    with sole_uploader(opened.ledger), Ledger.open(opened.ledger, opened.run_id) as ledger:
        for choice in choose_existing(opened, goal, set_by, ledger.targets(), retrying):
            target = target_of(as_shown(opened, choice, user_id, retrying), ledger, retrying.endpoint)
            context = UploadContext(opened.path, opened.run_id, user_id, target, panoptes, store)
            for workflow in retrying.active_workflows(target.set_id):
                agreement(
                    f"the set {target.set_name!r} is served by the active workflow {workflow}: what is left is "
                    "shown to volunteers by the next upload"
                )
            take_over(opened, context, ledger, agreement, adoption)
    if as_json:
        print_json({"version": 1, **asdict(adoption)})
        return
    results.print(
        f"{adoption.linked} rows are in the set already, {adoption.created} have a subject to be linked, "
        f"{adoption.differing} differ, {adoption.left} are left",
        markup=False,
    )
    results.print(f"next: zoocut upload {typed(run)}", markup=False)
