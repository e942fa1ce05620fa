"""Subject sets and their members."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zoocut.sandbox.api import lists, shapes
from zoocut.sandbox.api.answers import Refusal, empty, error, html
from zoocut.sandbox.api.call import Call, api
from zoocut.sandbox.api.memberships import change_set, visible_subjects
from zoocut.sandbox.api.resources import SUBJECT_SETS
from zoocut.sandbox.state.members import add_members, drop_members, replace_members, touch_set
from zoocut.sandbox.state.store import Row, now_us
from zoocut.sandbox.state.values import as_id, flat, ordered, same_json

__all__ = ["routes"]

NOT_ALL = "Error: check the subject set and all the subjects exist."


def routes() -> list[BaseRoute]:
    """Return the routes of subject sets."""
    one = "/api/subject_sets/{id:digits}"
    return [
        Route("/api/subject_sets", api(index), methods=["GET"]),
        Route("/api/subject_sets", api(create), methods=["POST"]),
        Route(one, api(show), methods=["GET"]),
        Route(one, api(update), methods=["PUT"]),
        Route(one, api(remove), methods=["DELETE"]),
        Route(f"{one}/links/subjects", api(link), methods=["POST"]),
        Route(f"{one}/links/subjects/{{ids}}", api(unlink), methods=["DELETE"]),
    ]


def index(call: Call) -> Response:
    """Answer with a page of subject sets; metadata can be asked for by text values."""
    wanted = [(key.removeprefix("metadata."), value) for key, value in call.params.items()
              if key.startswith("metadata.")]  # fmt: skip
    conditions = [
        (
            f"EXISTS (SELECT 1 FROM json_each(r.metadata) m WHERE m.key = :k{n} AND m.type = 'text' "
            f"AND m.value = :w{n})",
            {f"k{n}": key, f"w{n}": value},
        )
        for n, (key, value) in enumerate(wanted)
    ]
    return lists.index(call, SUBJECT_SETS, conditions)


def show(call: Call) -> Response:
    """Answer with one subject set."""
    return lists.show(call, SUBJECT_SETS)


async def create(call: Call) -> Response:
    """Make a subject set; two at the same moment may both take a name."""
    call.may_create("project")
    content = call.root("subject_sets")
    shapes.check(content, shapes.SET_CREATE)
    links = content["links"]
    project = call.editable_project(links["project"])
    if project is None:
        raise error(422, "Couldn't find linked project for current user")
    subjects, workflows = linked_subjects(call, links), linked_workflows(call, links)
    check_name(call, project["id"], content["display_name"])
    now = now_us()
    with call.store.write():
        set_id = call.store.insert(
            "subject_sets", project_id=project["id"], display_name=content["display_name"],
            metadata=json.dumps(ordered(content.get("metadata", {})), ensure_ascii=False),
            created_at=now, updated_at=now,
        )  # fmt: skip
        call.store.note("set-created", None, set_id)
        add_members(call.store, set_id, subjects)
        link_workflows(call, set_id, workflows)
        queue_count(call, set_id)
    return lists.written(call, SUBJECT_SETS, set_id, created=True)


def queue_count(call: Call, set_id: int) -> None:
    """Queue the job that brings a set's count up to date."""
    call.store.later("count-set", call.instance.options.delays.count_s, set_id=set_id)


def count_workflows(call: Call, set_id: int) -> None:
    """Queue the jobs that look at the workflows of a set that lost members."""
    served = "SELECT workflow_id FROM workflow_sets WHERE subject_set_id = ?"
    for (workflow_id,) in call.store.rows(served, set_id):
        call.store.later("count-workflow", 0, workflow_id=workflow_id)


def check_name(call: Call, project_id: int, name: str, besides: int = 0) -> None:
    """Refuse a name that another set of the project has."""
    taken = "SELECT 1 FROM subject_sets WHERE project_id = ? AND display_name = ? AND id != ?"
    if call.store.one(taken, project_id, name, besides):
        raise error(400, "Validation failed: Display name has already been taken")


def linked_subjects(call: Call, links: dict[str, Any]) -> list[int]:
    """Find the subjects a set is to have."""
    given = links.get("subjects", [])
    found = visible_subjects(call, [as_id(one) for one in given])
    if given and not found:
        raise error(422, "Couldn't find linked subjects for current user")
    return found


def linked_workflows(call: Call, links: dict[str, Any]) -> list[int]:
    """Find the workflows a set is to serve."""
    given = links.get("workflows", [])
    rows = [call.store.one("SELECT id, project_id FROM workflows WHERE id = ?", as_id(one)) for one in given]
    found = [row["id"] for row in rows if row is not None and call.editable_project(row["project_id"])]
    if given and not found:
        raise error(422, "Couldn't find linked workflows for current user")
    return found


