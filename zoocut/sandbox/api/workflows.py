"""Workflows, the sets they serve, and where each subject stands in them."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zoocut.sandbox.api import lists, shapes
from zoocut.sandbox.api.answers import Refusal, empty, error, html
from zoocut.sandbox.api.call import Call, api
from zoocut.sandbox.api.resources import STATUSES, WORKFLOW_VERSIONS, WORKFLOWS
from zoocut.sandbox.state.members import add_members
from zoocut.sandbox.state.store import Row, now_us
from zoocut.sandbox.state.values import as_id, ordered, same_json

__all__ = ["routes"]

OWN_COLUMNS = {"display_name", "active", "links"}
CRITERIA = ("never_retire", "classification_count")
FIXED: dict[str, Any] = {
    "tasks": {},
    "grouped": False,
    "prioritized": False,
    "pairwise": False,
    "first_task": "",
}
"""What cannot be changed of an active workflow of a live project, and what it is where nothing was said."""
REASONS = ("classification_count", "flagged", "nothing_here", "consensus", "other", "human")
TAKEN = "Validation failed: Workflow has already been taken"


def routes() -> list[BaseRoute]:
    """Return the routes of workflows and statuses."""
    one = "/api/workflows/{id:digits}"
    return [
        Route("/api/workflows", api(index), methods=["GET"]),
        Route("/api/workflows", api(create), methods=["POST"]),
        Route(one, api(lambda call: lists.show(call, WORKFLOWS)), methods=["GET"]),
        Route(one, api(update), methods=["PUT"]),
        Route(one, api(remove), methods=["DELETE"]),
        Route(f"{one}/links/subject_sets", api(link), methods=["POST"]),
        Route(f"{one}/links/subject_sets/{{ids}}", api(unlink), methods=["DELETE"]),
        Route(f"{one}/retired_subjects", api(retire), methods=["POST"]),
        Route(f"{one}/unretire_subjects", api(unretire), methods=["POST"]),
        Route("/api/subject_workflow_statuses", api(statuses), methods=["GET"]),
        Route(
            "/api/workflow_versions", api(lambda call: lists.index(call, WORKFLOW_VERSIONS)), methods=["GET"]
        ),
        Route(
            "/api/workflow_versions/{id:digits}",
            api(lambda call: lists.show(call, WORKFLOW_VERSIONS)),
            methods=["GET"],
        ),
        Route("/api/subject_workflow_statuses/{id:digits}", api(status), methods=["GET"]),
    ]


def statuses(call: Call) -> Response:
    """Answer with a page of statuses, uncounted."""
    return lists.index(call, STATUSES)


def status(call: Call) -> Response:
    """Answer with one status."""
    return lists.show(call, STATUSES)


def index(call: Call) -> Response:
    """Answer with a page of workflows, 25 at most."""
    complete = call.params.get("complete")
    if complete is None:
        return lists.index(call, WORKFLOWS)
    test = "r.completeness = 1" if complete.lower() in lists.TRUE_WORDS else "r.completeness != 1"
    return lists.index(call, WORKFLOWS, [(test, {})])


def create(call: Call) -> Response:
    """Make a workflow."""
    call.may_create("project")
    content = call.root("workflows")
    shapes.check(content, shapes.WORKFLOW_CREATE)
    check_retirement(content)
    project = call.editable_project(content["links"]["project"])
    if project is None:
        raise error(422, "Couldn't find linked project for current user")
    sets = linked_sets(call, content["links"].get("subject_sets", []))
    now = now_us()
    with call.store.write():
        workflow_id = call.store.insert(
            "workflows", project_id=project["id"], display_name=content["display_name"],
            active=content.get("active", True), fields=fields_text(content), created_at=now, updated_at=now,
        )  # fmt: skip
        call.store.run("UPDATE projects SET updated_at = ? WHERE id = ?", now, project["id"])
        keep_version(call, workflow_id)
        attach(call, workflow_id, project["id"], sets)
    return lists.written(call, WORKFLOWS, workflow_id, created=True)


def check_retirement(content: dict[str, Any]) -> None:
    """Refuse a rule of retirement that there is not."""
    rule = content.get("retirement")
    if not rule:
        return
    faults = []
    if rule.get("criteria") not in CRITERIA:
        faults.append(f"Retirement criteria Retirement criteria must be one of {', '.join(CRITERIA)}")
    count = rule.get("options", {}).get("count", 0)
    if isinstance(count, bool) or not isinstance(count, int):
        faults.append("Retirement options count Retirement count must be a number")
    if faults:
        raise error(400, f"Validation failed: {', '.join(faults)}")


def check_live(call: Call, row: Row, content: dict[str, Any]) -> None:
    """Refuse to change what volunteers are asked while a live project asks it."""
    is_live = call.store.value("SELECT live FROM projects WHERE id = ?", row["project_id"])
    fields = json.loads(row["fields"])
    changed = [
        key for key in FIXED if key in content and not same_json(content[key], fields.get(key, FIXED[key]))
    ]
    if row["active"] and is_live and changed:
        raise error(403, "Can't change an active workflow for a live project.")


def keep_version(call: Call, workflow_id: int) -> None:
    """Keep the fields of a workflow's present version, inside an open transaction."""
    call.store.run(
        "INSERT INTO workflow_versions (workflow_id, major, minor, fields, created_at, updated_at) "
        "SELECT id, major, minor, fields, updated_at, updated_at FROM workflows WHERE id = ? "
        "ON CONFLICT (workflow_id, major, minor) DO UPDATE SET fields = excluded.fields, "
        "updated_at = excluded.updated_at",
        workflow_id,
    )


