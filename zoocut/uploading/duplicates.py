"""Once across runs: rows that the set already holds from another run or tool are left out."""

from __future__ import annotations

from shlex import quote

from zoocut.errors import LedgerError
from zoocut.files import typed
from zoocut.ledger import Ledger, Member, State, Target
from zoocut.metadata_keys import SubjectKey
from zoocut.uploading.context import UploadContext
from zoocut.uploading.machine import Skipped, after

__all__ = ["skip_held"]


def skip_held(context: UploadContext, ledger: Ledger) -> None:
    """Mark the planned rows whose external_id the set already holds from another run or tool.

    The set is listed when the manifest has been taken in; while it holds as many members as then plus what this run
    linked, the list kept in the ledger is trusted.

    Raises
    ------
    LedgerError
        When they are of this very run: it was uploaded from a copy with another ledger.
    """
    target = context.target
    if not ledger.count_unfinished(target):
        return
    members = context.retrying.count_members(target.set_id)
    others = members - ledger.counts(target)[State.LINKED]
    if others > 0 and ledger.members_count(target) != others:
        listed = (
            Member(subject.subject_id, subject.external_id, subject.key)
            for subject in context.retrying.subjects_of_set(target.set_id)
        )
        ledger.keep_members(target, listed, others)
    if others > 0:
        _refuse_another_copy(context, ledger)
        _skip(ledger, target)


def _skip(ledger: Ledger, target: Target) -> None:
    held, last = ledger.held_by_others(target), -1
    while held and (page := ledger.entries(target, State.PLANNED, last)):
        last = page[-1].row
        ledger.save([after(entry, Skipped(held[entry.row])) for entry in page if entry.row in held])


def _refuse_another_copy(context: UploadContext, ledger: Ledger) -> None:
    count = ledger.count_own_strangers(
        context.target, SubjectKey.start(context.run_id, context.target.set_id)
    )
    if count:
        raise LedgerError(
            f"the set {context.target.set_name!r} holds {count} subjects of this run that the ledger in "
            f"{context.folder} does not know, uploaded from another copy: run "
            f"`zoocut adopt {typed(context.folder)} --set {quote(context.target.set_name)}` first, which takes them "
            "over"
        )
