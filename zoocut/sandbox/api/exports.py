"""Asking for exports: one medium for each kind and record, made again at most once in a while."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zoocut.sandbox.api.answers import error
from zoocut.sandbox.api.call import Call, Handler, api
from zoocut.sandbox.api.media import MediaKind, created, exports
from zoocut.sandbox.api.resources import PROJECTS
from zoocut.sandbox.api.signing import new_path
from zoocut.sandbox.state.store import Row, now_us
from zoocut.sandbox.state.values import as_id

__all__ = ["routes"]


def routes() -> list[BaseRoute]:
    """Return the routes that ask for exports."""
    return [_route(kind) for kind in exports()]


def _route(kind: MediaKind) -> Route:
    path = f"/api/{kind.owner.plural}/{{id:digits}}/{kind.name}"
    handler: Handler = lambda call: ask(call, kind)  # noqa: E731
    return Route(path, api(handler), methods=["POST"])


def ask(call: Call, kind: MediaKind) -> Response:
    """Ask for an export; what is asked for again too soon is thrown away without a word."""
    call.signed_in()
    row = editable(call, kind)
    call.acceptable("project")
    media = call.body.get("media", {})
    metadata = media.get("metadata", {}) if isinstance(media, dict) else {}
    recipients = metadata.get("recipients") if isinstance(metadata, dict) else None
    told = {"recipients": recipients if isinstance(recipients, list) else [call.user_id], "state": "creating"}
    with call.store.write():
        medium_id, is_late = medium_of(call, kind, row, json.dumps(told))
        if is_late and call.fault("export-lost") is None:
            call.store.run("UPDATE media SET begun_at = ? WHERE id = ?", now_us(), medium_id)
            call.store.later("export", call.instance.options.delays.export_s, medium_id=medium_id)
    return created(call, medium_id)


def editable(call: Call, kind: MediaKind) -> Row:
    """Find the record that the path names, in a project in which the account may write."""
    owner = kind.owner
    if owner is not PROJECTS:
        return call.editable(owner.rows_of, owner.singular, call.id)
    row = call.editable_project(as_id(call.id))
    if row is None:
        raise error(404, f"Could not find project with id='{call.id}'")
    return row


def medium_of(call: Call, kind: MediaKind, row: Row, metadata: str) -> tuple[int, bool]:
    """Find or make the medium of an export; return its id and whether a new file may be made now."""
    now = now_us()
    held = call.store.one(
        "SELECT * FROM media WHERE linked_type = ? AND linked_id = ? AND type = ?",
        kind.owner.plural, row["id"], kind.type,
    )  # fmt: skip
    if held is None:
        columns: dict[str, Any] = {
            "linked_type": kind.owner.plural, "linked_id": row["id"], "type": kind.type,
            "content_type": "text/csv", "path": new_path("text/csv", kind.type), "metadata": metadata,
            "created_at": now, "updated_at": now,
        }  # fmt: skip
        return call.store.insert("media", **columns), True
    call.store.run("UPDATE media SET metadata = ?, updated_at = ? WHERE id = ?", metadata, now, held["id"])
    return held["id"], now - (held["begun_at"] or 0) >= call.instance.options.export_every_s * 1e6
