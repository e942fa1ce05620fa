"""The store for media: signed addresses to write to, public ones to read from, errors in XML."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import uuid
from datetime import UTC, datetime
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from zoocut.sandbox.api.answers import Refusal
from zoocut.sandbox.api.call import instance_of
from zoocut.sandbox.api.signing import is_private, proves
from zoocut.sandbox.state.instance import Instance
from zoocut.sandbox.state.store import Row, now_us
from zoocut.sandbox.state.values import http_date, iso

__all__ = ["SIZE_LIMIT", "refuse", "routes"]

BLOB_TYPES = ("BlockBlob", "AppendBlob")
"""Kinds of blob that a PUT makes; an AppendBlob begins empty."""
OTHER_BYTES = b"other bytes"
"""What a fault stores in the place of what was sent."""
SIZE_LIMIT = 256 * 2**20
"""Bytes of one blob."""

MESSAGES = {
    "BlobAlreadyExists": (409, "The specified blob already exists."),
    "UnsatisfiableCondition": (
        400,
        "The request includes an unsatisfiable condition for this operation.",
    ),
    "ConditionNotMet": (412, "The condition specified using HTTP conditional header(s) is not met."),
    "MultipleConditionHeadersNotSupported": (400, "Multiple condition headers are not supported."),
    "UnsupportedHttpVerb": (400, "The resource doesn't support specified Http Verb."),
    "BlobNotFound": (404, "The specified blob does not exist."),
    "InvalidOperation": (400, "Provided contentMD5 doesn't match."),
    "AuthorizationFailure": (
        403,
        "Server failed to authenticate the request. Make sure the value of the Authorization header is "
        "formed correctly including the signature.",
    ),
    "AuthorizationPermissionMismatch": (
        403,
        "This request is not authorized to perform this operation using this permission.",
    ),
    "RequestBodyTooLarge": (413, "The request body is too large and exceeds the maximum permissible limit."),
    "ServerBusy": (503, "The server is busy."),
}


def routes() -> list[BaseRoute]:
    """Return the routes of the store."""
    return [
        Route("/public/{path:path}", put, methods=["PUT"]),
        Route("/public/{path:path}", get, methods=["GET"]),
        Route("/public/{path:path}", delete, methods=["DELETE"]),
        Route("/public/{path:path}", post, methods=["POST"]),
        Route("/private/{path:path}", get_private, methods=["GET"]),
        Route("/public", listed, methods=["GET"]),
        Route("/subject_location/{name}", get, methods=["GET"]),
    ]


def refuse(code: str) -> Response:
    """Answer with one of the store's errors."""
    status, message = MESSAGES[code]
    body = (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Error>\n'
        f"  <Code>{code}</Code>\n  <Message>{message}\n"
        f"RequestId:{uuid.uuid4()}\nTime:{iso(now_us())}</Message>\n</Error>"
    )
    return Response(body.encode(), status, {"x-ms-error-code": code}, media_type="application/xml")


