"""`zoocut upload --dry-run`: what an upload would do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.cli.tables import reason_lines
from zoocut.reasons import REFUSED_ROW, Reasons

if TYPE_CHECKING:
    from zoocut.uploading.upload_plan import TargetPlan, UploadPlan

__all__ = ["tell_plan"]


def tell_plan(run: Path, options: dict[str, Any], as_json: bool) -> bool:
    """Return what an upload would do; nothing is written here or there.

    Returns
    -------
    bool
        Whether every row could be uploaded.

    Raises
    ------
    QuotaReached
        When the account may not upload that many subjects.
    """
    from zoocut.api.uploads import plan_upload
    from zoocut.cli.console import print_json

    plan = plan_upload(run, **options)
    if as_json:
        print_json(plan.to_dict())
    else:
        _tell(plan, run)
    plan.raise_for_limit()
    return not plan.faulty


def _tell(plan: UploadPlan, run: Path) -> None:
    from zoocut.cli.console import notes, results

    for line in [*_head(plan), *(line for target in plan for line in _target(target, run))]:
        results.print(line, markup=False)
    for note in plan.notes:
        notes.print(f"note: {note}", markup=False)
    results.print("nothing was sent; next: the same command without --dry-run", markup=False)


def _head(plan: UploadPlan) -> list[str]:
    left = plan.may_upload_at_most
    limit = "without a limit" if left is None else f"at most {left} more subjects"
    banned = ", banned: what it uploads is dropped" if plan.banned else ""
    lines = [
        f"account {plan.account} at {plan.endpoint}: {limit}{banned}",
        f"project {plan.project}: role {plan.role}",
    ]
    lines += [plan.manifest] if plan.manifest else []
    return lines + ([f"rights: {plan.rights_basis}"] if plan.rights_basis else [])


def _target(target: TargetPlan, run: Path) -> list[str]:
    from rich.filesize import decimal

    faulty = target.faulty
    counts = {
        "begun before": target.begun,
        "held from elsewhere": target.held_from_elsewhere,
        "faulty": len(faulty),
    }
    others = "".join(f", {count} {what}" for what, count in counts.items() if count)
    lines = [
        f"set {target.set_id or 'to be made'} {target.set_name!r}: {target.to_upload} of {target.rows} rows "
        f"to upload, {decimal(target.sent_bytes)}{others}"
    ]
    if target.active_workflows:
        lines.append(f"  served by {', '.join(target.active_workflows)}: volunteers will see them at once")
    return [*lines, *reason_lines(list(Reasons(faulty, REFUSED_ROW)), run)]
