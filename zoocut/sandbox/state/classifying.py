"""What a classification changes: counts, retirement, who has seen what; and which subjects are served next.

As on the server, classifications count only in a live project, a user's second look at a subject counts nothing,
and everybody who is not signed in is somebody new.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from zoocut.sandbox.state.store import Row, Store, now_us

__all__ = ["is_seen", "next_subjects", "record"]

DEFAULT = {"criteria": "classification_count", "options": {"count": 15}}
"""When a subject retires where its workflow says nothing."""

SERVED = (
    "FROM set_member_subjects m JOIN workflow_sets w ON w.subject_set_id = m.subject_set_id "
    "JOIN subjects s ON s.id = m.subject_id AND s.active "
    "WHERE w.workflow_id = :workflow AND (:subject_set IS NULL OR m.subject_set_id = :subject_set)"
)
RETIRED = (
    "EXISTS (SELECT 1 FROM subject_workflow_statuses c WHERE c.workflow_id = :workflow "
    "AND c.subject_id = m.subject_id AND c.retired_at IS NOT NULL)"
)
SEEN = (
    "EXISTS (SELECT 1 FROM classifications c WHERE c.workflow_id = :workflow AND c.subject_id = m.subject_id "
    "AND c.user_id = :user)"
)


def is_seen(store: Store, user_id: int | None, workflow_id: int, subject_id: int) -> bool:
    """Tell whether a user has classified a subject in a workflow."""
    query = "SELECT 1 FROM classifications WHERE workflow_id = ? AND subject_id = ? AND user_id = ?"
    return user_id is not None and store.one(query, workflow_id, subject_id, user_id) is not None


def record(store: Store, workflow: Row, is_live: bool, row: Mapping[str, Any], count_s: float) -> int:
    """Write a classification down and let counts and retirement follow, inside an open transaction.

    Parameters
    ----------
    store : Store
        The sandbox's state.
    workflow : Row
        Its workflow.
    is_live : bool
        Whether the project is.
    row : mapping
        The classification's own columns.
    count_s : float
        Seconds before the workflow's counts follow a retirement.

    Returns
    -------
    number : int
        The classification's id.
    """
    subject_id, seen = row["subject_id"], is_seen(store, row["user_id"], workflow["id"], row["subject_id"])
    metadata = {**row["metadata"], **({"seen_before": True} if seen else {}), "live_project": is_live}
    now = now_us()
    number = store.insert(
        "classifications", **{**row, "metadata": json.dumps(metadata, ensure_ascii=False)},
        project_id=workflow["project_id"], workflow_id=workflow["id"], created_at=now, updated_at=now,
    )  # fmt: skip
    store.note("classified", subject_id)
    if is_live and row["completed"] and not seen:
        _count(store, workflow, subject_id, count_s)
    return number


def _count(store: Store, workflow: Row, subject_id: int, count_s: float) -> None:
    now = now_us()
    store.run(
        "INSERT INTO subject_workflow_statuses (subject_id, workflow_id, classifications_count, created_at, "
        "updated_at) VALUES (?, ?, 1, ?, ?) ON CONFLICT (workflow_id, subject_id) DO UPDATE SET "
        "classifications_count = classifications_count + 1, updated_at = excluded.updated_at",
        subject_id, workflow["id"], now, now,
    )  # fmt: skip
    rule: dict[str, Any] = json.loads(workflow["fields"]).get("retirement") or DEFAULT
    if rule.get("criteria") != "classification_count":
        return
    retired = store.run(
        "UPDATE subject_workflow_statuses SET retired_at = ?, retirement_reason = 'classification_count' "
        "WHERE workflow_id = ? AND subject_id = ? AND retired_at IS NULL AND classifications_count >= ?",
        now, workflow["id"], subject_id, rule.get("options", {}).get("count", 15),
    )  # fmt: skip
    if retired:
        store.later("count-retired", count_s, workflow_id=workflow["id"])


def next_subjects(
    store: Store, workflow: Row, subject_set_id: int | None, user_id: int | None, limit: int
) -> tuple[Sequence[Row], str]:
    """Choose the subjects that are served next, and return how they were chosen.

    What is retired or was seen by the user is left out, unless nothing else is there. In a prioritized workflow
    the lowest priority comes first and none comes last; in others the order is any.
    """
    named = {"workflow": workflow["id"], "subject_set": subject_set_id, "user": user_id, "limit": limit}
    order = "m.priority IS NULL, m.priority, m.id" if prioritized(workflow) else "random()"
    for condition, state in ((f"NOT {RETIRED} AND NOT {SEEN}", "normal"), ("1", "failover_fallback")):
        found = store.select(
            f"SELECT s.*, {RETIRED} AS retired, {SEEN} AS seen {SERVED} AND {condition} ORDER BY {order} "
            "LIMIT :limit", named,
        )  # fmt: skip
        if found:
            return found, state
    return [], "failover_fallback"


def prioritized(workflow: Row) -> bool:
    """Tell whether a workflow serves its subjects by priority."""
    return bool(json.loads(workflow["fields"]).get("prioritized", False))
