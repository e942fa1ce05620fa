"""The order in which prioritized workflows serve subjects: what the manifest says against what is served.

Zooniverse copies `#priority` to a subject's membership when it is linked, by a job that may come minutes late, and
never again: a later change of the metadata alone changes nothing that is served. Lower comes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from zoocut.errors import ZooniverseError
from zoocut.ledger import Entry, Ledger, Target
from zoocut.metadata_keys import is_priority, sent_name
from zoocut.run.folder import Run
from zoocut.zooniverse.api import PAGE_SIZE
from zoocut.zooniverse.panoptes import Membership, Panoptes
from zoocut.zooniverse.set_admin import SetAdmin

__all__ = ["OtherPriority", "other_priorities", "set_priority"]

PRIORITY = "#priority"


@dataclass(frozen=True, slots=True)
class OtherPriority:
    """A subject that is served by another priority than the manifest says.

    Parameters
    ----------
    external_id, subject_id : str
        The row and its subject.
    membership : Membership
        What is served.
    wanted : float
        What the manifest says.
    """

    external_id: str
    subject_id: str
    membership: Membership
    wanted: float

    def __str__(self) -> str:
        served = self.membership.priority
        told = "without one" if served is None else f"by {served:g}"
        return f"{self.external_id}: subject {self.subject_id}, served {told}, manifest {self.wanted:g}"


def other_priorities(run: Run, ledger: Ledger, target: Target, panoptes: Panoptes) -> Iterator[OtherPriority]:
    """Yield the members of a set that are served by another priority than the manifest says.

    Raises
    ------
    InputError
        When the manifest cannot be read.
    ZooniverseError
        When the server cannot be asked to the end.
    """
    planned = run.by(target.manifest)
    if not any(
        map(_names_priority, planned.metadata_keys())
    ):  # most have none, and reading 100,000 rows takes 0.5 s
        return
    rows = planned.rows()
    wanted = {row.external_id: found for row in rows if (found := _priority(row.metadata)) is not None}
    linked = (e for e in ledger.every(target) if e.state.in_set and e.subject_id and e.external_id in wanted)
    for entries in _batches(linked):
        yield from _compare(entries, wanted, panoptes, target)


def set_priority(admin: SetAdmin, target: Target, other: OtherPriority) -> None:
    """Serve a subject by the manifest's priority, and read it back.

    Raises
    ------
    ZooniverseError
        When another is served all the same.
    """
    admin.set_priority(other.membership.member_id, other.wanted)
    (now,) = admin.panoptes.memberships(target.set_id, [other.subject_id]) or (None,)
    if now is None or now.priority != other.wanted:
        raise ZooniverseError(
            f"subject {other.subject_id} is not served by the priority {other.wanted:g} that was set: run again later"
        )


def _compare(
    entries: Sequence[Entry], wanted: Mapping[str, float], panoptes: Panoptes, target: Target
) -> Iterator[OtherPriority]:
    members = panoptes.memberships(target.set_id, [str(entry.subject_id) for entry in entries])
    served = {member.subject_id: member for member in members}
    for entry in entries:
        member, priority = served.get(str(entry.subject_id)), wanted[entry.external_id]
        if member is not None and member.priority != priority:
            yield OtherPriority(entry.external_id, str(entry.subject_id), member, priority)


def _names_priority(key: str) -> bool:
    return sent_name(key).casefold() == PRIORITY


def _priority(metadata: Mapping[str, str]) -> float | None:
    """Read `#priority` as Zooniverse does, whatever its capitals."""
    found = next((value for key, value in metadata.items() if _names_priority(key)), None)
    return float(found) if found is not None and is_priority(found) else None


def _batches(entries: Iterator[Entry]) -> Iterator[Sequence[Entry]]:
    while batch := list(islice(entries, PAGE_SIZE)):
        yield batch
