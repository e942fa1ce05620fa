"""The state machine of one entry: what to do next, and where what happened leads. Pure; the ledger remembers.

    PLANNED -> INTENT -> CREATED -> STORED -> LINKED
    INTENT -> IN_DOUBT -> (found) CREATED | (surely absent) PLANNED
    PLANNED, asked for before -> (found after all) CREATED
    any -> REJECTED (needs a person)

An entry is saved in its new state before the next step begins, so INTENT is on disk before the request that
may create a subject leaves, and a process that starts with an INTENT knows that it does not know.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from zoocut.ledger import Entry, Image, State

__all__ = [
    "Absent",
    "Await",
    "Create",
    "Created",
    "Differs",
    "Event",
    "Facts",
    "Gone",
    "Link",
    "Linked",
    "LostSight",
    "Measure",
    "Measured",
    "NotCreated",
    "Proved",
    "Reconcile",
    "Rejected",
    "Renew",
    "Rest",
    "Restored",
    "RowStep",
    "Sent",
    "Skipped",
    "Step",
    "Store",
    "Unproved",
    "after",
    "next_step",
]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true now, beyond the entry.

    Parameters
    ----------
    now : float
        Seconds of this process's clock.
    settle_s : float
        How long after sending the absence of a subject counts.
    looked_at : float
        When the newest finished look through the server's subjects began; -inf when there was none.
    addresses_until : float
        Until when signed addresses for this entry's images are at hand; -inf when there are none.
    absent_until : float
        Until when it counts that the newest look did not find the subject; -inf when it was not for this entry.
    """

    now: float
    settle_s: float
    looked_at: float = float("-inf")
    addresses_until: float = float("-inf")
    absent_until: float = float("-inf")


@dataclass(frozen=True, slots=True)
class Measure:
    """Read the images, take their checksums, ask addresses for their type."""


@dataclass(frozen=True, slots=True)
class Create:
    """Announce a create, then send it."""


@dataclass(frozen=True, slots=True)
class Renew:
    """Ask for fresh signed addresses."""


@dataclass(frozen=True, slots=True)
class Store:
    """Put one image, counted from 0, to its signed address."""

    position: int


@dataclass(frozen=True, slots=True)
class Link:
    """Put the subject into the set, together with others, and read the membership back."""


@dataclass(frozen=True, slots=True)
class Reconcile:
    """Look for the subject among the newest ones at the server."""


@dataclass(frozen=True, slots=True)
class Await:
    """Nothing to do before `until`, in seconds of this process's clock."""

    until: float


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do any more."""


RowStep = Measure | Create | Renew | Store
"""What is done for one row alone; linking and reconciling are done for many at once."""

Step = RowStep | Link | Reconcile | Await | Rest

MOST_ATTEMPTS = 8
"""Creates announced for one row without ever an answer; more of them only leave more strays."""

ADDRESS_MARGIN_S = 30.0
"""A signed address with less than this left is renewed before a put begins: a megabyte takes that long on a line of
300 kbit/s, and the store looks at the end of the signature when a put begins."""


def next_step(entry: Entry, facts: Facts) -> Step:
    """Return what to do next for an entry.

    Parameters
    ----------
    entry : Entry
        As the ledger holds it.
    facts : Facts
        What is true now.

    Returns
    -------
    Step
        One thing to do; doing it leads to an event for `after`.
    """
    match entry.state:
        case State.PLANNED if not all(image.sha256 for image in entry.images):
            return Measure()
        case State.PLANNED if entry.asked_before and facts.absent_until <= facts.now:
            return (
                Reconcile()
            )  # right before it is repeated: a server later than the wait may have made it by now
        case State.PLANNED:
            return Create()
        case State.INTENT | State.IN_DOUBT:
            return _settle(entry, facts)
        case State.CREATED:
            return _store(entry, facts)
        case State.STORED:
            return Link()
        case _:
            return Rest()


def _settle(entry: Entry, facts: Facts) -> Step:
    if facts.looked_at < (entry.sent_at or 0.0):
        return Reconcile()
    due = settled_at(entry, facts.settle_s)
    return Reconcile() if facts.now >= due else Await(due)


def _store(entry: Entry, facts: Facts) -> Step:
    waiting = entry.images_to_store
    if not waiting:
        return Link()
    if facts.addresses_until < facts.now + ADDRESS_MARGIN_S:
        return Renew()
    return Store(waiting[0])


def settled_at(entry: Entry, settle_s: float) -> float:
    """Return from when on the absence of an entry's subject counts: longer with each attempt that was in vain."""
    return (entry.sent_at or 0.0) + settle_s * max(1, entry.attempt)


@dataclass(frozen=True, slots=True)
class Measured:
    """The images were read; these are their records."""

    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """A create is announced: it may leave once this is on disk."""

    at: float
    user_id: str
    watermark: int
    date: float | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """The subject exists; `media_names` name its locations."""

    subject_id: str
    media_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotCreated:
    """The create certainly had no effect."""


