"""Classifications, and the subjects that are served to be classified."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import replace
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zoocut.sandbox.api import documents, lists, shapes
from zoocut.sandbox.api.answers import document, error
from zoocut.sandbox.api.call import Call, api
from zoocut.sandbox.api.memberships import visible_subjects
from zoocut.sandbox.api.resources import CLASSIFICATIONS, EDITABLE_PROJECTS, SUBJECTS, WORKFLOWS
from zoocut.sandbox.state.classifying import next_subjects, record
from zoocut.sandbox.state.store import Row
from zoocut.sandbox.state.values import as_id, as_int, iso

__all__ = ["routes"]

SERVED_AT_ONCE = 10


def routes() -> list[BaseRoute]:
    """Return the routes of classifications."""
    return [
        Route("/api/classifications", api(create), methods=["POST"]),
        Route("/api/classifications", api(index), methods=["GET"]),
        Route("/api/classifications/project", api(of_project), methods=["GET"]),
        Route("/api/classifications/{id:digits}", api(show), methods=["GET"]),
        Route("/api/subjects/queued", api(queued), methods=["GET"]),
    ]


def index(call: Call) -> Response:
    """Answer with a page of the account's own classifications."""
    call.acceptable("classification")
    return lists.index(call, CLASSIFICATIONS, [("r.user_id = :me AND r.completed", {})])


def of_project(call: Call) -> Response:
    """Answer with a page of the classifications of projects in which the account may write."""
    call.acceptable("classification")
    if "last_id" in call.params and "project_id" not in call.params:
        raise error(422, "Project ID required if last_id is included")
    last = as_int(call.params.get("last_id", "0"))
    seen = replace(CLASSIFICATIONS, seen=f"r.project_id IN ({EDITABLE_PROJECTS})")
    return lists.index(call, seen, [("r.id > :last", {"last": last})])


def show(call: Call) -> Response:
    """Answer with one of the account's own classifications."""
    call.acceptable("classification")
    return lists.show(call, CLASSIFICATIONS)


def create(call: Call) -> Response:
    """Take a classification, from anybody."""
    call.not_banned(201)
    content = call.root("classifications")
    shapes.check(content, shapes.CLASSIFICATION_CREATE)
    links = content["links"]
    workflow = seen_workflow(call, links["workflow"])
    project = call.store.one("SELECT * FROM projects WHERE id = ?", as_id(links["project"]))
    if workflow is None:
        raise error(422, "Couldn't find linked workflow for current user")
    if project is None or project["id"] != workflow["project_id"]:
        raise error(422, "Couldn't find linked project for current user")
    subjects = visible_subjects(call, [as_id(one) for one in links["subjects"]])
    if not subjects:
        raise error(422, "Couldn't find linked subjects for current user")
    row = new_row(call, content, subjects[0])
    with call.store.write():
        delay = call.instance.options.delays.retire_s
        number = record(call.store, workflow, bool(project["live"]), row, delay)
    return lists.written(call, CLASSIFICATIONS, number, created=True)


def new_row(call: Call, content: dict[str, Any], subject_id: int) -> dict[str, Any]:
    """Make the columns of a classification of what was sent."""
    metadata = dict(content["metadata"])
    version = metadata.pop("workflow_version")
    user, address = call.user, address_of(call)
    return {
        "subject_id": subject_id,
        "user_id": None if user is None else user["id"],
        "user_name": "" if user is None else user["login"],
        "user_ip": address,
        "workflow_version": version,
        "gold_standard": content.get("gold_standard"),
        "completed": content.get("completed", True),
        "metadata": metadata,
        "annotations": json.dumps(content["annotations"], ensure_ascii=False),
    }


def address_of(call: Call) -> str:
    """Return the address a request came from, as a proxy on this machine says."""
    given = call.request.headers.get("x-forwarded-for", "").split(",")[0].strip()
    try:
        return str(ipaddress.ip_address(given))
    except ValueError:
        return call.request.client.host if call.request.client else "127.0.0.1"


def seen_workflow(call: Call, given: Any) -> Row | None:
    """Find a workflow that the account may see."""
    query = lists.build(WORKFLOWS, {"id": [str(given)]}, WORKFLOWS.seen, call.user_id)
    rows = call.store.select(f"SELECT r.* {query.text(WORKFLOWS)}", query.values)
    return rows[0] if rows else None


def queued(call: Call) -> Response:
    """Answer with the subjects that are served next."""
    given = call.params.get("workflow_id")
    if not given:
        raise error(422, "workflow_id parameter missing")
    workflow = seen_workflow(call, given)
    if workflow is None:
        raise error(404, f"Couldn't find Workflow with 'id'={given}")
    if json.loads(workflow["fields"]).get("grouped") and "subject_set_id" not in call.params:
        raise error(422, "subject_set_id parameter missing for grouped workflow")
    check_sets(call, workflow)
    limit = as_int(call.params.get("page_size", str(SERVED_AT_ONCE)))
    rows, state = next_subjects(
        call.store, workflow, as_id(call.params.get("subject_set_id")),
        None if call.user is None else call.user_id,
        max(min(limit, call.instance.options.page_cap), 1),
    )  # fmt: skip
    content = {
        "subjects": [served(call, row, state) for row in rows],
        "links": {},
        "meta": {"subjects": lists.page_meta(SUBJECTS, lists.Asked(size=max(limit, 1)), 0, 0)},
    }
    return document(content)


def check_sets(call: Call, workflow: Row) -> None:
    """Refuse a workflow that has nothing to serve."""
    sets = call.store.rows("SELECT subject_set_id FROM workflow_sets WHERE workflow_id = ?", workflow["id"])
    if not sets:
        raise error(404, "no subject set is associated with this workflow")
    held = "SELECT 1 FROM set_member_subjects WHERE subject_set_id = ?"
    if not any(call.store.one(held, one[0]) for one in sets):
        raise error(404, "No data available for selection")


def served(call: Call, row: Row, state: str) -> dict[str, Any]:
    """Write a subject as it is served to a volunteer."""
    content = documents.subject(call, row)
    left_out = ("links", "external_id")
    return {
        **{key: value for key, value in content.items() if key not in left_out},
        "selected_at": iso(call.now),
        "retired": bool(row["retired"]),
        "already_seen": bool(row["seen"]),
        "finished_workflow": False,
        "user_has_finished_workflow": state != "normal" and bool(row["seen"]),
        "favorite": False,
        "selection_state": state,
    }
