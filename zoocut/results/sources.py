"""The sources that the runs know, and which of them a classification is about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from zoocut.ledger.uploaded import UploadedSubject, as_uploaded, uploaded_subjects
from zoocut.metadata_keys import DIA_SOURCE_ID, bare_name
from zoocut.results.classification import Classification
from zoocut.results.rules import Reason
from zoocut.run.folder import Run
from zoocut.run.known import KnownRow, read_known

__all__ = ["OBJECT_NAMES", "KnownSources"]

SOURCE_NAME = bare_name(DIA_SOURCE_ID)
OBJECT_NAMES = ("diaobjectid", "objectid")
"""What surveys call the object of a source: Rubin, ZTF."""


class KnownSources:
    """The sources of some runs; where one is in several, the first run counts.

    Parameters
    ----------
    runs : sequence of Run
        Runs that were generated, or only uploaded.
    endpoint : str or None
        The server that the export is from, where the runs went to several.

    Raises
    ------
    InputError
        When a run's files cannot be read, or the server is ambiguous.

    Attributes
    ----------
    uploaded_at : str
        When the first of their subjects was made, as classifications' times are written; empty when unknown.
    """

    def __init__(self, runs: Sequence[Run], endpoint: str | None) -> None:
        self.runs = [as_uploaded(run) for run in runs]
        self._objects: dict[str, str] = {}
        self._subjects: dict[str, str] = {}
        self._subjects_of: dict[str, list[str]] = {}
        self._withdrawn: dict[str, frozenset[str]] = {}
        names = {run.ledger: self._read(run) for run in self.runs}
        uploaded = list(uploaded_subjects([run.ledger for run in runs], endpoint))
        self.uploaded_at = _time(min((one.made_at for one in uploaded if one.made_at), default=0.0))
        for one in uploaded:
            source = names[one.ledger].get(one.external_id, one.external_id)
            self._withdraw(one)
            self._subjects[one.subject_id] = source
            self._subjects_of.setdefault(source, []).append(one.subject_id)

    def _read(self, run: Run) -> dict[str, str]:
        """Take in a run's sources; give those whose manifest calls them by another name."""
        others: dict[str, str] = {}
        for row in read_known(run):
            self._objects.setdefault(row.dia_source_id, object_of(row))
            if row.external_id != row.dia_source_id:
                others[row.external_id] = row.dia_source_id
        return others

    def _withdraw(self, one: UploadedSubject) -> None:
        """Take in where a subject is served no more; one of several sets is, while any of them is served."""
        again = one.subject_id in self._subjects
        known = self._withdrawn.pop(one.subject_id, frozenset()) if again else one.withdrawn_from
        if left := known & one.withdrawn_from:
            self._withdrawn[one.subject_id] = left

    def withdrawn_from(self, workflow_id: str) -> Iterator[str]:
        """Yield the subjects whose sets were taken out of a workflow before they were complete."""
        return (
            subject
            for subject, workflows in self._withdrawn.items()
            if workflow_id in workflows and self._subjects[subject] in self._objects
        )

    @property
    def ids(self) -> Sequence[str]:
        """The ids of all sources, each once."""
        return list(self._objects)

    def object_of(self, source: str) -> str:
        """Return the object of a source; empty when unknown."""
        return self._objects.get(source, "")

    def subjects_of(self, source: str) -> Sequence[str]:
        """List the subjects that the runs have made of a source."""
        return self._subjects_of.get(source, [])

    def find(self, one: Classification) -> tuple[str, Reason | None]:
        """Return which source a classification is about, or why that cannot be told."""
        if len(one.subject_ids) != 1:
            return "", Reason.SEVERAL
        uploaded = self._subjects.get(one.subject_ids[0], "")
        told = self._told(one.metadata)
        if uploaded and told and uploaded != told:
            return "", Reason.CONFLICT
        source = uploaded or (told if told in self._objects else "")
        return (source, None) if source else ("", Reason.UNKNOWN)

    def _told(self, metadata: Sequence[tuple[str, Any]]) -> str:
        """Read the source that a subject's metadata name, as the runs write it; empty for none, or several."""
        found = {str(value).strip() for name, value in metadata if name == SOURCE_NAME}
        return found.pop() if len(found) == 1 else ""

    def rows(self) -> Iterator[KnownRow]:
        """Yield the row of each source, once, in the order of the runs."""
        seen: set[str] = set()
        for run in self.runs:
            for row in read_known(run):
                if row.dia_source_id not in seen:
                    seen.add(row.dia_source_id)
                    yield row


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if seconds else ""


def object_of(row: KnownRow) -> str:
    """Return the object of a row; empty when its columns do not."""
    found = {name.casefold(): value for name, value in row.columns.items() if value not in (None, "")}
    return next((str(found[name]) for name in OBJECT_NAMES if name in found), "")
