"""Projects and accounts."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zoocut.sandbox.api import lists, shapes
from zoocut.sandbox.api.answers import document, empty, error
from zoocut.sandbox.api.call import Call, api
from zoocut.sandbox.api.resources import PROJECTS, USERS
from zoocut.sandbox.state.store import Row, now_us
from zoocut.sandbox.state.values import as_id, etag, http_date

__all__ = ["routes"]

STATES = {"paused": "r.state = 'paused'", "finished": "0", "live": "r.live AND r.state IS NULL"}
"""Conditions of the filter on states; another word is read as no state at all."""
OWN_COLUMNS = {"display_name", "private", "live", "state", "name", "links"}


def routes() -> list[BaseRoute]:
    """Return the routes of projects and accounts."""
    return [
        Route("/api/me", api(me), methods=["GET"]),
        Route("/api/users", api(lambda call: lists.index(call, USERS)), methods=["GET"]),
        Route("/api/users/{id:digits}", api(lambda call: lists.show(call, USERS)), methods=["GET"]),
        Route("/api/projects", api(index), methods=["GET"]),
        Route("/api/projects", api(create), methods=["POST"]),
        Route("/api/projects/{id:digits}", api(show), methods=["GET"]),
        Route("/api/projects/{id:digits}", api(update), methods=["PUT"]),
        Route("/api/projects/{id:digits}", api(remove), methods=["DELETE"]),
        Route("/api/projects/{id:digits}/pages", api(pages), methods=["GET"]),
    ]


def me(call: Call) -> Response:
    """Answer with the account the token belongs to."""
    call.acceptable("public")
    assert call.user is not None
    content = lists.pack(call, USERS, [call.user], lists.Asked(), 1)
    return document(content, headers={"Last-Modified": http_date(call.user["updated_at"])})


def index(call: Call) -> Response:
    """Answer with a page of the projects that can be seen."""
    if "slug" in call.params:
        call.params["slug"] = call.params["slug"].lower()
    conditions: list[lists.Condition] = []
    roles = call.params.get("current_user_roles")
    if roles:
        names = json.dumps(roles.split(","))
        conditions.append((
            "r.id IN (SELECT project_id FROM roles, json_each(roles.names) one "
            "WHERE user_id = :me AND one.value IN (SELECT value FROM json_each(:roles)))",
            {"roles": names},
        ))  # fmt: skip
    if "state" in call.params:
        conditions.append((STATES.get(call.params["state"], "r.state IS NULL"), {}))
    if call.params.get("owner"):
        condition = "r.owner_id IN (SELECT id FROM users WHERE login = :owner)"
        conditions.append((condition, {"owner": call.params["owner"]}))
    if call.params.get("search"):
        conditions.append(("instr(lower(r.display_name), lower(:search))", {"search": call.params["search"]}))
    return lists.index(call, PROJECTS, conditions)


def show(call: Call) -> Response:
    """Answer with one project."""
    return lists.show(call, PROJECTS)


def create(call: Call) -> Response:
    """Make a project that belongs to the account."""
    call.may_create("project")
    content = call.root("projects")
    shapes.check(content, shapes.PROJECT_CREATE)
    user = call.user
    assert user is not None
    check_name(call, user["id"], content["display_name"])
    with call.store.write():
        project_id = call.instance.add_project(
            user["id"], user["login"], content["display_name"], content["private"], fields_text(content)
        )
    return lists.written(call, PROJECTS, project_id, created=True, include=("owners",))


def check_name(call: Call, owner_id: int, name: str, besides: int = 0) -> None:
    """Refuse a name that another project of the owner has."""
    taken = (
        "SELECT 1 FROM projects WHERE active AND owner_id = ? AND lower(display_name) = lower(?) AND id != ?"
    )
    if call.store.one(taken, owner_id, name, besides):
        raise error(400, "Validation failed: Display name Must be unique for owner")


def fields_text(content: dict[str, Any], old: str = "{}") -> str:
    """Return the fields that are kept as they were given."""
    return json.dumps(json.loads(old) | {k: v for k, v in content.items() if k not in OWN_COLUMNS})


def editable(call: Call) -> Row:
    """Find the project that the path names, where the account may write."""
    row = call.editable_project(as_id(call.id))
    if row is None:
        raise error(404, f"Could not find project with id='{call.id}'")
    return row


def update(call: Call) -> Response:
    """Change a project."""
    row = call.may_change(200, "project", lambda: editable(call))
    call.matches("Project", row)
    content = call.root("projects")
    shapes.check(content, shapes.PROJECT_UPDATE)
    name = content.get("display_name", row["display_name"])
    check_name(call, row["owner_id"], name, besides=row["id"])
    with call.store.write():
        call.store.run(
            "UPDATE projects SET display_name = ?, private = ?, live = ?, fields = ?, updated_at = ? "
            "WHERE id = ?",
            name, content.get("private", row["private"]), content.get("live", row["live"]),
            fields_text(content, row["fields"]), now_us(), row["id"],
        )  # fmt: skip
    return lists.written(call, PROJECTS, row["id"])


def remove(call: Call) -> Response:
    """Deactivate a project."""
    row = call.may_change(204, "project", lambda: editable(call))
    call.matches("Project", row)
    with call.store.write():
        call.store.run("UPDATE projects SET active = 0, updated_at = ? WHERE id = ?", now_us(), row["id"])
    return empty(204)


def pages(call: Call) -> Response:
    """Answer that a project has no pages, with the server's own slip in the last address."""
    lists.show(call, PROJECTS)
    path, language = f"/projects/{call.id}/pages", call.params.get("language", "en")
    meta = lists.page_meta(PROJECTS, lists.Asked(), 0, 0)
    hrefs = {
        "first_href": f"{path}?language={language}",
        "last_href": f"/projects//pages?page=0&language={language}",
    }
    links = {"project_pages.project": {"href": "/projects/{project_pages.project}", "type": "projects"}}
    content = {"project_pages": [], "links": links, "meta": {"project_pages": {**meta, **hrefs}}}
    return lists.fresh(call, document(content), etag("pages", call.id))
