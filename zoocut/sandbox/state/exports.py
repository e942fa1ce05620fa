"""Exports: the files that are made of classifications, subjects and workflows, with the server's columns."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from zoocut.sandbox.state.instance import Instance
from zoocut.sandbox.state.store import Row, Store, now_us
from zoocut.sandbox.state.values import as_int, iso

__all__ = ["make_export"]

CLASSIFICATIONS = (
    "classification_id", "user_name", "user_id", "user_ip", "workflow_id", "workflow_name", "workflow_version",
    "created_at", "gold_standard", "expert", "metadata", "annotations", "subject_data", "subject_ids",
)  # fmt: skip
SUBJECTS = (
    "subject_id", "project_id", "workflow_id", "subject_set_id", "metadata", "locations", "classifications_count",
    "retired_at", "retirement_reason", "created_at", "updated_at",
)  # fmt: skip
WORKFLOWS = (
    "workflow_id", "display_name", "version", "active", "classifications_count", "pairwise", "grouped",
    "prioritized", "primary_language", "first_task", "tutorial_subject_id", "retired_set_member_subjects_count",
    "tasks", "retirement", "strings", "minor_version",
)  # fmt: skip

OF = {
    "projects": "c.project_id = :id",
    "workflows": "c.workflow_id = :id",
    "subject_sets": "c.subject_id IN (SELECT subject_id FROM set_member_subjects WHERE subject_set_id = :id)",
}
"""Which classifications belong to what an export was asked of."""

Cells = Iterable[Any]


def make_export(instance: Instance, payload: dict[str, Any]) -> None:
    """Write the file of an export and call it ready, inside an open transaction."""
    store = instance.store
    medium = store.one("SELECT * FROM media WHERE id = ?", payload["medium_id"])
    if medium is None:
        return
    kind = medium["type"].removesuffix("_export").rsplit("_", 1)[1]
    rows = {"classifications": _classifications, "subjects": _subjects, "workflows": _workflows}[kind](
        store, medium
    )
    header = {"classifications": CLASSIFICATIONS, "subjects": SUBJECTS, "workflows": WORKFLOWS}[kind]
    part = instance.blobs / f".{secrets.token_hex(8)}.part"
    _write(part, header, rows)
    keep(instance, medium, part)
    metadata = {**json.loads(medium["metadata"]), "state": "ready"}
    store.run(
        "UPDATE media SET metadata = ?, updated_at = ? WHERE id = ?",
        json.dumps(metadata),
        now_us(),
        medium["id"],
    )


def _write(path: Path, header: Cells, rows: Iterable[Cells]) -> None:
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def keep(instance: Instance, medium: Row, part: Path) -> None:
    """Put the file of an export into the store."""
    data = part.read_bytes()
    goal = instance.blob_file(medium["path"])
    goal.parent.mkdir(exist_ok=True)
    os.replace(part, goal)
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    instance.store.run(
        "INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?, ?, ?)",
        medium["path"], "text/csv", digest, len(data), f'"0x{secrets.token_hex(8).upper()}"', now_us(),
    )  # fmt: skip


def moment(time_us: int | None) -> str:
    """Write a time as Ruby writes it into a CSV."""
    return (
        ""
        if time_us is None
        else f"{datetime.fromtimestamp(time_us // 1_000_000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    )


def compact(value: Any) -> str:
    """Write JSON as Ruby does: without blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _classifications(store: Store, medium: Row) -> Iterator[Cells]:
    condition = OF[medium["linked_type"]]
    hashes: dict[str, str] = {}
    found = store.select(
        "SELECT c.*, w.display_name, w.fields, s.metadata AS subject FROM classifications c "
        "JOIN workflows w ON w.id = c.workflow_id AND w.active JOIN subjects s ON s.id = c.subject_id "
        f"WHERE c.completed AND {condition} ORDER BY c.id", {"id": medium["linked_id"]},
    )  # fmt: skip
    for row in found:
        address = hashes.setdefault(row["user_ip"], secrets.token_hex(10))
        data = {str(row["subject_id"]): {"retired": _retired(store, row), **json.loads(row["subject"])}}
        yield (
            row["id"], row["user_name"] or f"not-logged-in-{address}", row["user_id"], address, row["workflow_id"],
            row["display_name"], row["workflow_version"], moment(row["created_at"]),
            {None: "", 1: "true"}.get(row["gold_standard"], "false"), "", compact(json.loads(row["metadata"])),
            compact(labelled(json.loads(row["annotations"]), _tasks(store, row))),
            compact(data), row["subject_id"],
        )  # fmt: skip


