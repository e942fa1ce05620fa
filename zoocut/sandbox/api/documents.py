"""How each record is written in an answer."""

from __future__ import annotations

import json
from typing import Any

from zoocut.sandbox.api.call import Call
from zoocut.sandbox.api.signing import is_private, private_url, public_url, signed_url
from zoocut.sandbox.state.store import Row
from zoocut.sandbox.state.values import iso

__all__ = [
    "classification", "medium", "membership", "private_user", "project", "public_user", "role",
    "status", "subject", "subject_set", "subject_set_import", "user", "workflow", "workflow_version",
]  # fmt: skip

Document = dict[str, Any]


def _ids(call: Call, sql: str, *values: Any) -> list[str]:
    return [str(row[0]) for row in call.store.rows(sql, *values)]


def _times(row: Row) -> Document:
    return {"created_at": iso(row["created_at"]), "updated_at": iso(row["updated_at"])}


def _media_links(path: str, *names: str) -> Document:
    """Write the links to media that a record never has more than a place for."""
    return {name: {"href": f"{path}/{name}", "type": f"{name}s"} for name in names}


def _attached(call: Call, path: str, row: Row) -> Document:
    kind = path.split("/")[1]
    query = "SELECT id FROM media WHERE linked_type = ? AND linked_id = ? AND type = ? ORDER BY id"
    ids = _ids(call, query, kind, row["id"], f"{kind[:-1]}_attached_image")
    return {"href": f"{path}/attached_images", "type": "attached_images", "ids": ids}


def user(call: Call, row: Row) -> Document:
    """Write an account as itself or as another sees it."""
    return private_user(call, row) if row["id"] == call.user_id else public_user(row)


def public_user(row: Row) -> Document:
    """Write what everybody may know of an account."""
    return {
        "id": str(row["id"]),
        "login": row["login"],
        "display_name": row["login"],
        "credited_name": row["login"],
        **_times(row),
        "type": "users",
        "href": f"/users/{row['id']}",
        "private_profile": True,
        "avatar_src": None,
        "links": {},
    }


def private_user(call: Call, row: Row) -> Document:
    """Write what an account may know of itself."""
    limit = row["subject_limit"]
    quota = call.fault("quota")
    if quota is not None:
        limit = int(quota["limit"])
    return {
        **public_user(row),
        "email": f"{row['login']}@example.org",
        "languages": [],
        "global_email_communication": None,
        "project_email_communication": None,
        "beta_email_communication": None,
        "nasa_email_communication": False,
        "subject_limit": call.instance.options.subject_limit if limit is None else limit,
        "uploaded_subjects_count": row["uploaded_count"],
        "admin": False,
        "login_prompt": False,
        "zooniverse_id": None,
        "upload_whitelist": bool(row["upload_whitelist"]),
        "valid_email": True,
        "ux_testing_email_communication": False,
        "intervention_notifications": True,
        "banned": bool(row["banned"]),
        "confirmed_at": None,
    }


def project(call: Call, row: Row) -> Document:
    """Write a project."""
    path, fields = f"/projects/{row['id']}", json.loads(row["fields"])
    return {
        "id": str(row["id"]),
        "display_name": row["display_name"],
        "classifications_count": sum(
            _counted(call, one[0])
            for one in call.store.rows("SELECT id FROM workflows WHERE project_id = ?", row["id"])
        ),
        "subjects_count": _sum(call, "subjects_count", row["id"]),
        **_times(row),
        "available_languages": [fields.get("primary_language", "en")],
        "title": row["display_name"],
        "description": fields.get("description", ""),
        "introduction": fields.get("introduction", ""),
        "private": bool(row["private"]),
        "retired_subjects_count": _sum(call, "retired_count", row["id"]),
        "configuration": fields.get("configuration", {}),
        "live": bool(row["live"]),
        "urls": fields.get("urls", []),
        "migrated": False,
        "classifiers_count": 0,
        "slug": row["slug"],
        "redirect": "",
        "beta_requested": fields.get("beta_requested", False),
        "beta_approved": False,
        "launch_requested": fields.get("launch_requested", False),
        "launch_approved": False,
        "launch_date": None,
        "href": path,
        "workflow_description": fields.get("workflow_description"),
        "primary_language": fields.get("primary_language", "en"),
        "tags": fields.get("tags", []),
        "experimental_tools": [],
        "completeness": row["completeness"],
        "activity": 0,
        "state": row["state"] or ("live" if row["live"] else "development"),
        "researcher_quote": fields.get("researcher_quote"),
        "mobile_friendly": fields.get("mobile_friendly", False),
        "featured": False,
        "run_subject_set_completion_events": False,
        "links": _project_links(call, row, path),
    }


