"""Who may do what in a project."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zoocut.sandbox.api import lists
from zoocut.sandbox.api.answers import empty, error
from zoocut.sandbox.api.call import Call, api
from zoocut.sandbox.api.memberships import check_keys
from zoocut.sandbox.api.resources import ROLES
from zoocut.sandbox.state.store import Row, now_us
from zoocut.sandbox.state.values import as_id

__all__ = ["routes"]

TAKEN = "Validation failed: User group . Roles have already been set for this user or group"


def routes() -> list[BaseRoute]:
    """Return the routes of roles."""
    one = "/api/project_roles/{id:digits}"
    return [
        Route("/api/project_roles", api(index), methods=["GET"]),
        Route("/api/project_roles", api(create), methods=["POST"]),
        Route(one, api(lambda call: lists.show(call, ROLES)), methods=["GET"]),
        Route(one, api(update), methods=["PUT"]),
        Route(one, api(remove), methods=["DELETE"]),
    ]


def index(call: Call) -> Response:
    """Answer with a page of roles; a project is named by its id, and an account too, which addresses do not repeat."""
    if "project_id" in call.params:
        call.params["resource_id"] = call.params.pop("project_id")
    users = call.params.pop("user_id", None)
    if users is None:
        return lists.index(call, ROLES)
    ids = json.dumps([as_id(one) for one in users.split(",")])
    return lists.index(call, ROLES, [("r.user_id IN (SELECT value FROM json_each(:users))", {"users": ids})])


def roles_of(content: dict[str, Any]) -> list[str]:
    """Return the roles that a body gives; any word is one."""
    given = content.get("roles", [])
    if not isinstance(given, list):
        raise error(422, "found unpermitted parameter: :roles")
    return [str(one) for one in given if isinstance(one, (str, int, float))]


def create(call: Call) -> Response:
    """Give an account roles in a project."""
    call.may_create("project")
    content = call.root("project_roles")
    check_keys(content, {"roles", "links"})
    links = content.get("links") if isinstance(content.get("links"), dict) else {}
    assert isinstance(links, dict)
    user = call.store.one("SELECT id FROM users WHERE id = ?", as_id(links.get("user")))
    if user is None:
        raise error(422, f"No User with id: {links.get('user')} exists")
    project = call.editable_project(links.get("project"))
    if project is None:
        raise error(422, "Couldn't find linked project for current user")
    held = "SELECT 1 FROM roles WHERE project_id = ? AND user_id = ?"
    if call.store.one(held, project["id"], user["id"]):
        raise error(400, TAKEN)
    with call.store.write():
        role_id = call.instance.add_role(project["id"], user["id"], *roles_of(content))
    return lists.written(call, ROLES, role_id, created=True)


def editable(call: Call) -> Row:
    """Find the roles that the path names, in a project in which the account may write."""
    row = call.store.one("SELECT * FROM roles WHERE id = ?", as_id(call.id))
    if row is None or call.editable_project(row["project_id"]) is None:
        raise error(404, f"Could not find project_role with id='{call.id}'")
    return row


def update(call: Call) -> Response:
    """Give other roles in the place of those an account has."""
    row = call.may_change(200, "project", lambda: editable(call))
    call.matches(ROLES.kind, row)
    content = call.root("project_roles")
    check_keys(content, {"roles"})
    with call.store.write():
        call.store.run(
            "UPDATE roles SET names = ?, updated_at = ? WHERE id = ?",
            json.dumps(roles_of(content)), now_us(), row["id"],
        )  # fmt: skip
    return lists.written(call, ROLES, row["id"])


def remove(call: Call) -> Response:
    """Take an account's roles away."""
    row = call.may_change(204, "project", lambda: editable(call))
    call.matches(ROLES.kind, row)
    with call.store.write():
        call.store.run("DELETE FROM roles WHERE id = ?", row["id"])
    return empty(204)
