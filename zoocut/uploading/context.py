"""What every step of an upload needs to know, and what it comes back with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from zoocut.errors import LedgerError, ZoocutError, ZooniverseError
from zoocut.ledger import Entry, Target
from zoocut.metadata_keys import SubjectKey
from zoocut.uploading.machine import Event
from zoocut.uploading.pictures import MeasuredContents
from zoocut.zooniverse.panoptes import Address, Panoptes, RetryingPanoptes
from zoocut.zooniverse.store import Store

__all__ = ["UNCONFIRMED", "Held", "Outcome", "UploadContext", "key_of"]

UNCONFIRMED = "the lease of the set could not be confirmed for a while"
"""Why nothing is sent by a process that does not know whether another one has taken over."""


class Held(Protocol):
    """A lease of a set."""

    lost: LedgerError | None
    """Why it is another's now; None as long as that was not seen."""

    from_a_copy: bool
    """Whether it was taken over from another ledger of this very run, which may have made subjects."""

    @property
    def good(self) -> bool:
        """Whether it was confirmed so lately that nobody can have taken it over."""


@dataclass(frozen=True, slots=True)
class UploadContext:
    """What every piece of work needs to know.

    Parameters
    ----------
    folder : Path
        The run folder, which the images' paths are relative to.
    run_id : str
        The run.
    user_id : str
        Who is signed in.
    target : Target
        Where the rows go.
    panoptes, store : Panoptes, Store
        The ways there; each request is sent once, and the loop decides when to send it again.
    checks : int
        How many public addresses are read back before each batch is linked.
    lease : Held or None
        This uploader's right to the set; None for those who only look.
    new_set : bool
        Whether this very upload has made the set: it holds nobody's subjects, and no workflow serves it.
    newest_id : int or None
        The project's highest subject id before anything was made; None where nothing is to be made.
    contents : MeasuredContents
        The bytes of images that were measured and not sent yet.
    """

    folder: Path
    run_id: str
    user_id: str
    target: Target
    panoptes: Panoptes
    store: Store
    checks: int = 0
    lease: Held | None = None
    new_set: bool = False
    newest_id: int | None = None
    contents: MeasuredContents = field(default_factory=MeasuredContents, compare=False, repr=False)

    @property
    def may_send(self) -> bool:
        """Whether creates and links may leave now."""
        return self.lease is None or self.lease.good

    @property
    def retrying(self) -> RetryingPanoptes:
        """The server for those who cannot decide themselves what to do when it cannot be asked now."""
        return self.panoptes.retrying()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one piece of work.

    Parameters
    ----------
    events : mapping of int to Event
        What happened, by row; rows that nothing happened to are left out.
    addresses : tuple of Address
        Fresh signed addresses of the one subject that was worked on.
    trouble : ZooniverseError or None
        Why it is to be tried again later.
    sent_bytes : int
        How many bytes the store confirmed.
    looked_at : float or None
        When a look through the server's subjects began, in seconds of this process's clock.
    ending : ZoocutError or None
        Why nothing more is to be begun.
    members : int or None
        How many members the set had when it was read last.
    """

    events: Mapping[int, Event] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    trouble: ZooniverseError | None = None
    sent_bytes: int = 0
    looked_at: float | None = None
    ending: ZoocutError | None = None
    members: int | None = None


def key_of(context: UploadContext, entry: Entry) -> str:
    """Return the key that an entry's subject carries."""
    sha256 = entry.images[0].sha256 or ""
    return str(SubjectKey.of(context.run_id, context.target.set_id, entry.external_id, sha256))
