"""What an audit needs of every row, without its metadata and images, which take ten times as long to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from zoocut.ledger.book import PAGE, Ledger
from zoocut.ledger.records import State, Target

__all__ = ["Outline", "outlines", "senders"]


class Outline(NamedTuple):
    """A row of the ledger in outline.

    Parameters
    ----------
    row : int
        Its number.
    external_id : str
        What the manifest calls it.
    state : State
        Where it stands.
    subject_id : int or None
        Its subject.
    """

    row: int
    external_id: str
    state: State
    subject_id: int | None


def outlines(ledger: Ledger, target: Target) -> Iterator[Outline]:
    """Read the rows of a target in outline, a page at a time, so that no reader is in the way of a writer for long."""
    last, states = -1, {state.value: state for state in State}
    while page := ledger.query(
        "SELECT row, external_id, state, CAST(subject_id AS INTEGER) FROM rows WHERE target = ? AND row > ? "
        "ORDER BY row LIMIT ?",
        target.number,
        last,
        10 * PAGE,
    ):
        for row, external_id, state, subject_id in page:
            yield Outline(row, external_id, states[state], subject_id)
        last = page[-1][0]


def senders(ledger: Ledger, target: Target) -> dict[str, int]:
    """Return the users that rows were sent as, each with the id above which their subjects are."""
    return dict(
        ledger.query(
            "SELECT sent_as, MIN(watermark) FROM rows WHERE target = ? AND sent_as IS NOT NULL GROUP BY sent_as",
            target.number,
        )
    )