def fields_text(content: dict[str, Any], old: str = "{}") -> str:
    """Return the fields that are kept as they were given."""
    kept = {key: value for key, value in content.items() if key not in OWN_COLUMNS}
    return json.dumps(
        json.loads(old) | {key: ordered(value) for key, value in kept.items()}, ensure_ascii=False
    )


def linked_sets(call: Call, given: list[Any]) -> list[Row]:
    """Find the sets that a workflow is to serve."""
    rows = [call.store.one("SELECT * FROM subject_sets WHERE id = ?", as_id(one)) for one in given]
    found = [row for row in rows if row is not None and call.editable_project(row["project_id"])]
    if given and not found:
        raise error(422, "Couldn't find linked subject_sets for current user")
    return list({row["id"]: row for row in found}.values())


def attach(call: Call, workflow_id: int, project_id: int, sets: list[Row]) -> None:
    """Let a workflow serve sets, inside an open transaction; a set of another project is copied."""
    for row in sets:
        own = row["id"] if row["project_id"] == project_id else copy_set(call, row, project_id)
        call.store.insert("workflow_sets", workflow_id=workflow_id, subject_set_id=own)
    call.store.run("UPDATE workflows SET updated_at = ? WHERE id = ?", now_us(), workflow_id)
    if sets:
        count(call, workflow_id)


def copy_set(call: Call, row: Row, project_id: int) -> int:
    """Copy a set with its members into another project."""
    now = now_us()
    copy = call.store.insert(
        "subject_sets", project_id=project_id, display_name=row["display_name"], metadata=row["metadata"],
        created_at=now, updated_at=now,
    )  # fmt: skip
    members = "SELECT subject_id FROM set_member_subjects WHERE subject_set_id = ? ORDER BY id"
    call.store.note("set-created", None, copy)
    add_members(call.store, copy, [member[0] for member in call.store.rows(members, row["id"])])
    call.store.later("count-set", call.instance.options.delays.count_s, set_id=copy)
    return copy


def count(call: Call, workflow_id: int) -> None:
    """Queue the job that counts a workflow's subjects and looks at its project's state; it is soon done."""
    call.store.later("count-workflow", 0, workflow_id=workflow_id)


def editable(call: Call) -> Row:
    """Find the workflow that the path names, where the account may write."""
    return call.editable("workflows", "workflow", call.id)


