"""What each fault does to a call: every one wraps the application for that call."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zoocut.sandbox.api.answers import error, html, plain_json
from zoocut.sandbox.state.instance import Instance
from zoocut.sandbox.state.members import add_members
from zoocut.sandbox.state.store import now_us
from zoocut.sandbox.state.values import as_id

__all__ = [
    "Context",
    "Effect",
    "commit",
    "commit_then",
    "instead",
    "json_error",
    "page",
    "shaped",
    "too_many",
]

PIECE = 16_384
MESSAGES = {409: "Attempted to update a stale object: Subject.", 403: "Forbidden", 422: "Unprocessable"}


@dataclass(frozen=True)
class Context:
    """A fault that meets a call: the application behind it, the fault's settings, the sandbox."""

    app: ASGIApp
    settings: dict[str, Any]
    instance: Instance


Effect = Callable[[Context, Scope, Receive, Send], Awaitable[None]]


async def commit(context: Context, scope: Scope, receive: Receive) -> list[Message]:
    """Let the application do all its work, and return what it would have sent."""
    kept: list[Message] = []

    async def keep(message: Message) -> None:
        kept.append(message)

    await context.app(scope, receive, keep)
    return kept


async def _hang_up(scope: Scope, receive: Receive, *, reset: bool) -> None:
    """Close the connection under the client's feet."""
    transport = scope["zoocut.transport"]
    if reset:
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass


def commit_then(answer: Callable[[dict[str, Any]], Response]) -> Effect:
    """Make an effect that does the work and answers with something else, after ``delay_s`` where there is one."""

    async def effect(context: Context, scope: Scope, receive: Receive, send: Send) -> None:
        await commit(context, scope, receive)
        await asyncio.sleep(context.settings.get("delay_s", 0))
        await answer(context.settings)(scope, receive, send)

    return effect


def page(settings: dict[str, Any]) -> Response:
    """Make a page of a proxy with the status of the settings."""
    return html(int(settings["status"]))


def json_error(settings: dict[str, Any]) -> Response:
    """Make the API's error with the status of the settings; from 500 on, what a gateway says in JSON."""
    status = int(settings["status"])
    if status >= 500:
        return plain_json({"message": "Endpoint request timed out"}, status)
    return error(status, MESSAGES.get(status, "Something is wrong")).response


async def commit_then_close(context: Context, scope: Scope, receive: Receive, send: Send) -> None:
    """Do the work, say nothing, hang up."""
    await commit(context, scope, receive)
    await _hang_up(scope, receive, reset=True)


async def truncated(context: Context, scope: Scope, receive: Receive, send: Send) -> None:
    """Do the work, send half of the answer, hang up."""
    start, *bodies = await commit(context, scope, receive)
    body = b"".join(message.get("body", b"") for message in bodies)
    await send(start)
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await _hang_up(scope, receive, reset=False)


async def _drain(receive: Receive) -> bytes:
    """Read the whole body."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def instead(answer: Callable[[dict[str, Any]], Response]) -> Effect:
    """Make an effect that answers without doing the work."""

    async def effect(context: Context, scope: Scope, receive: Receive, send: Send) -> None:
        await _drain(receive)
        await answer(context.settings)(scope, receive, send)

    return effect


def too_many(settings: dict[str, Any]) -> Response:
    """Make the answer of a limiter."""
    return Response(b"Too Many Requests\n", 429, {"Retry-After": str(int(settings["retry_after_s"]))})


async def late_commit(context: Context, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the proxy's page now and do the work some time later."""
    body = await _drain(receive)

    given_before = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def given() -> Message:
        return next(given_before, {"type": "http.disconnect"})

    async def work() -> None:
        await asyncio.sleep(context.settings["delay_s"])
        await commit(context, scope, given)

    context.instance.start(work())
    await html(504)(scope, receive, send)


def _token(scope: Scope) -> str:
    header = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
    return header.decode("latin-1").removeprefix("Bearer ")


