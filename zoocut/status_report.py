"""Where a run stands, from its ledger alone: nothing is asked over the network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.ledger import Ledger, State, Target
from zoocut.ledger.attachments import AttachmentBook
from zoocut.notebook import data_frame, html_table
from zoocut.run.record import RunFiles

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RunStatus", "TargetStatus", "status"]

VERSION = 1
"""Of the document's form; it may grow further keys without a new number."""


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """Where one target of a run stands.

    Parameters
    ----------
    target : Target
        Which.
    states : mapping of State to int
        Its rows by state.
    last_error : str or None
        What ended the newest upload to it, if something did.
    asked : bool
        Whether the server was asked, too.
    remote : mapping or None
        What the server said: `subjects` and `workflows`; None where the set is not there for this account.
    talk : mapping of str to int
        Its files for Talk by state; empty where it has none.
    """

    target: Target
    states: Mapping[State, int]
    last_error: str | None
    asked: bool = False
    remote: Mapping[str, Any] | None = None
    talk: Mapping[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every row, of one at least, is in the set."""
        done = sum(count for state, count in self.states.items() if state.in_set)
        return 0 < sum(self.states.values()) == done

    @property
    def ended(self) -> bool:
        """Whether no row, of one at least, has anything left to be done: by an upload, or by volunteers if asked."""
        at_rest = sum(count for state, count in self.states.items() if state.at_rest)
        return 0 < sum(self.states.values()) == at_rest and not self._is_served

    @property
    def _is_served(self) -> bool:
        """Whether volunteers have something left to do, as far as the server was asked."""
        if self.remote is None:
            return False
        workflows, subjects = self.remote["workflows"], self.remote["subjects"]
        return not workflows or any(one["retired"] < subjects for one in workflows)

    def to_dict(self) -> dict[str, Any]:
        """Return it in the form of `zoocut status --json`."""
        where = self.target
        return {
            "endpoint": where.endpoint,
            "project": {"id": where.project_id, "slug": where.project_slug},
            "subject_set": {"id": where.set_id, "display_name": where.set_name},
            "states": {state.value: count for state, count in self.states.items()},
            "complete": self.complete,
            "last_error": self.last_error,
            **({"talk": dict(self.talk)} if self.talk else {}),
            **({"remote": self.remote} if self.asked else {}),
        }

    def to_row(self) -> dict[str, Any]:
        """Return it as one row of a table."""
        where = self.target
        return {
            "project": where.project_slug,
            "subject_set": where.set_name,
            "endpoint": where.endpoint,
            **{state.value: count for state, count in self.states.items()},
            "complete": self.complete,
            "last_error": self.last_error,
        }


@dataclass(frozen=True, slots=True)
class RunStatus:
    """Where a run stands.

    Parameters
    ----------
    run_id, path : str, Path
        The run.
    rows : int
        Rows of its manifest; 0 while there is none.
    targets : tuple of TargetStatus
        The sets it goes to.
    """

    run_id: str
    path: Path
    rows: int
    targets: tuple[TargetStatus, ...]

    @property
    def complete(self) -> bool:
        """Whether the run was uploaded and every row is in its set."""
        return bool(self.targets) and all(target.complete for target in self.targets)

    @property
    def ended(self) -> bool:
        """Whether the run was uploaded and every row is in its set or rejected."""
        return bool(self.targets) and all(target.ended for target in self.targets)

    def __iter__(self) -> Iterator[TargetStatus]:
        return iter(self.targets)

    def to_dict(self) -> dict[str, Any]:
        """Return it in the form of `zoocut status --json`."""
        return {
            "version": VERSION,
            "run": {"id": self.run_id, "path": str(self.path), "rows": self.rows},
            "targets": [target.to_dict() for target in self.targets],
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return its targets as a data frame, one a row."""
        return data_frame(target.to_row() for target in self.targets)

    def _repr_html_(self) -> str:
        title = f"run {self.run_id} in {self.path}: {self.rows} rows"
        return html_table(title, [target.to_row() for target in self.targets])


def status(run: RunFiles) -> RunStatus:
    """Describe a run and its targets.

    Raises
    ------
    InputError
        When the manifest cannot be read.
    LedgerError
        When the ledger is damaged or newer than this program.
    """
    targets: tuple[TargetStatus, ...] = ()
    if run.ledger.exists():
        with Ledger.read(run.ledger) as ledger:
            targets = tuple(_describe(ledger, target) for target in ledger.targets())
    rows = run.count_rows() if run.has_manifest else 0
    return RunStatus(run.run_id, run.path, rows, targets)


def _describe(ledger: Ledger, target: Target) -> TargetStatus:
    talk = {state.value: count for state, count in AttachmentBook(ledger).counts(target).items()}
    return TargetStatus(target, ledger.counts(target), ledger.last_error(target), talk=talk)
