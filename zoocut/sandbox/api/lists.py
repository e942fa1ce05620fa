"""Lists and single records: paging, filters, sorting, included records, and their ``meta``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.responses import Response

from zoocut.sandbox.api.answers import Refusal, document, empty, error, html, to_json
from zoocut.sandbox.api.call import Call
from zoocut.sandbox.api.resources import Include, Resource
from zoocut.sandbox.state.store import Row, now_us
from zoocut.sandbox.state.values import as_id, as_int, etag, http_date

__all__ = [
    "Asked",
    "Condition",
    "fresh",
    "index",
    "pack",
    "page_meta",
    "show",
    "skipped",
    "written",
    "youngest",
]

DEFAULT_SIZE = 20
FALLBACK_SIZE = 25
"""Rows a page has when a negative number of them is asked for."""
NO_SIZE = "Current page was incalculable. Perhaps you supplied 'page_size: 0' as a param?"
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
    """Read paging and includes of a request; what is no number is 0, and a page before the first is the first."""
    params = call.params
    if call.nested.keys() & {"page", "page_size"}:
        raise Refusal(html(500))
    size = as_int(params.get("page_size", str(DEFAULT_SIZE)))
    if size == 0:
        raise error(422, NO_SIZE)
    return Asked(
        page=max(as_int(params.get("page", "1")), 1),
        size=min(size, resource.cap, call.instance.options.page_cap) if size > 0 else FALLBACK_SIZE,
        size_asked=size,
        include=tuple(split(params.get("include", ""))),
    )


def split(given: str) -> list[str]:
    """Split at commas; what is empty at the end is dropped."""
    return given.rstrip(",").split(",") if given.strip(",") else []


def read_list(call: Call, resource: Resource) -> Asked:
    """Read everything a request asks of a list.

    Of two spellings of a filter on a column the plural one counts, and an empty one matches nothing. A filter on
    links to many has one spelling, and an empty one does not count.
    """
    directions: dict[str, str] = {}
    for key in split(call.params.get("sort") or resource.default_sort):
        name = key.removeprefix("-").lower()
        if name in resource.sorts:
            directions[name] = f"-{name}" if key[0] == "-" else name
    columns = {*resource.numbers, *resource.texts, *resource.flags}
    given = {name: call.params.get(f"{name}s", call.params.get(name)) for name in columns}
    given |= {name: call.params.get(name) or None for name in resource.joined}
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
            query.among(resource.flags[name], [int(value.lower() in TRUE_WORDS) for value in given])
        elif name in resource.texts:
            query.among(f"r.{name}", given)
        elif name in resource.joined:
            join, column = resource.joined[name].split("|")
            query.joins.append(join)
            query.among(column, [as_id(value) for value in given])
        else:
            query.among(resource.numbers[name], [as_id(value) for value in given])
    return query


def fetch(call: Call, resource: Resource, query: Query, asked: Asked, distinct: bool = False) -> list[Row]:
    """Fetch the rows of one page."""
    keys = [key for key in asked.sort if key.removeprefix("-") not in CONSTANT]
    order = ", ".join(f"r.{key.removeprefix('-')}{' DESC' if key[0] == '-' else ''}" for key in keys)
    shift = call.fault("list-shifts") or {}
    offset = asked.size * (asked.page - 1) + (int(shift.get("rows", 0)) if asked.page > 1 else 0)
    if offset > LARGEST_OFFSET:
        raise Refusal(html(500))
    what = "DISTINCT r.*" if distinct else "r.*"
    sql = (
        f"SELECT {what} {query.text(resource)} ORDER BY {order or 'r.id'} LIMIT {asked.size} OFFSET {offset}"
    )
    return call.store.select(sql, query.values)


LARGEST_OFFSET = 2**63 - 1
"""The database takes no larger one."""

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
    ids = named_ids(call, resource)
    asked = read_list(call, resource)
    query = build(resource, asked.filters, resource.seen, call.user_id)
    if ids:
        query.among("r.id", [as_id(one) for one in ids])
    for condition, values in conditions:
        query.tests.append(condition)
        query.values.update(values)
    if call.fault("list-lags") is not None:
        query.tests.append("r.created_at <= :youngest")
        query.values["youngest"] = youngest(call)
    count = 0
    if resource.counted:
        count = call.store.select(f"SELECT count(*) {query.text(resource)}", query.values)[0][0]
    content = pack(call, resource, skipped(call, fetch(call, resource, query, asked)), asked, count)
    tag = etag(to_json(content[resource.plural]).decode(), to_json(content["meta"]).decode())
    return fresh(call, document(content), tag)


def youngest(call: Call) -> int:
    """Return the time of the youngest record that a list shows."""
    lag = call.fault("list-lags") or {"lag_s": 0}
    return now_us() - int(lag["lag_s"] * 1e6)


def skipped(call: Call, rows: list[Row]) -> list[Row]:
    """Return the rows of a page, without some in its middle where a fault takes them."""
    skip = call.fault("list-skips")
    if skip is None:
        return rows
    middle = len(rows) // 2
    return rows[:middle] + rows[middle + int(skip["rows"]) :]


def named_ids(call: Call, resource: Resource) -> list[str]:
    """Return the ids that a list is narrowed to, as ``id`` or by the record's own name.

    Raises
    ------
    Refusal
        404 when none of them can be seen.
    """
    own = f"{resource.singular}_id"
    name = own if own in call.params or own in call.nested else "id"
    given = call.nested.get(name, split(call.params.get(name, "")))
    if given:
        query = build(resource, {"id": given}, resource.seen, call.user_id)
        if not call.store.select(f"SELECT 1 {query.text(resource)} LIMIT 1", query.values):
            label = f"id='{given[0]}'" if len(given) == 1 else f"ids='{','.join(given)}'"
            raise error(404, f"Could not find {resource.singular} with {label}")
    return given if name == own else []


def show(call: Call, resource: Resource) -> Response:
    """Answer with the record that the path names."""
    query = build(resource, {"id": [call.id]}, resource.seen, call.user_id)
    found = call.store.select(f"SELECT r.* {query.text(resource)}", query.values)
    if not found:
        raise error(404, f"Could not find {resource.singular} with id='{call.id}'")
    tag = etag(resource.kind, found[0]["id"], found[0]["updated_at"])
    try:
        asked = replace(read(call, resource), filters={"id": [call.id]})
        return fresh(call, document(pack(call, resource, found, asked, 1)), tag)
    except Refusal as refusal:
        refusal.response.headers["ETag"] = tag
        raise


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
        if name == include.key:
            links.update(other.templates())
        meta.update(extra)
    if linked:
        content["linked"] = linked
    return {**content, "links": links, "meta": meta}


def one(call: Call, resource: Resource, row: Row) -> dict[str, Any]:
    """Write one record; where documents may be stale, as it was when it was first written or read.

    Written means in the same second of its life, as the server's cache has it; read means not long ago.
    """
    moment = kept_for(call, row)
    if moment is None:
        return resource.write(call, row)
    signed = call.request.method in ("POST", "PUT") and resource.plural == "subjects"
    key = (resource.kind, row["id"], moment, call.user_id, signed)
    if key not in call.instance.documents:
        if len(call.instance.documents) > 5000:
            call.instance.documents.clear()
        call.instance.documents[key] = resource.write(call, row)
    return call.instance.documents[key]


def kept_for(call: Call, row: Row) -> str | None:
    """Return what a record's document is kept for: a second of its life or a span of time; None for nothing."""
    cached = call.fault("cached-documents")
    if cached is not None:
        return f"read {int(now_us() / (cached['age_s'] * 1e6 or 1))}"
    if call.fault("stale-documents") is not None or call.instance.options.stale_documents:
        return f"written {row['updated_at'] // 1_000_000}"
    return None


