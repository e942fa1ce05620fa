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
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Lock

from zoocut.errors import ZoocutError, ZooniverseError
from zoocut.ledger import Ledger
from zoocut.ledger.attachments import Attached, Attachment, AttachmentBook
from zoocut.run.talk import TALK_FILE, read_talk
from zoocut.uploading.context import Outcome, UploadContext
from zoocut.uploading.limiter import ConcurrencyLimit
from zoocut.uploading.pictures import read_picture
from zoocut.uploading.request import Timing
from zoocut.uploading.workers import Job, Workers
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
    with _Attaching(context, book, timing, stop) as attaching:
        attaching.run()


LONGEST_PAUSE_S = 30.0

CHANGED_MEANWHILE = (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED)
"""With these the server says that somebody else was at work on the subject: nothing was done, and it is tried again."""

TURN_S = 0.2
"""Longest wait before the stop flag is looked at again."""


class _Attaching:
    """Threads that attach the files of one subject each, and this one, which alone writes the ledger.

    A thread that announces something waits until it is on disk; what several announce meanwhile is one transaction.
    """

    def __init__(self, context: UploadContext, book: AttachmentBook, timing: Timing, stop: Flag) -> None:
        self._context, self._book, self._timing, self._stop = context, book, timing, stop
        self._limit = ConcurrencyLimit(timing.most_requests)
        self._workers = Workers[Attachment](timing.most_requests)
        self._writer = _Writer(book)
        self._back = 0
        media = SubjectMedia(context.panoptes.api)
        self._attacher = _Attacher(context, self._writer.save, media, timing.settle_s)

    def __enter__(self) -> _Attaching:
        return self

    def __exit__(self, *ended: object) -> None:
        self._writer.close()  # first: a thread that waits for it would never end
        self._workers.shut_down()

    def run(self) -> None:
        """Look at all files again and again until none is left, the stop flag is set, or nothing can go on."""
        pause_s, last = self._timing.first_backoff_s, time.monotonic()
        while not self._stop.is_set():
            before = self._book.counts(self._context.target)
            trouble = self._pass()
            after = self._book.counts(self._context.target)
            if not any(after.get(state) for state in (Attached.PLANNED, Attached.INTENT, Attached.CREATED)):
                return
            if after != before:
                pause_s, last = self._timing.first_backoff_s, time.monotonic()
            elif time.monotonic() - last > self._timing.give_up_after_s + self._timing.settle_s:
                raise ZooniverseError(
                    f"files for Talk cannot be attached ({trouble}): run the same command again later"
                )
            self._stop.wait(max(pause_s, getattr(trouble, "retry_after_s", None) or 0.0))
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _pass(self) -> ZooniverseError | None:
        """Work on every subject once; return the last trouble met."""
        troubles: list[ZooniverseError] = []
        for files in self._book.unfinished(self._context.target):
            while len(self._workers) >= self._limit.limit:
                troubles += self._turn()
            if self._stop.is_set() or any(isinstance(one, Busy | Unreachable) for one in troubles):
                break
            self._workers.send(
                Job("attach", tuple(files), partial(self._attacher.work_on, files, self._writer.wake))
            )
        while len(self._workers):
            troubles += self._turn()
        return troubles[-1] if troubles else None

    def _turn(self) -> list[ZooniverseError]:
        """Write what was announced and take in what came back; return the troubles met."""
        self._back += self._writer.write(0.0 if self._back else TURN_S)
        finished = self._workers.finished(TURN_S if self._back else 0.0)
        self._back -= len(finished)
        troubles: list[ZooniverseError] = []
        for back in finished:
            if back.failure is not None:
                raise back.failure
            trouble, now = back.outcome.trouble, time.monotonic()
            if trouble is None:
                self._limit.good(back.took_s)
            else:
                troubles.append(trouble)
                self._limit.bad(now, getattr(trouble, "retry_after_s", None))
        return troubles