def link_workflows(call: Call, set_id: int, workflow_ids: list[int]) -> None:
    """Let workflows use a set, inside an open transaction."""
    for workflow_id in workflow_ids:
        call.store.run(
            "INSERT OR IGNORE INTO workflow_sets (workflow_id, subject_set_id) VALUES (?, ?)",
            workflow_id,
            set_id,
        )
        call.store.run("UPDATE workflows SET updated_at = ? WHERE id = ?", now_us(), workflow_id)


async def update(call: Call) -> Response:
    """Change a set; no If-Match is asked for, so the last writer wins."""
    row = call.may_change(200, "project", lambda: call.editable("subject_sets", "subject_set", call.id))
    content = call.root("subject_sets")
    shapes.check(content, shapes.SET_UPDATE)
    links = content.get("links", {})
    subjects, workflows = linked_subjects(call, links), linked_workflows(call, links)
    name = content.get("display_name", row["display_name"])
    check_name(call, row["project_id"], name, besides=row["id"])

    def change() -> None:
        write_fields(call, row, name, content.get("metadata"))
        if "subjects" in links:
            replace_members(call.store, row["id"], subjects)
        if "workflows" in links:
            call.store.run("DELETE FROM workflow_sets WHERE subject_set_id = ?", row["id"])
            link_workflows(call, row["id"], workflows)
        queue_count(call, row["id"])

    await change_set(call, row["id"], change)
    return lists.written(call, SUBJECT_SETS, row["id"])


def write_fields(call: Call, row: Row, name: str, metadata: dict[str, Any] | None) -> None:
    """Write name and metadata where they differ, inside an open transaction."""
    old = json.loads(row["metadata"])
    metadata = old if metadata is None else metadata
    if name == row["display_name"] and same_json(metadata, old):
        return
    text = json.dumps(ordered(metadata), ensure_ascii=False)
    call.store.run(
        "UPDATE subject_sets SET display_name = ?, metadata = ? WHERE id = ?", name, text, row["id"]
    )
    touch_set(call.store, row["id"])


def remove(call: Call) -> Response:
    """Delete a set with its memberships; subjects left without a set go later."""
    row = call.may_change(204, "project", lambda: call.editable("subject_sets", "subject_set", call.id))
    call.matches("SubjectSet", row)
    store, set_id = call.store, row["id"]
    members = store.rows("SELECT subject_id FROM set_member_subjects WHERE subject_set_id = ?", set_id)
    with store.write():
        count_workflows(call, set_id)
        store.run("DELETE FROM set_member_subjects WHERE subject_set_id = ?", set_id)
        store.run("DELETE FROM workflow_sets WHERE subject_set_id = ?", set_id)
        store.run("DELETE FROM subject_sets WHERE id = ?", set_id)
        store.note("set-deleted", None, set_id)
        ids = [member[0] for member in members]
        store.later("remove-subjects", call.instance.options.delays.removal_s, ids=ids)
    return empty(204)


async def link(call: Call) -> Response:
    """Add subjects to a set, all or none; a token's scope and age do not matter here."""
    row = call.editable("subject_sets", "subject_set", call.id)
    given = call.linked("subjects")
    if not isinstance(given, list):
        raise Refusal(html(500))
    found = visible_subjects(call, [as_id(one) for one in flat(given)])
    if given and not found:
        if inactive(call, flat(given)):
            raise error(422, NOT_ALL)
        raise error(422, "Couldn't find linked subjects for current user")
    if len(found) != len(given):
        raise error(422, NOT_ALL)
    await change_set(call, row["id"], lambda: add(call, row["id"], found))
    return lists.written(call, SUBJECT_SETS, row["id"])


def inactive(call: Call, given: list[Any]) -> bool:
    """Tell whether one of some subjects was deleted: it is found, and then it is not there to be linked."""
    ids = json.dumps([as_id(one) for one in given])
    query = "SELECT 1 FROM subjects WHERE NOT active AND id IN (SELECT value FROM json_each(?))"
    return call.store.one(query, ids) is not None


def add(call: Call, set_id: int, subject_ids: list[int]) -> None:
    """Add members inside an open transaction and queue what follows."""
    add_members(call.store, set_id, subject_ids)
    touch_set(call.store, set_id)
    queue_count(call, set_id)
    call.store.later("complete-set", call.instance.options.delays.count_s, set_id=set_id)
    if subject_ids:
        call.store.later(
            "priorities", call.instance.options.delays.priority_s, set_id=set_id, ids=subject_ids
        )


async def unlink(call: Call) -> Response:
    """Take subjects out of a set; ids that are not in it are passed over."""
    row = call.editable("subject_sets", "subject_set", call.id)
    ids = [as_id(part) for part in call.request.path_params["ids"].split(",")]

    def change() -> None:
        drop_members(call.store, row["id"], ids)
        touch_set(call.store, row["id"])
        queue_count(call, row["id"])
        count_workflows(call, row["id"])

    await change_set(call, row["id"], change)
    return empty(204)
