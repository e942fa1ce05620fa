"""Imports of a manifest by its address: the request fetches it to count its rows, a job makes them into subjects."""

from __future__ import annotations

import asyncio
from typing import Any

import requests
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from zoocut.sandbox.api import lists, shapes
from zoocut.sandbox.api.answers import Refusal, error, html
from zoocut.sandbox.api.call import Call, api
from zoocut.sandbox.api.resources import IMPORTS
from zoocut.sandbox.state.importing import LAST, Job, MalformedError, rows_of, run
from zoocut.sandbox.state.store import now_us
from zoocut.sandbox.state.values import as_id

__all__ = ["routes"]

FETCH_S = 60
"""How long the server waits for a host's next bytes."""


def routes() -> list[BaseRoute]:
    """Return the routes of imports."""
    path = "/api/subject_set_imports"
    return [
        Route(path, api(index), methods=["GET"]),
        Route(path, api(create), methods=["POST"]),
        Route(f"{path}/{{id:digits}}", api(show), methods=["GET"]),
    ]


def index(call: Call) -> Response:
    """Answer with a page of imports into sets that the account may write."""
    call.acceptable("project")
    return lists.index(call, IMPORTS)


def show(call: Call) -> Response:
    """Answer with one import."""
    call.acceptable("project")
    return lists.show(call, IMPORTS)


async def create(call: Call) -> Response:
    """Count the rows of a manifest and queue its import."""
    call.may_create("project")
    content = call.root("subject_set_imports")
    shapes.check(content, shapes.IMPORT_CREATE)
    text = await fetched(call, content.get("source_url"))
    count = counted(call, text)
    set_id = as_id(content["links"]["subject_set"])
    target = call.store.one("SELECT id, project_id FROM subject_sets WHERE id = ?", set_id)
    if target is None or call.editable_project(target["project_id"]) is None:
        raise error(422, "Couldn't find linked subject_set for current user")
    now = now_us()
    with call.store.write():
        number = call.store.insert(
            "subject_set_imports", subject_set_id=target["id"], user_id=call.user_id,
            source_url=content["source_url"], manifest_count=count, created_at=now, updated_at=now,
        )  # fmt: skip
        call.store.note("import-created", None, target["id"])
    answer = lists.written(call, IMPORTS, number, created=True)
    jobs = [job_of(call, number, text) for _ in range(1 if call.fault("import-twice") is None else 2)]
    for job in jobs:
        call.instance.start(run(call.instance, job))
    return answer


def job_of(call: Call, number: int, text: str) -> Job:
    """Make the job of an import, with what is to go wrong in it."""

    def given(name: str, key: str) -> Any:
        return (call.fault(name) or {}).get(key, 0)

    return Job(
        number,
        text,
        dies_at=int(given("import-dies", "row")),
        stalls_at=int(given("import-stalls", "row")),
        wakes_s=given("import-stalls", "wake_s"),
        row_s=given("import-slow", "row_s") or call.instance.options.delays.import_row_s,
        strangers=int(given("import-strangers", "rows")),
        last_seen=LAST if call.fault("import-twice") is None else newest(call),
    )


def newest(call: Call) -> int:
    """Return the largest subject id."""
    return int(call.store.value("SELECT coalesce(max(id), 0) FROM subjects"))


async def fetched(call: Call, address: Any) -> str:
    """Fetch a manifest: one that is not to be had is an error only when its host says something with it.

    Raises
    ------
    Refusal
        422 when the host refuses it; 500 when there is no such host, or the manifest holds more than ASCII: the
        server writes it to a file that takes nothing else.
    """
    if call.fault("import-no-manifest") is not None:
        raise error(422, f"Failed to download manifest: {address}")
    await asyncio.sleep((call.fault("import-slow-host") or {}).get("delay_s", 0))
    try:
        status, body = await asyncio.to_thread(_get, str(address))
        text = body.decode("ascii")
    except (requests.RequestException, UnicodeError):
        raise Refusal(html(500)) from None
    if status != 200 and text:
        raise error(422, f"Failed to download manifest: {address}")
    return text


def _get(address: str) -> tuple[int, bytes]:
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(address, timeout=FETCH_S)
        return answer.status_code, answer.content


def counted(call: Call, text: str) -> int:
    """Count the rows of a manifest.

    Raises
    ------
    Refusal
        403 when there are more than may be imported at once; 500 when it is not CSV.
    """
    try:
        count = sum(1 for _ in rows_of(text))
    except MalformedError:
        raise Refusal(html(500)) from None
    limit = call.instance.options.import_limit
    if count > limit:
        message = f"Manifest row count ({count}) exceeds the limit ({limit}) and can not be imported"
        raise error(403, message)
    return count
