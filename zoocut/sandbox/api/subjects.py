"""Subjects: creation, lists, change, removal."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zoocut.sandbox.api import lists, shapes
from zoocut.sandbox.api.answers import empty, error
from zoocut.sandbox.api.call import Call, api
from zoocut.sandbox.api.resources import SUBJECTS
from zoocut.sandbox.api.signing import MIME_TYPES, new_path, normal_mime
from zoocut.sandbox.state.members import add_members, replace_sets
from zoocut.sandbox.state.store import now_us
from zoocut.sandbox.state.values import as_id, inspected, ordered, same_json

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """Return the routes of subjects."""
    return [
        Route("/api/subjects", api(index), methods=["GET"]),
        Route("/api/subjects", api(create), methods=["POST"]),
        Route("/api/subjects/{id:digits}", api(show), methods=["GET"]),
        Route("/api/subjects/{id:digits}", api(update), methods=["PUT"]),
        Route("/api/subjects/{id:digits}", api(remove), methods=["DELETE"]),
    ]


def index(call: Call) -> Response:
    """Answer with a page of the subjects that can be seen, oldest first unless asked otherwise."""
    if call.params.get("sort") == "queued":
        raise error(422, "workflow_id parameter missing")
    return lists.index(call, SUBJECTS)


def show(call: Call) -> Response:
    """Answer with one subject."""
    return lists.show(call, SUBJECTS)


def create(call: Call) -> Response:
    """Make a subject and places for its media."""
    call.may_create("subject")
    check_quota(call)
    check_feature(call)
    content = call.root("subjects")
    shapes.check(content, shapes.SUBJECT_CREATE)
    project = call.editable_project(content["links"]["project"])
    if project is None:
        raise error(422, "Couldn't find linked project for current user")
    sets = linked_sets(call, content["links"])
    row = {
        "project_id": project["id"],
        "upload_user_id": call.user_id,
        "external_id": content.get("external_id"),
        "metadata": metadata_text(content.get("metadata", {})),
        "locations": json.dumps([location(item) for item in content["locations"]]),
    }
    with call.store.write():
        subject_id = insert(call, row)
        for set_id in sets:
            add_members(call.store, set_id, [subject_id])
        call.store.run("UPDATE users SET uploaded_count = uploaded_count + 1 WHERE id = ?", call.user_id)
    return lists.written(call, SUBJECTS, subject_id, created=True)


def insert(call: Call, row: dict[str, Any]) -> int:
    """Insert a subject inside an open transaction."""
    now = now_us()
    subject_id = call.store.insert("subjects", **row, created_at=now, updated_at=now)
    call.store.note("subject-created", subject_id)
    return subject_id


def check_quota(call: Call) -> None:
    """Refuse an account that has uploaded as many subjects as it may."""
    user, quota = call.user, call.fault("quota")
    if user is None or user["upload_whitelist"]:
        return
    limit = call.instance.options.subject_limit if user["subject_limit"] is None else user["subject_limit"]
    limit = limit if quota is None else int(quota["limit"])
    if user["uploaded_count"] >= limit:
        raise error(403, f"User has uploaded {user['uploaded_count']} subjects of {limit} maximum")


def check_feature(call: Call) -> None:
    """Refuse while uploading is switched off."""
    is_on = call.store.value("SELECT is_on FROM features WHERE name = 'subject_uploading'")
    if is_on == 0 or call.fault("feature-off") is not None:
        raise error(503, "Feature has been temporarily disabled")


def linked_sets(call: Call, links: dict[str, Any]) -> list[int]:
    """Find the sets that a subject is to join; unknown ones are dropped when one is known."""
    given = links.get("subject_sets", [])
    rows = [
        call.store.one("SELECT id, project_id FROM subject_sets WHERE id = ?", as_id(one)) for one in given
    ]
    found = [row["id"] for row in rows if row is not None and call.editable_project(row["project_id"])]
    if given and not found:
        raise error(422, "Couldn't find linked subject_sets for current user")
    return list(dict.fromkeys(found))


def location(item: str | dict[str, Any]) -> dict[str, str | None]:
    """Make room for media of a type, or keep the address of media elsewhere, whatever it is."""
    mime, url = (item, None) if isinstance(item, str) else next(iter(item.items()), ("", None))
    mime = normal_mime(mime)
    if mime not in MIME_TYPES:
        raise error(400, "Validation failed: Locations is invalid")
    if isinstance(item, str):
        return {"mime": mime, "path": new_path(mime)}
    return {"mime": mime, "url": url if url is None or isinstance(url, str) else inspected(url)}


def metadata_text(metadata: dict[str, Any]) -> str:
    """Return metadata as they are kept: ordered, the reserved key in lower case."""
    lowered = {key.lower() if key.lower() == "#priority" else key: value for key, value in metadata.items()}
    return json.dumps(ordered(lowered), ensure_ascii=False)


def update(call: Call) -> Response:
    """Change metadata, media or sets of a subject; unchanged metadata leave its tag as it is."""
    row = call.may_change(200, "subject", lambda: call.editable("subjects", "subject", call.id))
    call.matches("Subject", row)
    content = call.root("subjects")
    shapes.check(content, shapes.SUBJECT_UPDATE)
    sets = linked_sets(call, content["links"]) if "subject_sets" in content.get("links", {}) else None
    locations = [location(item) for item in content.get("locations", [])]
    metadata = metadata_text(content["metadata"]) if "metadata" in content else row["metadata"]
    with call.store.write():
        if locations:
            call.store.run("UPDATE subjects SET locations = ? WHERE id = ?", json.dumps(locations), row["id"])
        if not same_json(json.loads(metadata), json.loads(row["metadata"])):
            call.store.run(
                "UPDATE subjects SET metadata = ?, updated_at = ? WHERE id = ?", metadata, now_us(), row["id"]
            )
        if sets is not None:
            replace_sets(call.store, row["id"], sets)
    return lists.written(call, SUBJECTS, row["id"])


def remove(call: Call) -> Response:
    """Deactivate a subject; its row goes later when no set has it."""
    row = call.may_change(204, "subject", lambda: call.editable("subjects", "subject", call.id))
    call.matches("Subject", row)
    with call.store.write():
        call.store.run("UPDATE subjects SET active = 0, updated_at = ? WHERE id = ?", now_us(), row["id"])
        call.store.note("subject-deactivated", row["id"])
        call.store.later("remove-subjects", call.instance.options.delays.removal_s, ids=[row["id"]])
    return empty(204)
