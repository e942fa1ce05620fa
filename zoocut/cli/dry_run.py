"""`zoocut upload --dry-run`: what an upload would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoocut.run.folder import Run
    from zoocut.uploading import UploadRequest

__all__ = ["tell_plan"]

SHOWN_FAULTS = 20


def tell_plan(run: Run, request: UploadRequest, answer_s: float, as_json: bool) -> bool:
    """Tell what an upload would do; nothing is written here or there.

    Returns
    -------
    bool
        Whether every row could be uploaded.
    """
    from zoocut.api.server import credentials_for
    from zoocut.cli.console import print_json
    from zoocut.uploading import forecast
    from zoocut.zooniverse.connect import connect

    panoptes, _ = connect(request.goal.endpoint, credentials_for(request.goal.endpoint), answer_s)
    document = forecast(run, request, panoptes)
    if as_json:
        print_json(document)
    else:
        _tell(document)
    return not any(target["faulty"] for target in document["targets"])


def _tell(document: dict[str, Any]) -> None:
    from zoocut.cli.console import notes, results

    for line in [*_head(document), *(line for target in document["targets"] for line in _target(target))]:
        results.print(line, markup=False)
    for concern in document["concerns"]:
        notes.print(f"note: {concern}", markup=False)
    results.print("nothing was sent; next: the same command without --dry-run", markup=False)


def _head(document: dict[str, Any]) -> list[str]:
    left = document["may_upload_at_most"]
    limit = "without a limit" if left is None else f"at most {left} more subjects"
    banned = ", banned: what it uploads is dropped" if document["banned"] else ""
    lines = [
        f"account {document['account']} at {document['endpoint']}: {limit}{banned}",
        f"project {document['project']}: role {document['role']}",
    ]
    lines += [document["manifest"]] if document["manifest"] else []
    return lines + ([f"rights: {document['rights_basis']}"] if document["rights_basis"] else [])


def _target(target: dict[str, Any]) -> list[str]:
    named, faulty = target["subject_set"], target["faulty"]
    counts = {
        "begun before": target["begun"],
        "held from elsewhere": target["held_from_elsewhere"],
        "faulty": len(faulty),
    }
    others = "".join(f", {count} {what}" for what, count in counts.items() if count)
    lines = [
        f"set {named['id'] or 'to be made'} {named['display_name']!r}: {target['to_upload']} of {target['rows']} rows "
        f"to upload, {target['bytes'] / 1e6:.1f} MB{others}"
    ]
    if target["active_workflows"]:
        lines.append(f"  served by {', '.join(target['active_workflows'])}: volunteers will see them at once")
    lines += [f"  {name}: {problem}" for name, problem in faulty[:SHOWN_FAULTS]]
    return lines + (
        [f"  and {len(faulty) - SHOWN_FAULTS} more (--json names all)"] * (len(faulty) > SHOWN_FAULTS)
    )
