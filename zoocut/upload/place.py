"""Where an upload takes place, and what a piece of its work comes back with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoocut.errors import ZooniverseError
from zoocut.ledger.records import Entry, Target
from zoocut.upload.machine import Event
from zoocut.zooniverse.panoptes import Address, Panoptes
from zoocut.zooniverse.store import Store

__all__ = ["Outcome", "Place", "key_of"]


@dataclass(frozen=True, slots=True)
class Place:
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
        The ways there.
    """

    folder: Path
    run_id: str
    user_id: str
    target: Target
    panoptes: Panoptes
    store: Store


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one piece of work on one entry.

    Parameters
    ----------
    event : Event or None
        What happened; None when nothing did.
    addresses : tuple of Address
        Fresh signed addresses, when the answer held some.
    trouble : ZooniverseError or None
        Why it is to be tried again later.
    sent_bytes : int
        How many bytes the store confirmed.
    """

    event: Event | None = None
    addresses: tuple[Address, ...] = ()
    trouble: ZooniverseError | None = None
    sent_bytes: int = 0


def key_of(place: Place, entry: Entry) -> str:
    """Write the key that an entry's subject carries: run, set, row and the first image's checksum."""
    checksum = entry.images[0].sha256 or ""
    return f"{place.run_id}/{place.target.set_id}/{entry.external_id}/{checksum[:12]}"
