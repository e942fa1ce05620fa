"""Makes classification exports as Panoptes does, row by row."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

__all__ = ["COLUMNS", "Row", "write_export"]

COLUMNS = (
    "classification_id", "user_name", "user_id", "user_ip", "workflow_id", "workflow_name", "workflow_version",
    "created_at", "gold_standard", "expert", "metadata", "annotations", "subject_data", "subject_ids",
)  # fmt: skip

NUMBERS = count(500_000_001)


@dataclass
class Row:
    """One classification; what is not said is as in most of them.

    Parameters
    ----------
    subject : int
        The subject's id.
    answer : Any
        The value of task T0, as the export has it.
    user : str or None
        The login; None when not signed in.
    network : str
        What Panoptes writes for the address of who is not signed in.
    source : str or None
        The diaSourceId among the subject's metadata.
    """

    subject: int
    answer: Any = "Real"
    user: str | None = "one"
    network: str = "a1b2c3d4e5f6a7b8c9d0"
    source: str | None = None
    number: int = field(default_factory=lambda: next(NUMBERS))
    created_at: str = "2026-08-01 10:00:00 UTC"
    workflow: tuple[str, str] = ("77", "Real or bogus?")
    version: str = "12.34"
    annotations: list[Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    subject_metadata: Mapping[str, Any] = field(default_factory=dict)
    retired: Mapping[str, Any] | None = None
    gold_standard: str = ""
    cells: Mapping[str, str] = field(default_factory=dict)

    def written(self) -> list[str]:
        """Give the cells."""
        named = {} if self.source is None else {"#diaSourceId": self.source}
        subject = {str(self.subject): {"retired": self.retired, **named, **self.subject_metadata}}
        metadata = {
            "source": "api", "session": "5f3c", "viewport": {"width": 1280, "height": 800},
            "started_at": "2026-08-01T09:59:40.000Z", "user_agent": "Mozilla/5.0", "utc_offset": "0",
            "finished_at": "2026-08-01T10:00:00.000Z", "live_project": True, "user_language": "en",
            "subject_dimensions": [{"naturalWidth": 1140, "naturalHeight": 420}],
            "subject_selection_state": {"retired": False, "already_seen": False},
            **self.metadata,
        }  # fmt: skip
        asked = [{"task": "T0", "task_label": "Is it real?", "value": self.answer}]
        own = {
            "classification_id": str(self.number),
            "user_name": self.user or f"not-logged-in-{self.network}",
            "user_id": "" if self.user is None else str(1000 + sum(map(ord, self.user))),
            "user_ip": self.network,
            "workflow_id": self.workflow[0],
            "workflow_name": self.workflow[1],
            "workflow_version": self.version,
            "created_at": self.created_at,
            "gold_standard": self.gold_standard,
            "metadata": json.dumps(metadata),
            "annotations": json.dumps(asked if self.annotations is None else self.annotations),
            "subject_data": json.dumps(subject),
            "subject_ids": str(self.subject),
        } | dict(self.cells)
        return [own.get(name, "") for name in COLUMNS]


def write_export(path: Path, rows: Iterable[Row]) -> Path:
    """Write an export; the file ends with a line break, as Ruby's CSV does."""
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(row.written() for row in rows)
    return path
