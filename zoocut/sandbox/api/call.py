"""A request to the API as its handlers see it, and the checks its handlers begin with, in order."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import Any, cast
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from zoocut.sandbox.api.answers import Refusal, empty, error, html, not_json, plain_json
from zoocut.sandbox.state.instance import Instance
from zoocut.sandbox.state.jobs import run_due
from zoocut.sandbox.state.store import Row, Store, UnstorableError, now_us
from zoocut.sandbox.state.values import as_id, etag, inspected, is_blank, parse_json

__all__ = ["BODY_LIMIT", "READERS", "WRITERS", "Call", "Handler", "api", "instance_of", "of_roles"]

ACCEPT = "application/vnd.api+json; version=1"
CONTENT_TYPES = ("application/json", "application/vnd.api+json")
BODY_LIMIT = 20_000_000
"""Bytes of a request's body that the proxy lets through."""

Handler = Callable[["Call"], Response | Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def instance_of(request: Request) -> Instance:
    """Return the sandbox that a request came to."""
    return cast(Instance, request.app.state.instance)


def unrouted(request: Request) -> Response:
    """Answer as for a route that does not exist, in the form the client accepts."""
    if request.headers.get("accept", "").startswith("application/json"):
        return plain_json({"status": 404, "error": "Not Found"}, 404)
    return html(404)


async def read_body(request: Request) -> bytes:
    """Read the request's body, up to the proxy's limit."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_LIMIT:
            raise Refusal(html(413))
        parts.append(part)
    return b"".join(parts)


def api(handler: Handler) -> Endpoint:
    """Make an endpoint of a handler: the version header, the body, and refusals as answers."""

    async def endpoint(request: Request) -> Response:
        if ACCEPT not in request.headers.get("accept", ""):
            return unrouted(request)
        try:
            call = Call(request, await parsed_body(request))
            run_due(call.instance)
            answer = handler(call)
            return await answer if inspect.isawaitable(answer) else answer
        except Refusal as refusal:
            return refusal.response
        except UnstorableError:
            return html(500)

    return endpoint


async def parsed_body(request: Request) -> dict[str, Any]:
    """Return the object in a request's body, an empty one where the server reads none."""
    if request.method in ("GET", "HEAD"):
        return {}
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    body = await read_body(request)
    if kind not in CONTENT_TYPES and request.method != "DELETE":
        raise error(415, f"Only requests with Content-Type: {' or '.join(CONTENT_TYPES)} are allowed")
    if kind != "application/json" or not body:
        return {}
    try:
        content = parse_json(body)
        return content if isinstance(content, dict) else {}
    except UnicodeDecodeError:
        raise Refusal(html(500)) from None
    except ValueError as problem:
        raise Refusal(not_json(400, f"There was a problem in the JSON you submitted: {problem}")) from None


def parameters(query: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Read a query as Rails does: ``name[]=a`` makes a list of a name, and ``name[key]=a`` nests it.

    Returns
    -------
    params : dict of str to str
        The plain ones, the last of a name; a list is there as Ruby writes it.
    nested : dict of str to list of str
        The values of the others.
    """
    params: dict[str, str] = {}
    nested: dict[str, list[str]] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        name, bracket, _ = key.partition("[")
        if bracket and name:
            nested.setdefault(name, []).append(value)
            params.pop(name, None)
        else:
            params[key] = value
            nested.pop(key, None)
    return params | {name: inspected(values) for name, values in nested.items()}, nested


class Call:
    """One request to the API.

    Parameters
    ----------
    request : Request
        As the web server gave it.
    body : dict
        The object its JSON holds.
    """

    def __init__(self, request: Request, body: dict[str, Any]) -> None:
        self.request = request
        self.body = body
        self.instance = instance_of(request)
        self.params, self.nested = parameters(request.scope["query_string"].decode("latin-1"))

    @property
    def store(self) -> Store:
        """The sandbox's state."""
        return self.instance.store

    @property
    def id(self) -> str:
        """The id in the path, as it was written."""
        return str(self.request.path_params["id"])

    @property
    def now(self) -> int:
        """The time, in microseconds since 1970."""
        return now_us()

    @property
    def base(self) -> str:
        """The address under which the client reached the sandbox."""
        return f"http://{self.request.headers.get('host', '127.0.0.1')}"

    def fault(self, name: str) -> dict[str, Any] | None:
        """Return the settings of a fault that is to shape this call's answer, or None."""
        found: dict[str, Any] | None = self.request.scope.get("zoocut.faults", {}).get(name)
        return found

    @cached_property
    def token(self) -> Row | None:
        """The row of the access token, whatever its state."""
        header = self.request.headers.get("authorization", "")
        given = header[7:] if header[:7].lower() == "bearer " else ""
        given = given or self.params.get("access_token", "") or self.params.get("bearer_token", "")
        row = self.store.one("SELECT * FROM tokens WHERE token = ?", given) if given else None
        if row is not None and row["previous_refresh"]:
            self._retire_previous(row)
        return row

    def _retire_previous(self, row: Row) -> None:
        """Revoke the pair that this token replaced, as its first use does."""
        with self.store.write():
            self.store.run(
                "UPDATE tokens SET revoked_at = ? WHERE refresh = ? AND revoked_at IS NULL",
                now_us(), row["previous_refresh"],
            )  # fmt: skip
            self.store.run("UPDATE tokens SET previous_refresh = NULL WHERE id = ?", row["id"])

    @cached_property
    def user(self) -> Row | None:
        """The account the token belongs to, even when the token has expired or was revoked."""
        if self.token is None:
            return None
        return self.store.one("SELECT * FROM users WHERE id = ?", self.token["user_id"])

    @property
    def user_id(self) -> int:
        """The account's id, 0 for nobody."""
        return 0 if self.user is None else int(self.user["id"])

    # the checks, in the order in which they win

    def not_banned(self, silent_status: int) -> None:
        """Swallow a write of a banned account."""
        if self.user is not None and self.user["banned"]:
            raise Refusal(empty(silent_status))

    def signed_in(self) -> None:
        """Require that the token belongs to somebody."""
        if self.user is None:
            raise error(401, "You must be logged in to access this resource.")

    def acceptable(self, scope: str) -> None:
        """Require a token that is valid now and has a scope."""
        problem = token_problem(self.token)
        if problem:
            header = f'Bearer realm="Panoptes", error="invalid_token", error_description="{problem}"'
            raise Refusal(empty(401, {"WWW-Authenticate": header}))
        if self.token is not None and scope not in self.token["scopes"].split():
            raise Refusal(empty(403))

    def may_create(self, scope: str) -> None:
        """Make all checks that come before a creation's own."""
        self.not_banned(201)
        self.signed_in()
        self.acceptable(scope)

    def may_change(self, silent_status: int, scope: str, find: Callable[[], Row]) -> Row:
        """Make all checks that come before a change's own, and give the record that `find` finds."""
        self.not_banned(silent_status)
        self.signed_in()
        row = find()
        self.acceptable(scope)
        return row

    def matches(self, kind: str, row: Row) -> None:
        """Require an If-Match header with the tag of this row."""
        self.matches_tag(etag(kind, row["id"], row["updated_at"]))

    def matches_tag(self, tag: str) -> None:
        """Require an If-Match header with a tag."""
        given = self.request.headers.get("if-match")
        if given is None:
            raise error(428, "Request requires If-Match header to be present")
        if given not in (tag, f"W/{tag}"):
            raise error(412, "JsonApiController::PreconditionFailed")

    def root(self, name: str) -> dict[str, Any]:
        """Return the object under the resource's key of the body."""
        content = self.body.get(name)
        if is_blank(content):
            raise error(422, f"param is missing or the value is empty: {name}")
        if not isinstance(content, dict):
            raise Refusal(html(500))
        return content

    def linked(self, relation: str) -> Any:
        """Return what the body of a link request names."""
        content = self.body.get(relation)
        if content is None:
            raise error(422, f"Link relation {relation} must match body key")
        return content

    def editable(self, table: str, singular: str, given: str) -> Row:
        """Find a record of a project in which the account may write.

        Raises
        ------
        Refusal
            404 when there is none: missing and not permitted look the same.
        """
        row = self.store.one(
            f"SELECT * FROM {table} WHERE id = ? AND project_id IN ({EDITABLE})", as_id(given), self.user_id
        )
        if row is None or ("active" in row.keys() and table == "subjects" and not row["active"]):  # noqa: SIM118
            raise error(404, f"Could not find {singular} with id='{given}'")
        return row

    def editable_project(self, given: Any) -> Row | None:
        """Find a project in which the account may write."""
        return self.store.one(
            f"SELECT * FROM projects WHERE id = ? AND id IN ({EDITABLE})", as_id(given), self.user_id
        )


WRITERS = ("owner", "collaborator")
"""Roles that may write in a project."""
READERS = (*WRITERS, "tester", "translator", "scientist", "moderator")
"""Roles that may read a private project."""


def of_roles(names: Sequence[str]) -> str:
    """Return the condition that a row of roles has one of some."""
    listed = ", ".join(f"'{name}'" for name in names)
    return f"EXISTS (SELECT 1 FROM json_each(roles.names) WHERE value IN ({listed}))"


EDITABLE = (
    "SELECT projects.id FROM projects JOIN roles ON roles.project_id = projects.id "
    f"WHERE roles.user_id = ? AND {of_roles(WRITERS)} AND projects.active"
)


def token_problem(token: Row | None) -> str:
    """Say why a token is not acceptable, nothing when it is."""
    if token is None:
        return "The access token is invalid"
    if token["revoked_at"] is not None:
        return "The access token was revoked"
    return "The access token expired" if token["expires_at"] <= now_us() else ""
