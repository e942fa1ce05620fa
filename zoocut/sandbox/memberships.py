"""Memberships: the rows that say which subject is in which set."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zoocut.sandbox import lists
from zoocut.sandbox.answers import empty, error
from zoocut.sandbox.calls import Call, api
from zoocut.sandbox.members import add_members, drop_members, touch_set, visible_subjects
from zoocut.sandbox.resources import MEMBERSHIPS
from zoocut.sandbox.store import Row, now_us
from zoocut.sandbox.values import as_id

__all__ = ["routes"]

KEYS = {"priority", "links"}


def routes() -> list[BaseRoute]:
    """Return the routes of memberships."""
    one = "/api/set_member_subjects/{id:digits}"
    return [
        Route("/api/set_member_subjects", api(lambda call: lists.index(call, MEMBERSHIPS)), methods=["GET"]),
        Route("/api/set_member_subjects", api(create), methods=["POST"]),
        Route(one, api(lambda call: lists.show(call, MEMBERSHIPS)), methods=["GET"]),
        Route(one, api(update), methods=["PUT"]),
        Route(one, api(remove), methods=["DELETE"]),
    ]


def create(call: Call) -> Response:
    """Add one subject to a set."""
    call.may_create("project")
    content = call.root("set_member_subjects")
    check_keys(content)
    links = content.get("links") if isinstance(content.get("links"), dict) else {}
    assert isinstance(links, dict)
    subjects = visible_subjects(call, [as_id(links.get("subject"))])
    target = call.store.one(
        "SELECT id, project_id FROM subject_sets WHERE id = ?", as_id(links.get("subject_set"))
    )
    if not subjects:
        raise error(422, "Couldn't find linked subject for current user")
    if target is None or call.editable_project(target["project_id"]) is None:
        raise error(422, "Couldn't find linked subject_set for current user")
    held = "SELECT 1 FROM set_member_subjects WHERE subject_set_id = ? AND subject_id = ?"
    if call.store.one(held, target["id"], subjects[0]):
        raise error(400, "Validation failed: Subject has already been taken")
    with call.store.write():
        add_members(call.store, target["id"], subjects)
        row = call.store.rows(held.replace("1", "id", 1), target["id"], subjects[0])[0]
        set_priority(call, row["id"], content.get("priority"))
        touch_set(call.store, target["id"])
    return lists.written(call, MEMBERSHIPS, row["id"], created=True)


def check_keys(content: dict[str, object]) -> None:
    """Refuse keys that may not be set."""
    unknown = [key for key in content if key not in KEYS]
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        raise error(422, f"found unpermitted parameter{plural}: {', '.join(f':{key}' for key in unknown)}")


def set_priority(call: Call, row_id: int, priority: object) -> None:
    """Write a membership's priority, inside an open transaction."""
    if isinstance(priority, (int, float, str)):
        try:
            number = float(priority)
        except (ValueError, OverflowError):
            number = 0.0
        call.store.run("UPDATE set_member_subjects SET priority = ? WHERE id = ?", number, row_id)


def editable(call: Call) -> Row:
    """Find a membership of a set in which the account may write."""
    row = call.store.one(
        "SELECT m.*, s.project_id FROM set_member_subjects m JOIN subject_sets s ON s.id = m.subject_set_id "
        "WHERE m.id = ?", as_id(call.id),
    )  # fmt: skip
    if row is None or call.editable_project(row["project_id"]) is None:
        raise error(404, f"Could not find set_member_subject with id='{call.id}'")
    return row


def update(call: Call) -> Response:
    """Change a membership's priority."""
    row = call.may_change(200, "project", lambda: editable(call))
    call.matches("SetMemberSubject", row)
    content = call.root("set_member_subjects")
    check_keys(content)
    with call.store.write():
        set_priority(call, row["id"], content.get("priority"))
        call.store.run("UPDATE set_member_subjects SET updated_at = ? WHERE id = ?", now_us(), row["id"])
    return lists.written(call, MEMBERSHIPS, row["id"])


def remove(call: Call) -> Response:
    """Take one subject out of a set; the subject itself is removed later."""
    row = call.may_change(204, "project", lambda: editable(call))
    call.matches("SetMemberSubject", row)
    with call.store.write():
        drop_members(call.store, row["subject_set_id"], [row["subject_id"]])
        touch_set(call.store, row["subject_set_id"])
        call.store.later("remove-subjects", call.world.options.pace.removal_s, ids=[row["subject_id"]])
    return empty(204)