def _sum(call: Call, column: str, project_id: int) -> int:
    query = f"SELECT coalesce(sum({column}), 0) FROM workflows WHERE project_id = ? AND active"
    return int(call.store.value(query, project_id))


def _project_links(call: Call, row: Row, path: str) -> Document:
    owner = call.store.value("SELECT login FROM users WHERE id = ?", row["owner_id"])
    return {
        "workflows": _ids(call, "SELECT id FROM workflows WHERE project_id = ? ORDER BY id", row["id"]),
        "active_workflows": _ids(
            call, "SELECT id FROM workflows WHERE project_id = ? AND active ORDER BY id", row["id"]
        ),
        "subject_sets": _ids(call, "SELECT id FROM subject_sets WHERE project_id = ? ORDER BY id", row["id"]),
        "owner": {
            "id": str(row["owner_id"]),
            "display_name": owner,
            "type": "users",
            "href": f"/users/{row['owner_id']}",
        },
        "project_roles": _ids(call, "SELECT id FROM roles WHERE project_id = ? ORDER BY id", row["id"]),
        "pages": [],
        "organizations": [],
        **_media_links(path, "avatar", "background"),
        "attached_images": _attached(call, path, row),
        **_media_links(path, "classifications_export", "subjects_export"),
    }


def role(call: Call, row: Row) -> Document:
    """Write what an account may do in a project."""
    user = str(row["user_id"])
    return {
        "id": str(row["id"]),
        "roles": json.loads(row["names"]),
        "href": f"/project_roles/{row['id']}",
        "links": {
            "project": str(row["project_id"]),
            "owner": {"id": user, "type": "users", "href": f"/users/{user}"},
        },
    }


def subject_set(call: Call, row: Row) -> Document:
    """Write a subject set, with its count as the column has it."""
    workflows = "SELECT workflow_id FROM workflow_sets WHERE subject_set_id = ? ORDER BY workflow_id"
    return {
        "id": str(row["id"]),
        "display_name": row["display_name"],
        "set_member_subjects_count": row["set_member_subjects_count"],
        "metadata": json.loads(row["metadata"]),
        **_times(row),
        "href": f"/subject_sets/{row['id']}",
        "completeness": json.loads(row["completeness"]),
        "links": {"project": str(row["project_id"]), "workflows": _ids(call, workflows, row["id"])},
    }


def subject(call: Call, row: Row) -> Document:
    """Write a subject; who writes subjects gets addresses to put media to, who reads them public ones."""
    path = f"/subjects/{row['id']}"
    sets = "SELECT subject_set_id FROM set_member_subjects WHERE subject_id = ? ORDER BY subject_set_id"
    return {
        "id": str(row["id"]),
        "metadata": json.loads(row["metadata"]),
        "locations": [_location(call, item) for item in json.loads(row["locations"])],
        "zooniverse_id": None,
        "external_id": row["external_id"],
        **_times(row),
        "href": path,
        "links": {
            "project": str(row["project_id"]),
            "collections": [],
            "subject_sets": _ids(call, sets, row["id"]),
            "attached_images": _attached(call, path, row),
        },
    }


def _location(call: Call, item: Document) -> dict[str, str | None]:
    if "url" in item:
        return {item["mime"]: item["url"]}
    return {item["mime"]: _address(call, item["path"], item["mime"])}


def _address(call: Call, path: str, mime: str) -> str:
    if is_private(path):
        return private_url(call.base, call.instance.secret, path, call.instance.options.url_life_s)
    if call.request.method in ("POST", "PUT"):
        return signed_url(call.base, call.instance.secret, path, mime, call.instance.options.url_life_s)
    return public_url(call.base, path)


def membership(call: Call, row: Row) -> Document:
    """Write a subject's place in a set."""
    return {
        "id": str(row["id"]),
        **_times(row),
        "priority": None if row["priority"] is None else str(row["priority"]),
        "href": f"/set_member_subjects/{row['id']}",
        "links": {"subject_set": str(row["subject_set_id"]), "subject": str(row["subject_id"])},
    }