class _Writer:
    """Brings what threads announce to disk, for one thread that may write the ledger."""

    def __init__(self, book: AttachmentBook) -> None:
        self._book = book
        self._waiting: SimpleQueue[tuple[Attachment, Future[None]] | None] = SimpleQueue()
        self._closing, self._closed = Lock(), False

    def save(self, attachment: Attachment) -> None:
        """Return when it is on disk; for the other threads."""
        written: Future[None] = Future()
        with self._closing:
            if self._closed:
                raise ZoocutError("stopped; the run is safe: the same command goes on")
            self._waiting.put((attachment, written))
        written.result()

    def wake(self) -> None:
        """Let `write` return: a thread is done."""
        self._waiting.put(None)

    def write(self, wait_s: float) -> int:
        """Write all that waits, up to `wait_s` seconds for the first; return how many threads say they are done."""
        found = self._taken(wait_s)
        taken = [one for one in found if one is not None]
        try:
            if taken:
                self._book.save([attachment for attachment, _ in taken])
        except BaseException as error:
            for _, written in taken:
                written.set_exception(error)
            raise
        for _, written in taken:
            written.set_result(None)
        return len(found) - len(taken)

    def close(self) -> None:
        """Write nothing more: who waits, or comes later, is told."""
        with self._closing:
            self._closed = True
        for one in self._taken(0.0):
            if one is not None:
                one[1].set_exception(ZoocutError("stopped; the run is safe: the same command goes on"))

    def _taken(self, wait_s: float) -> list[tuple[Attachment, Future[None]] | None]:
        found = []
        with suppress(Empty):
            found.append(self._waiting.get(timeout=wait_s) if wait_s else self._waiting.get_nowait())
            while True:
                found.append(self._waiting.get_nowait())
        return found


@dataclass(frozen=True)
class _Attacher:
    context: UploadContext
    save: Callable[[Attachment], None]
    media: SubjectMedia
    settle_s: float
    clock: Callable[[], float] = time.time

    def work_on(self, files: Sequence[Attachment], done: Callable[[], None]) -> Outcome:
        """Bring the files of one subject as far as they come now; what was announced is looked for later."""
        try:
            self._settle_all(files)
            return Outcome()
        except NotNow as error:
            return Outcome(trouble=error)
        except Refused as error:
            if error.status not in CHANGED_MEANWHILE:
                raise
            return Outcome(trouble=error)
        finally:
            done()

    def _settle_all(self, files: Sequence[Attachment]) -> None:
        # also where nothing was announced: a ledger that was put back to an older copy does not know what it was
        held = self.media.attached_to(files[0].subject_id)
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
            self.save(replace(one, state=Attached.ATTACHED, md5=md5, media_id=there.media_id))
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
        self.save(announced)
        try:
            made = self.media.attach(one.subject_id, mime, key)
        except (Busy, Unreachable):
            self.save(one)  # surely nothing was made
            raise
        except Refused as error:
            if error.status in CHANGED_MEANWHILE:
                self.save(one)
                raise
            self.save(replace(announced, state=Attached.REJECTED, reason=_why(one, error)))
            return
        created = replace(announced, state=Attached.CREATED, media_id=made.media_id)
        self.save(created)
        name = made.address.partition("?")[0].rpartition("/")[2]
        try:
            self.context.store.put(Address(made.address, name, self.clock()), content, mime)
        except Refused:
            return  # what the subject has tells, at the next look
        self.save(replace(created, state=Attached.ATTACHED))

    def _surely_absent(self, one: Attachment) -> bool:
        """Whether a medium that was announced and is not there will not come any more."""
        since = self.clock() - (one.sent_at or 0.0)
        if since < 0:  # the clock was set back: wait anew
            self.save(replace(one, sent_at=self.clock()))
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
        self.save(replace(one, state=Attached.REJECTED, reason=reason))
        return None


def _why(one: Attachment, error: Refused) -> str:
    if error.status == HTTPStatus.NOT_FOUND:
        return f"subject {one.subject_id} is gone, or not this account's to change"
    return f"{one.file} was refused: {error}"