def is_signed(request: Request, path: str, allows: str) -> bool:
    """Tell whether the address is signed by this sandbox for that, and still good."""
    given = dict(request.query_params)
    if given.get("sp") != allows or not proves(instance_of(request).secret, path, given):
        return False
    end = datetime.strptime(given["se"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return datetime.now(UTC) < end


async def put(request: Request) -> Response:
    """Store the bytes of one blob, whole or not at all."""
    path = request.path_params["path"]
    if not is_signed(request, path, "cw"):
        return refuse("AuthorizationFailure")
    kind = request.headers.get("x-ms-blob-type")
    if kind not in BLOB_TYPES:
        return Response(b"", 400)
    instance = instance_of(request)
    part = instance.blobs / f".{secrets.token_hex(8)}.part"
    try:
        digest, length = await receive(request, part)
        given = request.headers.get("content-md5")
        if given is not None and given != base64.b64encode(digest).decode():
            return refuse("InvalidOperation")
        problem = unmet(request, instance.store.one("SELECT etag FROM blobs WHERE path = ?", path))
        if problem:
            return refuse(problem)
        if "blob-other-bytes" in request.scope.get("zoocut.faults", {}):
            part.write_bytes(OTHER_BYTES)
            digest, length = hashlib.md5(OTHER_BYTES, usedforsecurity=False).digest(), len(OTHER_BYTES)
        etag = keep(instance, request, path, digest, length, part)
    except Refusal as refusal:
        return refusal.response
    finally:
        part.unlink(missing_ok=True)
    headers = {
        "ETag": etag,
        "Last-Modified": http_date(now_us()),
        "Content-MD5": base64.b64encode(digest).decode(),
        "x-ms-request-id": str(uuid.uuid4()),
    }
    return Response(b"", 201, headers)


def unmet(request: Request, held: Row | None) -> str:
    """Say which condition of a PUT is not met, nothing when all are; they are looked at after the checksum."""
    match, none_match = (request.headers.get(name) for name in ("if-match", "if-none-match"))
    if match is not None and none_match is not None:
        return "MultipleConditionHeadersNotSupported"
    if none_match == "*":
        return "" if held is None else "BlobAlreadyExists"
    if none_match is not None and held is not None and held["etag"] in none_match:
        return "ConditionNotMet"
    if match is not None and (held is None or (match != "*" and held["etag"] not in match)):
        return "ConditionNotMet"
    return ""


async def receive(request: Request, part: Path) -> tuple[bytes, int]:
    """Write the body to a temporary file; return its MD5 and length."""
    md5, length = hashlib.md5(usedforsecurity=False), 0
    with part.open("wb") as file:
        async for piece in request.stream():
            length += len(piece)
            if length > SIZE_LIMIT:
                raise Refusal(refuse("RequestBodyTooLarge"))
            md5.update(piece)
            file.write(piece)
    return md5.digest(), length


def keep(instance: Instance, request: Request, path: str, digest: bytes, length: int, part: Path) -> str:
    """Give the bytes their name and write them down, unless they are to be lost; return their tag."""
    tag = f'"0x{secrets.token_hex(8).upper()}"'
    if "blob-lost" in request.scope.get("zoocut.faults", {}):
        return tag
    goal = instance.blob_file(path)
    goal.parent.mkdir(exist_ok=True)
    mime = request.headers.get("content-type", "application/octet-stream")
    with instance.store.write():
        os.replace(part, goal)
        instance.store.run(
            "INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?, ?, ?)",
            path, mime, digest.hex(), length, tag, now_us(),
        )  # fmt: skip
        instance.store.note("blob-stored", path=path)
    return tag


async def get(request: Request) -> Response:
    """Answer with the bytes of one blob; no address allows to list."""
    if request.query_params.keys() & {"comp", "restype"}:
        return refuse("AuthorizationFailure")
    path = request.path_params.get("path") or request.url.path.lstrip("/")
    return refuse("BlobNotFound") if is_private(path) else held(request, path)


def held(request: Request, path: str) -> Response:
    """Answer with the bytes at a path, whoever may have them."""
    instance = instance_of(request)
    row = instance.store.one("SELECT * FROM blobs WHERE path = ?", path)
    if row is None:
        return refuse("BlobNotFound")
    match, none_match = (request.headers.get(name) for name in ("if-match", "if-none-match"))
    if none_match == "*":
        return refuse("UnsatisfiableCondition")
    if match is not None and match != "*" and row["etag"] not in match:
        return refuse("ConditionNotMet")
    if none_match is not None and row["etag"] in none_match:
        return Response(b"", 304, {"ETag": row["etag"]})
    return FileResponse(instance.blob_file(path), headers=_headers(row))


async def get_private(request: Request) -> Response:
    """Answer with the bytes of one export, which lie there compressed."""
    path = request.path_params["path"]
    if not is_signed(request, path, "r"):
        return refuse("AuthorizationFailure")
    answer = held(request, path)
    if answer.status_code == 200:
        answer.headers["Content-Encoding"] = "gzip"
        answer.headers["Content-Disposition"] = f'attachment; filename="{path.split("/")[0]}.csv"'
    return answer


def _headers(row: Row) -> dict[str, str]:
    return {
        "Content-Type": row["content_type"],
        "Content-MD5": base64.b64encode(bytes.fromhex(row["md5"])).decode(),
        "Last-Modified": http_date(row["stored_at"]),
        "ETag": row["etag"],
    }


async def post(request: Request) -> Response:
    """Refuse: blobs are put."""
    return refuse("UnsupportedHttpVerb")


async def listed(request: Request) -> Response:
    """Refuse: no address allows to list the container."""
    return refuse("AuthorizationFailure")


async def delete(request: Request) -> Response:
    """Refuse: the address allows to create and to write, not to delete."""
    signed = is_signed(request, request.path_params["path"], "cw")
    return refuse("AuthorizationPermissionMismatch" if signed else "AuthorizationFailure")
