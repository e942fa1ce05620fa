"""What an upload would do, as `plan_upload` and the dry run tell it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoocut.errors import QuotaReached
from zoocut.notebook import data_frame, html_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TargetPlan", "UploadPlan"]


VERSION = 2
"""Of the document's form: what version 1 called `concerns` is `notes`, as it is printed."""


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """What would go to one set.

    Parameters
    ----------
    set_id : str or None
        Which set; None while it is to be made.
    set_name : str
        Its name.
    active_workflows : tuple of str
        What serves it: volunteers would see new subjects at once.
    rows : int
        Rows meant for it.
    begun, held_from_elsewhere, to_upload : int
        Those begun by an earlier upload, those that it holds from other runs or tools, and those that would go.
    faulty : tuple of (str, str)
        The rows that cannot be uploaded, as external_id and why.
    sent_bytes : int
        Size of the images that would go.
    large_images : int
        How many of them have more than 1 MiB.
    look_alikes : int
        Subjects in the set that no run made and that look like rows of this one.
    notes : tuple of str
        What stays as it is although the run has changed.
    """

    set_id: str | None
    set_name: str
    active_workflows: tuple[str, ...]
    rows: int
    begun: int
    held_from_elsewhere: int
    to_upload: int
    faulty: tuple[tuple[str, str], ...]
    sent_bytes: int
    large_images: int
    look_alikes: int = 0
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it in the form of `zoocut upload --dry-run --json`."""
        return {
            "subject_set": {"id": self.set_id, "display_name": self.set_name},
            "active_workflows": list(self.active_workflows),
            "rows": self.rows,
            "begun": self.begun,
            "held_from_elsewhere": self.held_from_elsewhere,
            "to_upload": self.to_upload,
            "faulty": [list(pair) for pair in self.faulty],
            "bytes": self.sent_bytes,
            "images_over_1_MiB": self.large_images,
            "look_alikes": self.look_alikes,
        }

    def to_row(self) -> dict[str, Any]:
        """Return it as one row of a table."""
        return {
            "subject_set": self.set_name,
            "id": self.set_id or "to be made",
            "rows": self.rows,
            "to_upload": self.to_upload,
            "begun": self.begun,
            "held_from_elsewhere": self.held_from_elsewhere,
            "faulty": len(self.faulty),
            "MB": round(self.sent_bytes / 1e6, 1),
        }


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """What an upload would do; nothing was written, here or there.

    Parameters
    ----------
    endpoint, account, project, role : str
        The server, who is signed in, the project and what the account is in it.
    banned : bool
        Whether the server drops what the account uploads.
    may_upload_at_most : int or None
        How many more subjects the account may make; None when it is not limited.
    rights_basis : str or None
        On what grounds the pixels may be public, where grounds are needed.
    manifest : str
        How the manifest was read, where that had to be found out.
    targets : tuple of TargetPlan
        One for each set.
    notes : tuple of str
        What may surprise.
    importing : bool
        Whether the server is to import the rows, which meets no limit.
    """

    endpoint: str
    account: str
    banned: bool
    may_upload_at_most: int | None
    project: str
    role: str
    rights_basis: str | None
    manifest: str
    targets: tuple[TargetPlan, ...]
    notes: tuple[str, ...]
    importing: bool = False

    @property
    def faulty(self) -> int:
        """How many rows cannot be uploaded."""
        return sum(len(target.faulty) for target in self.targets)

    def raise_for_limit(self) -> None:
        """Let a script end where the upload would meet the account's limit.

        Raises
        ------
        QuotaReached
            When it would.
        """
        left, rows = self.may_upload_at_most, sum(target.to_upload for target in self.targets)
        if left is not None and rows > left and not self.importing:
            raise QuotaReached(
                f"the account {self.account} will meet its limit: {rows - left} rows will be left; ask Zooniverse for "
                "a higher limit"
            )

    def __iter__(self) -> Iterator[TargetPlan]:
        return iter(self.targets)

    def to_dict(self) -> dict[str, Any]:
        """Return it in the form of `zoocut upload --dry-run --json`."""
        return {
            "version": VERSION,
            "endpoint": self.endpoint,
            "account": self.account,
            "banned": self.banned,
            "may_upload_at_most": self.may_upload_at_most,
            "project": self.project,
            "role": self.role,
            "rights_basis": self.rights_basis,
            "manifest": self.manifest,
            "targets": [target.to_dict() for target in self.targets],
            "notes": list(self.notes),
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return the sets as a data frame, one a row."""
        return data_frame(target.to_row() for target in self.targets)

    def _repr_html_(self) -> str:
        title = f"{self.account} at {self.endpoint}, project {self.project}: nothing was sent"
        faulty = [
            {"external_id": name, "cannot be uploaded": why}
            for one in self.targets
            for name, why in one.faulty
        ]
        notes = [{"note": note} for note in self.notes]
        tables = [html_table(title, [target.to_row() for target in self.targets])]
        return "".join(tables + [html_table("", rows) for rows in (faulty, notes) if rows])
