"""What the body of a request must look like, and the server's words when it does not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from zoocut.sandbox.api.answers import error
from zoocut.sandbox.state.values import inspected

__all__ = [
    "CLASSIFICATION_CREATE", "IMPORT_CREATE", "MEDIUM_CREATE", "MEDIUM_UPDATE", "PROJECT_CREATE", "PROJECT_UPDATE",
    "SET_CREATE", "SET_UPDATE", "SUBJECT_CREATE", "SUBJECT_UPDATE", "WORKFLOW_CREATE", "WORKFLOW_UPDATE", "check",
]  # fmt: skip

Shape = Mapping[str, Any]

TEXT: Shape = {"type": "string"}
FLAG: Shape = {"type": "boolean"}
OBJECT: Shape = {"type": "object"}
ARRAY: Shape = {"type": "array"}
ID: Shape = {"type": ("string", "integer")}
IDS: Shape = {"type": "array", "items": ID}


def _object(required: tuple[str, ...] = (), **properties: Shape) -> Shape:
    return {"type": "object", "required": required, "closed": True, "properties": properties}


LOCATIONS: Shape = {"type": "array", "items": {"either": ("string", "object")}}

SUBJECT_CREATE = _object(
    ("links", "locations"),
    external_id=TEXT, metadata=OBJECT, locations=LOCATIONS,
    links=_object(("project",), project=ID, subject_sets=IDS,
                  owner={"type": "object", "properties": {"type": TEXT, "id": ID}}),
)  # fmt: skip
SUBJECT_UPDATE = _object((), metadata=OBJECT, locations=LOCATIONS, links=_object((), subject_sets=IDS))

SET_CREATE = _object(
    ("links", "display_name"),
    display_name=TEXT, metadata=OBJECT, expert_set=FLAG,
    links=_object(("project",), project=ID, workflows=IDS, collection=ID, subjects=IDS),
)  # fmt: skip
SET_UPDATE = _object(
    (), display_name=TEXT, metadata=OBJECT, expert_set=FLAG, links=_object((), workflows=IDS, subjects=IDS)
)

MEDIUM_CREATE = _object(("content_type",), content_type=TEXT, external_link=FLAG, src=TEXT, metadata=OBJECT)
MEDIUM_UPDATE = _object((), metadata=OBJECT)
IMPORT_CREATE = _object(
    ("links",), source_url=TEXT, links=_object(("subject_set",), subject_set={"type": ("integer", "string")})
)

NUMBER: Shape = {**ID, "pattern": "^[0-9]*$"}
CLASSIFICATION_CREATE = _object(
    ("metadata", "annotations", "links"),
    completed=FLAG, gold_standard=FLAG,
    metadata={
        "type": "object",
        "required": ("started_at", "finished_at", "user_agent", "user_language", "workflow_version"),
        "properties": {
            "screen_resolution": TEXT, "started_at": TEXT, "finished_at": TEXT, "user_language": TEXT,
            "workflow_version": TEXT, "user_agent": TEXT, "seen_before": FLAG, "utc_offset": TEXT,
        },
    },
    annotations={"type": "array", "items": {"type": "object", "properties": {"task": TEXT}}},
    links=_object(("project", "workflow", "subjects"), project=NUMBER, workflow=NUMBER,
                  subjects={"type": "array", "items": NUMBER}),
)  # fmt: skip

TEXTS: Shape = {"type": "array", "items": TEXT}
URLS: Shape = {
    "type": "array",
    "items": {"type": "object", "required": ("label", "url"), "properties": {"label": TEXT}},
}
PROJECT_FIELDS: dict[str, Shape] = {
    "display_name": TEXT, "primary_language": TEXT, "urls": URLS, "private": FLAG, "mobile_friendly": FLAG,
    "launch_requested": FLAG, "beta_requested": FLAG, "configuration": OBJECT, "title": TEXT, "description": TEXT,
    "workflow_description": TEXT, "tags": TEXTS, "introduction": TEXT, "researcher_quote": TEXT,
}  # fmt: skip
OWNER: Shape = {"type": "object", "required": ("id", "type"), "properties": {"id": ID, "type": TEXT}}
PROJECT_CREATE = _object(
    ("display_name", "description", "primary_language", "private"),
    **PROJECT_FIELDS, links=_object((), owner=OWNER, workflows=IDS, subject_sets=IDS),
)  # fmt: skip
PROJECT_UPDATE = _object(
    (), **PROJECT_FIELDS, name=TEXT, live=FLAG, state=TEXT, links=_object((), workflows=IDS, subject_sets=IDS)
)

WORKFLOW_FIELDS: dict[str, Shape] = {
    "display_order_position": ID, "pairwise": FLAG, "grouped": FLAG, "active": FLAG, "mobile_friendly": FLAG,
    "public_gold_standard": FLAG, "retirement": _object((), criteria=TEXT, options=OBJECT), "prioritized": FLAG,
    "display_name": TEXT, "first_task": TEXT, "tasks": OBJECT, "steps": ARRAY, "configuration": OBJECT,
}  # fmt: skip
WORKFLOW_CREATE = _object(
    ("primary_language", "display_name", "links"),
    primary_language=TEXT, **WORKFLOW_FIELDS, serialize_with_project=FLAG,
    links=_object(("project",), project=ID, tutorial_subject=ID, subject_sets=IDS),
)  # fmt: skip
WORKFLOW_UPDATE = _object(
    (), **WORKFLOW_FIELDS,
    links=_object((), tutorial_subject=ID, subject_sets=IDS, tutorials=IDS, published_version=ID),
)  # fmt: skip


def check(content: Any, shape: Shape) -> None:
    """Refuse content that has not the shape, naming the last fault found at each place."""
    faults = dict(_faults(content, shape, ""))
    if faults:
        pairs = ", ".join(f"{inspected(place)}=>{inspected(fault)}" for place, fault in faults.items())
        raise error(422, f"{{{pairs}}}")


def _faults(content: Any, shape: Shape, place: str) -> Iterator[tuple[str, str]]:
    name = place or "schema"
    given = _type_of(content)
    if "either" in shape:
        if given not in shape["either"]:
            yield name, "of type"
        return
    allowed = shape["type"]
    if isinstance(allowed, tuple):
        if given not in allowed:
            yield (
                name,
                f"of type {given} did not match one or more of the following types: {', '.join(allowed)}",
            )
        elif isinstance(content, str) and not re.search(shape.get("pattern", ""), content):
            yield name, f"value {json.dumps(content)} did not match the regex '{shape['pattern']}'"
        return
    if given != allowed:
        yield name, f"of type {given} did not match the following type: {allowed}"
    elif given == "object":
        yield from _faults_of_object(content, shape, place)
    elif given == "array" and "items" in shape:
        for number, item in enumerate(content):
            yield from _faults(item, shape["items"], f"{place}/{number}")


def _faults_of_object(content: dict[str, Any], shape: Shape, place: str) -> Iterator[tuple[str, str]]:
    name = place or "schema"
    for key in shape.get("required", ()):
        if key not in content:
            yield name, f"did not contain a required property of '{key}'"
    properties = shape.get("properties", {})
    more = [key for key in content if key not in properties]
    if more and shape.get("closed"):
        listed = ", ".join(map(inspected, more))
        yield name, f"contains additional properties [{listed}] outside of the schema when none are allowed"
    for key, inner in properties.items():
        if key in content:
            yield from _faults(content[key], inner, f"{place}/{key}".lstrip("/"))


def _type_of(content: Any) -> str:
    if content is None:
        return "null"
    names = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"))
    return next((name for kind, name in names if isinstance(content, kind)), "object")
