"""The subjects that a ledger knows, without what is only needed to make them: a million are read in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from zoocut.ledger.book import Ledger
from zoocut.ledger.records import Target

__all__ = ["MadeSubject", "made_subjects"]

PAGE = 5000
"""Rows read at a time: some megabytes."""


class MadeSubject(NamedTuple):
    """A subject that a row became.

    Parameters
    ----------
    external_id, subject_id : str
        The row and its subject.
    state : str
        Where it stands.
    sent_at : float or None
        When it was made, in seconds since 1970.
    sha256 : tuple of str
        Checksums of its images in order; empty for one that was not measured.
    """

    external_id: str
    subject_id: str
    state: str
    sent_at: float | None
    sha256: tuple[str, ...]


def made_subjects(ledger: Ledger, target: Target) -> Iterator[MadeSubject]:
    """Read the rows of a target that have a subject, by row number."""
    after = -1
    while heads := ledger.query(
        "SELECT row, external_id, subject_id, state, sent_at FROM rows "
        "WHERE target = ? AND row > ? AND subject_id IS NOT NULL ORDER BY row LIMIT ?",
        target.number,
        after,
        PAGE,
    ):
        sums: dict[int, list[str]] = {head[0]: [] for head in heads}
        images = (
            "SELECT row, sha256 FROM images WHERE target = ? AND row BETWEEN ? AND ? ORDER BY row, position"
        )
        for row, sha256 in ledger.query(images, target.number, heads[0][0], heads[-1][0]):
            if row in sums:
                sums[row].append(sha256 or "")
        for row, external_id, subject_id, state, sent_at in heads:
            yield MadeSubject(external_id, subject_id, state, sent_at, tuple(sums[row]))
        after = heads[-1][0]
