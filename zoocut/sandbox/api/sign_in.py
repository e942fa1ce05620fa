"""Signing in by cookie, and the tokens that sign-in and other grants give."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from itsdangerous import BadSignature, Signer, URLSafeSerializer
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zoocut.sandbox.api import lists
from zoocut.sandbox.api.answers import Refusal, empty, not_json, plain_json
from zoocut.sandbox.api.call import Call, instance_of, read_body
from zoocut.sandbox.api.resources import USERS
from zoocut.sandbox.options import PASSWORD
from zoocut.sandbox.state.instance import Instance
from zoocut.sandbox.state.store import Row, now_us
from zoocut.sandbox.state.values import iso, parse_json

__all__ = ["routes"]

SESSION = "_Panoptes_session"
SCOPES = "public user project group collection classification subject medium organization translation"
CLIENT_ID = re.compile(r"[0-9a-f]{64}")
GRANTS = ("password", "refresh_token", "client_credentials")
NO_GRANT = (
    "The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used "
    "in the authorization request, or was issued to another client."
)
NO_CLIENT = (
    "Client authentication failed due to unknown client, no client authentication included, or unsupported "
    "authentication method."
)


def routes() -> list[BaseRoute]:
    """Return the routes of sign-in and tokens."""
    return [
        Route("/users/sign_in", sign_in_page, methods=["GET"]),
        Route("/users/sign_in", sign_in, methods=["POST"]),
        Route("/users/sign_out", sign_out, methods=["DELETE"]),
        Route("/oauth/token", token, methods=["POST"]),
    ]


# sessions: everything is in the cookie, signed


def _cookies(instance: Instance) -> URLSafeSerializer:
    return URLSafeSerializer(instance.secret, salt="session")


def _open(request: Request) -> dict[str, Any]:
    """Return the session that the request's cookie holds, an empty one when it is not ours."""
    try:
        content: dict[str, Any] = _cookies(instance_of(request)).loads(request.cookies.get(SESSION, ""))
    except BadSignature:
        return {}
    return content


def _csrf_token(session: Mapping[str, Any]) -> str:
    return Signer(session["csrf"]).sign(secrets.token_urlsafe(16)).decode()


def _is_csrf_token(session: Mapping[str, Any], given: Any) -> bool:
    if not session or not isinstance(given, str):
        return False
    return Signer(session["csrf"]).validate(given.encode("utf-8", "replace"))


def _keep(instance: Instance, answer: Response, session: Mapping[str, Any]) -> Response:
    answer.set_cookie(SESSION, _cookies(instance).dumps(session), httponly=True, samesite="lax")
    return answer


async def sign_in_page(request: Request) -> Response:
    """Answer with a token that proves the sign-in was begun here."""
    instance = instance_of(request)
    session = _open(request) or {"csrf": secrets.token_hex(16)}
    headers = {"X-CSRF-Param": "authenticity_token", "X-CSRF-Token": _csrf_token(session)}
    answer = plain_json({"login": "/users/sign_in"}, headers={**headers, **_weak_tag("sign_in")})
    return _keep(instance, answer, session)


def _weak_tag(text: str) -> dict[str, str]:
    return {"ETag": f'W/"{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}"'}


async def _form(request: Request) -> dict[str, Any]:
    """Read a body that is a form or JSON."""
    try:
        body = await read_body(request)
        if request.headers.get("content-type", "").split(";")[0].strip() == "application/json":
            content = parse_json(body) if body.strip() else {}
            return content if isinstance(content, dict) else {}
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except ValueError as problem:
        raise Refusal(not_json(400, f"There was a problem in the JSON you submitted: {problem}")) from None


def _known(instance: Instance, login: Any, password: Any) -> Row | None:
    """Find the account of a login or e-mail address and a password."""
    if not isinstance(login, str) or password != PASSWORD:
        return None
    return instance.store.one(
        "SELECT * FROM users WHERE login = ?", login.strip().removesuffix("@example.org")
    )


