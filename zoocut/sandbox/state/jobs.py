"""What the server does in the background, some time after the request that asked for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from zoocut.sandbox.state.exports import make_export
from zoocut.sandbox.state.instance import Instance
from zoocut.sandbox.state.members import touch_set
from zoocut.sandbox.state.store import Row, Store, now_us

__all__ = ["run_due", "work"]

LOOK_EVERY_S = 0.25


async def work(instance: Instance) -> None:
    """Do jobs as they fall due, until cancelled."""
    while True:
        run_due(instance)
        await asyncio.sleep(LOOK_EVERY_S)


def run_due(instance: Instance, everything: bool = False) -> int:
    """Do the jobs that are due, or all, and return how many."""
    store = instance.store
    until = 2**62 if everything else now_us()
    rows = store.rows("SELECT * FROM jobs WHERE due_at <= ? ORDER BY due_at, id", until)
    for row in rows:
        with store.write():
            if store.run("DELETE FROM jobs WHERE id = ?", row["id"]):
                payload = json.loads(row["payload"])
                if row["kind"] == "export":
                    make_export(instance, payload)
                else:
                    KINDS[row["kind"]](store, payload)
    return len(rows)


def count_set(store: Store, payload: dict[str, Any]) -> None:
    """Bring a set's count up to date, and those of its workflows; jobs that wait for the same are done with it."""
    set_id = payload["set_id"]
    members = store.value("SELECT count(*) FROM set_member_subjects WHERE subject_set_id = ?", set_id)
    store.run("UPDATE subject_sets SET set_member_subjects_count = ? WHERE id = ?", members, set_id)
    touch_set(store, set_id)
    store.run("DELETE FROM jobs WHERE kind = 'count-set' AND payload = ?", json.dumps(payload))
    for (workflow_id,) in _workflows_of(store, set_id):
        count_workflow(store, {"workflow_id": workflow_id})
        if _retired(store, set_id, workflow_id):
            _complete(store, set_id, workflow_id)


def _workflows_of(store: Store, set_id: int) -> list[Row]:
    return store.rows("SELECT workflow_id FROM workflow_sets WHERE subject_set_id = ?", set_id)


def _sets_of(store: Store, workflow_id: int) -> list[Row]:
    return store.rows(
        "SELECT s.id, s.set_member_subjects_count FROM workflow_sets w JOIN subject_sets s "
        "ON s.id = w.subject_set_id WHERE w.workflow_id = ?", workflow_id,
    )  # fmt: skip


def _retired(store: Store, set_id: int, workflow_id: int) -> int:
    return int(store.value(
        "SELECT count(*) FROM subject_workflow_statuses c JOIN set_member_subjects m ON m.subject_id = c.subject_id "
        "WHERE c.workflow_id = ? AND c.retired_at IS NOT NULL AND m.subject_set_id = ?", workflow_id, set_id,
    ))  # fmt: skip


def _complete(store: Store, set_id: int, workflow_id: int) -> None:
    """Write which part of a set is retired, by the count it has; nothing while it counts no members."""
    row = store.one("SELECT set_member_subjects_count, completeness FROM subject_sets WHERE id = ?", set_id)
    if row is None or not row[0]:
        return
    done = json.loads(row[1]) | {str(workflow_id): min(_retired(store, set_id, workflow_id) / row[0], 1.0)}
    store.run("UPDATE subject_sets SET completeness = ? WHERE id = ?", json.dumps(done), set_id)


def complete_set(store: Store, payload: dict[str, Any]) -> None:
    """Bring the completeness of a set up to date, for each workflow that serves it."""
    for (workflow_id,) in _workflows_of(store, payload["set_id"]):
        _complete(store, payload["set_id"], workflow_id)


def count_retired(store: Store, payload: dict[str, Any]) -> None:
    """Bring a workflow's counts up to date after retirements, and the completeness of its sets."""
    count_workflow(store, payload)
    for row in _sets_of(store, payload["workflow_id"]):
        _complete(store, row["id"], payload["workflow_id"])
    store.run("DELETE FROM jobs WHERE kind = 'count-retired' AND payload = ?", json.dumps(payload))


