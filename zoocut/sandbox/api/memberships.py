"""Memberships: which subject is in which set, and changes of a set that others may be making too."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Collection

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zoocut.sandbox.api import lists
from zoocut.sandbox.api.answers import empty, error
from zoocut.sandbox.api.call import Call, api
from zoocut.sandbox.api.resources import MEMBERSHIPS, SEEN_PROJECTS
from zoocut.sandbox.state.members import add_members, drop_members, touch_set
from zoocut.sandbox.state.store import Row, now_us
from zoocut.sandbox.state.values import as_id

__all__ = ["change_set", "check_keys", "routes", "visible_subjects"]

KEYS = {"priority", "links"}
STALE = "Attempted to update a stale object: SubjectSet."


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


def check_keys(content: dict[str, object], known: Collection[str] = KEYS) -> None:
    """Refuse keys that may not be set."""
    unknown = [key for key in content if key not in known]
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
    """Change a membership's priority; no If-Match is asked for."""
    row = call.may_change(200, "project", lambda: editable(call))
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
        call.store.later("remove-subjects", call.instance.options.delays.removal_s, ids=[row["subject_id"]])
    return empty(204)


async def change_set(call: Call, set_id: int, change: Callable[[], None]) -> None:
    """Change a set as the server does: read it, take some time, commit when nobody else did meanwhile.

    Parameters
    ----------
    call : Call
        The request.
    set_id : int
        The set.
    change : callable
        Makes the change, inside a transaction.

    Raises
    ------
    Refusal
        409 when another request changed the set in between; nothing is changed then.
    """
    if call.fault("conflict") is not None:
        raise error(409, STALE)
    query = "SELECT lock_version FROM subject_sets WHERE id = ?"
    async with call.instance.set_changes:
        version = call.store.value(query, set_id)
        await asyncio.sleep(call.instance.options.delays.set_change_s * random.uniform(0.5, 1.5))
        with call.store.write():
            if call.store.value(query, set_id) != version:
                raise error(409, STALE)
            change()


def visible_subjects(call: Call, ids: list[int | None]) -> list[int]:
    """Return those of some subjects that are active and that the account may see."""
    return [row[0] for row in call.store.select(
        "SELECT id FROM subjects WHERE active AND id IN (SELECT value FROM json_each(:ids)) "
        f"AND project_id IN ({SEEN_PROJECTS})",
        {"ids": json.dumps(ids), "me": call.user_id},
    )]  # fmt: skip
