"""What every step of an upload needs to know, and what it comes back with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from zoocut.errors import ZooniverseError
from zoocut.ledger import Entry, Target
from zoocut.metadata_keys import SubjectKey
from zoocut.uploading.machine import Event
from zoocut.zooniverse.panoptes import Address, Panoptes, RetryingPanoptes
from zoocut.zooniverse.store import Store

__all__ = ["Outcome", "UploadContext", "key_of"]


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
    """

    folder: Path
    run_id: str
    user_id: str
    target: Target
    panoptes: Panoptes
    store: Store
    checks: int = 0

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
    ending : ZooniverseError or None
        Why nothing more is to be begun.
    """

    events: Mapping[int, Event] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    trouble: ZooniverseError | None = None
    sent_bytes: int = 0
    looked_at: float | None = None
    ending: ZooniverseError | None = None


def key_of(context: UploadContext, entry: Entry) -> str:
    """Return the key that an entry's subject carries."""
    sha256 = entry.images[0].sha256 or ""
    return str(SubjectKey.of(context.run_id, context.target.set_id, entry.external_id, sha256))