def _retired(store: Store, row: Row) -> dict[str, Any] | None:
    """Write the status of a subject that is retired."""
    status = store.one(
        "SELECT * FROM subject_workflow_statuses WHERE workflow_id = ? AND subject_id = ? AND retired_at IS NOT NULL",
        row["workflow_id"], row["subject_id"],
    )  # fmt: skip
    if status is None:
        return None
    same = ("id", "workflow_id", "subject_id", "classifications_count", "retirement_reason")
    times = ("created_at", "updated_at", "retired_at")
    return {key: status[key] for key in same} | {key: iso(status[key]) for key in times}


def _tasks(store: Store, row: Row) -> dict[str, Any]:
    """Return the tasks of a workflow as they were in the version that was classified, or the first one after it."""
    major, _, minor = row["workflow_version"].partition(".")
    fields = store.value(
        "SELECT fields FROM workflow_versions WHERE workflow_id = ? AND major >= ? AND minor >= ? "
        "ORDER BY major, minor LIMIT 1", row["workflow_id"], as_int(major), as_int(minor),
    )  # fmt: skip
    tasks: dict[str, Any] = json.loads(fields or row["fields"]).get("tasks", {})
    return tasks


def labelled(annotations: list[Any], tasks: dict[str, Any]) -> list[Any]:
    """Write annotations with the words of their tasks in the place of the numbers of answers."""
    return [_labelled(one, tasks) if isinstance(one, dict) else one for one in annotations]


def _labelled(annotation: dict[str, Any], tasks: dict[str, Any]) -> dict[str, Any]:
    task = tasks.get(str(annotation.get("task"))) or {}
    kind, value = task.get("type", ""), annotation.get("value")
    label = task.get("question") or task.get("instruction")
    named = {"task": annotation.get("task"), "task_label": label}
    if kind in ("single", "multiple", "shortcut"):
        words = [_answer(task, one) for one in (value if isinstance(value, list) else [value])]
        return {**named, "value": words if kind != "single" else words[0] if words else None}
    if kind == "combo":
        inner = labelled(value if isinstance(value, list) else [], tasks)
        return {"task": annotation.get("task"), "task_label": None, "value": inner}
    if kind == "text":
        return {"task": annotation.get("task"), "value": value, "task_label": label}
    if kind == "drawing":
        return {**named, "value": value}
    return annotation


def _answer(task: dict[str, Any], number: Any) -> Any:
    try:
        return task["answers"][number]["label"]
    except (KeyError, IndexError, TypeError):
        return "unknown answer label"


def _subjects(store: Store, medium: Row) -> Iterator[Cells]:
    found = store.rows(
        "SELECT s.*, m.subject_set_id, w.workflow_id, c.classifications_count, c.retired_at, c.retirement_reason "
        "FROM subjects s JOIN set_member_subjects m ON m.subject_id = s.id "
        "JOIN subject_sets t ON t.id = m.subject_set_id AND t.project_id = ? "
        "LEFT JOIN workflow_sets w ON w.subject_set_id = m.subject_set_id "
        "LEFT JOIN subject_workflow_statuses c ON c.workflow_id = w.workflow_id AND c.subject_id = s.id "
        "ORDER BY s.id, m.subject_set_id, w.workflow_id", medium["linked_id"],
    )  # fmt: skip
    for row in found:
        places = enumerate(json.loads(row["locations"]))
        addresses = {str(number): item.get("url", item.get("path")) for number, item in places}
        yield (
            row["id"], row["project_id"], row["workflow_id"], row["subject_set_id"],
            compact(json.loads(row["metadata"])), compact(addresses), row["classifications_count"] or 0,
            moment(row["retired_at"]), row["retirement_reason"], moment(row["created_at"]),
            moment(row["updated_at"]),
        )  # fmt: skip


def _workflows(store: Store, medium: Row) -> Iterator[Cells]:
    for row in store.rows("SELECT * FROM workflows WHERE project_id = ? ORDER BY id", medium["linked_id"]):
        fields = json.loads(row["fields"])
        flags = [
            str(bool(fields.get(name, False))).lower() for name in ("pairwise", "grouped", "prioritized")
        ]
        count = store.value(
            "SELECT coalesce(sum(classifications_count), 0) FROM subject_workflow_statuses WHERE workflow_id = ?",
            row["id"],
        )
        yield (
            row["id"], row["display_name"], row["major"], str(bool(row["active"])).lower(), count, *flags,
            fields.get("primary_language", "en"), fields.get("first_task", ""), "", row["retired_count"],
            compact(fields.get("tasks", {})), compact(fields.get("retirement", {})), compact({}), row["minor"],
        )  # fmt: skip
