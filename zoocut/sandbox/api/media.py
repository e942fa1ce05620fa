"""Media of records: images attached to subjects and projects, avatars, exports."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zoocut.sandbox.api import lists, shapes
from zoocut.sandbox.api.answers import document, empty, error
from zoocut.sandbox.api.call import Call, Handler, api
from zoocut.sandbox.api.resources import MEDIA, PROJECTS, SUBJECT_SETS, SUBJECTS, WORKFLOWS, Resource
from zoocut.sandbox.api.signing import MIME_TYPES, new_path
from zoocut.sandbox.state.store import Row, now_us
from zoocut.sandbox.state.values import as_id, etag, http_date

__all__ = ["created", "exports", "routes"]

ALLOWED = (
    "application/json, application/pdf, audio/aac, audio/midi, audio/x-midi, audio/mp3, audio/mp4, audio/x-m4a, "
    "audio/mpeg, audio/wav, image/jpeg, image/gif, image/png, image/tiff, image/x-icon, image/svg+xml, text/csv, "
    "text/plain, video/mp4, video/mpeg"
)
"""The types a medium may have, in the server's order."""


@dataclass(frozen=True)
class MediaKind:
    """Where media hang: a kind of record and a name, with many or one for each record.

    Attributes
    ----------
    owner : Resource
        The records.
    name : str
        As the address has it: ``attached_images``, ``avatar``.
    """

    owner: Resource
    name: str

    @property
    def is_many(self) -> bool:
        """Whether a record has several."""
        return self.name.endswith("s")

    @property
    def type(self) -> str:
        """What the media are called: ``subject_attached_image``."""
        return f"{self.owner.singular}_{self.name.removesuffix('s') if self.is_many else self.name}"

    @property
    def is_export(self) -> bool:
        """Whether only those who may write in the project see them."""
        return self.name.endswith("_export")


ATTACHED = [MediaKind(owner, "attached_images") for owner in (SUBJECTS, PROJECTS, WORKFLOWS)]
SINGLE = [MediaKind(PROJECTS, name) for name in ("avatar", "background")]


def exports() -> list[MediaKind]:
    """Return where exports hang."""
    names = ("classifications_export", "subjects_export", "workflows_export")
    of_projects = [MediaKind(PROJECTS, name) for name in names]
    return [*of_projects, MediaKind(WORKFLOWS, names[0]), MediaKind(SUBJECT_SETS, names[0])]


def routes() -> list[BaseRoute]:
    """Return the routes of media; exports are asked for elsewhere."""
    return [
        *(route for kind in ATTACHED for route in _many(kind)),
        *(route for kind in SINGLE for route in (*_single(kind), _route(kind, "", "POST", create))),
        *(route for kind in exports() for route in _single(kind)),
    ]


def _route(kind: MediaKind, tail: str, method: str, handle: Any) -> Route:
    path = f"/api/{kind.owner.plural}/{{id:digits}}/{kind.name}{tail}"
    handler: Handler = lambda call: handle(call, kind)  # noqa: E731
    return Route(path, api(handler), methods=[method])


def _single(kind: MediaKind) -> list[Route]:
    ways: tuple[tuple[str, Any], ...] = (("GET", index), ("PUT", update), ("DELETE", remove))
    return [_route(kind, "", method, handle) for method, handle in ways]


def _many(kind: MediaKind) -> list[Route]:
    one, ways = "/{medium:digits}", (("GET", index), ("POST", create))
    of_one: tuple[tuple[str, Any], ...] = (("GET", index), ("PUT", update), ("DELETE", remove))
    return [
        *(_route(kind, "", method, handle) for method, handle in ways),
        *(_route(kind, one, method, handle) for method, handle in of_one),
    ]


def _missing(call: Call, kind: MediaKind) -> Exception:
    medium = call.request.path_params.get("medium")
    which = f" #{medium} " if medium else " "
    return error(404, f"No {kind.name}{which}exists for {kind.owner.singular} #{call.id}")


def _rows(call: Call, kind: MediaKind) -> list[Row]:
    """Find the media that the path names."""
    medium = call.request.path_params.get("medium")
    return call.store.rows(
        "SELECT * FROM all_media WHERE linked_type = ? AND linked_id = ? AND type = ? AND (? IS NULL OR id = ?) "
        "ORDER BY id",
        kind.owner.plural, as_id(call.id), kind.type, medium, as_id(medium),
    )  # fmt: skip


def _is_seen(call: Call, owner: Resource) -> bool:
    query = lists.build(owner, {"id": [call.id]}, owner.seen, call.user_id)
    return bool(call.store.select(f"SELECT 1 {query.text(owner)}", query.values))


def _is_writable(call: Call, owner: Resource) -> bool:
    if owner is PROJECTS:
        return call.editable_project(as_id(call.id)) is not None
    row = call.store.one(f"SELECT * FROM {owner.rows_of} WHERE id = ?", as_id(call.id))
    is_gone = row is None or (owner is SUBJECTS and not row["active"])
    return not is_gone and row is not None and call.editable_project(row["project_id"]) is not None


