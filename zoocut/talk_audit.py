"""What the Talk pages of a run's subjects really have, compared with what was attached: read only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from zoocut.ledger import Ledger, Target
from zoocut.ledger.attachments import Attached, Attachment, AttachmentBook
from zoocut.zooniverse.attachments import Medium, SubjectMedia
from zoocut.zooniverse.panoptes import RetryingPanoptes
from zoocut.zooniverse.store import Store

__all__ = ["TalkAudit", "TalkStray", "audit_talk", "prune_talk"]


@dataclass(frozen=True, slots=True)
class TalkStray:
    """A medium of this run that nothing accounts for."""

    subject_id: str
    media_id: str

    def __str__(self) -> str:
        return f"medium {self.media_id} of subject {self.subject_id}"


@dataclass(slots=True)
class TalkAudit:
    """What differs.

    Parameters
    ----------
    missing : list of str
        Files that no medium of the right bytes stands for, in words.
    strays : list of TalkStray
        Media of this run beyond the one that a file has.
    """

    missing: list[str] = field(default_factory=list)
    strays: list[TalkStray] = field(default_factory=list)


def audit_talk(
    run_id: str, ledger: Ledger, target: Target, panoptes: RetryingPanoptes, store: Store, reads_bytes: bool
) -> TalkAudit:
    """Read what each subject has attached; a subject of which something is under way is passed over.

    Raises
    ------
    ZooniverseError
        When the server cannot be asked to the end.
    """
    audit, media = TalkAudit(), SubjectMedia(panoptes.api)
    for files in AttachmentBook(ledger).of_rows(target):
        held = media.attached_to(files[0].subject_id)
        known = set()
        for one in files:
            found = next((medium for medium in held if medium.media_id == one.media_id), None)
            known.add(one.media_id)
            if not _is_right(one, found, store, ledger, reads_bytes):
                audit.missing.append(f"{one.external_id}: {one.file}, {one.state.value}")
        if any(one.state in (Attached.INTENT, Attached.CREATED) for one in files):
            continue
        audit.strays += _strays(run_id, target, files[0], held, known)
    return audit


def prune_talk(panoptes: RetryingPanoptes, strays: Sequence[TalkStray]) -> int:
    """Take strays away; tell how many."""
    media = SubjectMedia(panoptes.api)
    for stray in strays:
        media.detach(stray.subject_id, stray.media_id)
    return len(strays)


def _is_right(one: Attachment, found: Medium | None, store: Store, ledger: Ledger, reads_bytes: bool) -> bool:
    if one.state is Attached.REJECTED:
        return True  # `upload` and `status` tell of it
    if found is None or one.state is not Attached.ATTACHED:
        return False
    return not reads_bytes or store.holds_retrying(found.address, one.md5)


def _strays(
    run_id: str, target: Target, one: Attachment, held: Sequence[Medium], known: set[str | None]
) -> Iterator[TalkStray]:
    ours = f"{run_id}/{target.set_id}/"
    for medium in held:
        if medium.key.startswith(ours) and medium.media_id not in known:
            yield TalkStray(one.subject_id, medium.media_id)
