"""What an audit found: one `Audit` a target, all of a run together a `Verification`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoocut.errors import VerificationFailed
from zoocut.ledger import Target
from zoocut.notebook import data_frame, html_table
from zoocut.talk_audit import TalkStray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KINDS", "Audit", "Verification"]

KINDS = (
    "missing",
    "unlinked",
    "wrong_bytes",
    "duplicates",
    "strays",
    "unread",
    "talk_missing",
    "talk_strays",
)
"""Of differences, in the order they are told."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit of one target found; every tuple holds words for a person.

    Parameters
    ----------
    target : Target
        Which.
    rows, members : int
        How many rows the run has and how many subjects the set holds.
    others : int
        Members that other runs or tools made: no difference.
    missing : tuple of str
        Rows without a subject in the set.
    unlinked : tuple of str
        Rows with a subject that is not in the set.
    wrong_bytes : tuple of str
        Subjects whose image is not the image on disk.
    duplicates : tuple of str
        Members beyond the one that a row has.
    strays : tuple of str
        Ids of this run's subjects that the ledger does not know, does not look for, and that no set holds.
    unread : tuple of str
        Subjects whose image could not be read to the end.
    pruned : int
        How many of the strays were deleted.
    talk_missing, talk_strays : tuple
        Files that are not on the Talk page of their subject, and media there that nothing accounts for.
    priorities : tuple of str
        Subjects that are served by another priority than the manifest says: no difference, since Zooniverse
        copies priorities minutes after linking.
    """

    target: Target
    rows: int
    members: int
    others: int = 0
    missing: tuple[str, ...] = ()
    unlinked: tuple[str, ...] = ()
    wrong_bytes: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    pruned: int = 0
    talk_missing: tuple[str, ...] = ()
    talk_strays: tuple[TalkStray, ...] = ()
    priorities: tuple[str, ...] = ()

    @property
    def differences(self) -> int:
        """How many differences are left."""
        return sum(len(getattr(self, kind)) for kind in KINDS) - self.pruned

    def to_dict(self) -> dict[str, Any]:
        """Return it in the form of `zoocut verify --json`."""
        where = self.target
        return {
            "endpoint": where.endpoint,
            "project": {"id": where.project_id, "slug": where.project_slug},
            "subject_set": {"id": where.set_id, "display_name": where.set_name},
            "rows": self.rows,
            "members": self.members,
            "others": self.others,
            "pruned": self.pruned,
            "priorities": list(self.priorities),
            **{kind: list(map(str, getattr(self, kind))) for kind in KINDS},
        }

    def to_rows(self) -> Iterator[dict[str, str]]:
        """Yield a row for each difference."""
        for kind in KINDS:
            for words in getattr(self, kind):
                yield {"subject_set": self.target.set_name, "kind": kind, "what": str(words)}


@dataclass(frozen=True, slots=True)
class Verification:
    """What the server really has, compared with a run.

    Parameters
    ----------
    path : Path
        The run folder.
    audits : tuple of Audit
        One for each set that it goes to.
    """

    path: Path
    audits: tuple[Audit, ...]

    @property
    def differences(self) -> int:
        """How many differences are left in all."""
        return sum(audit.differences for audit in self.audits)

    def raise_for_differences(self) -> None:
        """Let a script end where something differs.

        Raises
        ------
        VerificationFailed
            When it does.
        """
        if self.differences:
            raise VerificationFailed(
                f"the server differs from {self.path} in {self.differences} places; what to do stands with each kind"
            )

    def __iter__(self) -> Iterator[Audit]:
        return iter(self.audits)

    def to_dict(self) -> dict[str, Any]:
        """Return it in the form of `zoocut verify --json`."""
        return {"version": 1, "targets": [audit.to_dict() for audit in self.audits]}

    def to_pandas(self) -> pd.DataFrame:
        """Return the differences as a data frame, one a row."""
        return data_frame(row for audit in self.audits for row in audit.to_rows())

    def _repr_html_(self) -> str:
        title = f"{self.path}: {self.differences} differences"
        counts = [
            {
                "subject_set": audit.target.set_name,
                "rows": audit.rows,
                "members": audit.members,
                **{kind: len(getattr(audit, kind)) for kind in KINDS},
            }
            for audit in self.audits
        ]
        return html_table(title, counts)
