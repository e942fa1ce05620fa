"""What the ledger holds: targets, entries (one a manifest row and target) and their images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from zoocut.files import is_address

__all__ = ["Entry", "Image", "Member", "State", "Target"]


class State(StrEnum):
    """Where an entry stands; `zoocut.uploading.machine` says what follows what."""

    PLANNED = "planned"
    INTENT = "intent"
    CREATED = "created"
    STORED = "stored"
    LINKED = "linked"
    IN_DOUBT = "in_doubt"
    REJECTED = "rejected"
    SKIPPED = "skipped"

    @property
    def at_rest(self) -> bool:
        """Whether an upload has nothing to do for it."""
        return self in (State.LINKED, State.SKIPPED, State.REJECTED)

    @property
    def in_set(self) -> bool:
        """Whether the set holds what the row stands for, made by this run or found there."""
        return self in (State.LINKED, State.SKIPPED)

    @property
    def has_subject(self) -> bool:
        """Whether this run made a subject that is in the set or on its way there."""
        return self in (State.CREATED, State.STORED, State.LINKED)

    @property
    def unsettled(self) -> bool:
        """Whether a create was announced and its effect is not known."""
        return self in (State.INTENT, State.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class Target:
    """One subject set at one server, as far as this run is concerned.

    Parameters
    ----------
    number : int
        Its number within the ledger.
    endpoint : str
        The server's address, normalised.
    project_id, project_slug : str
        The project.
    set_id, set_name : str
        The subject set; the name is the one it had when it was last seen.
    set_by, set_value : str
        Only rows with this value of this metadata key go there; empty for all rows.
    manifest : str
        The name of the run's manifest that the rows are taken from.
    project_created, set_created : str
        When the project and the set were made, as the server writes it: a server that was rebuilt gives the same
        numbers to others. Empty when an older ledger does not tell.
    """

    number: int
    endpoint: str
    project_id: str
    project_slug: str
    set_id: str
    set_name: str
    set_by: str = ""
    set_value: str = ""
    manifest: str = "manifest.csv"
    project_created: str = ""
    set_created: str = ""

    def is_of(self, project_created: str) -> bool:
        """Whether a project of this number that was made then may be the one that the rows went to."""
        return "" in (project_created, self.project_created) or project_created == self.project_created

    def is_set_of(self, set_created: str) -> bool:
        """Whether a set of this number that was made then may be the one that the rows went to."""
        return "" in (set_created, self.set_created) or set_created == self.set_created


@dataclass(frozen=True, slots=True)
class Image:
    """One location of an entry.

    Parameters
    ----------
    path : str
        Relative to the run folder, or an http(s) address when the image stays with its owner.
    mime : str
        Its type; empty for an address that was not asked yet.
    size : int or None
        Bytes; None until measured.
    sha256, md5 : str or None
        Hexadecimal checksums taken before the subject was announced; for an address, of the address itself.
    media_name : str or None
        What the store calls it: the last part of its address.
    proved : bool
        Whether the store acknowledged exactly these bytes.
    """

    path: str
    mime: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    media_name: str | None = None
    proved: bool = False

    @property
    def hosted(self) -> bool:
        """Whether Zooniverse keeps the bytes (else the location is an address)."""
        return not is_address(self.path)


@dataclass(frozen=True, slots=True)
class Entry:
    """One manifest row on its way to one target.

    Parameters
    ----------
    target, row : int
        Which target, and the row's number within the ledger.
    external_id : str
        The manifest's own id.
    metadata : mapping of str to str
        What the subject carries, without zoocut's own key.
    state : State
        Where it stands.
    images : tuple of Image
        Its locations in order.
    subject_id : str or None
        Known from CREATED on.
    attempt : int
        How many times a create was announced.
    sent_at : float or None
        When the last create was announced, in seconds of the announcing process's clock.
    sent_as : str or None
        The user id it was announced under.
    watermark : int
        No subject made by a create that was announced for it, and not let go since, has an id as low as this.
    reason : str or None
        Why it is rejected, skipped or in doubt.
    sent_date : float or None
        What the server's clock said at `sent_at`.
    """

    target: int
    row: int
    external_id: str
    metadata: Mapping[str, str] = field(repr=False)
    state: State
    images: tuple[Image, ...]
    subject_id: str | None = None
    attempt: int = 0
    sent_at: float | None = None
    sent_as: str | None = None
    watermark: int = 0
    reason: str | None = None
    sent_date: float | None = None

    @property
    def begun(self) -> bool:
        """Whether it may have a subject: the manifest cannot change it any more."""
        return self.subject_id is not None or self.state.unsettled

    @property
    def images_to_store(self) -> list[int]:
        """The positions of the images that are still to be stored; those that stay elsewhere never are."""
        return [at for at, image in enumerate(self.images) if image.hosted and not image.proved]

    @property
    def asked_before(self) -> bool:
        """Whether a create was announced that may have had its effect, though later than was waited for."""
        return self.attempt > 0


@dataclass(frozen=True, slots=True)
class Member:
    """A subject that the target's set held when it was last listed.

    Parameters
    ----------
    subject_id : str
        Its id.
    external_id : str
        What its maker calls it; empty when nothing.
    key : str
        Its `#zoocut` metadata; empty when another tool made it.
    """

    subject_id: str
    external_id: str
    key: str
