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
    "unread": "verify again: their addresses could not be read to the end",
}
KINDS = tuple(REMEDIES)
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
    from contextlib import nullcontext

    from zoocut.cli.server import credentials_for
    from zoocut.errors import ConfigError, VerificationFailed
    from zoocut.ledger import Ledger, sole_uploader
    from zoocut.run.folder import Run
    from zoocut.verifying import prune as remove_strays
    from zoocut.verifying import target_of
    from zoocut.verifying import verify as audit_target
    from zoocut.zooniverse.connect import connect

    if check not in ("all", "sample", "none"):
        raise ConfigError(f"--check {check} is not known: give all, sample or none")
    opened = Run.open(run)
    if not opened.ledger.exists():
        raise ConfigError(f"{run} was not uploaded yet: run `zoocut upload` first")
    differences, documents = 0, []
    with sole_uploader(opened.ledger) if prune else nullcontext(), Ledger.read(opened.ledger) as ledger:
        for target in target_of(opened, ledger):
            panoptes, store = connect(target.endpoint, credentials_for(target.endpoint))
            audit = audit_target(opened, ledger, target, panoptes.retrying(), store, check)
            pruned = remove_strays(panoptes, audit) if prune else 0
            differences += audit.differences - pruned
            documents.append(_document(audit, pruned))
    _tell(documents, as_json)
    if differences:
        raise VerificationFailed(
            f"the server differs from {run} in {differences} places; what to do stands with each kind"
        )


def _document(audit: Audit, pruned: int) -> dict[str, object]:
    where = audit.target
    return {
        "endpoint": where.endpoint,
        "project": {"id": where.project_id, "slug": where.project_slug},
        "subject_set": {"id": where.set_id, "display_name": where.set_name},
        "rows": audit.rows,
        "members": audit.members,
        "others": audit.others,
        "pruned": pruned,
        **{kind: getattr(audit, kind) for kind in KINDS},
    }


def _tell(documents: list[dict[str, object]], as_json: bool) -> None:
    from zoocut.cli.console import print_json, results

    if as_json:
        print_json({"version": 1, "targets": documents})
        return
    for document in documents:
        results.print(
            f"{_place(document)}: {document['rows']} rows, {document['members']} subjects in the set, "
            f"{document['others']} of them not of this run",
            markup=False,
        )
        for kind in KINDS:
            found = document[kind]
            assert isinstance(found, list)
            results.print(f"  {kind.replace('_', ' ')}: {len(found)}", markup=False)
            for words in found[:SHOWN]:
                results.print(f"    {words}", markup=False)
            if found:
                results.print(f"    next: {REMEDIES[kind]}", markup=False)
        if document["pruned"]:
            results.print(f"  pruned: {document['pruned']}", markup=False)


def _place(document: dict[str, object]) -> str:
    project, subject_set = document["project"], document["subject_set"]
    assert isinstance(project, dict)
    assert isinstance(subject_set, dict)
    where = f"set {subject_set['id']} {subject_set['display_name']!r} at {document['endpoint']}"
    return f"{project['slug']}, {where}"
