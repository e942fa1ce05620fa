"""Faults that let a call do its work and change what its answer says."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from zoocut.sandbox.faults.effects import Context, Effect, commit

__all__ = [
    "date_lies",
    "document",
    "keyless",
    "other_checksum",
    "weak_etags",
    "without_checksum",
    "without_records",
]

Headers = list[tuple[bytes, bytes]]


def _header(change: Callable[[Context, Headers], Headers]) -> Effect:
    """Make an effect that changes an answer's headers on their way."""

    async def effect(context: Context, scope: Scope, receive: Receive, send: Send) -> None:
        async def changed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = change(context, list(message["headers"]))
            await send(message)

        await context.app(scope, receive, changed)

    return effect


@_header
def weak_etags(context: Context, headers: Headers) -> Headers:
    """Mark the answer's tag as weak, as a proxy that compresses does."""
    return [
        (name, b"W/" + value if name == b"etag" and not value.startswith(b"W/") else value)
        for name, value in headers
    ]


@_header
def date_lies(context: Context, headers: Headers) -> Headers:
    """Date the answer by a clock that is wrong."""
    now = time.time() + context.settings["ahead_s"] - context.settings["behind_s"]
    return [*_without(headers, b"date"), (b"date", formatdate(now, usegmt=True).encode())]


@_header
def without_checksum(context: Context, headers: Headers) -> Headers:
    """Leave out the checksum of what was stored."""
    return _without(headers, b"content-md5")


@_header
def other_checksum(context: Context, headers: Headers) -> Headers:
    """Tell the checksum of other bytes than were stored."""
    other = base64.b64encode(hashlib.md5(b"other bytes", usedforsecurity=False).digest())
    return [*_without(headers, b"content-md5"), (b"content-md5", other)]


def _without(headers: Headers, name: bytes) -> Headers:
    return [(one, value) for one, value in headers if one.lower() != name]


def document(change: Callable[[dict[str, Any]], None]) -> Effect:
    """Make an effect that changes the JSON document of an answer."""

    async def effect(context: Context, scope: Scope, receive: Receive, send: Send) -> None:
        start, *bodies = await commit(context, scope, receive)
        body = b"".join(message.get("body", b"") for message in bodies)
        if b"json" in dict(start["headers"]).get(b"content-type", b"") and body:
            content = json.loads(body)
            change(content)
            body = json.dumps(content).encode()
        headers = _without(list(start["headers"]), b"content-length")
        length = (b"content-length", str(len(body)).encode())
        await send({**start, "headers": [*headers, length]})
        await send({"type": "http.response.body", "body": body})

    return effect


def keyless(content: dict[str, Any]) -> None:
    """Leave out the metadata that volunteers do not see."""
    for rows in content.values():
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and isinstance(row.get("metadata"), dict):
                row["metadata"] = {k: v for k, v in row["metadata"].items() if not k.startswith(("#", "//"))}


def without_records(content: dict[str, Any]) -> None:
    """Leave out the records themselves."""
    for name, rows in content.items():
        if isinstance(rows, list):
            content[name] = []
