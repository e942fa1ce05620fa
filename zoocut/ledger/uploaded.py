"""Which subjects runs have made at a server, as their ledgers know it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoocut.error_kinds import SeveralServers
from zoocut.ledger.book import Ledger
from zoocut.ledger.made import made_subjects
from zoocut.ledger.records import State, Target
from zoocut.ledger.withdrawals import Withdrawals
from zoocut.run.folder import Run

__all__ = ["UploadedSubject", "as_uploaded", "uploaded_subjects"]


@dataclass(frozen=True, slots=True)
class UploadedSubject:
    """A subject that a run has made.

    Parameters
    ----------
    subject_id : str
        Its id.
    external_id : str
        The manifest row it was made from.
    ledger : Path
        The ledger that knows it.
    made_at : float
        When, in seconds since 1970; 0 where the ledger does not tell.
    withdrawn_from : frozenset of str
        The ids of the workflows that its set was taken out of before it was complete.
    """

    subject_id: str
    external_id: str
    ledger: Path
    made_at: float
    withdrawn_from: frozenset[str] = frozenset()


def uploaded_subjects(ledgers: Sequence[Path], endpoint: str | None) -> Iterator[UploadedSubject]:
    """Yield the subjects that runs have made at one server.

    Parameters
    ----------
    ledgers : sequence of Path
        The runs' ledgers; those that do not exist are passed over.
    endpoint : str or None
        The server; needed only where the runs went to several, whose subject ids have nothing to do with each
        other.

    Raises
    ------
    InputError
        When the runs went to several servers and none is named.
    LedgerError
        When a ledger cannot be read.
    """
    there = [path for path in ledgers if path.exists()]
    if endpoint is None:
        endpoint = _only_endpoint(there)
    for path in there:
        with Ledger.read(path) as ledger:
            for target in ledger.targets():
                if target.endpoint == endpoint:
                    yield from _subjects_of(ledger, target, path)


def _subjects_of(ledger: Ledger, target: Target, path: Path) -> Iterator[UploadedSubject]:
    withdrawn, nowhere = Withdrawals(ledger).unfinished(target), frozenset[str]()
    for made in made_subjects(ledger, target):
        left = withdrawn if made.state == State.LINKED.value else nowhere
        yield UploadedSubject(made.subject_id, made.external_id, path, made.sent_at or 0.0, left)


def _only_endpoint(ledgers: Sequence[Path]) -> str | None:
    found: dict[str, None] = {}
    for path in ledgers:
        with Ledger.read(path) as ledger:
            found |= dict.fromkeys(target.endpoint for target in ledger.targets())
    if len(found) > 1:
        raise SeveralServers(
            f"the runs went to several servers: say with --endpoint which one the export is from, of {', '.join(found)}"
        )
    return next(iter(found), None)


def as_uploaded(run: Run) -> Run:
    """Return a run that has no manifest.csv, and was not drawn, with the manifest that it was uploaded by.

    Raises
    ------
    LedgerError
        When the ledger cannot be read.
    """
    if run.has_manifest or run.sources.exists() or not run.ledger.exists():
        return run
    with Ledger.read(run.ledger) as ledger:
        names = list(dict.fromkeys(target.manifest for target in ledger.targets()))
    return run.by(names[0]) if len(names) == 1 else run