async def sign_in(request: Request) -> Response:
    """Check login and password; a session without its token is emptied, but the answer does not tell."""
    instance = instance_of(request)
    try:
        form = await _form(request)
    except Refusal as refusal:
        return refusal.response
    person = form.get("user")
    if not isinstance(person, dict) or not person.get("login"):
        return plain_json({"error": "You need to sign in or sign up before continuing."}, 401)
    session = _open(request)
    proved = _is_csrf_token(session, form.get("authenticity_token"))
    user = _known(instance, person.get("login"), person.get("password"))
    if user is None:
        answer = plain_json({"error": "Invalid email or password."}, 401)
        return _keep(instance, answer, session) if proved else answer
    answer = plain_json(_own_document(request, user), headers=_weak_tag(f"{user['id']}"))
    if proved:
        _keep(instance, answer, {"csrf": secrets.token_hex(16), "user": user["id"]})
        answer.set_cookie(
            "remember_user_token", _cookies(instance).dumps({"user": user["id"]}), httponly=True
        )
    return answer


def _own_document(request: Request, user: Row) -> dict[str, Any]:
    call = Call(request, {})
    call.user = user
    return lists.pack(call, USERS, [user], lists.Asked(), 1)


async def sign_out(request: Request) -> Response:
    """End the session."""
    return _keep(instance_of(request), empty(204), {"csrf": secrets.token_hex(16)})


# tokens


async def token(request: Request) -> Response:
    """Give a token for a session, a password, an older token or an application's secret."""
    instance = instance_of(request)
    try:
        form = {key: value for key, value in (await _form(request)).items() if isinstance(value, str)}
        return grant(request, instance, form)
    except Refusal as refusal:
        return refusal.response


def grant(request: Request, instance: Instance, form: Mapping[str, str]) -> Response:
    """Give a token when everything about the request is right."""
    kind, client = form.get("grant_type", ""), form.get("client_id", "")
    scopes = form.get("scope") or SCOPES
    if (
        not CLIENT_ID.fullmatch(client)
        or kind not in GRANTS
        or not set(scopes.split()) <= set(SCOPES.split())
    ):
        return empty(422)
    if kind == "refresh_token":
        return refresh(instance, client, form.get("refresh_token", ""))
    if kind == "client_credentials":
        row = instance.store.one("SELECT * FROM applications WHERE client_id = ?", client)
        if row is None or row["secret"] != form.get("client_secret"):
            return refused("invalid_client", NO_CLIENT)
        return give(instance, row["owner_id"], client, scopes, refreshable=False)
    user_id = _open(request).get("user")
    if form.get("login"):
        known = _known(instance, form["login"], form.get("password"))
        user_id = None if known is None else known["id"]
    if user_id is None:
        return refused("invalid_grant", NO_GRANT)
    return give(instance, user_id, client, scopes, refreshable=True)


def refused(name: str, description: str) -> Response:
    """Answer that no token is given, and why."""
    header = f'Bearer realm="Panoptes", error="{name}", error_description="{description}"'
    return plain_json({"error": name, "error_description": description}, 401, {"WWW-Authenticate": header})


def refresh(instance: Instance, client: str, given: str) -> Response:
    """Give a new pair; the old one lives until the new one is used."""
    row = instance.store.one("SELECT * FROM tokens WHERE refresh = ? AND client_id = ?", given, client)
    if row is None or row["revoked_at"] is not None:
        return refused("invalid_grant", NO_GRANT)
    return give(instance, row["user_id"], client, row["scopes"], refreshable=True, previous=given)


def give(
    instance: Instance,
    user_id: int,
    client: str,
    scopes: str,
    *,
    refreshable: bool,
    previous: str | None = None,
) -> Response:
    """Write a new token down and answer with it."""
    now, life = now_us(), instance.options.token_life_s
    row = {
        "token": new_token(user_id, now),
        "refresh": secrets.token_urlsafe(32) if refreshable else None,
        "previous_refresh": previous,
        "user_id": user_id,
        "client_id": client,
        "scopes": scopes,
        "created_at": now,
        "expires_at": now + int(life * 1e6),
    }
    with instance.store.write():
        instance.store.insert("tokens", **row)
    content = {
        "access_token": row["token"],
        "token_type": "Bearer",
        "expires_in": int(life),
        **({"refresh_token": row["refresh"]} if refreshable else {}),
        "scope": scopes,
        "created_at": now // 1_000_000,
    }
    return plain_json(content, headers={**_weak_tag(str(row["token"])), "Cache-Control": "no-store"})


def new_token(user_id: int, now: int) -> str:
    """Make a token that looks like the server's: three parts, the second one readable."""
    payload = {"data": {"id": user_id}, "iat": iso(now), "iss": "sandbox", "rng": secrets.token_hex(8)}
    parts = (json.dumps({"alg": "RS512"}).encode(), json.dumps(payload).encode(), secrets.token_bytes(64))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