def side_load(
    call: Call, include: Include, other: Resource, rows: Sequence[Row]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Fetch the records that others link to, one for each of these, and the meta of those that point back."""
    if include.column:
        return [linked_to(call, include, other, row, rows) for row in rows], {}
    asked = Asked(
        size=min(DEFAULT_SIZE, other.cap), filters={include.filter: [str(row["id"]) for row in rows]}
    )
    query = build(other, asked.filters, "1", call.user_id)
    query.tests.append(include.only or "1")
    count = call.store.select(f"SELECT count(DISTINCT r.id) {query.text(other)}", query.values)[0][0]
    found = fetch(call, other, query, asked, distinct=True)
    return [one(call, other, row) for row in found], {
        other.plural: page_meta(other, asked, count, len(found))
    }


def linked_to(call: Call, include: Include, other: Resource, row: Row, rows: Sequence[Row]) -> dict[str, Any]:
    """Write the record that a row links to; it knows, by its links, the rows it was fetched for."""
    found = call.store.rows(f"SELECT * FROM {other.rows_of} WHERE id = ?", row[include.column])
    content = one(call, other, found[0])
    if include.back:
        ids = [str(one["id"]) for one in rows if one[include.column] == row[include.column]]
        content = {**content, "links": {**content["links"], include.back: ids}}
    return content


def page_meta(resource: Resource, asked: Asked, count: int, shown: int) -> dict[str, Any]:
    """Tell where in a list a page stands."""
    pages = math.ceil(count / asked.size)
    if resource.counted:
        following = asked.page + 1 if asked.page < pages else None
        previous = asked.page - 1 if 1 < asked.page <= pages else None
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