def update(call: Call) -> Response:
    """Change a workflow; no If-Match is asked for."""
    row = call.may_change(200, "project", lambda: editable(call))
    content = call.root("workflows")
    shapes.check(content, shapes.WORKFLOW_UPDATE)
    check_live(call, row, content)
    check_retirement(content)
    links = content.get("links", {})
    sets = linked_sets(call, links.get("subject_sets", []))
    fields = fields_text(content, row["fields"])
    name, active = (
        content.get("display_name", row["display_name"]),
        content.get("active", bool(row["active"])),
    )
    changed = (name, active) != (row["display_name"], bool(row["active"])) or not same_json(
        fields, row["fields"]
    )
    with call.store.write():
        if changed:
            call.store.run(
                "UPDATE workflows SET display_name = ?, active = ?, fields = ?, updated_at = ?, "
                "major = major + ? WHERE id = ?",
                name, active, fields, now_us(), "tasks" in content, row["id"],
            )  # fmt: skip
            keep_version(call, row["id"])
        if "subject_sets" in links:
            call.store.run("DELETE FROM workflow_sets WHERE workflow_id = ?", row["id"])
            attach(call, row["id"], row["project_id"], sets)
    return lists.written(call, WORKFLOWS, row["id"])


def remove(call: Call) -> Response:
    """Delete a workflow."""
    row = call.may_change(204, "project", lambda: editable(call))
    call.matches("Workflow", row)
    with call.store.write():
        for table in ("workflow_sets", "subject_workflow_statuses", "workflow_versions"):
            call.store.run(f"DELETE FROM {table} WHERE workflow_id = ?", row["id"])
        call.store.run("DELETE FROM workflows WHERE id = ?", row["id"])
    return empty(204)


def link(call: Call) -> Response:
    """Let a workflow serve more sets; a bare value replaces all, one served already spoils the list."""
    row = editable(call)
    given = call.linked("subject_sets")
    if given == [] or isinstance(given, (dict, bool, float)):
        raise Refusal(html(500))
    sets = linked_sets(call, given if isinstance(given, list) else [given])
    with call.store.write():
        if not isinstance(given, list):
            call.store.run("DELETE FROM workflow_sets WHERE workflow_id = ?", row["id"])
        for one in sets:
            held = "SELECT 1 FROM workflow_sets WHERE workflow_id = ? AND subject_set_id = ?"
            if call.store.one(held, row["id"], one["id"]):
                raise error(400, TAKEN)
        attach(call, row["id"], row["project_id"], sets)
    return lists.written(call, WORKFLOWS, row["id"])


def unlink(call: Call) -> Response:
    """Stop serving sets; one that is not served spoils the request."""
    row = editable(call)
    parts = call.request.path_params["ids"].split(",")
    with call.store.write():
        sql = "DELETE FROM workflow_sets WHERE workflow_id = ? AND subject_set_id = ?"
        found = sum(call.store.run(sql, row["id"], as_id(part)) for part in parts)
        if found < len(parts):
            raise error(404, not_served(parts, found))
        call.store.run("UPDATE workflows SET updated_at = ? WHERE id = ?", now_us(), row["id"])
        count(call, row["id"])
    return empty(204)


def not_served(parts: list[str], found: int) -> str:
    """Say that of some sets not all are served."""
    where = '[WHERE "subject_sets_workflows"."workflow_id" = $1]'
    if len(parts) == 1:
        return f"Couldn't find SubjectSet with 'id'={parts[0]} {where}"
    counts = f"(found {found} results, but was looking for {len(parts)})"
    return f"Couldn't find all SubjectSets with 'id': ({', '.join(parts)}) {where} {counts}."


def retire(call: Call) -> Response:
    """Queue the retirement of subjects."""
    reason = call.body.get("retirement_reason")
    reason = "nothing_here" if reason == "blank" else reason
    return _queue(call, "retire", reason="other" if reason is None else reason)


def unretire(call: Call) -> Response:
    """Queue the return of retired subjects."""
    return _queue(call, "unretire")


def _queue(call: Call, kind: str, **more: Any) -> Response:
    call.signed_in()
    row = editable(call)
    if more and more["reason"] not in REASONS:
        raise error(422, "Retirement reason is not included in the list")
    ids = call.body.get("subject_ids", [call.body.get("subject_id")])
    found = [as_id(one) for one in ids] if isinstance(ids, list) else []
    with call.store.write():
        call.store.later(
            kind,
            call.instance.options.delays.retire_s,
            workflow_id=row["id"],
            ids=[i for i in found if i],
            **more,
        )
    return empty(204)
