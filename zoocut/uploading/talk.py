"""Attaching files to the Talk pages of subjects that are in their set, each exactly once.

The server gives no idempotency, and the address that bytes go to is told once, when a medium is made. So a medium
is announced in the ledger before it is asked for; one whose answer was lost is looked for among what the subject
has, under the key in its metadata, and only when it has surely not come into being is it asked for again; one that is
there without our bytes, to which nobody can put them any more, is taken away first. What the store acknowledged, or
serves, by its checksum is attached.
"""

from __future__ import annotations

import hashlib
import mimetypes
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from threading import Event as Flag

from zoocut.errors import ZooniverseError
from zoocut.ledger import Ledger
from zoocut.ledger.attachments import Attached, Attachment, AttachmentBook
from zoocut.run.talk import TALK_FILE, read_talk
from zoocut.uploading.context import UploadContext
from zoocut.uploading.pictures import read_picture
from zoocut.uploading.request import Timing
from zoocut.zooniverse.attachments import Medium, SubjectMedia
from zoocut.zooniverse.panoptes import Address
from zoocut.zooniverse.request_errors import Busy, NotNow, Refused, Unreachable

__all__ = ["attach_files"]


def attach_files(ledger: Ledger, context: UploadContext, timing: Timing, stop: Flag) -> None:
    """Attach what `talk.csv` names to the linked subjects of a target.

    Parameters
    ----------
    ledger, context : Ledger, UploadContext
        What is attached where.
    timing : Timing
        How long is waited.
    stop : threading.Event
        When set, nothing more is begun.

    Raises
    ------
    InputError
        When `talk.csv` cannot be read.
    ZooniverseError
        When the server has not got any further for `give_up_after_s`.
    """
    rows = list(read_talk(context.folder / TALK_FILE))
    if not rows:
        return
    book = AttachmentBook(ledger)
    book.take_in(context.target, ((row.external_id, row.file, row.sha256) for row in rows))
    attacher = _Attacher(context, book, SubjectMedia(context.panoptes.api), timing.settle_s)
    pause_s, last = timing.first_backoff_s, time.monotonic()
    while not stop.is_set():
        before = book.counts(context.target)
        trouble = _pass(attacher, book, context, stop)
        after = book.counts(context.target)
        if not any(after.get(state) for state in (Attached.PLANNED, Attached.INTENT, Attached.CREATED)):
            return
        if after != before:
            pause_s, last = timing.first_backoff_s, time.monotonic()
        elif time.monotonic() - last > timing.give_up_after_s + timing.settle_s:
            raise ZooniverseError(
                f"files for Talk cannot be attached ({trouble}): run the same command again later"
            )
        stop.wait(max(pause_s, getattr(trouble, "retry_after_s", None) or 0.0))
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


LONGEST_PAUSE_S = 30.0


def _pass(
    attacher: _Attacher, book: AttachmentBook, context: UploadContext, stop: Flag
) -> ZooniverseError | None:
    """Work on every row once; return the last trouble met."""
    trouble: ZooniverseError | None = None
    for files in book.unfinished(context.target):
        if stop.is_set():
            break
        try:
            attacher.work_on(files)
        except NotNow as error:
            trouble = error
            if isinstance(error, Busy | Unreachable):
                break
    return trouble


@dataclass(frozen=True)
class _Attacher:
    context: UploadContext
    book: AttachmentBook
    media: SubjectMedia
    settle_s: float
    clock: Callable[[], float] = time.time

    def work_on(self, files: Sequence[Attachment]) -> None:
        """Bring the files of one subject as far as they come now.

        Raises
        ------
        NotNow
            When the server cannot be asked now; what was announced is looked for later.
        """
        subject_id = files[0].subject_id
        doubtful = any(one.state is not Attached.PLANNED for one in files)
        held = self.media.attached_to(subject_id) if doubtful else []
        for one in files:
            key = one.key(self.context.run_id, self.context.target.set_id)
            mine = [medium for medium in held if medium.key == key]
            self._settle(one, key, mine)

    def _settle(self, one: Attachment, key: str, mine: Sequence[Medium]) -> None:
        content = self._content(one)
        if content is None:
            return
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        there = next((medium for medium in mine if self.context.store.holds(medium.address, md5)), None)
        if there is not None:
            self.book.save(replace(one, state=Attached.ATTACHED, md5=md5, media_id=there.media_id))
            return
        if one.state is Attached.INTENT and not mine and not self._surely_absent(one):
            return
        for medium in mine:
            self.media.detach(one.subject_id, medium.media_id)
        self._attach(replace(one, md5=md5), key, content)

    def _attach(self, one: Attachment, key: str, content: bytes) -> None:
        mime = mimetypes.guess_type(one.file)[0] or ""
        announced = replace(
            one, state=Attached.INTENT, attempt=one.attempt + 1, sent_at=self.clock(), media_id=None
        )
        self.book.save(announced)
        try:
            made = self.media.attach(one.subject_id, mime, key)
        except (Busy, Unreachable):
            self.book.save(one)  # surely nothing was made
            raise
        except Refused as error:
            self.book.save(replace(announced, state=Attached.REJECTED, reason=_why(one, error)))
            return
        created = replace(announced, state=Attached.CREATED, media_id=made.media_id)
        self.book.save(created)
        name = made.address.partition("?")[0].rpartition("/")[2]
        try:
            self.context.store.put(Address(made.address, name, self.clock()), content, mime)
        except Refused:
            return  # what the subject has tells, at the next look
        self.book.save(replace(created, state=Attached.ATTACHED))

    def _surely_absent(self, one: Attachment) -> bool:
        """Whether a medium that was announced and is not there will not come any more."""
        since = self.clock() - (one.sent_at or 0.0)
        if since < 0:  # the clock was set back: wait anew
            self.book.save(replace(one, sent_at=self.clock()))
            return False
        return since >= self.settle_s * max(1, one.attempt)

    def _content(self, one: Attachment) -> bytes | None:
        """Read the file, if it still is the one that was drawn."""
        try:
            content = read_picture(self.context.folder / one.file)
        except OSError as error:
            reason = (
                f"{one.file} cannot be read ({error.strerror}): generate the run again, then upload again"
            )
        else:
            if hashlib.sha256(content).hexdigest() == one.sha256:
                return content
            reason = f"{one.file} is not what was drawn: generate the run again, then upload again"
        self.book.save(replace(one, state=Attached.REJECTED, reason=reason))
        return None


def _why(one: Attachment, error: Refused) -> str:
    if error.status == HTTPStatus.NOT_FOUND:
        return f"subject {one.subject_id} is gone, or not this account's to change"
    return f"{one.file} was refused: {error}"