async def token_expired(context: Context, scope: Scope, receive: Receive, send: Send) -> None:
    """Let the call's token expire just before it is looked at."""
    store = context.instance.store
    with store.write():
        store.run("UPDATE tokens SET expires_at = ? WHERE token = ?", now_us() - 1, _token(scope))
    await context.app(scope, receive, send)


async def token_pruned(context: Context, scope: Scope, receive: Receive, send: Send) -> None:
    """Remove the call's token, and its way to be renewed, just before it is looked at."""
    store = context.instance.store
    with store.write():
        store.run("DELETE FROM tokens WHERE token = ?", _token(scope))
    await context.app(scope, receive, send)


async def blob_reset(context: Context, scope: Scope, receive: Receive, send: Send) -> None:
    """Take some of the bytes, then reset the connection."""
    await receive()
    await _hang_up(scope, receive, reset=True)


async def slow_body(context: Context, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the answer's body in small pieces that together take a while."""
    start, *bodies = await commit(context, scope, receive)
    body = b"".join(message.get("body", b"") for message in bodies)
    await send(start)
    pieces = 10
    size = max(1, -(-len(body) // pieces))
    for begin in range(0, len(body), size):
        await asyncio.sleep(context.settings["delay_s"] / pieces)
        await send({"type": "http.response.body", "body": body[begin : begin + size], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def page_drift(context: Context, scope: Scope, receive: Receive, send: Send) -> None:
    """Insert rows into the list before a later page of it is read."""
    params = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    if as_id(params.get("page", "1")) not in (None, 1):
        _insert_strangers(context.instance, params, int(context.settings["rows"]))
    await context.app(scope, receive, send)


def _insert_strangers(instance: Instance, params: dict[str, str], rows: int) -> None:
    """Insert subjects like the newest one that a list shows."""
    store, set_id = instance.store, as_id(params.get("subject_set_id"))
    model = store.one(
        "SELECT * FROM subjects s WHERE active AND coalesce(project_id = ?, 1) "
        "AND coalesce(upload_user_id = ?, 1) AND (? IS NULL OR EXISTS (SELECT 1 FROM set_member_subjects m "
        "WHERE m.subject_id = s.id AND m.subject_set_id = ?)) ORDER BY id DESC LIMIT 1",
        as_id(params.get("project_id")), as_id(params.get("upload_user_id")), set_id, set_id,
    )  # fmt: skip
    if model is None:
        return
    with store.write():
        for _ in range(rows):
            now = now_us()
            subject_id = store.insert(
                "subjects", project_id=model["project_id"], upload_user_id=model["upload_user_id"],
                external_id="drift", metadata=json.dumps({"drift": "1"}), locations="[]",
                created_at=now, updated_at=now,
            )  # fmt: skip
            store.note("subject-drifted-in", subject_id)
            if set_id is not None:
                add_members(store, set_id, [subject_id])


async def latency(context: Context, scope: Scope, receive: Receive, send: Send) -> None:
    """Wait before the work: a fixed time, or a random one up to ``max_s``."""
    least = context.settings["delay_s"]
    await asyncio.sleep(random.uniform(least, max(least, context.settings["max_s"])))
    await context.app(scope, receive, send)


async def bandwidth(context: Context, scope: Scope, receive: Receive, send: Send) -> None:
    """Let bytes through slowly in both directions."""
    rate = context.settings["bytes_per_s"]

    async def slow_receive() -> Message:
        message = await receive()
        await asyncio.sleep(len(message.get("body", b"")) / rate)
        return message

    async def slow_send(message: Message) -> None:
        body = message.get("body", b"")
        while len(body) > PIECE:
            await asyncio.sleep(PIECE / rate)
            await send({"type": "http.response.body", "body": body[:PIECE], "more_body": True})
            body = body[PIECE:]
        if body:
            await asyncio.sleep(len(body) / rate)
            message = {**message, "body": body}
        await send(message)

    with contextlib.suppress(asyncio.CancelledError):
        await context.app(scope, slow_receive, slow_send)


async def shaped(context: Context, scope: Scope, receive: Receive, send: Send) -> None:
    """Leave the rest to the handler, which sees the fault in the call."""
    await context.app(scope, receive, send)
