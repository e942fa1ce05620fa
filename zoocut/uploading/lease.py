"""A lease on a subject set: who is uploading to it now, noted in the set's own metadata.

Sets have no compare-and-swap, so a lease cannot exclude; it keeps a second uploader of the same rows from beginning,
and what is read before and after each link stops one that began all the same. It is a random token, the run and a
heartbeat. It is written into metadata that were read just before, waited for longer than the server's documents may
be stale, and read back: of two who write at once the one that does not find itself there leaves before its first
create. A heartbeat is written every `beat_s`; a lease whose heartbeat did not change while it was watched for
`stale_s` is taken over. Nothing is sent by an uploader that could not confirm its own lease for that long, as after
it was stopped and woken.

The own ledger knows the lease of a process that was killed here, so that the same folder goes on at once; a copy of
the folder lies elsewhere and has to watch.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from zoocut.error_kinds import LedgerInUse, NoRole
from zoocut.errors import LedgerError
from zoocut.ledger import Ledger
from zoocut.uploading.context import UploadContext
from zoocut.zooniverse.lease_note import LEASE, LONGEST_STALE_S, LeaseNote
from zoocut.zooniverse.panoptes import Panoptes, SubjectSet
from zoocut.zooniverse.request_errors import NotNow, Refused

__all__ = ["Lease", "LeaseTimes", "first_note", "is_leased_by", "new_token"]

DOCUMENTS_STALE_S = 1.1
"""The server may answer with a document of the same second: a lease is read back after longer than that."""

SHORTEST_STALE_S = 4.0


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """How often a lease is confirmed and when it is stale, in seconds.

    Parameters
    ----------
    stale_s : float
        A heartbeat that did not change for so long is nobody's.
    """

    stale_s: float

    @classmethod
    def of(cls, settle_s: float) -> LeaseTimes:
        """Choose them by how long absence is waited for: with the default 180 s a heartbeat every 45 s."""
        return cls(min(LONGEST_STALE_S, max(SHORTEST_STALE_S, settle_s)))

    @property
    def beat_s(self) -> float:
        """How often it is confirmed."""
        return self.stale_s / 4


def new_token() -> str:
    """Return a token that no other uploader has."""
    return secrets.token_hex(8)


def first_note(token: str, run_id: str, now: float) -> dict[str, str]:
    """Return the metadata that a set is made with, so that it is leased from its first moment on."""
    return {LEASE: str(LeaseNote.at(token, run_id, now))}


def is_leased_by(found: SubjectSet, token: str) -> bool:
    """Whether a set bears the lease of a token, as one does that was made with it."""
    note = LeaseNote.of(found)
    return note is not None and note.token == token


class Lease:
    """The lease of one set, confirmed by a thread while the block lasts.

    Parameters
    ----------
    context : UploadContext
        Which set, and the server.
    ledger : Ledger
        Knows the lease of an earlier process of this folder.
    times : LeaseTimes
        How often it is confirmed, when it is stale.
    token : str
        This uploader's.
    tell : callable
        Told of waiting and of a take-over.
    made_at : float
        When the set was made with this lease, in monotonic seconds; -inf where it was not.
    """

    def __init__(
        self,
        context: UploadContext,
        ledger: Ledger,
        times: LeaseTimes,
        token: str,
        tell: Callable[[str], object],
        made_at: float = float("-inf"),
    ) -> None:
        self._context, self._ledger, self._times, self._tell = context, ledger, times, tell
        self._token = token
        self._confirmed_at = made_at
        self._over = threading.Event()
        self.lost: LedgerError | None = None
        self.from_a_copy = False
        """Whether it was taken over from another ledger of this very run, which may have made subjects."""

    @property
    def good(self) -> bool:
        """Whether it was confirmed so lately that nobody can have taken it over."""
        return self.lost is None and time.monotonic() - self._confirmed_at < 0.75 * self._times.stale_s

    def take(self, stop: threading.Event) -> None:
        """Take the lease.

        Raises
        ------
        LedgerError
            When another uploader holds it.
        NotPermitted
            When this account may not change the set.
        Interrupted
            When it was to stop before.
        """
        began, where = time.monotonic(), self._where()
        if began - self._confirmed_at < self._times.beat_s:  # the set was made with it just now
            self._ledger.keep_lease(self._context.target, f"{self._token} {where}")
            return
        found = self._read()
        if (
            found is not None and found.token == self._token
        ):  # made with it, and taking the manifest in took long
            self._ledger.keep_lease(self._context.target, f"{self._token} {where}")
            self._confirmed_at = began
            return
        if found is not None and self._ledger.lease(self._context.target) == f"{found.token} {where}":
            self._token = found.token
        contested = found is None or found.token != self._token
        if found is not None and contested:
            self._wait_until_stale(found, stop)
            self.from_a_copy = found.run_id == self._context.run_id
        self._ledger.keep_lease(self._context.target, f"{self._token} {where}")
        panoptes = self._context.retrying
        try:
            self._write(panoptes, panoptes.subject_set(self._context.target.set_id))
        except Refused as error:
            raise NoRole(
                f"this account may not change the set {self._context.target.set_name!r} ({error}): ask its project's "
                "owner for the role of collaborator"
            ) from error
        if contested:
            stop.wait(DOCUMENTS_STALE_S)
            self._require(self._read())

    def __enter__(self) -> Lease:
        threading.Thread(target=self._keep_confirming, name="zoocut-lease", daemon=True).start()
        return self

    def __exit__(self, *what: object) -> None:
        """Give it back, if that can be done; else it goes stale."""
        self._over.set()
        if self.lost is not None:
            return
        try:
            found = self._context.panoptes.subject_set(self._context.target.set_id)
            note = LeaseNote.of(found)
            if note is not None and note.token == self._token:
                others = {key: value for key, value in found.metadata.items() if key != LEASE}
                self._context.panoptes.set_metadata(found, others)
        except (NotNow, Refused):
            return

    def _where(self) -> str:
        """Name the ledger, which a copy of it is not."""
        ledger = self._ledger.path.resolve()
        return f"{socket.gethostname()}:{ledger}:{os.stat(ledger).st_ino}"

    def _read(self) -> LeaseNote | None:
        return LeaseNote.of(self._context.retrying.subject_set(self._context.target.set_id))

    def _write(self, panoptes: Panoptes, found: SubjectSet) -> None:
        """Note the lease beside what others have noted in metadata that were read just now."""
        began = time.monotonic()
        note = LeaseNote.at(self._token, self._context.run_id, panoptes.server_now())
        panoptes.set_metadata(found, {**found.metadata, LEASE: str(note)})
        self._confirmed_at = began

    def _wait_until_stale(self, found: LeaseNote, stop: threading.Event) -> None:
        """Watch a lease until it is stale, which may be told from its age, or until its holder shows."""
        began, who = time.monotonic(), found.holder
        name, stale_s = self._context.target.set_name, self._times.stale_s
        if found.age_s(self._context.panoptes.server_now()) <= 3 * stale_s:
            self._tell(
                f"the set {name!r} is leased by an upload ({who}): it is watched for up to {stale_s:.0f} s to see "
                "whether that goes on"
            )
            while time.monotonic() - began < stale_s and not stop.wait(self._times.beat_s / 2):
                now = self._read()
                if now is None:
                    return
                if now != found:
                    raise _in_use(name, now)
            self._context.retrying.subject_set(self._context.target.set_id)  # tells when it is to stop
        self._tell(f"the lease of the set {name!r} ({who}) is stale and taken over")

    def _require(self, found: LeaseNote | None) -> None:
        if found is None or found.token != self._token:
            raise _in_use(self._context.target.set_name, found)

    def _keep_confirming(self) -> None:
        while not self._over.wait(self._times.beat_s) and self.lost is None:
            try:
                found = self._context.panoptes.subject_set(self._context.target.set_id)
                note = LeaseNote.of(found)
                if note is not None and note.token != self._token:
                    self.lost = _in_use(self._context.target.set_name, note)
                elif not self._over.is_set():
                    self._write(self._context.panoptes, found)
            except (NotNow, Refused):
                continue


def _in_use(name: str, found: LeaseNote | None) -> LedgerError:
    who = found.holder if found else "its lease was taken away"
    return LedgerInUse(
        f"another upload to the set {name!r} is under way ({who}): wait until it has ended, then run the same command "
        "again"
    )