def index(call: Call, kind: MediaKind) -> Response:
    """Answer with the media of a record."""
    allowed = _is_writable if kind.is_export else _is_seen
    rows = _rows(call, kind) if allowed(call, kind.owner) else []
    youngest = lists.youngest(call)
    rows = [row for row in rows if row["created_at"] <= youngest]
    if not rows:
        raise _missing(call, kind)
    asked = replace(lists.read(call, MEDIA), filters={})
    first = asked.size * (asked.page - 1)
    shown = rows[first : first + asked.size]
    content = lists.pack(call, MEDIA, lists.skipped(call, shown), asked, len(rows))
    tag = etag("Medium", *(f"{row['id']}/{row['updated_at']}" for row in rows))
    return lists.fresh(call, document(without_links(content)), tag)


def without_links(content: dict[str, Any]) -> dict[str, Any]:
    """Drop the addresses of linked records: media have none."""
    return {key: value for key, value in content.items() if key != "links"}


def create(call: Call, kind: MediaKind) -> Response:
    """Make room for a medium; of what a record has one of, the new one takes the old one's."""
    _may_write(call, kind, 201)
    content = call.root("media")
    shapes.check(content, shapes.MEDIUM_CREATE)
    row = new_row(content, kind.owner.plural, as_id(call.id), kind.type)
    with call.store.write():
        if not kind.is_many:
            for old in _rows(call, kind):
                call.store.run("DELETE FROM media WHERE id = ?", old["id"])
        medium_id = call.store.insert("media", **row)
        call.store.note(
            "medium-created", as_id(call.id) if kind.owner is SUBJECTS else None, path=row["path"]
        )
    return created(call, medium_id)


def _may_write(call: Call, kind: MediaKind, silent_status: int) -> None:
    call.not_banned(silent_status)
    call.signed_in()
    if not _is_writable(call, kind.owner):
        raise _missing(call, kind)
    call.acceptable("medium")


def new_row(content: dict[str, Any], linked_type: str, linked_id: int | None, kind: str) -> dict[str, Any]:
    """Make the row of a new medium of what was asked for."""
    mime, src = content["content_type"], content.get("src")
    external = bool(content.get("external_link"))
    if mime not in MIME_TYPES:
        blank = "" if src or external else "Src can't be blank, "
        problem = (
            f"{blank}Content type Invalid file type. Content-Type must be one of the following: {ALLOWED}"
        )
        raise error(400, f"Validation failed: {problem}")
    now, metadata = now_us(), content.get("metadata")
    return {
        "linked_type": linked_type,
        "linked_id": linked_id,
        "type": kind,
        "content_type": mime,
        "path": src or ("" if external else new_path(mime, kind)),
        "external": external,
        "metadata": None if metadata is None else json.dumps(metadata),
        "created_at": now,
        "updated_at": now,
    }


def created(call: Call, medium_id: int) -> Response:
    """Answer with a medium that was just made, and the address to put its bytes to."""
    return _written(call, medium_id, 201)


def _written(call: Call, medium_id: int, status: int) -> Response:
    (row,) = call.store.rows("SELECT * FROM all_media WHERE id = ?", medium_id)
    content = lists.pack(call, MEDIA, [row], lists.Asked(), 1)
    headers = {"Last-Modified": http_date(row["updated_at"])}
    if status == 201:
        headers["ETag"] = etag("Medium", f"{row['id']}/{row['updated_at']}")
        headers["Location"] = f"{call.base}/api{content['media'][0]['href']}"
    return document(without_links(content), status, headers)


def _changed(call: Call, kind: MediaKind, silent_status: int) -> Row:
    """Make the checks before a change, and find the one medium."""
    _may_write(call, kind, silent_status)
    rows = _rows(call, kind)
    if not rows:
        raise _missing(call, kind)
    call.matches_tag(etag("Medium", f"{rows[0]['id']}/{rows[0]['updated_at']}"))
    return rows[0]


def update(call: Call, kind: MediaKind) -> Response:
    """Change the metadata of a medium."""
    row = _changed(call, kind, 200)
    content = call.root("media")
    shapes.check(content, shapes.MEDIUM_UPDATE)
    metadata = content.get("metadata")
    with call.store.write():
        call.store.run(
            "UPDATE media SET metadata = coalesce(?, metadata), updated_at = ? WHERE id = ?",
            None if metadata is None else json.dumps(metadata), now_us(), row["id"],
        )  # fmt: skip
    return _written(call, row["id"], 200)


def remove(call: Call, kind: MediaKind) -> Response:
    """Delete a medium, and later its bytes."""
    row = _changed(call, kind, 204)
    with call.store.write():
        call.store.run("DELETE FROM media WHERE id = ?", row["id"])
        call.store.note(
            "medium-removed", as_id(call.id) if kind.owner is SUBJECTS else None, path=row["path"]
        )
    return empty(204)
