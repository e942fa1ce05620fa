"""Lists and single records: paging, filters, sorting, included records, and their ``meta``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.responses import Response

from zoocut.sandbox.api.answers import document, empty, error, to_json
from zoocut.sandbox.api.call import Call
from zoocut.sandbox.api.resources import Include, Resource
from zoocut.sandbox.state.store import Row
from zoocut.sandbox.state.values import as_id, as_int, etag, http_date

__all__ = ["Asked", "Condition", "index", "pack", "show", "written"]

DEFAULT_SIZE = 20
FALLBACK_SIZE = 25
"""Rows a page has when a negative number of them is asked for."""
TRUE_WORDS = {"true", "t", "1", "on", "yes"}


@dataclass(frozen=True)
class Asked:
    """What a request asks of a list."""

    page: int = 1
    size: int = DEFAULT_SIZE
    size_asked: int = DEFAULT_SIZE
    include: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()
    filters: Mapping[str, list[str]] = field(default_factory=dict)

    def href(self, plural: str, page: int) -> str:
        """Return the address of one page, unescaped as the server writes it."""
        parts = [f"page={page}"] if page != 1 else []
        if self.size_asked != DEFAULT_SIZE:
            parts.append(f"page_size={self.size_asked}")
        if self.include:
            parts.append(f"include={','.join(self.include)}")
        if self.sort:
            parts.append(f"sort={','.join(self.sort)}")
        parts += [f"{name}={','.join(values)}" for name, values in sorted(self.filters.items())]
        return f"/{plural}" + ("?" + "&".join(parts) if parts else "")


def read(call: Call, resource: Resource) -> Asked:
    """Read paging and includes of a request."""
    params = call.params
    size = as_int(params.get("page_size", str(DEFAULT_SIZE)))
    if size == 0:
        raise error(422, "The number of total pages was incalculable. Perhaps you called .per(0)?")
    return Asked(
        page=as_int(params.get("page", "1")),
        size=min(size, resource.cap, call.instance.options.page_cap) if size > 0 else FALLBACK_SIZE,
        size_asked=size,
        include=tuple(split(params.get("include", ""))),
    )


def split(given: str) -> list[str]:
    """Split at commas; what is empty at the end is dropped."""
    return given.rstrip(",").split(",") if given.strip(",") else []


def read_list(call: Call, resource: Resource) -> Asked:
    """Read everything a request asks of a list; of two spellings of a filter the plural one counts."""
    directions: dict[str, str] = {}
    for key in split(call.params.get("sort", resource.default_sort)):
        name = key.removeprefix("-").lower()
        if name in resource.sorts:
            directions[name] = f"-{name}" if key[0] == "-" else name
    names = resource.numbers | resource.texts | resource.flags | set(resource.joined)
    given = {name: call.params.get(f"{name}s", call.params.get(name)) for name in names}
    filters = {name: split(values) for name, values in given.items() if values is not None}
    return replace(read(call, resource), sort=tuple(directions.values()), filters=filters)


@dataclass
class Query:
    """A SELECT in the making; ``r`` stands for the resource's table."""

    joins: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    def among(self, column: str, values: Sequence[Any]) -> None:
        """Keep the rows whose column is one of some values."""
        name = f"v{len(self.values)}"
        self.values[name] = json.dumps(values)
        self.tests.append(f"{column} IN (SELECT value FROM json_each(:{name}))")

    def text(self, resource: Resource) -> str:
        """Return FROM and WHERE."""
        return f"FROM {resource.rows_of} r {' '.join(self.joins)} WHERE {' AND '.join(self.tests)}"


def build(resource: Resource, filters: Mapping[str, list[str]], seen: str, me: int) -> Query:
    """Make the query of a list."""
    query = Query(tests=[seen], values={"me": me})
    for name, given in filters.items():
        if name in resource.flags:
            query.among(f"r.{name}", [int(value.lower() in TRUE_WORDS) for value in given])
        elif name in resource.texts:
            query.among(f"r.{name}", given)
        elif name in resource.joined:
            join, column = resource.joined[name].split("|")
            query.joins.append(join)
            query.among(column, [as_id(value) for value in given])
        else:
            query.among(f"r.{name}", [as_id(value) for value in given])
    return query


def fetch(call: Call, resource: Resource, query: Query, asked: Asked) -> list[Row]:
    """Fetch the rows of one page."""
    keys = [key for key in asked.sort if key.removeprefix("-") not in CONSTANT]
    order = ", ".join(f"r.{key.removeprefix('-')}{' DESC' if key[0] == '-' else ''}" for key in keys)
    offset = min(asked.size * max(asked.page - 1, 0), 2**62)
    sql = f"SELECT r.* {query.text(resource)} ORDER BY {order or 'r.id'} LIMIT {asked.size} OFFSET {offset}"
    return call.store.select(sql, query.values)


CONSTANT = {"launch_date", "activity", "classifiers_count"}
"""Sort keys on which all records of the sandbox are equal."""

Condition = tuple[str, dict[str, Any]]


def index(call: Call, resource: Resource, conditions: Sequence[Condition] = ()) -> Response:
    """Answer with one page of a list.

    Parameters
    ----------
    call : Call
        The request.
    resource : Resource
        What is listed.
    conditions : sequence of (str, dict)
        Further SQL conditions on the rows, with their named values.
    """
    check_ids(call, resource)
    asked = read_list(call, resource)
    query = build(resource, asked.filters, resource.seen, call.user_id)
    for condition, values in conditions:
        query.tests.append(condition)
        query.values.update(values)
    count = 0
    if resource.counted:
        count = call.store.select(f"SELECT count(*) {query.text(resource)}", query.values)[0][0]
    content = pack(call, resource, fetch(call, resource, query, asked), asked, count)
    tag = etag(to_json(content[resource.plural]).decode(), to_json(content["meta"]).decode())
    return fresh(call, document(content), tag)


