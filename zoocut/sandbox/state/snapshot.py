"""Everything a sandbox holds, for tests that must know what really happened.

The document has ``subjects`` in the order they were made, ``sets``, and ``events``: a numbered record of what
was committed in which order (``subject-created``, ``blob-stored``, ``linked``,
``unlinked``, ``subject-deactivated``, ``subject-removed``, ``set-created``, ``set-deleted``, ``medium-created``,
``medium-removed``, ``import-created``, ``classified``, ``subject-drifted-in``). An event's number is smaller
than another's exactly when it was committed before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from zoocut.sandbox.state.store import Row, Store
from zoocut.sandbox.state.values import iso

__all__ = ["pieces"]

BATCH = 200


def pieces(store: Store) -> Iterator[str]:
    """Yield the document in pieces of some records each, so that its size does not matter."""
    yield '{"subjects": ['
    yield from _listed(store, "SELECT * FROM subjects WHERE id > ? ORDER BY id LIMIT ?", "id", _subject)
    yield '], "sets": ['
    yield from _listed(store, "SELECT * FROM subject_sets WHERE id > ? ORDER BY id LIMIT ?", "id", _set)
    yield '], "events": ['
    yield from _listed(store, "SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?", "seq", _event)
    yield "]}"


def _listed(store: Store, sql: str, key: str, write: Any) -> Iterator[str]:
    last, comma = 0, ""
    while rows := store.rows(sql, last, BATCH):
        last = rows[-1][key]
        yield comma + ", ".join(json.dumps(write(store, row)) for row in rows)
        comma = ", "


def _subject(store: Store, row: Row) -> dict[str, Any]:
    sets = store.rows(
        "SELECT subject_set_id FROM set_member_subjects WHERE subject_id = ? ORDER BY subject_set_id",
        row["id"],
    )
    return {
        "id": row["id"],
        "active": bool(row["active"]),
        "project": row["project_id"],
        "uploader": row["upload_user_id"],
        "external_id": row["external_id"],
        "metadata": json.loads(row["metadata"]),
        "locations": [_location(store, item) for item in json.loads(row["locations"])],
        "sets": [one[0] for one in sets],
        "attached": [_medium(store, one) for one in store.rows(ATTACHED, row["id"])],
        "created_at": iso(row["created_at"]),
    }


def _location(store: Store, item: dict[str, str]) -> dict[str, Any]:
    if "url" in item:
        return item
    blob = store.one("SELECT content_type, md5, length FROM blobs WHERE path = ?", item["path"])
    return {**item, "blob": None if blob is None else dict(blob)}


ATTACHED = (
    "SELECT * FROM media WHERE linked_type = 'subjects' AND linked_id = ? AND type = 'subject_attached_image' "
    "ORDER BY id"
)


def _medium(store: Store, row: Row) -> dict[str, Any]:
    metadata = None if row["metadata"] is None else json.loads(row["metadata"])
    item = {"mime": row["content_type"], "path": row["path"]}
    return {"id": row["id"], "metadata": metadata, **_location(store, item)}


def _set(store: Store, row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "project": row["project_id"],
        "display_name": row["display_name"],
        "metadata": json.loads(row["metadata"]),
        "members": store.value(
            "SELECT count(*) FROM set_member_subjects WHERE subject_set_id = ?", row["id"]
        ),
    }


def _event(store: Store, row: Row) -> dict[str, Any]:
    named = {"subject": row["subject_id"], "set": row["subject_set_id"], "path": row["path"]}
    return {
        "seq": row["seq"],
        "kind": row["kind"],
        **{key: value for key, value in named.items() if value is not None},
    }