def count_workflow(store: Store, payload: dict[str, Any]) -> None:
    """Bring a workflow's counts and completeness up to date; its sets' counts are believed, be they behind or not."""
    workflow_id = payload["workflow_id"]
    sets = _sets_of(store, workflow_id)
    total = sum(row["set_member_subjects_count"] for row in sets)
    retired = sum(_retired(store, row["id"], workflow_id) for row in sets)
    store.run(
        "UPDATE workflows SET subjects_count = ?, retired_count = ?, completeness = ? WHERE id = ?",
        total, retired, min(retired / total, 1.0) if total else 0.0, workflow_id,
    )  # fmt: skip
    store.run("DELETE FROM jobs WHERE kind = 'count-workflow' AND payload = ?", json.dumps(payload))
    project_id = store.value("SELECT project_id FROM workflows WHERE id = ?", workflow_id)
    if project_id is not None:
        _count_project(store, project_id)


def _count_project(store: Store, project_id: int) -> None:
    """Bring a project's completeness up to date; it is paused while its active workflows hold no subjects."""
    counts = "SELECT subjects_count, completeness FROM workflows WHERE project_id = ? AND active"
    rows = store.rows(counts, project_id)
    total = sum(row[0] for row in rows)
    done = round(sum(row[1] * row[0] / total for row in rows), 4) if total else 0.0
    state = "paused" if not total or done >= 1 else None
    store.run(
        "UPDATE projects SET completeness = ?, state = ?, updated_at = ? WHERE id = ?",
        done, state, now_us(), project_id,
    )  # fmt: skip


def priorities(store: Store, payload: dict[str, Any]) -> None:
    """Copy `#priority` or `priority` to new memberships; one that is no number leaves the whole batch without."""
    ids = json.dumps(payload["ids"])
    rows = store.rows(
        "SELECT id, coalesce(json_extract(metadata, '$.\"#priority\"'), json_extract(metadata, '$.priority')) "
        "AS priority FROM subjects "
        "WHERE id IN (SELECT value FROM json_each(?))", ids,
    )  # fmt: skip
    try:
        found = [(row["id"], float(row["priority"])) for row in rows if row["priority"] is not None]
    except ValueError:
        return
    for subject_id, priority in found:
        store.run(
            "UPDATE set_member_subjects SET priority = ? WHERE subject_set_id = ? AND subject_id = ?",
            priority, payload["set_id"], subject_id,
        )  # fmt: skip


def remove_subjects(store: Store, payload: dict[str, Any]) -> None:
    """Remove the rows of subjects that no set has and nobody classified."""
    for subject_id in payload["ids"]:
        removed = store.run(
            "DELETE FROM subjects WHERE id = ? AND NOT EXISTS "
            "(SELECT 1 FROM set_member_subjects WHERE subject_id = ?) AND NOT EXISTS "
            "(SELECT 1 FROM classifications WHERE subject_id = ?)",
            subject_id, subject_id, subject_id,
        )  # fmt: skip
        if removed:
            store.note("subject-removed", subject_id)


def retire(store: Store, payload: dict[str, Any]) -> None:
    """Write retirements down."""
    now = now_us()
    for subject_id in payload["ids"]:
        store.run(
            "INSERT INTO subject_workflow_statuses (subject_id, workflow_id, retired_at, retirement_reason, "
            "created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (workflow_id, subject_id) "
            "DO UPDATE SET retired_at = coalesce(retired_at, excluded.retired_at), "
            "retirement_reason = excluded.retirement_reason",
            subject_id, payload["workflow_id"], now, str(payload.get("reason")), now, now,
        )  # fmt: skip
    count_retired(store, {"workflow_id": payload["workflow_id"]})


def unretire(store: Store, payload: dict[str, Any]) -> None:
    """Take retirements back."""
    for subject_id in payload["ids"]:
        store.run(
            "UPDATE subject_workflow_statuses SET retired_at = NULL, retirement_reason = NULL, "
            "updated_at = ? WHERE workflow_id = ? AND subject_id = ?",
            now_us(), payload["workflow_id"], subject_id,
        )  # fmt: skip
    count_retired(store, {"workflow_id": payload["workflow_id"]})


KINDS: dict[str, Callable[[Store, dict[str, Any]], None]] = {
    "count-set": count_set,
    "complete-set": complete_set,
    "count-retired": count_retired,
    "count-workflow": count_workflow,
    "priorities": priorities,
    "remove-subjects": remove_subjects,
    "retire": retire,
    "unretire": unretire,
}