def check_ids(call: Call, resource: Resource) -> None:
    """Refuse a list of ids of which none can be seen."""
    name = f"{resource.singular}_id"
    given = split(call.params.get(name, call.params.get("id", "")))
    if given:
        query = build(resource, {"id": given}, resource.seen, call.user_id)
        if not call.store.select(f"SELECT 1 {query.text(resource)} LIMIT 1", query.values):
            label = f"id='{given[0]}'" if len(given) == 1 else f"ids='{','.join(given)}'"
            raise error(404, f"Could not find {resource.singular} with {label}")


def show(call: Call, resource: Resource) -> Response:
    """Answer with the record that the path names."""
    query = build(resource, {"id": [call.id]}, resource.seen, call.user_id)
    found = call.store.select(f"SELECT r.* {query.text(resource)}", query.values)
    if not found:
        raise error(404, f"Could not find {resource.singular} with id='{call.id}'")
    asked = replace(read(call, resource), filters={"id": [call.id]})
    content = pack(call, resource, found, asked, 1)
    return fresh(call, document(content), etag(resource.kind, found[0]["id"], found[0]["updated_at"]))


def fresh(call: Call, answer: Response, tag: str) -> Response:
    """Tag an answer, or send none when the client has it."""
    if call.request.headers.get("if-none-match", "") in (tag, f"W/{tag}"):
        return empty(304, {"ETag": tag})
    answer.headers["ETag"] = tag
    return answer


def written(
    call: Call, resource: Resource, row_id: int, created: bool = False, include: tuple[str, ...] = ()
) -> Response:
    """Answer with a record that was just made or changed."""
    row = call.store.rows(f"SELECT * FROM {resource.rows_of} WHERE id = ?", row_id)[0]
    content = pack(call, resource, [row], Asked(include=include), 1)
    headers = {"Last-Modified": http_date(row["updated_at"])}
    if created:
        headers["ETag"] = etag(resource.kind, row["id"], row["updated_at"])
        headers["Location"] = f"{call.base}/api/{resource.plural}/{row['id']}"
    return document(content, 201 if created else 200, headers)


def pack(call: Call, resource: Resource, rows: Sequence[Row], asked: Asked, count: int) -> dict[str, Any]:
    """Make the document that holds some rows."""
    content: dict[str, Any] = {resource.plural: [one(call, resource, row) for row in rows]}
    linked: dict[str, Any] = {}
    links = resource.templates()
    meta = {resource.plural: page_meta(resource, asked, count, len(rows))}
    for name in asked.include if rows else ():
        include = resource.includes.get(name)
        if include is None:
            raise error(422, f":{name} is not a valid include for {resource.kind}")
        other = include.of()
        linked[include.key], extra = side_load(call, include, other, rows)
        links.update(other.templates())
        meta.update(extra)
    if linked:
        content["linked"] = linked
    return {**content, "links": links, "meta": meta}


def one(call: Call, resource: Resource, row: Row) -> dict[str, Any]:
    """Write one record; with stale documents on, as it was when first written in this second of its life."""
    if call.fault("stale-documents") is None and not call.instance.options.stale_documents:
        return resource.write(call, row)
    signed = call.request.method in ("POST", "PUT") and resource.plural == "subjects"
    key = (resource.kind, row["id"], row["updated_at"] // 1_000_000, call.user_id, signed)
    if key not in call.instance.documents:
        if len(call.instance.documents) > 5000:
            call.instance.documents.clear()
        call.instance.documents[key] = resource.write(call, row)
    return call.instance.documents[key]


def side_load(
    call: Call, include: Include, other: Resource, rows: Sequence[Row]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Fetch the records that others link to, and the meta of those that point back."""
    if include.column:
        ids = {str(row[include.column]) for row in rows}
        query = build(other, {"id": sorted(ids)}, "1", call.user_id)
        found = call.store.select(f"SELECT r.* {query.text(other)}", query.values)
        return [one(call, other, row) for row in found], {}
    asked = Asked(
        size=min(DEFAULT_SIZE, other.cap), filters={include.filter: [str(row["id"]) for row in rows]}
    )
    query = build(other, asked.filters, "1", call.user_id)
    count = call.store.select(f"SELECT count(*) {query.text(other)}", query.values)[0][0]
    found = fetch(call, other, query, asked)
    return [one(call, other, row) for row in found], {
        other.plural: page_meta(other, asked, count, len(found))
    }


def page_meta(resource: Resource, asked: Asked, count: int, shown: int) -> dict[str, Any]:
    """Tell where in a list a page stands."""
    pages = math.ceil(count / asked.size)
    if resource.counted:
        following = asked.page + 1 if asked.page < pages else None
        previous = asked.page - 1 if asked.page > 1 else None
    else:
        following, previous = asked.page + 1 if shown else None, asked.page - 1

    def href(page: int | None) -> str | None:
        return None if page is None else asked.href(resource.plural, page)

    return {
        "page": asked.page,
        "page_size": asked.size,
        "count": count,
        "include": list(asked.include),
        "page_count": pages,
        "previous_page": previous,
        "next_page": following,
        "first_href": href(1),
        "previous_href": href(previous),
        "next_href": href(following),
        "last_href": href(pages),
    }
