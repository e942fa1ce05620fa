"""Server-side imports: asked for one at a time, their intent on disk first, watched, then proved.

An import has no idempotency and no retry: it dies at a bad row, does not say which rows failed, and its counts may be
stale. So nothing is believed that it says. Its `source_url`, which names run, part and attempt, tells whether one whose
answer was lost was begun; its end is taken from its document or from the set's count; what the set then holds decides.
Rows that are missing afterwards are left planned, for the loop to make one by one.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from threading import Event as Flag

from zoocut.error_kinds import ImportRefused, NotFoundThere, ServerStalled
from zoocut.errors import Interrupted
from zoocut.ledger import Ledger, State
from zoocut.ledger.imports import Import, ImportRecords, ImportState
from zoocut.run.folder import Run
from zoocut.uploading.context import UNCONFIRMED, UploadContext
from zoocut.uploading.import_parts import PartHost, part_host, planned, write_part
from zoocut.uploading.import_proof import look_for_doubles, prove, see_members
from zoocut.uploading.import_rules import ImportSettings
from zoocut.uploading.machine import NotCreated, Sent, after
from zoocut.uploading.report import Snapshot
from zoocut.uploading.request import Timing
from zoocut.zooniverse.imports import ImportAdmin, ImportDocument
from zoocut.zooniverse.request_errors import Doubtful, NotNow, Refused

__all__ = ["Importer"]

LIMIT = re.compile(r"exceeds the limit \((\d+)\)")
STOPPED = "stopped; the run is safe: run the same command again, it goes on"
MOST_ATTEMPTS = 3
"""Requests for one part that were lost or refused for now; then the server is not one to import at today."""

SHORTEST_LOOK_S, LONGEST_LOOK_S = 0.2, 15.0
"""Between two looks at an import: with 100,000 rows an hour these are 480 requests, 0.005 a subject."""


@dataclass(frozen=True, slots=True)
class Importer:
    """Imports the rows of one set.

    Parameters
    ----------
    run : Run
        By addresses.
    context, ledger : UploadContext, Ledger
        Where, and the memory.
    settings : ImportSettings
        How many rows at once, and when an import counts as stalled.
    timing : Timing
        How long absence is waited for.
    stop : threading.Event
        Ends the waiting.
    report, tell : callable
        Told how it stands, and what the user should know.
    """

    run: Run
    context: UploadContext
    ledger: Ledger
    settings: ImportSettings
    timing: Timing
    stop: Flag
    report: Callable[[Snapshot], None]
    tell: Callable[[str], object]

    @property
    def _records(self) -> ImportRecords:
        return ImportRecords(self.ledger, self.context.target)

    def settle(self) -> None:
        """Find out what became of imports that an earlier process asked for, and prove them.

        Raises
        ------
        ZoocutError
            When that cannot be told now, or it was to stop.
        """
        begun = self._records.open()
        for one in begun:
            self._settled(one)
        if begun:
            prove(self.context, self.ledger, self.timing.settle_s, self.stop)

    def bring_in(self) -> None:
        """Import the planned rows, a part at a time, and prove each part.

        Raises
        ------
        ZoocutError
            When an import is refused, cannot be told of now, or it was to stop.
        """
        most, lost = self.settings.most_rows, 0
        with part_host(self.run, self.context.panoptes.endpoint) as host:
            while self._fresh() and not self.stop.is_set():
                try:
                    begun = self._ask(host, most)
                except Refused as error:
                    most = self._limit_of(error, most)
                    continue
                lost = 0 if begun else lost + 1
                if lost >= MOST_ATTEMPTS:
                    raise ServerStalled(
                        f"{lost} imports were asked for and none was begun: run the same command again later, or "
                        "upload with --urls"
                    )
                if begun:
                    prove(self.context, self.ledger, self.timing.settle_s, self.stop)

    def look_again(self) -> None:
        """Look for doubles after the settling time; only then is an import over.

        Raises
        ------
        VerificationFailed
            When the set does not hold each row once.
        Interrupted
            When it was to stop.
        """
        begun = self._records.open()
        if not begun or self.stop.is_set() or self.ledger.count_unfinished(self.context.target):
            return
        self.tell(
            f"every row was seen in the set; it is counted again after {self.timing.settle_s:.0f} s, in which an "
            "import that the server runs twice, or late, would show"
        )
        if self.stop.wait(self.timing.settle_s):
            raise Interrupted(STOPPED)
        look_for_doubles(self.context, self.ledger, self.tell)
        for one in begun:
            self._records.save(replace(one, state=ImportState.OVER))

    def _fresh(self) -> bool:
        return any(page for page in planned(self.ledger, self.context, 1))

    def _limit_of(self, error: Refused, most: int) -> int:
        """Return the server's limit where it tells one.

        Raises
        ------
        NotPermitted
            When it refuses for another reason.
        """
        told = LIMIT.search(str(error))
        if error.status == HTTPStatus.FORBIDDEN and told and 0 < int(told[1]) < most:
            self._records.note_limit(int(told[1]), self.context.panoptes.server_now())
            self.tell(f"the server imports at most {told[1]} rows at once: the manifest is split by that")
            return int(told[1])
        raise ImportRefused(
            f"{self.context.panoptes.endpoint} refuses the import ({error}); nothing was made: mend that, or upload "
            "with --urls"
        ) from error

    def _ask(self, host: PartHost, most: int) -> bool:
        """Ask for the import of the next part and watch it; tell whether it was begun."""
        text, rows = write_part(self.run, self.ledger, self.context, most)
        if not rows:
            return True  # none of them can be had: each was rejected with the reason
        one = self._next(rows)
        name = one.source_url
        one = replace(one, source_url=host.serve(name, text))
        self._announce(one)
        try:
            document = self._created(one)
        except Refused:
            self._take_back(one)
            raise
        if document is None or not self._has_rows(document):
            self._take_back(one)
            return False
        self._watched(replace(one, state=ImportState.RUNNING, import_id=document.import_id))
        return True

    def _has_rows(self, document: ImportDocument) -> bool:
        """Whether the server found rows: it makes an import of nothing where the host answers it without a word."""
        if not document.rows:
            self.tell(
                f"the server found no rows at {document.source_url}, where this machine sees them: see whether the "
                "host answers everybody alike"
            )
        return document.rows > 0

    def _next(self, rows: int) -> Import:
        """Return the next import, numbered; its `source_url` is the part's name as yet."""
        known = self._records.all()
        part = 1 + sum(one.state is not ImportState.REFUSED for one in known)
        attempt = 1 + sum(one.part == part for one in known)
        name = f"zoocut-{self.context.run_id}-{self.context.target.set_id}-{part}-{attempt}.csv"
        panoptes = self.context.panoptes
        return Import(part, attempt, ImportState.INTENT, name, rows, panoptes.now(), panoptes.server_now())

    def _announce(self, one: Import) -> None:
        """Note the import and its rows; on disk when this returns."""
        watermark = self.context.retrying.newest_subject_id(self.context.target.project_id)
        self._records.save(one)
        sent = Sent(one.sent_at, self.context.user_id, watermark, one.sent_date)
        for page in planned(self.ledger, self.context, one.rows):
            self.ledger.save([after(entry, sent) for entry in page])

    def _created(self, one: Import) -> ImportDocument | None:
        """Send the one request; None when it certainly had no effect for now."""
        admin = ImportAdmin(self.context.panoptes)
        while not self.context.may_send:
            self.report(self._snapshot(0.0, UNCONFIRMED))
            if self.stop.wait(1.0):
                raise Interrupted(STOPPED)
        try:
            return admin.create(self.context.target.set_id, one.source_url)
        except Doubtful as error:
            return self._found(one, str(error))
        except NotNow:
            self.stop.wait(self.timing.first_backoff_s)
            return None

    def _found(self, one: Import, why: str) -> ImportDocument | None:
        """Look for an import whose answer was lost among those of its set, until its absence counts."""
        admin, began = ImportAdmin(self.context.panoptes), time.monotonic()
        waited = max(0.0, min(self.context.panoptes.now() - one.sent_at, self.timing.settle_s))
        while True:
            gone_s = time.monotonic() - began + waited
            for document in admin.of_set(self.context.target.set_id):
                if document.source_url == one.source_url:
                    return document
            if gone_s > self.timing.settle_s:
                return None
            self.report(self._snapshot(0.0, f"whether import {one.part} was begun is looked for ({why})"))
            if self.stop.wait(min(5.0, max(SHORTEST_LOOK_S, self.timing.settle_s / 10))):
                raise Interrupted(STOPPED)

    def _settled(self, one: Import) -> None:
        if one.state is ImportState.STALLED:
            return
        if one.import_id is None:
            document = self._found(one, "an earlier upload was stopped")
            if document is None or not self._has_rows(document):
                self._take_back(one)
                return
            one = replace(one, state=ImportState.RUNNING, import_id=document.import_id)
        self._watched(one)

    def _take_back(self, one: Import) -> None:
        """Note that an import was not begun; its rows are planned again."""
        self._records.save(replace(one, state=ImportState.REFUSED))
        last = -1
        while page := self.ledger.entries(self.context.target, State.INTENT, last):
            last = page[-1].row
            mine = (entry for entry in page if entry.sent_at == one.sent_at)
            self.ledger.save([after(entry, NotCreated()) for entry in mine])

    def _watched(self, one: Import) -> None:
        """Watch an import until it has ended or stalled."""
        self._records.save(one)
        admin, began = ImportAdmin(self.context.panoptes), time.monotonic()
        moved_at, before, first, proved_at, wanted = began, (-1, -1), -1, -1, self._linked + one.rows
        while True:
            document = self._document(admin, one)
            if document is None:
                return
            held = self.context.retrying.count_subjects(self.context.target.set_id)
            first = held if first < 0 else first
            now = time.monotonic()
            if document.finished:
                return
            if (document.done, held) != before:
                before, moved_at = (document.done, held), now
            elif held >= wanted and proved_at != held:  # the document may be stale; what is seen is there
                proved_at = held
                if see_members(self.context, self.ledger):
                    return
            elif now - moved_at > self.settings.stall_s:
                self._note_stalled(one, document, held)
                return
            rate = (held - first) / max(1e-3, now - began)
            self.report(self._snapshot(rate, self._words(one, held, rate)))
            if self.stop.wait(min(LONGEST_LOOK_S, max(SHORTEST_LOOK_S, (now - began) / 20))):
                raise Interrupted(STOPPED)

    def _document(self, admin: ImportAdmin, one: Import) -> ImportDocument | None:
        """Read an import; None when the server has it no more, so that what the set holds decides.

        Raises
        ------
        NotFoundThere
            When its set is gone, too.
        """
        target = self.context.target
        try:
            return admin.find(one.import_id or "")
        except Refused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
        try:
            self.context.retrying.subject_set(target.set_id)
        except Refused as error:
            raise NotFoundThere(
                f"the set {target.set_id} ({target.set_name}) was deleted while it was imported into: name another one "
                "with --set NAME, and agree to it with --create"
            ) from error
        self.tell(
            f"import {one.import_id} is not known to the server any more: the set itself tells what was made"
        )
        return None

    @property
    def _linked(self) -> int:
        return self.ledger.counts(self.context.target)[State.LINKED]

    def _note_stalled(self, one: Import, document: ImportDocument, held: int) -> None:
        self._records.save(replace(one, state=ImportState.STALLED))
        self.tell(
            f"import {document.import_id} has not moved for {self.settings.stall_s:.0f} s at {document.done} of "
            f"{document.rows} rows, with {held} subjects in the set: it is taken for dead, and what is missing is made "
            "one by one"
        )

    def _words(self, one: Import, held: int, rate: float) -> str:
        done = max(0, held - self._linked)
        left = f", {(one.rows - done) / rate:.0f} s left" if rate > 0 else ""
        return f"import {one.import_id}: {done} of {one.rows} rows in the set, {rate:.0f} a second{left}"

    def _snapshot(self, rate: float, words: str) -> Snapshot:
        target = self.context.target
        return Snapshot(target, self.ledger.counts(target), 0, rate, 1, 3 * rate, waiting=words)
