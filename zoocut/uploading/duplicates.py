"""Once across runs: rows that the set already holds from another run or tool are left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shlex import quote

from zoocut.error_kinds import OtherCopy
from zoocut.files import typed
from zoocut.ledger import Ledger, Member, State
from zoocut.ledger.members import MemberBook
from zoocut.metadata_keys import SubjectKey
from zoocut.uploading.changed_pictures import held_with_another, tell_held_with_another
from zoocut.uploading.context import UploadContext
from zoocut.uploading.machine import Skipped, after
from zoocut.uploading.matching import Foreign, foreign, look_alikes
from zoocut.zooniverse.records import Subject

__all__ = ["alike_warning", "skip_held"]


def skip_held(
    context: UploadContext, ledger: Ledger, tell: Callable[[str], object], *, again: bool = False
) -> None:
    """Mark the planned rows that the set already holds from another run or tool.

    The set is listed when the manifest has been taken in; while it holds as many members as then plus what this run
    linked, the list kept in the ledger is trusted.

    Parameters
    ----------
    context, ledger : UploadContext, Ledger
        The set, and what is known of it.
    tell : callable
        Told of members that look like rows and do not say so by an id.
    again : bool
        Whether rows that others have put there are made all the same; those of this very run never are.

    Raises
    ------
    LedgerError
        When they are of this very run: it was uploaded from a copy with another ledger.
    """
    target = context.target
    if context.new_set or not ledger.count_unfinished(target):
        return
    members = context.retrying.count_members(target.set_id)
    others = members - ledger.counts(target)[State.LINKED]
    if others > 0 and MemberBook(ledger).count(target) != others:
        listed = list(context.retrying.of_members(target.set_id, _listed))
        MemberBook(ledger).keep(target, (member for member, _ in listed), others)
        rows = ((one.metadata, one.external_id) for one in ledger.every(target))
        alike = look_alikes(rows, (stranger for _, stranger in listed if stranger))
        if alike:
            tell(alike_warning(context.folder, target.set_name, alike))
    if others > 0:
        _refuse_another_copy(context, ledger)
        if not again:
            _skip(context, ledger, tell)


def _listed(subject: Subject) -> tuple[Member, Foreign | None]:
    return Member(subject.subject_id, subject.row_name, subject.key), foreign(subject)


def alike_warning(folder: Path, set_name: str, alike: int) -> str:
    """Put into words that a set holds subjects of another tool that look like rows of a run."""
    return (
        f"the set {set_name!r} holds {alike} subjects that no run made and that look like rows of this one: they would "
        f"be there twice; `zoocut adopt {typed(folder)} --set {quote(set_name)}` takes them over"
    )


def _skip(context: UploadContext, ledger: Ledger, tell: Callable[[str], object]) -> None:
    target, others = context.target, list[str]()
    held, last = MemberBook(ledger).held_by_others(target), -1
    while held and (page := ledger.entries(target, State.PLANNED, last)):
        last = page[-1].row
        known = [(entry, *held[entry.row]) for entry in page if entry.row in held]
        ledger.save([after(entry, Skipped(subject_id)) for entry, subject_id, _ in known])
        others += [
            e.external_id for e, _, key in known if held_with_another(context.folder, e.images[0], key)
        ]
    if others:
        tell(tell_held_with_another(context.folder, target.set_name, others))


def _refuse_another_copy(context: UploadContext, ledger: Ledger) -> None:
    count = MemberBook(ledger).count_own_strangers(
        context.target, SubjectKey.start(context.run_id, context.target.set_id)
    )
    if count:
        raise OtherCopy(
            f"the set {context.target.set_name!r} holds {count} subjects of this run that the ledger in "
            f"{context.folder} does not know, uploaded from another copy: run "
            f"`zoocut adopt {typed(context.folder)} --set {quote(context.target.set_name)}` first, which takes them "
            "over"
        )
