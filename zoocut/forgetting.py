"""Whether a set may be dropped from a run's ledger: not while the server holds subjects that only the ledger knows."""

from __future__ import annotations

from zoocut.error_kinds import SubjectsLeft
from zoocut.files import typed
from zoocut.ledger import Ledger, Target, count_unsettled
from zoocut.metadata_keys import SubjectKey
from zoocut.run.folder import Run
from zoocut.zooniverse.api import PAGE_SIZE
from zoocut.zooniverse.panoptes import Panoptes
from zoocut.zooniverse.request_errors import Refused

__all__ = ["count_held", "has_begun", "require_none_held"]


def has_begun(ledger: Ledger, target: Target) -> bool:
    """Whether a row of the target may have a subject."""
    return count_unsettled(ledger, target) > 0 or any(entry.begun for entry in ledger.every(target))


def require_none_held(run: Run, ledger: Ledger, target: Target, panoptes: Panoptes) -> None:
    """Refuse while the server holds subjects of the target, or may come to hold some.

    Raises
    ------
    VerificationFailed
        When it does.
    ZooniverseError
        When it cannot be asked.
    """
    held, unsettled = count_held(run, ledger, target, panoptes), count_unsettled(ledger, target)
    if held or unsettled:
        told = [f"{held} subjects of this run are at the server"] * (held > 0)
        told += [f"{unsettled} requests were not answered yet"] * (unsettled > 0)
        raise SubjectsLeft(
            f"{' and '.join(told)} for the set {target.set_name!r} at {target.endpoint}, and only the ledger tells "
            f"which: delete them first, go on with `zoocut upload {typed(run.path)}`, or add --keep-subjects to leave "
            "them there"
        )


def count_held(run: Run, ledger: Ledger, target: Target, panoptes: Panoptes) -> int:
    """Count the subjects of a target that are at the server: those that the ledger knows, and others in the set."""
    known = [entry.subject_id for entry in ledger.every(target) if entry.subject_id]
    pages = (known[at : at + PAGE_SIZE] for at in range(0, len(known), PAGE_SIZE))
    found = {one.subject_id for page in pages for one in panoptes.subjects(page)}
    own = SubjectKey.start(run.run_id, target.set_id)
    try:
        return len(
            found.union(
                panoptes.of_members(
                    target.set_id, lambda one: one.subject_id if one.key.startswith(own) else None
                )
            )
        )
    except Refused:  # the set is gone
        return len(found)