def workflow(call: Call, row: Row) -> Document:
    """Write a workflow."""
    path, fields = f"/workflows/{row['id']}", json.loads(row["fields"])
    wanted = call.params.get("fields") if call.request.url.path.startswith("/api/workflows") else None
    sets = "SELECT subject_set_id FROM workflow_sets WHERE workflow_id = ? ORDER BY subject_set_id"
    content = {
        "id": str(row["id"]),
        "display_name": row["display_name"],
        "tasks": fields.get("tasks", {}),
        "steps": fields.get("steps", []),
        "classifications_count": _counted(call, row["id"]),
        "subjects_count": row["subjects_count"],
        **_times(row),
        "finished_at": None,
        "first_task": fields.get("first_task", ""),
        "primary_language": fields["primary_language"],
        "version": f"{row['major']}.{row['minor']}",
        "content_language": fields["primary_language"],
        "prioritized": fields.get("prioritized", False),
        "grouped": fields.get("grouped", False),
        "pairwise": fields.get("pairwise", False),
        "retirement": fields.get(
            "retirement", {"criteria": "classification_count", "options": {"count": 15}}
        ),
        "retired_set_member_subjects_count": row["retired_count"],
        "href": path,
        "active": bool(row["active"]),
        "mobile_friendly": fields.get("mobile_friendly", False),
        "configuration": fields.get("configuration", {}),
        "public_gold_standard": fields.get("public_gold_standard", False),
        "completeness": row["completeness"],
        "links": {
            "project": str(row["project_id"]),
            "subject_sets": _ids(call, sets, row["id"]),
            "tutorial_subject": None,
            "published_version": None,
            "attached_images": _attached(call, path, row),
            **_media_links(path, "classifications_export"),
        },
    }
    if not wanted or call.request.method != "GET":
        return content
    return {key: value for key, value in content.items() if key in ("id", "links", *wanted.split(","))}


def status(call: Call, row: Row) -> Document:
    """Write where a subject stands in a workflow."""
    return {
        "id": str(row["id"]),
        "classifications_count": row["classifications_count"],
        "retired_at": iso(row["retired_at"]),
        "retirement_reason": row["retirement_reason"],
        **_times(row),
        "href": f"/subject_workflow_statuses/{row['id']}",
        "links": {"subject": str(row["subject_id"]), "workflow": str(row["workflow_id"])},
    }


def subject_set_import(call: Call, row: Row) -> Document:
    """Write an import; its counts may be stale."""
    done, count = row["imported_count"], row["manifest_count"]
    if call.fault("import-stale-counts") is not None:
        done = 0
    return {
        "id": str(row["id"]),
        "href": f"/subject_set_imports/{row['id']}",
        **_times(row),
        "source_url": row["source_url"],
        "imported_count": done,
        "manifest_count": count,
        "failed_count": row["failed_count"],
        "progress": min(done / count, 1.0) if count else 0.0,
        "links": {"subject_set": str(row["subject_set_id"]), "user": str(row["user_id"])},
    }


def classification(call: Call, row: Row) -> Document:
    """Write a classification."""
    metadata = {**json.loads(row["metadata"]), "workflow_version": row["workflow_version"]}
    return {
        "id": str(row["id"]),
        "annotations": json.loads(row["annotations"]),
        **_times(row),
        "metadata": metadata,
        "href": f"/classifications/{row['id']}",
        "links": {
            "project": str(row["project_id"]),
            "user": None if row["user_id"] is None else str(row["user_id"]),
            "user_group": None,
            "workflow": str(row["workflow_id"]),
            "subjects": [str(row["subject_id"])],
        },
    }


def workflow_version(call: Call, row: Row) -> Document:
    """Write the tasks of a workflow as one version had them."""
    fields = json.loads(row["fields"])
    return {
        "id": str(row["id"]),
        "href": f"/workflow_versions/{row['id']}",
        **_times(row),
        "major_number": row["major"],
        "minor_number": row["minor"],
        "grouped": fields.get("grouped", False),
        "pairwise": fields.get("pairwise", False),
        "prioritized": fields.get("prioritized", False),
        "tasks": fields.get("tasks", {}),
        "first_task": fields.get("first_task", ""),
        "strings": {},
        "links": {"workflow": str(row["workflow_id"])},
    }


def _counted(call: Call, workflow_id: int) -> int:
    query = (
        "SELECT coalesce(sum(classifications_count), 0) FROM subject_workflow_statuses WHERE workflow_id = ?"
    )
    return int(call.store.value(query, workflow_id))


def medium(call: Call, row: Row) -> Document:
    """Write a medium of a record."""
    owner, name = f"/{row['linked_type']}/{row['linked_id']}", row["type"].split("_", 1)[1]
    is_many = name == "attached_image"
    return {
        "id": str(row["id"]),
        "href": f"{owner}/attached_images/{row['id']}" if is_many else f"{owner}/{name}",
        "src": row["path"] if row["external"] else _address(call, row["path"], row["content_type"]),
        "content_type": row["content_type"],
        "media_type": row["type"],
        "external_link": bool(row["external"]),
        **_times(row),
        "metadata": None if row["metadata"] is None else json.loads(row["metadata"]),
        "links": {"linked": {"href": owner, "id": str(row["linked_id"]), "type": row["linked_type"]}},
    }
