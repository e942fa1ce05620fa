"""What a row of a manifest must not hold, whatever becomes of it at Zooniverse."""

from __future__ import annotations

import re

from zoocut.metadata_keys import is_priority, missing_feedback
from zoocut.run.manifest import ManifestRow

__all__ = ["row_problem"]

RAW_PIXELS = re.compile(
    r"\.(npy|npz|fits?|fts|fz|asdf|h5|hdf5?|parquet|avro|ecsv|vot|csv|xisf|tiff?)(\.(gz|fz|bz2))?([?#].*)?$",
    re.IGNORECASE,
)
"""What holds measurements in the place of a picture, here or at an address."""

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def row_problem(row: ManifestRow) -> str | None:
    """Return why a row cannot be sent, whatever its images are; None when it can."""
    if not row.external_id.strip():
        return f"line {row.line} of the manifest has no external_id: give the row one of its own"
    if row.problem:
        return f"row {row.external_id}: {row.problem}"
    raw = next((name for name in row.locations if RAW_PIXELS.search(name)), None)
    if raw is not None:
        return f"row {row.external_id}: {raw} holds raw pixels or tables, which are never sent: name a picture of it"
    if not row.locations:
        return f"row {row.external_id} has no location: name its image"
    odd = [key for key, value in row.metadata.items() if _control(key) or _control(value)]
    if _control(row.external_id) or odd:
        return f"row {row.external_id} has control characters in {', '.join(odd) or 'its id'}: remove them"
    return _metadata_problem(row)


def _control(text: str) -> bool:
    return CONTROL.search(text) is not None


def _metadata_problem(row: ManifestRow) -> str | None:
    lower = {key.lower(): value for key, value in row.metadata.items()}
    priority = lower.get("#priority")
    if priority is not None and not is_priority(priority):
        return (
            f"row {row.external_id} has #priority {priority!r}, which is not a number: it would take the "
            "priorities of its whole batch away; correct it"
        )
    if lower.get("#training_subject", "").lower() == "true" and (missing := missing_feedback(lower)):
        return f"row {row.external_id} is a #training_subject without {', '.join(missing)}: complete it"
    if "#zoocut" in lower:
        return f"row {row.external_id} has a metadata column #zoocut, which is kept for zoocut: rename it"
    return None
