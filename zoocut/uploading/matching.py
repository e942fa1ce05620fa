"""Which subjects at the server stand for which rows: by this program's key, or by what another tool left behind.

panoptes-cli stores the columns of a manifest as they stand, so an `external_id` may be a subject's own or a metadata
value, and a diaSourceId may stand under `metadata:!diaSourceId`. Where no name helps, equal locations, as an import of
the same addresses leaves them, equal metadata and equal images tell. Each way is tried on what the ways before it left
over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from zoocut.ledger import Entry
from zoocut.metadata_keys import DIA_SOURCE_ID, KEY, SubjectKey, bare_name, values_of
from zoocut.uploading.context import UploadContext
from zoocut.zooniverse.records import Subject

__all__ = ["Foreign", "Matches", "foreign", "look_alikes", "match", "own_subjects", "what_adopting_needs"]

NOT_METADATA = (bare_name(KEY), "external_id")


@dataclass
class Matches:
    """Subjects by row.

    Parameters
    ----------
    own : dict of int to Subject
        Subjects that carry the row's key.
    foreign : dict of int to Subject
        Subjects of another tool that stand for the row.
    ways : Counter of str
        How many of these were told by what.
    """

    own: dict[int, Subject] = field(default_factory=dict)
    foreign: dict[int, Subject] = field(default_factory=dict)
    ways: Counter[str] = field(default_factory=Counter)


Name = Callable[[Mapping[str, object], str], Sequence[str]]


def own_subjects(context: UploadContext, subjects: Iterable[Subject]) -> dict[str, Subject]:
    """Arrange the subjects that this run made for this set by external_id, one in the set before all others."""
    found: dict[str, Subject] = {}
    for subject in subjects:
        key = SubjectKey.read(subject.key)
        if key is not None and key.belongs_to(context.run_id, context.target.set_id):
            known = found.get(key.external_id)
            if known is None or (context.target.set_id in subject.sets) > (
                context.target.set_id in known.sets
            ):
                found[key.external_id] = subject
    return found


def what_adopting_needs(context: UploadContext, subject: Subject) -> Subject | None:
    """Return a subject as `match` looks at it: the run's own without metadata, none of other runs."""
    key = SubjectKey.read(subject.key)
    if key is None:
        return subject
    return replace(subject, metadata={}) if key.belongs_to(context.run_id, context.target.set_id) else None