@dataclass(frozen=True, slots=True)
class LostSight:
    """The create may or may not have had its effect; `sent_at`, when given, corrects when it was sent."""

    reason: str
    sent_at: float | None = None


@dataclass(frozen=True, slots=True)
class Absent:
    """The server's list, begun at `looked_at`, does not hold the subject."""

    looked_at: float
    settle_s: float


@dataclass(frozen=True, slots=True)
class Proved:
    """The store confirmed the checksum of one image."""

    position: int


@dataclass(frozen=True, slots=True)
class Linked:
    """The membership was read back."""


@dataclass(frozen=True, slots=True)
class Unproved:
    """The store confirmed the images and does not serve them."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The entry needs a person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Differs:
    """A subject of the row shows another image than the row, and an image is never exchanged under a subject."""

    reason: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """The set holds the row already, as a subject of another run or tool."""

    subject_id: str


@dataclass(frozen=True, slots=True)
class Restored:
    """The subject of a rejected row is there: its images are to be proved again."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The subject of a rejected row is there no more: the row begins anew."""


Event = (
    Measured
    | Sent
    | Created
    | NotCreated
    | LostSight
    | Absent
    | Proved
    | Linked
    | Unproved
    | Rejected
    | Differs
    | Skipped
    | Restored
    | Gone
)


def after(entry: Entry, event: Event) -> Entry:
    """Return what an entry becomes when something happened to it.

    Parameters
    ----------
    entry : Entry
        As it was.
    event : Event
        What happened.

    Returns
    -------
    Entry
        To be saved before anything else is done with it.
    """
    match event:
        case Measured(images):
            return replace(entry, images=images)
        case Sent():
            return _sent(entry, event)
        case Created():
            return _created(entry, event)
        case NotCreated():
            return replace(entry, state=State.PLANNED, attempt=entry.attempt - 1)
        case LostSight(reason, sent_at):
            known = entry.sent_at if sent_at is None else sent_at
            return replace(entry, state=State.IN_DOUBT, reason=reason, sent_at=known)
        case Absent(looked_at, settle_s):
            return _absent(entry, looked_at >= settled_at(entry, settle_s))
        case Proved(position):
            images = tuple(
                replace(image, proved=image.proved or at == position) for at, image in enumerate(entry.images)
            )
            return _proceed(replace(entry, images=images))
        case Linked():
            return replace(entry, state=State.LINKED, reason=None)
        case Unproved() | Restored():
            return _proceed(replace(entry, state=State.CREATED, images=_unproved(entry), reason=None))
        case Rejected(reason):
            return replace(entry, state=State.REJECTED, reason=reason)
        case Differs(reason):  # that subject is let go: a second chance makes one of its own
            return replace(after(entry, Gone()), state=State.REJECTED, reason=reason)
        case Skipped(subject_id):
            reason = f"the set already holds it as subject {subject_id}"
            return replace(entry, state=State.SKIPPED, reason=reason)
        case Gone():
            images = tuple(
                replace(image, sha256=None, media_name=None, proved=False) for image in entry.images
            )
            anew = replace(entry, state=State.PLANNED, subject_id=None, images=images, reason=None)
            return replace(anew, watermark=max(entry.watermark, int(entry.subject_id or 0)))


def _sent(entry: Entry, event: Sent) -> Entry:
    """Announce a create; what an earlier one of the row may still come to stays above the watermark."""
    return replace(
        entry,
        state=State.INTENT,
        attempt=entry.attempt + 1,
        sent_at=event.at,
        sent_as=event.user_id,
        watermark=entry.watermark if entry.asked_before else event.watermark,
        reason=None,
        sent_date=event.date,
    )


def _created(entry: Entry, event: Created) -> Entry:
    images = tuple(
        replace(image, media_name=name, proved=image.proved or not image.hosted)
        for image, name in zip(entry.images, event.media_names, strict=True)
    )
    return _proceed(
        replace(entry, state=State.CREATED, subject_id=event.subject_id, images=images, reason=None)
    )


def _unproved(entry: Entry) -> tuple[Image, ...]:
    """Take back what was proved; images that stay elsewhere need no proof."""
    return tuple(replace(image, proved=not image.hosted) for image in entry.images)


def _absent(entry: Entry, surely: bool) -> Entry:
    """Begin anew where the subject is surely absent, but not for ever: each attempt may leave a stray behind."""
    if entry.state is State.PLANNED:
        return entry
    if not surely:
        return replace(entry, state=State.IN_DOUBT)
    if entry.attempt < MOST_ATTEMPTS:
        return replace(entry, state=State.PLANNED)
    return replace(
        entry,
        state=State.REJECTED,
        reason=f"its subject was asked for {entry.attempt} times, was never confirmed and is not at the server: find "
        "out what stands in the way, then run `zoocut upload RUN --retry-rejected`",
    )


def _proceed(entry: Entry) -> Entry:
    """Move on from CREATED as soon as every image is proved."""
    return replace(entry, state=State.STORED) if all(image.proved for image in entry.images) else entry
