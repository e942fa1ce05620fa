"""The sandbox's own endpoints under /sandbox/: faults, tokens, quotas, features, jobs, and a snapshot."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from zoocut.error_kinds import SandboxOptions
from zoocut.errors import ConfigError
from zoocut.sandbox.api.answers import Refusal, plain_json
from zoocut.sandbox.api.call import instance_of, read_body
from zoocut.sandbox.faults.reading import rule_of
from zoocut.sandbox.faults.registry import FAULTS
from zoocut.sandbox.state import snapshot
from zoocut.sandbox.state.instance import Instance
from zoocut.sandbox.state.jobs import run_due
from zoocut.sandbox.state.store import now_us
from zoocut.sandbox.state.values import parse_json

__all__ = ["routes"]

Control = Callable[[Instance, dict[str, Any]], Any]


def routes() -> list[BaseRoute]:
    """Return the control routes."""
    return [
        Route("/sandbox/faults", _control(list_faults), methods=["GET"]),
        Route("/sandbox/faults", _control(add_fault), methods=["POST"]),
        Route("/sandbox/faults", _control(remove_faults), methods=["DELETE"]),
        Route("/sandbox/faults/{number:int}", remove_fault, methods=["DELETE"]),
        Route("/sandbox/injected", _control(injected), methods=["GET"]),
        Route("/sandbox/tokens/expire", _control(expire_tokens), methods=["POST"]),
        Route("/sandbox/tokens/revoke", _control(revoke_tokens), methods=["POST"]),
        Route("/sandbox/tokens/prune", _control(prune_tokens), methods=["POST"]),
        Route("/sandbox/users/{login}", set_user, methods=["POST"]),
        Route("/sandbox/features/{name}", set_feature, methods=["POST"]),
        Route("/sandbox/jobs/run", _control(run_jobs), methods=["POST"]),
        Route("/sandbox/truth", tell_all, methods=["GET"]),
        Route("/sandbox/requests", _control(requests), methods=["GET"]),
    ]


async def _content(request: Request) -> dict[str, Any]:
    try:
        body = await read_body(request)
        content = parse_json(body) if body.strip() else {}
    except (ValueError, Refusal):
        content = None
    if not isinstance(content, dict):
        raise SandboxOptions("the body must be a JSON object")
    return content


def _answer(problem: ConfigError) -> Response:
    return plain_json({"error": str(problem)}, 400)


def _control(control: Control) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint of a function on the sandbox and the body's object."""

    async def endpoint(request: Request) -> Response:
        try:
            result = control(instance_of(request), await _content(request))
        except ConfigError as problem:
            return _answer(problem)
        return JSONResponse(await result if inspect.isawaitable(result) else result)

    return endpoint


def list_faults(instance: Instance, content: dict[str, Any]) -> Any:
    """Return the rules at work, how often each was tried and met, and what faults there are."""
    rules = [
        {"number": watch.number, **asdict(watch.rule), "calls": watch.calls, "met": watch.met}
        for watch in instance.faults.watches()
    ]
    known = {
        name: {"route": fault.route, **fault.settings, "does": fault.does} for name, fault in FAULTS.items()
    }
    return {"faults": rules, "known": known}


def add_fault(instance: Instance, content: dict[str, Any]) -> Any:
    """Set a rule to work."""
    return {"number": instance.faults.add(rule_of(content, "the fault"))}


def remove_faults(instance: Instance, content: dict[str, Any]) -> Any:
    """Take all rules away."""
    return {"removed": instance.faults.remove()}


async def remove_fault(request: Request) -> Response:
    """Take one rule away."""
    return JSONResponse({"removed": instance_of(request).faults.remove(request.path_params["number"])})


def injected(instance: Instance, content: dict[str, Any]) -> Any:
    """Return which fault met which call, oldest first."""
    return {"injected": [asdict(one) for one in instance.faults.injected]}


def _update_tokens(instance: Instance, content: dict[str, Any], sql: str, *values: Any) -> dict[str, int]:
    """Change the tokens of one account or, when none is named, all; ``token`` names a single one."""
    if not all(isinstance(content.get(key), (str, type(None))) for key in ("login", "token")):
        raise SandboxOptions("login and token must be texts")
    where = (
        "(:login IS NULL OR user_id = (SELECT id FROM users WHERE login = :login)) "
        "AND (:token IS NULL OR token = :token)"
    )
    ids = instance.store.select(
        f"SELECT id FROM tokens WHERE {where}", {"login": content.get("login"), "token": content.get("token")}
    )
    with instance.store.write():
        for (token_id,) in ids:
            instance.store.run(f"{sql} WHERE id = ?", *values, token_id)
    return {"changed": len(ids)}


def expire_tokens(instance: Instance, content: dict[str, Any]) -> Any:
    """Let tokens expire now."""
    return _update_tokens(instance, content, "UPDATE tokens SET expires_at = ?", now_us() - 1)


def revoke_tokens(instance: Instance, content: dict[str, Any]) -> Any:
    """Revoke tokens."""
    return _update_tokens(instance, content, "UPDATE tokens SET revoked_at = ?", now_us())


def prune_tokens(instance: Instance, content: dict[str, Any]) -> Any:
    """Delete tokens, and with them the way to renew them."""
    return _update_tokens(instance, content, "DELETE FROM tokens")


USER_COLUMNS = ("subject_limit", "upload_whitelist", "banned", "uploaded_count")


async def set_user(request: Request) -> Response:
    """Change an account: its quota, whether it is on the whitelist, whether it is banned."""
    store, login = instance_of(request).store, request.path_params["login"]
    try:
        content = await _content(request)
        if store.one("SELECT 1 FROM users WHERE login = ?", login) is None:
            raise SandboxOptions(f"there is no account {login!r}")
        for key, value in content.items():
            cleared = value is None and key == "subject_limit"
            if key not in USER_COLUMNS or not (cleared or (isinstance(value, int) and 0 <= value < 2**53)):
                raise SandboxOptions(
                    f"{key} = {value!r} cannot be set; whole numbers for {', '.join(USER_COLUMNS)} can"
                )
    except ConfigError as problem:
        return _answer(problem)
    with store.write():
        for key, value in content.items():
            store.run(f"UPDATE users SET {key} = ? WHERE login = ?", value, login)
    return JSONResponse({"login": login, **content})


async def set_feature(request: Request) -> Response:
    """Switch a feature, as ``subject_uploading``, on or off."""
    name, store = request.path_params["name"], instance_of(request).store
    try:
        content = await _content(request)
        if not isinstance(content.get("on"), bool):
            raise SandboxOptions('say {"on": true} or {"on": false}')
    except ConfigError as problem:
        return _answer(problem)
    with store.write():
        store.run("INSERT OR REPLACE INTO features VALUES (?, ?)", name, content["on"])
    return JSONResponse({"name": name, "on": content["on"]})


def run_jobs(instance: Instance, content: dict[str, Any]) -> Any:
    """Do everything that waits in the background, now."""
    return {"done": run_due(instance, everything=True)}


def requests(instance: Instance, content: dict[str, Any]) -> Any:
    """Return the last requests, oldest first."""
    return {"requests": [asdict(one) for one in instance.log]}


async def tell_all(request: Request) -> Response:
    """Answer with everything the sandbox holds, written as it is read."""
    pieces: Iterator[str] = snapshot.pieces(instance_of(request).store)
    return StreamingResponse((piece.encode() for piece in pieces), media_type="application/json")