def match(
    context: UploadContext,
    entries: Sequence[Entry],
    subjects: Sequence[Subject],
    measured: Callable[[Entry], Entry | None],
) -> Matches:
    """Find the subjects of entries.

    Parameters
    ----------
    context : UploadContext
        Run, set and store.
    entries : sequence of Entry
        The rows.
    subjects : sequence of Subject
        The set's members, and what the account made last in the project.
    measured : callable
        Reads an entry's images and gives it with their checksums; None where they cannot be read.

    Raises
    ------
    NotNow
        When the server or the store cannot be asked.
    """
    found, own = Matches(), own_subjects(context, subjects)
    found.own = {entry.row: own[entry.external_id] for entry in entries if entry.external_id in own}
    here = {one.subject_id: one for one in subjects if context.target.set_id in one.sets or not one.sets}
    free = [one for one in here.values() if SubjectKey.read(one.key) is None]
    left = [entry for entry in entries if entry.row not in found.own]
    for take in (
        partial(_take, "external_id", _external_ids),
        partial(_take, DIA_SOURCE_ID, _sources),
        _by_locations,
        partial(_take, "equal metadata", _metadata),
        partial(_by_images, context, measured),
    ):
        take(found, left, free)
        left = [entry for entry in left if entry.row not in found.foreign]
        taken = {one.subject_id for one in found.foreign.values()}
        free = [one for one in free if one.subject_id not in taken]
    return found


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a subject that no run made says it is.

    Parameters
    ----------
    row_name : str
        The external_id that it stands for.
    names : tuple of int
        Marks of its source and of all its metadata, for comparison with those of rows.
    """

    row_name: str
    names: tuple[int, ...]


def foreign(subject: Subject) -> Foreign | None:
    """Return what a subject says it is; None for one that a run made."""
    if SubjectKey.read(subject.key) is not None:
        return None
    return Foreign(subject.row_name, _marks(subject.metadata, subject.external_id))


def look_alikes(rows: Iterable[tuple[Mapping[str, object], str]], subjects: Iterable[Foreign]) -> int:
    """Count subjects that no run made and that say by their metadata, and not by an id, that they are one of the rows.

    Parameters
    ----------
    rows : iterable of (mapping, str)
        Metadata and external_id of each row.
    subjects : iterable of Foreign
        The members of a set that no run made.
    """
    strangers = list(subjects)
    if not strangers:
        return 0
    ids: set[str] = set()
    alike: set[int] = set()
    for metadata, external_id in rows:
        ids.add(external_id)
        alike.update(_marks(metadata, external_id))
    return sum(one.row_name not in ids and not alike.isdisjoint(one.names) for one in strangers)


def _marks(metadata: Mapping[str, object], external_id: str) -> tuple[int, ...]:
    """Return hashes of the names of a row or subject, which a warning is counted by: the texts take 1 kB each."""
    return tuple(map(hash, [*_sources(metadata, external_id), *_metadata(metadata, external_id)]))


def _take(
    way: str, names: Name, found: Matches, entries: Sequence[Entry], subjects: Sequence[Subject]
) -> None:
    """Match by names that one row has alone; of several subjects the first in the set is taken."""
    rows: dict[str, list[Entry]] = {}
    for entry in entries:
        for name in names(entry.metadata, entry.external_id):
            rows.setdefault(name, []).append(entry)
    for subject in sorted(subjects, key=_in_the_set_first):
        for name in names(subject.metadata, subject.external_id):
            alone = rows.get(name, [])
            if len(alone) == 1 and alone[0].row not in found.foreign:
                found.foreign[alone[0].row] = subject
                found.ways[way] += 1
                break


def _external_ids(metadata: Mapping[str, object], external_id: str) -> Sequence[str]:
    return [external_id] if external_id else values_of(metadata, "external_id")


def _sources(metadata: Mapping[str, object], external_id: str) -> Sequence[str]:
    told = values_of(metadata, DIA_SOURCE_ID)
    return told if len(told) == 1 else [external_id] if external_id else []


def _metadata(metadata: Mapping[str, object], external_id: str) -> Sequence[str]:
    plain = {bare_name(key): str(value).strip() for key, value in metadata.items()}
    kept = {
        key: value
        for key, value in plain.items()
        if value and key not in NOT_METADATA and not key.startswith("location") and not _is_file(value)
    }
    return [repr(sorted(kept.items()))] if kept else []


def _is_file(value: str) -> bool:
    return value.lower().endswith((".png", ".jpg", ".jpeg", ".gif"))


def _by_locations(found: Matches, entries: Sequence[Entry], subjects: Sequence[Subject]) -> None:
    """Match by the addresses of all images in their order, where one row has them alone."""
    shown: dict[tuple[str, ...], Subject] = {}
    for subject in sorted(subjects, key=_in_the_set_first):
        shown.setdefault(tuple(one.url for one in subject.addresses), subject)
    wanted = {entry.row: tuple(image.path for image in entry.images) for entry in entries}
    rows = Counter(wanted.values())
    for row, addresses in wanted.items():
        if rows[addresses] == 1 and addresses in shown:
            found.foreign[row] = shown[addresses]
            found.ways["equal locations"] += 1


def _in_the_set_first(subject: Subject) -> tuple[bool, int]:
    return not subject.sets, int(subject.subject_id)


def _by_images(
    context: UploadContext,
    measured: Callable[[Entry], Entry | None],
    found: Matches,
    entries: Sequence[Entry],
    subjects: Sequence[Subject],
) -> None:
    if not entries or not subjects:
        return
    served = {context.store.checksums(one): one for one in reversed(subjects)}
    for entry in entries:
        known = measured(entry)
        subject = served.pop(tuple(image.md5 for image in known.images), None) if known is not None else None
        if subject is not None and known is not None and all(image.md5 for image in known.images):
            found.foreign[entry.row] = subject
            found.ways["equal images"] += 1
